package provider

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
)

// patient is an environment whose health check passes or not, with the time that operations on it may take.
func patient(test, timeouts string) string {
	return fmt.Sprintf(`
resource "isolab_project" "shop" {
  name        = "PREFIX-shop"
  phase       = "development"
  data_policy = "delete"
  timeouts    = { create = "1m" }
}

resource "isolab_environment" "dev" {
  project      = isolab_project.shop
  kind         = "development"
  image        = %q
  command      = ["sleep", "3600"]
  health_check = { test = ["CMD", %q], interval = "1s", retries = 100 }
  timeouts     = { %s }
}
`, busybox, test, timeouts)
}

// TestAccTimeouts runs out of time in a creation and in an update: each says what to raise, and the next apply ends it.
func TestAccTimeouts(t *testing.T) {
	b := onEngine(t)
	late := func(operation, test, timeouts string) resource.TestStep {
		return resource.TestStep{
			Config:      b.config(patient(test, timeouts)),
			ExpectError: regexp.MustCompile(fmt.Sprintf(`(?s)raise\s+timeouts\.%[1]s.+not\s+healthy\s+in\s+time\s+\(timeouts\.%[1]s\s+=\s+"3s"\s+is\s+over\)`, operation)),
		}
	}
	b.test(
		resource.TestStep{Config: b.config(patient("true", `create = "soon"`)), PlanOnly: true, ExpectError: regexp.MustCompile(`(?s)"soon".+duration`)},
		late("create", "false", `create = "3s"`),
		b.applied(patient("true", `create = "2m"`)),
		late("update", "false", `update = "3s"`),
		resource.TestStep{
			Config: b.config(patient("true", `update = "2m"`)),
			Check: func(*terraform.State) error {
				return b.stands("isolab_"+b.prefix+"-shop_development_1", "running")
			},
		},
	)
}

// everything is one of each resource, the environment with nearly every attribute.
const everything = `
resource "isolab_gateway" "edge" {
  name      = "PREFIX-edge"
  http_port = PORT
  labels    = { team = "ops" }
}

resource "isolab_project" "shop" {
  name        = "PREFIX-shop"
  stack       = "node"
  phase       = "development"
  data_policy = "delete"
  quota       = { cpus = 4, memory = "4GiB" }
  labels      = { team = "web" }
}

resource "isolab_environment" "dev" {
  project      = isolab_project.shop
  name         = "dev"
  kind         = "development"
  image        = "isolab-fixture/busybox:1"
  entrypoint   = ["/bin/sh", "-c"]
  command      = ["exec httpd -f -p 3000 -h /tmp"]
  working_dir  = "/tmp"
  port         = 3000
  replicas     = 2
  limits       = { cpus = 0.5, memory = "64MiB", pids = 64, shm = "16MiB" }
  variables    = { GREETING = "$${hello}" }
  health_check = { test = ["CMD", "true"], interval = "1s" }
  volumes      = { data = { path = "/data" }, more = { path = "/more", read_only = true } }
  tmpfs        = { "/run" = "8MiB" }
  user         = "1000:1000"
  capabilities = ["NET_BIND_SERVICE"]
  egress       = true
  publish      = { debug = { port = 9229 } }
  workspace    = "/src"
  log          = { max_size = "1MiB", max_files = 2 }
  labels       = { tier = "front" }
}

resource "isolab_environment" "test" {
  project      = isolab_project.shop
  kind         = "testing"
}

resource "isolab_route" "dev" {
  gateway     = isolab_gateway.edge.name
  project     = isolab_project.shop
  environment = isolab_environment.dev.name
  rate_limit  = { client = 50 }
}
`

// identities are how what everything holds is called on the engine, by address.
var identities = []struct{ address, id string }{
	{"isolab_gateway.edge", "PREFIX-edge"},
	{"isolab_project.shop", "PREFIX-shop"},
	{"isolab_environment.dev", "PREFIX-shop/dev"},
	{"isolab_environment.test", "PREFIX-shop/testing"},
	{"isolab_route.dev", "PREFIX-edge/PREFIX-shop/dev"},
}

// TestAccImport makes one of everything, and lets another workspace import it and write the configuration itself. Then the
// addresses change. Nothing of this touches the engine.
func TestAccImport(t *testing.T) {
	b := onEngine(t)
	settings := program(t)
	prepared := func(configuration string) string {
		return strings.ReplaceAll(b.config(required+configuration), "PORT", fmt.Sprint(b.port()))
	}
	made := prepared(everything)
	origin, other := workspace{folder: t.TempDir(), settings: settings}, workspace{folder: t.TempDir(), settings: settings}
	must := func(w workspace, args ...string) string {
		t.Helper()
		said, err := w.run(args...)
		if err != nil {
			t.Fatal(err)
		}
		return said
	}
	write := func(w workspace, name, content string) {
		t.Helper()
		if err := w.write(name, content); err != nil {
			t.Fatal(err)
		}
	}
	alive := func() string {
		var all []string
		for _, name := range []string{"isolab-gateway_PREFIX-edge", "isolab_PREFIX-shop_dev_1", "isolab_PREFIX-shop_dev_2", "isolab_PREFIX-shop_testing_1"} {
			all = append(all, b.docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", name))
		}
		return strings.Join(append(all, b.docker("volume", "ls", "-q", "--filter", "label=isolab.project=PREFIX-shop")), "\n")
	}
	write(origin, "main.tf", made)
	must(origin, "apply", "-auto-approve")
	must(origin, "plan", "-detailed-exitcode")
	before := alive()

	var imports strings.Builder
	for _, one := range identities {
		fmt.Fprintf(&imports, "import {\n  to = %s\n  id = %q\n}\n", one.address, one.id)
	}
	write(other, "main.tf", prepared(imports.String()))
	said := must(other, "plan", "-generate-config-out=generated.tf")
	if !strings.Contains(said, "5 to import, 0 to add, 0 to change, 0 to destroy") {
		generated, _ := os.ReadFile(filepath.Join(other.folder, "generated.tf"))
		t.Errorf("the generated configuration is not what is there:\n%s\n%s", said, generated)
	}
	must(other, "apply", "-auto-approve")
	must(other, "plan", "-detailed-exitcode")

	// The same under other addresses: renamed, in a module, with for_each.
	moved := strings.NewReplacer(
		`"isolab_gateway" "edge"`, `"isolab_gateway" "door"`, "isolab_gateway.edge", "isolab_gateway.door",
		"resource \"isolab_environment\" \"test\" {\n", "resource \"isolab_environment\" \"each\" {\n  for_each = toset([\"testing\"])\n", `"testing"`+"\n}", "each.key\n}",
	).Replace(made) + `
moved {
  from = isolab_gateway.edge
  to   = isolab_gateway.door
}
moved {
  from = isolab_environment.test
  to   = isolab_environment.each["testing"]
}
`
	write(origin, "main.tf", moved)
	if said := must(origin, "plan"); !strings.Contains(said, "0 to add, 0 to change, 0 to destroy") {
		t.Errorf("a change of addresses changes more:\n%s", said)
	}
	must(origin, "apply", "-auto-approve")
	module := filepath.Join(origin.folder, "room")
	if err := os.Mkdir(module, 0o700); err != nil {
		t.Fatal(err)
	}
	write(origin, "room/main.tf", strings.NewReplacer("moved {", "# moved {", "  from =", "# from =", "  to   =", "# to =", "]\n}\n", "]\n# }\n", "door\n}", "door\n# }").Replace(moved))
	var into strings.Builder
	for _, address := range []string{"isolab_gateway.door", "isolab_project.shop", "isolab_environment.dev", "isolab_environment.each", "isolab_route.dev"} {
		fmt.Fprintf(&into, "moved {\n  from = %s\n  to   = module.room.%s\n}\n", address, address)
	}
	write(origin, "main.tf", required+"module \"room\" {\n  source = \"./room\"\n}\n"+into.String())
	must(origin, "get")
	if said := must(origin, "plan"); !strings.Contains(said, "0 to add, 0 to change, 0 to destroy") {
		t.Errorf("moving into a module changes more:\n%s", said)
	}
	must(origin, "apply", "-auto-approve")
	if after := alive(); after != before {
		t.Errorf("the engine was touched:\n%s\nbecame\n%s", before, after)
	}
	must(origin, "destroy", "-auto-approve")
	if left := b.leftovers(); len(left) > 0 {
		t.Errorf("left on the engine: %v", left)
	}
}

// TestAccImportByIdentity speaks Terraform's protocol itself: the identity in an import block is for Terraform 1.12.
func TestAccImportByIdentity(t *testing.T) {
	b := onEngine(t)
	parts := map[string][]string{
		"isolab_gateway": {"name"}, "isolab_project": {"namespace"}, "isolab_environment": {"project", "name"}, "isolab_route": {"gateway", "project", "name"},
	}
	b.test(resource.TestStep{
		Config: b.config(strings.ReplaceAll(everything, "PORT", fmt.Sprint(b.port()))),
		Check: func(*terraform.State) error {
			server := configuredServer(t)
			for _, one := range identities {
				kind, _, _ := strings.Cut(one.address, ".")
				values := map[string]tftypes.Value{}
				types := map[string]tftypes.Type{}
				id := strings.ReplaceAll(one.id, "PREFIX", b.prefix)
				for i, value := range strings.Split(id, "/") {
					values[parts[kind][i]] = tftypes.NewValue(tftypes.String, value)
					types[parts[kind][i]] = tftypes.String
				}
				identity, err := tfprotov6.NewDynamicValue(tftypes.Object{AttributeTypes: types}, tftypes.NewValue(tftypes.Object{AttributeTypes: types}, values))
				if err != nil {
					return err
				}
				answer, err := server.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{
					TypeName: kind, Identity: &tfprotov6.ResourceIdentityData{IdentityData: &identity},
				})
				if err != nil {
					return err
				}
				if len(answer.Diagnostics) > 0 || len(answer.ImportedResources) != 1 {
					return fmt.Errorf("import %s %s: %v", kind, id, answer.Diagnostics)
				}
				got, err := answer.ImportedResources[0].Identity.IdentityData.Unmarshal(tftypes.Object{AttributeTypes: types})
				if err != nil || !got.Equal(tftypes.NewValue(tftypes.Object{AttributeTypes: types}, values)) {
					return fmt.Errorf("%s %s has the identity %v, %w", kind, id, got, err)
				}
			}
			return nil
		},
	})
}

// configuredServer is the provider, connected to the engine.
func configuredServer(t *testing.T) tfprotov6.ProviderServer {
	t.Helper()
	server, err := providerserver.NewProtocol6WithError(New("test")())()
	if err != nil {
		t.Fatal(err)
	}
	schema, err := server.GetProviderSchema(context.Background(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	object, ok := schema.Provider.ValueType().(tftypes.Object)
	if !ok {
		t.Fatalf("the provider's schema is a %T", schema.Provider.ValueType())
	}
	attributes := map[string]tftypes.Value{}
	for name, kind := range object.AttributeTypes {
		attributes[name] = tftypes.NewValue(kind, nil)
	}
	config, err := tfprotov6.NewDynamicValue(object, tftypes.NewValue(object, attributes))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := server.ConfigureProvider(context.Background(), &tfprotov6.ConfigureProviderRequest{Config: &config})
	if err != nil || len(answer.Diagnostics) > 0 {
		t.Fatalf("configure the provider: %v, %v", err, answer.Diagnostics)
	}
	return server
}
