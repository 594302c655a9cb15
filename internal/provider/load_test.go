package provider

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
)

// load asks for some URLs all the time, from several clients at once, half of which keep their connections. It is what
// changes of the environments behind the URLs must not be felt by.
type load struct {
	urls     []string
	stop     chan struct{}
	done     sync.WaitGroup
	requests atomic.Int64

	lock     sync.Mutex
	failures []string
}

// clients is how many ask at the same time for each URL.
const clients = 4

// under begins to ask; [load.end] ends it.
func under(urls ...string) *load {
	l := &load{urls: urls, stop: make(chan struct{})}
	for _, url := range urls {
		for number := range clients {
			transport := &http.Transport{DisableKeepAlives: number%2 == 0}
			l.done.Go(func() {
				defer transport.CloseIdleConnections()
				l.ask(url, &http.Client{Transport: transport, Timeout: 30 * time.Second})
			})
		}
	}
	return l
}

func (l *load) ask(url string, client *http.Client) {
	for {
		select {
		case <-l.stop:
			return
		default:
		}
		l.requests.Add(1)
		if problem := once(client, url); problem != "" {
			l.lock.Lock()
			l.failures = append(l.failures, time.Now().Format(time.TimeOnly)+" "+problem)
			l.lock.Unlock()
		}
	}
}

// once says what is wrong with an answer; nothing when it is complete.
func once(client *http.Client, url string) string {
	response, err := client.Get(url)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return fmt.Sprintf("%s answers %d, %v: %s", url, response.StatusCode, err, body)
	}
	return ""
}

// end stops asking and fails the test if any request failed.
func (l *load) end(t *testing.T, during string) {
	t.Helper()
	close(l.stop)
	l.done.Wait()
	t.Logf("%s: %d requests, %d failed", during, l.requests.Load(), len(l.failures))
	if len(l.failures) > 0 {
		t.Errorf("%s: %d of %d requests failed:\n%s", during, len(l.failures), l.requests.Load(), strings.Join(l.failures[:min(10, len(l.failures))], "\n"))
	}
	if l.requests.Load() == 0 {
		t.Errorf("%s: nothing was asked", during)
	}
}

// slow is echo with an answer that takes a while, so that requests are under way at every moment of a change.
var slow = strings.Replace(echo, "response.end(", "setTimeout(() => response.end(", 1)

// TestAccNoRequestFails changes everything that can change behind and beside a route while it is asked all the time.
func TestAccNoRequestFails(t *testing.T) {
	b := onEngine(t)
	port := b.port()
	url := b.at(port, "-api/")
	served := func(changes ...string) string {
		configuration := edge(port, "") + echoing("api", "hello", 1, "") + echoing("next", "hello", 1, "")
		configuration = strings.ReplaceAll(configuration, fmt.Sprintf("%q", echo), fmt.Sprintf("%q", strings.Replace(slow, "process.env.GREETING)", "process.env.GREETING), 50)", 1)))
		return strings.NewReplacer(changes...).Replace(configuration)
	}
	// The first of each pair stands in the configuration of api alone.
	greeting := func(text string) []string {
		return []string{"PREFIX-api\"", "PREFIX-api\"", "hello", text}
	}
	var asking *load
	during := func(what, configuration string, urls ...string) resource.TestStep {
		step := b.applied(configuration, seen(func() error {
			asking.end(t, what)
			return nil
		}))
		step.PreConfig = func() { asking = under(append(urls, url)...) }
		return step
	}
	_ = greeting
	paused := func(configuration string) string {
		before, after, _ := strings.Cut(configuration, `resource "isolab_project" "next"`)
		return before + `resource "isolab_project" "next"` + strings.Replace(after, `"deployment"`, `"paused"`, 1)
	}
	b.test(
		b.applied(served(), answers(url, 200, "hello")),
		during("variables and image roll", served("hello", "welcome"), b.at(port, "-next/")),
		during("limits", served("hello", "welcome", "  replicas", "  limits = { cpus = 0.5, memory = \"512MiB\", pids = 128 }\n  replicas")),
		during("replicas 1 to 3", served("hello", "welcome", "  replicas  = 1", "  replicas = 3")),
		during("roll of 3 replicas", served("replicas  = 1", "replicas = 3")),
		during("replicas 3 to 2", served("replicas  = 1", "replicas = 2")),
		during("pause of a neighbour", paused(served("replicas  = 1", "replicas = 2"))),
		during("resume of a neighbour", served("replicas  = 1", "replicas = 2")),
	)
}
