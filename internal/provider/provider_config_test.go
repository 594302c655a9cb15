package provider

import (
	"os"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

// useEngine makes Terraform configure the provider.
const useEngine = `
data "isolab_engine" "this" {}
`

func TestAccProviderMistakes(t *testing.T) {
	for _, test := range []struct {
		name, block, want string
	}{
		{"host and context", `host = "tcp://a:1"
			context = "b"`, `(?s)Invalid Attribute Combination.*host`},
		{"tls and cert_path", `host = "tcp://a:1"
			cert_path = "/x"
			tls = {}`, `(?s)Invalid Attribute Combination.*tls`},
		{"tls and context", `context = "b"
			tls = {}`, `(?s)Invalid Attribute Combination.*tls`},
		{"certificate without key", `host = "tcp://a:1"
			tls = { certificate = "x" }`, `(?s)tls = \{.*without its\s+key`},
		{"TLS on a socket", `host = "unix:///run/docker.sock"
			tls = {}`, `(?s)tls = \{.*tcp://`},
		{"no scheme", `host = "build-1"`, `(?s)host = "build-1".*has no\s+scheme`},
		{"host keys unchecked", `host = "ssh://a"
			ssh = { options = ["StrictHostKeyChecking=no"] }`, `(?s)ssh = \{.*always\s+checked`},
		{"unreachable engine", `host = "unix:///nonexistent/engine.sock"`, `(?s)Unable to connect to the engine.*host = .*/nonexistent/engine.sock`},
		{"missing context", `context = "isolab-nonexistent"`, `(?s)Unable to connect to the engine.*context = .*docker\s+context\s+ls`},
		{"pool is no range", `address_pool = { cidr = "ten" }`, `(?s)Invalid address pool.*address_pool = .*CIDR`},
		{"pool has host bits", `address_pool = { cidr = "10.96.0.1/12" }`, `(?s)Invalid address pool.*address_pool = .*10.96.0.0/12`},
		{"pool smaller than a subnet", `address_pool = { cidr = "10.96.0.0/26", prefix_length = 24 }`, `(?s)Invalid address pool.*does\s+not\s+fit`},
		{"unknown images key", `images = { cobol = "x" }`, `(?s)images = .*"cobol".*gateway`},
		{"image is no reference", `images = { node = "Not An Image" }`, `(?s)images = .*image\s+reference`},
		{"registry is a URL", `registry_auth = { "https://registry.example.com" = { username = "u", password = "p" } }`, `(?s)registry_auth = .*registry\s+host`},
		{"label of the provider's", `default_labels = { "isolab.role" = "x" }`, `(?s)default_labels = .*"isolab.role"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				Steps: []resource.TestStep{{
					Config:      "provider \"isolab\" {\n" + test.block + "\n}\n" + useEngine,
					PlanOnly:    true,
					ExpectError: regexp.MustCompile(test.want),
				}},
			})
		})
	}
}

// Two mistakes are two diagnostics, so that one run shows both.
func TestAccProviderMistakesTogether(t *testing.T) {
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{{
			Config: `
provider "isolab" {
  host         = "build-1"
  address_pool = { cidr = "ten" }
}` + useEngine,
			PlanOnly:    true,
			ExpectError: regexp.MustCompile(`(?s)Invalid engine connection.*Invalid address pool`),
		}},
	})
}

// A host that another resource makes is unknown when the plan is made, which must not fail.
func TestAccProviderUnknownAtPlan(t *testing.T) {
	host := "unix:///var/run/docker.sock"
	if given := os.Getenv("DOCKER_HOST"); given != "" {
		host = given
	}
	on := onEngine(t)
	on.test(resource.TestStep{
		Config: `
resource "terraform_data" "host" {
  input = "` + host + `"
}
provider "isolab" {
  host           = terraform_data.host.output
  default_labels = { made-by = terraform_data.host.id }
}
resource "isolab_project" "this" {
  name        = "` + on.name("unknown") + `"
  data_policy = "delete"
}`,
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue("isolab_project.this", tfjsonpath.New("all_labels"),
				knownvalue.MapPartial(map[string]knownvalue.Check{"made-by": knownvalue.NotNull()})),
		},
	})
}
