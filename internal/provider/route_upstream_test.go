package provider

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

// echo is a server that says which container it is and echoes what comes over an upgraded connection.
const echo = `const os = require('os');
require('http').createServer((request, response) => response.end(os.hostname() + ' ' + process.env.GREETING))
  .on('upgrade', (request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    socket.pipe(socket);
  }).listen(process.env.PORT)`

// echoing is a project whose environment runs echo, with the route to it.
func echoing(name, greeting string, replicas int, route string) string {
	return fmt.Sprintf(`
resource "isolab_project" %[1]q {
  name        = "PREFIX-%[1]s"
  stack       = "node"
  phase       = "deployment"
  data_policy = "delete"
}

resource "isolab_environment" %[1]q {
  project   = isolab_project.%[1]s
  kind      = "deployment"
  command   = ["node", "-e", %[2]q]
  variables = { GREETING = %[3]q }
  replicas  = %[4]d
}

resource "isolab_route" %[1]q {
  gateway     = isolab_gateway.edge.name
  project     = isolab_project.%[1]s
  environment = isolab_environment.%[1]s.name
%[5]s
}
`, name, echo, greeting, replicas, route)
}

// A route follows its environment without being planned itself.
func TestAccRouteFollowsItsEnvironment(t *testing.T) {
	b := onEngine(t)
	port := b.port()
	url := b.at(port, "-api/")
	configured := func(greeting string, replicas int) string {
		return edge(port, "") + echoing("api", greeting, replicas, "")
	}
	follows := func(configuration string, checks ...statecheck.StateCheck) resource.TestStep {
		return resource.TestStep{
			Config: b.config(configuration),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction("isolab_environment.api", plancheck.ResourceActionUpdate),
				plancheck.ExpectResourceAction("isolab_route.api", plancheck.ResourceActionNoop),
			}},
			ConfigStateChecks: append(checks, statecheck.ExpectKnownValue("isolab_route.api", tfjsonpath.New("serving"), knownvalue.Bool(true))),
		}
	}
	b.test(
		b.applied(configured("hello", 1), answers(url, 200, "hello"), upgraded(url)),
		follows(configured("welcome", 1), answers(url, 200, "welcome")),
		follows(configured("welcome", 3), spread(url, 3)),
		follows(configured("welcome", 1), spread(url, 1)),
	)
}

// spread sees that a number of containers, and no others, answer in turn.
func spread(url string, containers int) seen {
	return func() error {
		met := map[string]bool{}
		// Each of nginx's two workers takes the containers in turn, so that each meets them all within as many requests.
		for range 4 * containers {
			got, err := visit(url)
			if err != nil {
				return err
			}
			if got.status != 200 {
				return fmt.Errorf("%s answers %d: %s", url, got.status, got.body)
			}
			name, _, _ := strings.Cut(got.body, " ")
			met[name] = true
		}
		if len(met) != containers {
			return fmt.Errorf("%d containers answer instead of %d", len(met), containers)
		}
		return nil
	}
}

// The first request over a project's limits is refused, and its neighbour's requests are not.
func TestAccRouteRateLimit(t *testing.T) {
	b := onEngine(t)
	port := b.port()
	const burst = 3
	limited := fmt.Sprintf("  rate_limit = { client = 1, client_burst = %d }", burst)
	b.test(
		b.applied(edge(port, "")+echoing("calm", "hello", 1, "")+echoing("busy", "hello", 1, limited), seen(func() error {
			refused := 0
			for range 3 * burst {
				got, err := visit(b.at(port, "-busy/"))
				if err != nil {
					return err
				}
				if got.status == 429 {
					refused++
					if after := got.header.Get("Retry-After"); after != "1" {
						return fmt.Errorf("refused with Retry-After %q", after)
					}
				}
				if err := answers(b.at(port, "-calm/"), 200, "hello")(); err != nil {
					return err
				}
			}
			if refused == 0 {
				return fmt.Errorf("none of %d requests at once was refused", 3*burst)
			}
			return nil
		})),
		b.applied(edge(port, "")+echoing("calm", "hello", 1, "")+echoing("busy", "hello", 1, "  rate_limit = { client = 0, project = 0 }"), seen(func() error {
			for range 3 * burst {
				if err := answers(b.at(port, "-busy/"), 200, "hello")(); err != nil {
					return err
				}
			}
			return nil
		})),
	)
}
