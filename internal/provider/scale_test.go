package provider

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"golang.org/x/sync/errgroup"
)

// many is a number of projects, each with one small environment.
func many(prefix string, projects int) string {
	return fmt.Sprintf(`
resource "isolab_project" "all" {
  count       = %d
  name        = "%s-${count.index}"
  phase       = "deployment"
  data_policy = "delete"
}

resource "isolab_environment" "all" {
  count     = length(isolab_project.all)
  project   = isolab_project.all[count.index]
  kind      = "deployment"
  image     = %q
  command   = ["httpd", "-f", "-p", "8080"]
  port      = 8080
  workspace = ""
  limits    = { cpus = 0.5, memory = "32MiB", pids = 16 }
}

output "subnets" {
  value = isolab_project.all[*].subnet
}

output "distinct" {
  value = length(distinct(isolab_project.all[*].subnet))
}

output "running" {
  value = length([for environment in isolab_environment.all : environment if environment.status == "running"])
}
`, projects, prefix, busybox)
}

// Docker's own address pools end at 30 networks.
func TestAccFortyProjects(t *testing.T) {
	b := onEngine(t)
	b.test(b.applied(many("PREFIX", 40),
		statecheck.ExpectKnownOutputValue("distinct", knownvalue.Int64Exact(40)),
		statecheck.ExpectKnownOutputValue("running", knownvalue.Int64Exact(40)),
		seen(func() error {
			up := regexp.MustCompile(`(?m)^isolab_`+b.prefix+`-\d+_deployment_1$`).FindAllString(b.docker("ps", "--format", "{{.Names}}"), -1)
			if len(up) != 40 {
				return fmt.Errorf("%d containers are up instead of 40", len(up))
			}
			return nil
		}),
	))
}

// Two processes pick their subnets out of the same pool at the same time.
func TestAccTwoRunsAtOnce(t *testing.T) {
	b := onEngine(t)
	settings := program(t)
	places := []workspace{copied(t, settings, t.TempDir()), copied(t, settings, t.TempDir())}
	atOnce := func(work func(i int) error) {
		var runs errgroup.Group
		for i := range places {
			runs.Go(func() error { return work(i) })
		}
		if err := runs.Wait(); err != nil {
			t.Error(err)
		}
	}
	subnets := make([][]string, len(places))
	atOnce(func(i int) error {
		if err := places[i].write("main.tf", required+many(b.name(fmt.Sprintf("run%d", i)), 10)); err != nil {
			return err
		}
		_, err := places[i].run("apply", "-auto-approve")
		return errors.Join(err, places[i].output("subnets", &subnets[i]))
	})
	distinct := map[string]bool{}
	for _, subnet := range slices.Concat(subnets...) {
		distinct[subnet] = true
	}
	if len(distinct) != 20 {
		t.Errorf("the projects have %d distinct subnets instead of 20: %v", len(distinct), subnets)
	}
	atOnce(func(i int) error {
		_, err := places[i].run("destroy", "-auto-approve")
		return err
	})
	if left := b.leftovers(); len(left) > 0 {
		t.Errorf("destroy left on the engine: %v", left)
	}
}

func TestAccPoolExhausted(t *testing.T) {
	b := onEngine(t)
	projects := func(count int) string {
		return b.pooled("10.250.128.0/26", fmt.Sprintf("resource \"isolab_project\" \"all\" {\n  count = %d\n  name = \"PREFIX-${count.index}\"\n  data_policy = \"delete\"\n}\n", count))
	}
	b.test(
		resource.TestStep{
			Config:      projects(5),
			ExpectError: regexp.MustCompile(`(?s)all\s+of\s+its\s+4\s+subnets.+overlap\s+with\s+networks\s+that\s+exist\s+\(4\s+of\s+them\).+address_pool\.cidr`),
		},
		resource.TestStep{Config: projects(4)},
	)
}
