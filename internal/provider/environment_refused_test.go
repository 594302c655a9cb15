package provider

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
)

// Every mistake is told at plan, on the line of the attribute that it is in, which the message shows.
func TestAccEnvironmentRefusesAtPlan(t *testing.T) {
	b := onEngine(t)
	for _, mistake := range []struct {
		name, line, want string
	}{
		{"image", `image = "Not An Image"`, `not\s+an\s+image\s+reference`},
		{"port", `port = 70000`, `between\s+1\s+and\s+65535`},
		{"replicas", `replicas = 0`, `between\s+1\s+and\s+32`},
		{"cpus too few", `limits = { cpus = 0 }`, `at\s+least`},
		{"cpus too many", `limits = { cpus = 4096 }`, `engine\s+has`},
		{"memory too small", `limits = { memory = "4MiB" }`, `6\s?MiB`},
		{"memory is no size", `limits = { memory = "plenty" }`, `"plenty"\s+is\s+not\s+a\s+size`},
		{"shm is no size", `limits = { shm = "0" }`, `"0"\s+is\s+not\s+a\s+size`},
		{"pids too few", `limits = { pids = 1 }`, `between\s+2\s+and\s+32768`},
		{"log too large", `log = { max_size = "100TiB" }`, `1\s+GiB`},
		{"memory too large", `limits = { memory = "900TiB" }`, `engine\s+has`},
		{"cpus too fine", `limits = { cpus = 0.3333 }`, `three\s+decimals`},
		{"size without a unit", `limits = { memory = "536870912" }`, `is\s+not\s+a\s+size`},
		{"image id", `image = "2b6878317b6a"`, `id\s+of\s+an\s+image`},
		{"null variable", `variables = { A = null }`, `null\s+value`},
		{"two mounts at one path", `volumes = { data = { path = "/workspace" } }`, `mounted\s+at\s+"/workspace"\s+already`},
		{"log size", `log = { max_size = "-1MiB" }`, `not\s+a\s+size`},
		{"log files", `log = { max_files = 0 }`, `between\s+1\s+and\s+10,`},
		{"health check form", `health_check = { test = ["true"] }`, `CMD-SHELL`},
		{"health check interval", `health_check = { test = ["CMD", "true"], interval = "soon" }`, `"soon"\s+is\s+not\s+a\s+duration|Duration`},
		{"health check timeout", `health_check = { test = ["CMD", "true"], timeout = "0s" }`, `"0s"\s+is\s+not\s+a\s+duration`},
		{"workspace path", `workspace = "sources"`, `not\s+a\s+mount\s+path`},
		{"volume path", `volumes = { data = { path = "/data/.." } }`, `not\s+a\s+mount\s+path`},
		{"volume over /proc", `volumes = { data = { path = "/proc" } }`, `cannot\s+be\s+mounted\s+over`},
		{"volume over the root", `volumes = { data = { path = "/" } }`, `cannot\s+be\s+mounted\s+over`},
		{"volume name", `volumes = { "../etc" = { path = "/data" } }`, `is\s+not\s+a\s+name`},
		{"tmpfs path", `tmpfs = { "/sys" = "1MiB" }`, `cannot\s+be\s+mounted\s+over`},
		{"tmpfs size", `tmpfs = { "/run" = "some" }`, `"some"\s+is\s+not\s+a\s+size`},
		{"user", `user = "root"`, `"root"\s+is\s+not\s+a\s+user`},
		{"capability", `capabilities = ["SYS_ADMIN"]`, `SYS_ADMIN`},
		{"publish without egress", `publish = { web = { port = 80 } }`, `egress\s+=\s+true`},
		{"publish address", `publish = { web = { port = 80, address = "localhost" } }`, `localhost`},
		{"name", `name = "Shop_1"`, `is\s+not\s+a\s+name`},
		{"variable", `variables = { "A=B" = "1" }`, `cannot\s+name\s+an\s+environment\s+variable`},
		{"label", `labels = { "isolab.role" = "x" }`, `provider's\s+own`},
		{"hibernation", `hibernation = "sleep"`, `"sleep"`},
		{"pull policy", `pull_policy = "sometimes"`, `"sometimes"`},
	} {
		// Terraform shows the line of a mistake, but for those inside an object, a list or a map.
		shown := mistake.line
		if strings.ContainsAny(shown, "{[") {
			shown = `resource "isolab_environment"`
		}
		b.refuses(mistake.name, `project = { namespace = "shop", phase = "created", stack = "node" }
  kind = "testing"
  `+mistake.line, regexp.QuoteMeta(shown)+`.+`+mistake.want)
	}
	for _, mistake := range []struct {
		name, body, want string
	}{
		{"neither stack nor image", `project = { namespace = "shop", phase = "created" }
  kind = "testing"`, `has\s+no\s+stack`},
		{"unknown kind", `project = { namespace = "shop", phase = "created", stack = "node" }
  kind = "production"`, `kind\s+=\s+"production".+development`},
		{"no kind", `project = { namespace = "shop", phase = "created", stack = "node" }`, `"kind"\s+is\s+required`},
		{"unknown phase", `project = { namespace = "shop", phase = "done", stack = "node" }
  kind = "testing"`, `"done"`},
		{"unknown stack", `project = { namespace = "shop", phase = "created", stack = "cobol" }
  kind = "testing"`, `"cobol"`},
		{"namespace", `project = { namespace = "Shop", phase = "created", stack = "node" }
  kind = "testing"`, `"Shop"\s+is\s+not\s+a\s+name`},
	} {
		b.refuses(mistake.name, mistake.body, mistake.want)
	}
}

// refuses plans an environment with a mistake.
func (b *bench) refuses(name, body, want string) {
	b.Helper()
	b.Run(name, func(t *testing.T) {
		t.Parallel()
		resource.Test(t, resource.TestCase{
			ProtoV6ProviderFactories: factories,
			Steps: []resource.TestStep{{
				Config:      b.config(fmt.Sprintf("resource \"isolab_environment\" \"refused\" {\n  %s\n}\n", body)),
				PlanOnly:    true,
				ExpectError: regexp.MustCompile(`(?s)` + want),
			}},
		})
	})
}
