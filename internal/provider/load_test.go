package provider

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
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

// slow answers after a while, so that requests are under way at every moment of a change.
const slow = `require('http').createServer((request, response) =>
  setTimeout(() => response.end(process.env.GREETING), 50)).listen(process.env.PORT)`

// visited is a project whose environment answers slowly, with the route to it.
func visited(name, phase, image, greeting, arguments, route string) string {
	return fmt.Sprintf(`
resource "isolab_project" %[1]q {
  name        = "PREFIX-%[1]s"
  phase       = %[2]q
  data_policy = "delete"
}

resource "isolab_environment" %[1]q {
  project   = isolab_project.%[1]s
  kind      = "deployment"
  image     = %[3]q
  command   = ["node", "-e", %[4]q]
  port      = 3000
  variables = { GREETING = %[5]q }
  health_check = {
    test     = ["CMD", "node", "-e", "fetch('http://127.0.0.1:3000').catch(() => process.exit(1))"]
    interval = "1s"
    timeout  = "30s" # other tests keep the machine busy, too
    retries  = 4
    start_period = "1s"
  }
%[6]s
}

resource "isolab_route" %[1]q {
  gateway     = isolab_gateway.edge.name
  project     = isolab_project.%[1]s
  environment = isolab_environment.%[1]s.name
  rate_limit  = { client = 0, project = 0 }
%[7]s
}
`, name, phase, image, slow, greeting, arguments, route)
}

// TestAccNoRequestFails changes everything that can change behind and beside a route while it is asked all the time.
func TestAccNoRequestFails(t *testing.T) {
	b := onEngine(t)
	node := fixtures["node"]
	newer := b.name("node") + ":2"
	b.docker("tag", node, newer)
	t.Cleanup(func() { b.docker("rmi", newer) })
	port := b.port()
	url, beside := b.at(port, "-api/"), b.at(port, "-beside/")

	var asking *load
	var happening string
	finish := func() {
		if asking != nil {
			asking.end(t, happening)
		}
		asking = nil
	}
	t.Cleanup(finish)
	during := func(what, configuration string, urls ...string) resource.TestStep {
		step := b.applied(edge(port, "")+configuration, seen(func() error {
			finish()
			return nil
		}))
		step.PreConfig = func() {
			finish()
			asking, happening = under(urls...), what
		}
		return step
	}
	broken := func(what, configuration string, refused string, urls ...string) resource.TestStep {
		step := during(what, configuration, urls...)
		step.ConfigStateChecks, step.ExpectError = nil, regexp.MustCompile(refused)
		return step
	}
	kept := statecheck.CompareValue(compare.ValuesSame())
	live := func(step resource.TestStep) resource.TestStep {
		step.ConfigStateChecks = append(step.ConfigStateChecks,
			kept.AddStateValue("isolab_environment.api", tfjsonpath.New("containers").AtSliceIndex(0).AtMapKey("id")))
		return step
	}
	api := func(image, greeting, arguments string) string {
		return visited("api", "deployment", image, greeting, arguments, "")
	}
	neighbour := visited("beside", "deployment", node, "hello", "", "")
	limits := "  limits = { cpus = 0.9, memory = \"512MiB\", pids = 128 }"

	b.test(
		b.applied(edge(port, "")+api(node, "hello", "")+neighbour, answers(url, 200, "hello")),
		during("roll of variables", api(node, "welcome", "")+neighbour, url, beside),
		live(during("roll of the image", api(newer, "welcome", "")+neighbour, url, beside)),
		broken("rollback of an image without the program", api(busybox, "welcome", "")+neighbour, `(?s)left\s+in\s+its\s+place.*node`, url, beside),
		broken("rollback of a program that is not healthy", strings.Replace(api(newer, "welcome", ""), "listen(process.env.PORT)", "listen(4000)", 1)+neighbour, `unhealthy`, url, beside),
		live(during("limits", api(newer, "welcome", limits)+neighbour, url, beside)),
		live(during("replicas 1 to 3", api(newer, "welcome", limits+"\n  replicas = 3")+neighbour, url, beside)),
		during("roll of 3 replicas", api(newer, "hi", limits+"\n  replicas = 3")+neighbour, url, beside),
		during("replicas 3 to 2", api(newer, "hi", limits+"\n  replicas = 2")+neighbour, url, beside),
		during("reloads by a neighbour's route", api(newer, "hi", limits+"\n  replicas = 2")+strings.Replace(neighbour, "client = 0", "client = 500", 1), url),
		during("pause of a neighbour", api(newer, "hi", limits+"\n  replicas = 2")+visited("beside", "paused", node, "hello", "", ""), url),
		during("resume of a neighbour", api(newer, "hi", limits+"\n  replicas = 2")+neighbour, url),
	)
}
