package provider

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

func TestAccProjectDataSource(t *testing.T) {
	b := onEngine(t)
	const address = "data.isolab_project.shop"
	read := shop + `
data "isolab_project" "shop" {
  namespace = isolab_project.shop.namespace
}`
	same := func(attribute string) statecheck.StateCheck {
		return statecheck.CompareValuePairs("isolab_project.shop", tfjsonpath.New(attribute), address, tfjsonpath.New(attribute), equal{})
	}
	b.test(
		resource.TestStep{
			Config:      b.config("data \"isolab_project\" \"none\" {\n  namespace = \"PREFIX-none\"\n}"),
			ExpectError: regexp.MustCompile(`(?s)Unable to read project ` + b.name("none") + `.+namespace = "` + b.name("none") + `".+not\s+found`),
		},
		b.applied(read, same("phase"), same("stack"), same("subnet"), same("history"), same("revision"), same("network"), same("workspace_volume"),
			statecheck.ExpectKnownValue(address, tfjsonpath.New("drift"), knownvalue.ListSizeExact(0))),
	)
}

// equal compares the values of two addresses.
type equal struct{}

func (equal) CompareValues(values ...any) error {
	for _, value := range values[1:] {
		if have, want := fmt.Sprint(value), fmt.Sprint(values[0]); have != want {
			return fmt.Errorf("%s instead of %s", have, want)
		}
	}
	return nil
}

func TestAccProjectsDataSource(t *testing.T) {
	b := onEngine(t)
	// The engine holds the projects of other tests too: all but the filter by label is looked at through the prefix.
	listed := func(name, filter string) string {
		return fmt.Sprintf(`
data "isolab_projects" %[1]q {
%[2]s
  depends_on = [isolab_project.api, isolab_project.blog, isolab_project.lab]
}

output %[1]q {
  value = [for name in data.isolab_projects.%[1]s.namespaces : trimprefix(name, "PREFIX-") if startswith(name, "PREFIX-")]
}`, name, filter)
	}
	finds := func(name string, projects ...string) statecheck.StateCheck {
		checks := make([]knownvalue.Check, len(projects))
		for i, project := range projects {
			checks[i] = knownvalue.StringExact(project)
		}
		return statecheck.ExpectKnownOutputValue(name, knownvalue.ListExact(checks))
	}
	project := func(name, stack, phase, team string) string {
		return fmt.Sprintf("resource \"isolab_project\" %[1]q {\n  name = \"PREFIX-%[1]s\"\n  stack = %[2]q\n  phase = %[3]q\n  labels = { team = %[4]q }\n  data_policy = \"delete\"\n}\n",
			name, stack, phase, team)
	}
	b.test(b.applied(strings.Join([]string{
		project("api", "node", "planning", "PREFIX"), project("blog", "static", "created", "PREFIX"), project("lab", "python", "planning", "PREFIX-other"),
		listed("every", ""),
		listed("planned", `phase = "planning"`),
		listed("static", `stack = "static"`),
		listed("team", `labels = { team = "PREFIX" }`),
		listed("both", "phase = \"planning\"\n  labels = { team = \"PREFIX\" }"),
		listed("none", "stack = \"react\"\n  labels = { team = \"PREFIX\" }"),
	}, "\n"),
		finds("every", "api", "blog", "lab"), finds("planned", "api", "lab"), finds("static", "blog"),
		finds("team", "api", "blog"), finds("both", "api"), finds("none"),
		statecheck.ExpectKnownValue("data.isolab_projects.both", tfjsonpath.New("projects"), knownvalue.ListExact([]knownvalue.Check{
			knownvalue.ObjectPartial(map[string]knownvalue.Check{
				"namespace": knownvalue.StringExact(b.name("api")), "phase": knownvalue.StringExact("planning"), "stack": knownvalue.StringExact("node"),
			}),
		})),
	))
}

func TestAccEngineDataSource(t *testing.T) {
	b := onEngine(t)
	const address, engine = "data.isolab_engine.this", "data \"isolab_engine\" \"this\" {}\n"
	free := tfjsonpath.New("free_subnets")
	// A pool of its own, so that no other test takes subnets out of it.
	pooled := func(configuration string) string { return b.pooled("10.250.129.0/26", configuration) }
	b.test(
		resource.TestStep{Config: pooled(engine), ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue(address, tfjsonpath.New("version"), knownvalue.StringExact(b.docker("version", "--format", "{{.Server.Version}}"))),
			statecheck.ExpectKnownValue(address, tfjsonpath.New("storage_driver"), knownvalue.StringExact(b.docker("info", "--format", "{{.Driver}}"))),
			statecheck.ExpectKnownValue(address, tfjsonpath.New("enforces").AtMapKey("memory"), knownvalue.Bool(true)),
			statecheck.ExpectKnownValue(address, tfjsonpath.New("subnets"), knownvalue.Int64Exact(4)),
			statecheck.ExpectKnownValue(address, free, knownvalue.Int64Exact(4)),
		}},
		resource.TestStep{
			Config:            pooled("data \"isolab_engine\" \"this\" {\n  depends_on = [isolab_project.shop]\n}\n" + shop),
			ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownValue(address, free, knownvalue.Int64Exact(3))},
		},
	)
}

// pooled puts a provider block before a configuration that takes subnets of 16 addresses out of a range.
func (b *bench) pooled(cidr, configuration string) string {
	return fmt.Sprintf("provider \"isolab\" {\n  address_pool = { cidr = %q, prefix_length = 28 }\n}\n\n", cidr) +
		strings.ReplaceAll(configuration, "PREFIX", b.prefix)
}
