package provider

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// crowd is a number of projects with a number of routes each on the gateway PREFIX-edge, led to one small environment.
func crowd(name string, projects, routes int) string {
	return fmt.Sprintf(`
resource "isolab_project" %[1]q {
  count       = %[2]d
  name        = "PREFIX-%[1]s${count.index}"
  phase       = "deployment"
  data_policy = "delete"
}

resource "isolab_environment" %[1]q {
  count     = length(isolab_project.%[1]s)
  project   = isolab_project.%[1]s[count.index]
  kind      = "deployment"
  image     = %[4]q
  command   = ["sh", "-c", "mkdir -p /tmp/www; echo $HOSTNAME > /tmp/www/index.html; exec httpd -f -p 8080 -h /tmp/www"]
  port      = 8080
  workspace = ""
  limits    = { cpus = 0.5, memory = "32MiB", pids = 16 }
}

resource "isolab_route" %[1]q {
  count       = %[2]d * %[3]d
  gateway     = "PREFIX-edge"
  project     = isolab_project.%[1]s[count.index %% %[2]d]
  environment = isolab_environment.%[1]s[count.index %% %[2]d].name
  name        = "route${count.index}"
  path        = "/projects/PREFIX-%[1]s${count.index %% %[2]d}/${count.index}/"
  rate_limit  = { client = 0, project = 0 }
  depends_on  = [isolab_gateway.edge]
}
`, name, projects, routes, busybox)
}

// served sees that each of a crowd's routes is answered.
func (b *bench) served(port int, name string, projects, routes int) {
	b.Helper()
	for i := range projects * routes {
		if err := answers(b.at(port, fmt.Sprintf("-%s%d/%d/", name, i%projects, i)), 200)(); err != nil {
			b.Error(err)
		}
	}
}

// reloads is how often the test's gateway has read its configuration anew.
func (b *bench) reloads() int {
	return strings.Count(b.docker("logs", "isolab-gateway_PREFIX-edge"), ": reconfiguring")
}

// Two hundred routes cost a handful of reloads, and nobody who is served already notices.
func TestAccTwoHundredRoutes(t *testing.T) {
	b := onEngine(t)
	port := b.port()
	const projects, routes = 50, 4
	w := workspace{folder: t.TempDir(), settings: program(t)}
	apply := func(configuration string) {
		t.Helper()
		err := w.write("main.tf", required+b.config(edge(port, "  access_log = false")+configuration))
		if err == nil {
			// What terraform sets at once shares a reload: that is as much as it may do at once.
			_, err = w.run("apply", "-auto-approve", "-parallelism=64")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	apply(crowd("watched", 1, 1))
	for _, step := range []struct{ name, configuration string }{
		{"creation", crowd("watched", 1, 1) + crowd("many", projects, routes)}, {"destruction", crowd("watched", 1, 1)},
	} {
		before, begun := b.reloads(), time.Now()
		visitors := under(b.at(port, "-watched0/0/"))
		apply(step.configuration)
		visitors.end(t, step.name+" of 200 routes")
		reloads := b.reloads() - before
		t.Logf("%s of 200 routes over 50 projects: %d reloads, %s", step.name, reloads, time.Since(begun).Round(time.Millisecond))
		if reloads > 10 {
			t.Errorf("the %s of 200 routes took %d reloads", step.name, reloads)
		}
		if step.name == "creation" {
			b.served(port, "many", projects, routes)
			if _, err := w.run("plan", "-detailed-exitcode"); err != nil {
				t.Errorf("the second plan is not empty: %v", err)
			}
		}
	}
	if _, err := w.run("destroy", "-auto-approve"); err != nil {
		t.Error(err)
	}
	if left := b.leftovers(); len(left) > 0 {
		t.Errorf("destroy left on the engine: %v", left)
	}
}

// Two processes write to one gateway; when one of them is killed in the middle, the other one finishes, and the next run
// completes what is missing.
func TestAccTwoWritersOfRoutes(t *testing.T) {
	b := onEngine(t)
	port, settings := b.port(), program(t)
	const routes = 50
	made := func(configuration string) workspace {
		w := workspace{folder: t.TempDir(), settings: settings}
		if err := w.write("main.tf", required+b.config(configuration)); err != nil {
			t.Fatal(err)
		}
		return w
	}
	shared := made(edge(port, ""))
	if _, err := shared.run("apply", "-auto-approve"); err != nil {
		t.Fatal(err)
	}
	writer := func(name string) workspace {
		return made(strings.ReplaceAll(crowd(name, 1, routes), "  depends_on  = [isolab_gateway.edge]\n", ""))
	}
	names := []string{"left", "right"}
	places := []workspace{writer(names[0]), writer(names[1])}
	var both errgroup.Group
	both.Go(func() error { _, err := places[0].run("apply", "-auto-approve"); return err })
	both.Go(func() error {
		if said, struck := b.strike(places[1], 40, killed, "apply", "-auto-approve"); !struck {
			return fmt.Errorf("it came to its end before it was killed: %s", said)
		}
		return nil
	})
	if err := both.Wait(); err != nil {
		t.Fatal(err)
	}
	b.served(port, names[0], 1, routes)
	if _, err := places[1].run("apply", "-auto-approve"); err != nil {
		t.Fatal(err)
	}
	for i, place := range places {
		b.served(port, names[i], 1, routes)
		if _, err := place.run("plan", "-detailed-exitcode"); err != nil {
			t.Errorf("%s: the plan is not empty: %v", names[i], err)
		}
	}
	var gone errgroup.Group
	for _, place := range places {
		gone.Go(func() error { _, err := place.run("destroy", "-auto-approve"); return err })
	}
	if err := gone.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := shared.run("destroy", "-auto-approve"); err != nil {
		t.Error(err)
	}
	if left := b.leftovers(); len(left) > 0 {
		t.Errorf("destroy left on the engine: %v", left)
	}
}
