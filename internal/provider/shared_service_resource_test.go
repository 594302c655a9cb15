package provider

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/isolab/terraform-provider-isolab/internal/service"
)

const pages = "isolab_shared_service.pages"

// sharing is a shared web server and two projects, of which those named list it.
func sharing(service string, lists map[string]string) string {
	text := fmt.Sprintf(`
resource "isolab_shared_service" "pages" {
  name         = "PREFIX-pages"
  image        = %[1]q
  command      = ["httpd", "-f", "-p", "8080", "-h", "/etc/pages"]
  port         = 8080
  data_policy  = "delete"
  health_check = { test = ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/index.html"], interval = "1s" }
%[2]s
}
`, busybox, service)
	for _, name := range []string{"shop", "blog"} {
		text += fmt.Sprintf(`
resource "isolab_project" %[1]q {
  name        = "PREFIX-%[1]s"
  phase       = "development"
  data_policy = "delete"
  services    = [%[2]s]
}

resource "isolab_environment" %[1]q {
  project = isolab_project.%[1]s
  name    = "dev"
  kind    = "development"
  egress  = false
  image   = %[3]q
  command = ["sleep", "1000"]
}
`, name, lists[name], busybox)
	}
	return text
}

const (
	listed1   = "isolab_shared_service.pages.name"
	firstPage = `files = { "/etc/pages/index.html" = "first" }`
	newPage   = `files = { "/etc/pages/index.html" = "second" }`
)

// reads sees what a project's container gets from the shared service, "" for nothing.
func (b *bench) reads(project, want string) seen {
	return func() error {
		got, _ := b.attempt("exec", b.container(project, "dev"), "wget", "-q", "-T", "3", "-O", "-", "http://PREFIX-pages:8080/index.html")
		if want == "" && strings.Contains(got, "bad address") {
			return nil
		}
		if want == "" || got != want {
			return fmt.Errorf("project %s gets %q from the shared service, not %q", project, got, want)
		}
		return nil
	}
}

func TestAccSharedService(t *testing.T) {
	b := onEngine(t)
	both, shop := map[string]string{"shop": listed1, "blog": listed1}, map[string]string{"shop": listed1}
	same, apps := statecheck.CompareValue(compare.ValuesSame()), statecheck.CompareValue(compare.ValuesSame())
	id := tfjsonpath.New("container_id")
	refused := func(attributes, message string) resource.TestStep {
		return resource.TestStep{
			Config: b.config("resource \"isolab_shared_service\" \"none\" {\n  name = \"PREFIX-none\"\n" + attributes + "\n}"), PlanOnly: true, ExpectError: regexp.MustCompile(message),
		}
	}
	with := func(more ...statecheck.StateCheck) []statecheck.StateCheck {
		return append(more, same.AddStateValue(pages, id), apps.AddStateValue("isolab_environment.shop", firstID))
	}
	b.test(
		refused(``, `(?i)at\s+least\s+one`),
		refused(`preset = "oracle"`, `oracle`),
		refused("image = \"a\"\nfiles = { \"app.conf\" = \"\" }", `cannot\s+be\s+a\s+file\s+here`),
		refused("image = \"a\"\npublish = { http = { port = 80, host_port = 70000 } }", `65535`),
		b.applied(sharing(firstPage, nil), with(b.reads("shop", ""))...),
		// It comes and goes, and no container is made anew for it.
		b.applied(sharing(firstPage, shop), with(b.reads("shop", "first"), b.reads("blog", ""))...),
		b.applied(sharing(firstPage, both), with(b.reads("shop", "first"), b.reads("blog", "first"), seen(b.apart))...),
		resource.TestStep{ResourceName: pages, ImportState: true, ImportStateId: b.name("pages"), ImportStateVerify: true, ImportStateVerifyIgnore: []string{"data_policy"}},
		b.applied(sharing(newPage, both), with(b.reads("shop", "second"))...),
		b.applied(sharing(newPage+"\nlimits = { memory = \"64MiB\" }", both), with(b.reads("shop", "second"))...),
		b.repaired(func() { b.docker("network", "disconnect", "isolab_PREFIX-blog", "isolab-service_PREFIX-pages") }, sharing(newPage+"\nlimits = { memory = \"64MiB\" }", both),
			undoes("isolab_project.blog", "shared service .+-pages is not on network")),
		b.applied(sharing(newPage+"\nlimits = { memory = \"64MiB\" }", both), with(b.reads("blog", "second"))...),
		b.repaired(func() { b.docker("stop", "--time", "1", "isolab-service_PREFIX-pages") }, sharing(newPage+"\nlimits = { memory = \"64MiB\" }", both), turns(pages, "stopped", "running")),
		// Made anew, it is where it was.
		b.planned(sharing(newPage+"\nvariables = { COLOUR = \"blue\" }", both), plancheck.ExpectUnknownValue(pages, id)),
		b.applied(sharing(newPage+"\nvariables = { COLOUR = \"blue\" }", both), b.reads("shop", "second"), b.reads("blog", "second")),
		b.applied(sharing(`files = { "/etc/pages/other.html" = "other", "/etc/pages/index.html" = "third" }`, shop), b.reads("shop", "third"), b.reads("blog", "")),
		resource.TestStep{
			Config:      b.config(sharing(firstPage+"\noffered_to = { projects = [\"PREFIX-shop\"] }", both)),
			ExpectError: regexp.MustCompile(`(?s)offered_to\s+leaves\s+the\s+project\s+out`),
		},
	)
}

// apart sees that two projects that share a service still share no network.
func (b *bench) apart() error {
	address := b.docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}", b.container("blog", "dev"))
	if output, ok := b.attempt("exec", b.container("shop", "dev"), "ping", "-c", "1", "-W", "1", strings.Fields(address)[0]); ok {
		return errors.New("a project reaches another one that lists the same service: " + output)
	}
	return nil
}

// TestAccSharedPresets brings every preset up as it is.
func TestAccSharedPresets(t *testing.T) {
	b := onEngine(t)
	configuration := ""
	for _, name := range service.Presets() {
		configuration += fmt.Sprintf(`
resource "isolab_shared_service" %[1]q {
  name        = "PREFIX-%[1]s"
  preset      = %[1]q
  data_policy = "delete"
}
`, name)
	}
	b.test(b.applied(configuration, seen(func() error {
		for name, attempt := range map[string][]string{
			"redis":    {"redis-cli", "-h", "127.0.0.1", "ping"},
			"postgres": {"psql", "--host=127.0.0.1", "--username=postgres", "--command=SELECT 1"},
		} {
			output, ok := b.attempt(append([]string{"exec", "isolab-service_PREFIX-" + name}, attempt...)...)
			if ok && !strings.Contains(output, "NOAUTH") {
				return fmt.Errorf("%s lets anybody in: %s", name, output)
			}
		}
		return nil
	})))
}

// TestAccSharedRegistry has the engine keep an image in a shared registry and pull it from there.
func TestAccSharedRegistry(t *testing.T) {
	b := onEngine(t)
	port := b.port() // of the engine's host, from where the engine itself pushes and pulls
	registry := fmt.Sprintf(`
resource "isolab_shared_service" "registry" {
  name        = "PREFIX-registry"
  preset      = "registry"
  data_policy = "delete"
  publish     = { registry = { port = 5000, host_port = %d } }
}
`, port)
	image := fmt.Sprintf("127.0.0.1:%d/%s/app:1", port, b.prefix)
	b.test(
		b.applied(registry, seen(func() error {
			b.docker("tag", busybox, image)
			b.docker("push", image)
			b.docker("rmi", image)
			return nil
		})),
		b.applied(registry+fmt.Sprintf(`
resource "isolab_project" "shop" {
  name        = "PREFIX-shop"
  phase       = "development"
  data_policy = "delete"
}

resource "isolab_environment" "dev" {
  project = isolab_project.shop
  kind    = "development"
  image   = %q
  command = ["sleep", "1000"]
}
`, image)),
	)
	b.docker("rmi", image)
}
