package provider

import (
	"context"
	"fmt"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/volume"
)

// site is a project of a stack in a phase, with one environment and the route to it.
func site(name, stack, phase, route string) string {
	return fmt.Sprintf(`
resource "isolab_project" %[1]q {
  name        = "PREFIX-%[1]s"
  stack       = %[2]q
  phase       = %[3]q
  data_policy = "delete"
}

resource "isolab_environment" %[1]q {
  project = isolab_project.%[1]s
  kind    = "development"
}

resource "isolab_route" %[1]q {
  gateway     = isolab_gateway.edge.name
  project     = isolab_project.%[1]s
  environment = isolab_environment.%[1]s.name
%[4]s
}
`, name, stack, phase, route)
}

func TestAccRoute(t *testing.T) {
	b := onEngine(t)
	port := b.port()
	const api, app = "isolab_route.api", "isolab_route.app"
	serving, drift := tfjsonpath.New("serving"), tfjsonpath.New("drift")
	configured := func(phase, route string) string {
		return edge(port, "") + site("api", "node", phase, route) + site("app", "react", "development", "")
	}
	asMade := configured("development", "")
	neighbour := answers(b.at(port, "-app/"), 200, "<base href=\"/projects/"+b.name("app")+"/\">")
	served := []statecheck.StateCheck{
		statecheck.ExpectKnownValue(api, serving, knownvalue.Bool(true)),
		statecheck.ExpectKnownValue(api, drift, knownvalue.ListSizeExact(0)),
		answers(b.at(port, "-api/api"), 200, b.name("api")), neighbour,
	}
	b.test(
		resource.TestStep{Config: b.config(asMade), ConfigStateChecks: append(served,
			answers(b.at(port, "-app/api/info"), 200, b.name("app")),
			answers(b.at(port, "-api/"), 200, "href=\"/projects/"+b.name("api")+"/api\""), // from X-Forwarded-Prefix
			heads(b.at(port, "-api/"), map[string]string{
				"X-Content-Type-Options": "nosniff", "X-Frame-Options": "SAMEORIGIN", "Referrer-Policy": "strict-origin-when-cross-origin",
			}),
			heads(b.at(port, "-api"), map[string]string{"Location": "/projects/" + b.name("api") + "/"}),
		)},
		resource.TestStep{ResourceName: api, ImportState: true, ImportStateId: b.name("edge") + "/" + b.name("api") + "/development", ImportStateVerify: true},
		resource.TestStep{
			Config: b.config(configured("development", "  path = \"/projects/PREFIX-api/v1/\"\n  security_headers = { content_type_options = false, frame_options = \"\", referrer_policy = \"\", permissions_policy = \"\" }\n  rate_limit = { client = 50 }\n"+
				"  load_balancing = \"least_conn\"\n  read_timeout = \"60s\"\n  max_body_size = \"1024KiB\"\n  buffering = true")),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(api, plancheck.ResourceActionUpdate), plancheck.ExpectResourceAction(app, plancheck.ResourceActionNoop),
			}},
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(api, tfjsonpath.New("read_timeout"), knownvalue.StringExact("60s")),
				answers(b.at(port, "-api/v1/api"), 200, b.name("api")), answers(b.at(port, "-api/api"), 404),
				heads(b.at(port, "-api/v1/"), map[string]string{"X-Frame-Options": ""}), neighbour,
			},
		},
		resource.TestStep{
			Config: b.config(configured("paused", "")),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectKnownValue(api, serving, knownvalue.Bool(false)),
				turns("isolab_environment.api", "running", "stopped"),
			}},
			ConfigStateChecks: []statecheck.StateCheck{
				answers(b.at(port, "-api/"), 503, `phase "paused"`), heads(b.at(port, "-api/"), map[string]string{"Retry-After": "30"}), neighbour,
			},
		},
		resource.TestStep{Config: b.config(asMade), ConfigStateChecks: served},
		resource.TestStep{
			PreConfig: func() { b.loseRoute("edge", "api", "development") },
			Config:    b.config(asMade),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(api, plancheck.ResourceActionCreate), plancheck.ExpectResourceAction(app, plancheck.ResourceActionNoop),
			}},
			ConfigStateChecks: served,
		},
	)
}

// loseRoute empties a route's file on the gateway's volume by hand.
func (b *bench) loseRoute(gateway, project, route string) {
	b.Helper()
	file := "current/routes/" + b.name(project) + "." + route + ".json"
	if err := volume.Write(context.Background(), b.engine, naming.Gateway(b.name(gateway)), volume.Owner, map[string][]byte{file: nil}); err != nil {
		b.Fatal(err)
	}
}

func TestAccRouteRefused(t *testing.T) {
	b := onEngine(t)
	port := b.port()
	served := edge(port, "") + site("api", "node", "development", "")
	second := func(arguments string) string {
		return served + "resource \"isolab_route\" \"second\" {\n  gateway = isolab_gateway.edge.name\n  project = isolab_project.api\n" +
			"  environment = isolab_environment.api.name\n  name = \"second\"\n" + arguments + "\n}"
	}
	atPlan := func(arguments, message string) resource.TestStep {
		return resource.TestStep{Config: b.config(second(arguments)), PlanOnly: true, ExpectError: regexp.MustCompile(message)}
	}
	b.test(
		b.applied(served),
		atPlan(`path = "/projects/other/"`, `(?s)path = .+must\s+start\s+with\s+/projects/`),
		atPlan(`path = "/projects/PREFIX-api/../other/"`, `(?s)path = .+neither empty nor`),
		atPlan(`path = "/projects/PREFIX-api/v1"`, `(?s)path = .+must\s+end\s+with\s+a\s+slash`),
		atPlan(`port = 0`, `(?s)port = 0.+65535`),
		atPlan(`rate_limit = { client = -1 }`, `(?s)client = -1|rate_limit`),
		atPlan(`load_balancing = "random"`, `(?s)load_balancing = "random".+least_conn`),
		atPlan(`read_timeout = "25h"`, `(?s)read_timeout = "25h".+1ms\s+to\s+24h`),
		atPlan(`max_body_size = "2TiB"`, `(?s)max_body_size = "2TiB".+more\s+than\s+1\s+TiB`),
		atPlan(`max_body_size = "0B"`, `(?s)max_body_size = "0B".+positive\s+number`),
		resource.TestStep{
			Config:      b.config(second("")),
			ExpectError: regexp.MustCompile(`(?s)Unable to create route ` + b.name("api") + `/second.+belongs\s+to\s+route\s+` + b.name("api") + `/development`),
		},
		resource.TestStep{
			Config:      b.config(served + "resource \"isolab_route\" \"nowhere\" {\n  gateway = \"PREFIX-nowhere\"\n  project = isolab_project.api\n  environment = \"development\"\n}"),
			ExpectError: regexp.MustCompile(`(?s)gateway = "` + b.name("nowhere") + `".+the\s+gateway\s+does\s+not\s+exist`),
		},
		resource.TestStep{Config: b.config(served), ConfigStateChecks: []statecheck.StateCheck{answers(b.at(port, "-api/api"), 200, b.name("api"))}},
	)
}
