package provider

import (
	"fmt"
	"strings"
	"testing"
)

// sleeper is an environment of the project at a reference that asks for some memory.
func sleeper(name, project, memory string) string {
	return fmt.Sprintf(`
resource "isolab_environment" %[1]q {
  project = %[2]s
  name    = %[1]q
  kind    = "development"
  image   = %[3]q
  command = ["sleep", "3600"]
  egress  = false
  limits  = { cpus = 0.1, memory = %[4]q }
}
`, name, project, busybox, memory)
}

// TestAccQuota shares one project between two workspaces, of which each knows only its own environments.
func TestAccQuota(t *testing.T) {
	b := onEngine(t)
	settings := program(t)
	owner, guest := workspace{folder: t.TempDir(), settings: settings}, workspace{folder: t.TempDir(), settings: settings}
	write := func(w workspace, configuration string) {
		t.Helper()
		if err := w.write("main.tf", b.config(required+configuration)); err != nil {
			t.Fatal(err)
		}
	}
	must := func(w workspace, args ...string) string {
		t.Helper()
		said, err := w.run(args...)
		if err != nil {
			t.Fatal(err)
		}
		return said
	}
	refused := func(w workspace, verb string, says ...string) {
		t.Helper()
		args := []string{verb}
		if verb == "apply" {
			args = append(args, "-auto-approve")
		}
		said, err := w.run(args...)
		if err == nil {
			t.Errorf("%s was not refused:\n%s", verb, said)
		}
		for _, text := range says {
			if !strings.Contains(strings.Join(strings.Fields(said), " "), strings.ReplaceAll(text, "PREFIX", b.prefix)) {
				t.Errorf("%s does not say %q:\n%s", verb, text, said)
			}
		}
	}
	owned := func(quota string, environments ...string) string {
		return fmt.Sprintf(`
resource "isolab_project" "shop" {
  name        = "PREFIX-shop"
  phase       = "development"
  data_policy = "delete"
  quota       = %s
}
`, quota) + strings.Join(environments, "")
	}
	const mine = "isolab_project.shop"
	write(owner, owned(`{ memory = "256MiB", environments = 2 }`, sleeper("one", mine, "160MiB")))
	must(owner, "apply", "-auto-approve")
	must(owner, "plan", "-detailed-exitcode")
	id := b.docker("inspect", "--format", "{{.Id}}", "isolab_PREFIX-shop_one_1")

	// At plan, the sum of what one configuration asks for.
	write(owner, owned(`{ memory = "256MiB", environments = 2 }`, sleeper("one", mine, "160MiB"), sleeper("two", mine, "128MiB")))
	refused(owner, "plan", "288MiB of memory instead of 256MiB", "PREFIX-shop/one", "PREFIX-shop/two", "limits")

	// At apply, what is on the engine.
	write(guest, "data \"isolab_project\" \"shop\" {\n  namespace = \"PREFIX-shop\"\n}\n"+sleeper("two", "data.isolab_project.shop", "128MiB"))
	must(guest, "plan")
	refused(guest, "apply", "288MiB of memory instead of 256MiB", "PREFIX-shop/one", "PREFIX-shop/two")
	if _, there := b.attempt("inspect", "isolab_PREFIX-shop_two_1"); there {
		t.Error("the environment that was refused has a container")
	}

	// Raised, it is admitted, and nothing else is touched.
	write(owner, owned(`{ memory = "288MiB", environments = 2 }`, sleeper("one", mine, "160MiB")))
	must(owner, "apply", "-auto-approve")
	must(guest, "apply", "-auto-approve")
	if now := b.docker("inspect", "--format", "{{.Id}}", "isolab_PREFIX-shop_one_1"); now != id {
		t.Errorf("container %s became %s", id, now)
	}
	write(owner, owned(`{ memory = "288MiB", environments = 2 }`, sleeper("one", mine, "161MiB"), `
data "isolab_engine" "here" {}
output "committed" { value = data.isolab_engine.here.committed }
`))
	refused(owner, "apply", "289MiB of memory instead of 288MiB")

	// Without a quota, nothing is refused.
	write(owner, owned("null", sleeper("one", mine, "161MiB"), `
data "isolab_engine" "here" {}
output "committed" { value = data.isolab_engine.here.committed }
`))
	must(owner, "apply", "-auto-approve")
	if now := b.docker("inspect", "--format", "{{.Id}} {{.HostConfig.Memory}}", "isolab_PREFIX-shop_one_1"); now != fmt.Sprint(id, " ", 161<<20) {
		t.Errorf("container %s became %s", id, now)
	}
	var committed struct {
		Memory, Containers int64
		CPUs               float64
	}
	if err := owner.output("committed", &committed); err != nil || committed.Containers < 2 || committed.Memory < 288<<20 || committed.CPUs < 0.2 {
		t.Errorf("committed: %+v, %v", committed, err)
	}
	must(guest, "destroy", "-auto-approve")
	must(owner, "destroy", "-auto-approve")
	if left := b.leftovers(); len(left) > 0 {
		t.Errorf("left on the engine: %v", left)
	}
}
