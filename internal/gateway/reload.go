package gateway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	// reloadTimeout bounds how long nginx may take to read a configuration and start workers.
	reloadTimeout = 30 * time.Second
	// logWindow is how far back nginx's log is read. The clocks of this machine and the engine's may differ by that much:
	// a generation is recognised by its name, not by the time.
	logWindow = time.Hour
	// failureLines is how much of the log goes into an error.
	failureLines = 20
)

var (
	// guilty finds the route in nginx's "[emerg] … in /volume/generations/3f…/locations/shop.dev.conf:12".
	guilty   = regexp.MustCompile(`/` + generationsDir + `/[^/ ]+/(?:http|locations)/([a-z0-9.-]+)\.conf:\d+`)
	emerg    = regexp.MustCompile(`\[emerg\](?: \d+#\d+:)? (.*)`)
	started  = regexp.MustCompile(`start worker process (\d+)`)
	retiring = regexp.MustCompile(` (\d+)#\d+: gracefully shutting down`)
	exited   = regexp.MustCompile(`worker process (\d+) exited`)
)

// test lets nginx check a staged generation, which does not disturb the one that serves.
func (c *commit) test(ctx context.Context, generation string) error {
	result, err := c.on.Exec(ctx, c.at.container.ID, []string{"nginx", "-t", "-c", folder(generation) + "/" + configFile})
	if err != nil {
		return fmt.Errorf("gateway %s: let nginx test the configuration: %w", c.at.name, err)
	}
	if result.ExitCode == 0 {
		return nil
	}
	return blame(c.at.name, result.Output)
}

// blame makes an error of what nginx says, on the route if it names one.
func blame(gateway, output string) error {
	reason := strings.TrimSpace(output)
	if match := emerg.FindStringSubmatch(output); match != nil {
		reason = match[1]
	}
	err := fmt.Errorf("nginx of gateway %s refuses the configuration: %s", gateway, reason)
	if match := guilty.FindStringSubmatch(reason); match != nil {
		if key, ok := parseKey(match[1]); ok {
			return key.fail(err)
		}
	}
	return err
}

// reload makes nginx read its configuration and returns when the workers of generation have started and those before no
// longer accept requests.
func (g *Gateways) reload(ctx context.Context, at place, generation string) error {
	if err := g.on.Signal(ctx, at.container.ID, "HUP"); err != nil {
		return fmt.Errorf("gateway %s: reload nginx: %w", at.name, err)
	}
	return g.watch(ctx, at.name, at.container.ID, generation, workers)
}

// watch follows nginx's log until the workers of generation have started and as many as retired others no longer
// accept. It may begin after the fact: the log holds it.
func (g *Gateways) watch(ctx context.Context, name, container, generation string, retired int) error {
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, reloadTimeout)
	defer cancel()
	log, err := g.on.FollowErrors(ctx, container, time.Now().Add(-logWindow))
	if err != nil {
		return fmt.Errorf("gateway %s: watch nginx take over the configuration: %w", name, err)
	}
	defer log.Close()
	watched := takeover{gateway: name, generation: generation, retired: retired}
	err = watched.follow(log)
	if !errors.Is(err, errUnfinished) {
		return err
	}
	if caller.Err() != nil {
		return fmt.Errorf("wait for nginx of gateway %s to take over the configuration: %w", name, caller.Err())
	}
	if ctx.Err() != nil {
		return fmt.Errorf("nginx of gateway %s has not taken over the configuration within %s%s", name, reloadTimeout, g.lastWords(ctx, container))
	}
	return fmt.Errorf("nginx of gateway %s has ended instead of taking over the configuration%s", name, g.lastWords(ctx, container))
}

// drainTimeout is how long requests that are under way are waited for.
const drainTimeout = 10 * time.Second

// drain waits until the workers before those of a generation have answered their last request and are gone.
func (g *Gateways) drain(ctx context.Context, what serving) error {
	log, err := g.on.FollowErrors(ctx, what.container, time.Now().Add(-logWindow))
	if err != nil {
		return err
	}
	defer log.Close()
	watched := takeover{gateway: what.gateway, generation: what.generation, retired: workers, drained: true}
	return watched.follow(log)
}

// lastWords are the end of a container's log, for an error.
func (g *Gateways) lastWords(ctx context.Context, container string) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reloadTimeout)
	defer cancel()
	text, err := g.on.Logs(ctx, container, 50*failureLines)
	lines := slices.DeleteFunc(strings.Split(strings.TrimSpace(text), "\n"), func(line string) bool {
		return line == "" || strings.HasPrefix(line, "{") // a request
	})
	if err != nil || len(lines) == 0 {
		return ""
	}
	return "; its log ends with:\n" + strings.Join(lines[max(0, len(lines)-failureLines):], "\n")
}

// errUnfinished means that the log ended before the takeover did.
var errUnfinished = errors.New("the log ended early")

// takeover recognises in nginx's log that a generation is served.
type takeover struct {
	gateway    string
	generation string
	retired    int  // how many earlier workers have to stop accepting
	drained    bool // whether these must be gone, too

	seen   bool
	fresh  map[string]bool // process ids of the generation's workers
	former map[string]bool
	gone   map[string]bool
}

func (t *takeover) follow(log io.Reader) error {
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if done, err := t.line(lines.Text()); done || err != nil {
			return err
		}
	}
	return errUnfinished
}

func (t *takeover) line(line string) (done bool, err error) {
	if strings.Contains(line, "/"+t.generation+"/main.conf") {
		t.seen, t.fresh, t.former, t.gone = true, map[string]bool{}, map[string]bool{}, map[string]bool{}
	}
	if !t.seen {
		return false, nil
	}
	if emerg.MatchString(line) {
		return false, blame(t.gateway, line)
	}
	if match := started.FindStringSubmatch(line); match != nil {
		t.fresh[match[1]] = true
	}
	// A worker that crashed at just this moment does not say that it is shutting down; its master says that it is gone.
	for _, pattern := range []*regexp.Regexp{retiring, exited} {
		if match := pattern.FindStringSubmatch(line); match != nil && !t.fresh[match[1]] {
			t.former[match[1]] = true
		}
	}
	if match := exited.FindStringSubmatch(line); match != nil && !t.fresh[match[1]] {
		t.gone[match[1]] = true
	}
	return len(t.fresh) >= workers && len(t.former) >= t.retired && (!t.drained || len(t.gone) >= len(t.former)), nil
}
