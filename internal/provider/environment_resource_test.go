package provider

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

// plain is a project of no stack in development.
const plain = `
resource "isolab_project" "shop" {
  name        = "PREFIX-shop"
  phase       = "development"
  data_policy = "delete"
}
`

// serving is an environment "dev" of that project, with extra attributes.
func serving(extra string) string {
	return plain + fmt.Sprintf(`
resource "isolab_environment" "dev" {
  project      = isolab_project.shop
  name         = "dev"
  kind         = "development"
  image        = %q
  command      = ["httpd", "-f", "-p", "8080", "-h", "/"]
  port         = 8080
  health_check = { test = ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/etc/passwd"], interval = "1s" }
%s
}
`, busybox, extra)
}

const dev = "isolab_environment.dev"

var (
	firstID = tfjsonpath.New("containers").AtSliceIndex(0).AtMapKey("id")
	status  = tfjsonpath.New("status")
)

func TestAccEnvironment(t *testing.T) {
	b := onEngine(t)
	asMade := serving("")
	limited := serving(`limits = { cpus = 0.5, memory = "256MiB", pids = 64 }`)
	changed := serving("limits    = { cpus = 0.5, memory = \"256MiB\", pids = 64 }\nvariables = { COLOUR = \"blue\" }")
	limitsKeep := statecheck.CompareValue(compare.ValuesSame())
	variablesReplace := statecheck.CompareValue(compare.ValuesDiffer())
	b.test(
		resource.TestStep{
			Config: b.config(asMade),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectKnownValue(dev, tfjsonpath.New("id"), knownvalue.StringExact(b.name("shop/dev"))),
				plancheck.ExpectKnownValue(dev, status, knownvalue.StringExact("running")),
			}},
			ConfigStateChecks: []statecheck.StateCheck{
				limitsKeep.AddStateValue(dev, firstID),
				statecheck.ExpectKnownValue(dev, status, knownvalue.StringExact("running")),
				statecheck.ExpectKnownValue(dev, tfjsonpath.New("drift"), knownvalue.ListSizeExact(0)),
			},
		},
		resource.TestStep{ResourceName: dev, ImportState: true, ImportStateId: b.name("shop/dev"), ImportStateVerify: true},
		b.applied(limited, limitsKeep.AddStateValue(dev, firstID), variablesReplace.AddStateValue(dev, firstID), seen(func() error {
			found, err := b.engine.Container(t.Context(), b.container("shop", "dev"))
			if limits := found.Spec.Limits; err == nil && (limits.CPUs != 0.5 || limits.Memory != 256<<20 || limits.Pids != 64) {
				err = fmt.Errorf("the engine enforces %+v", limits)
			}
			return err
		})),
		resource.TestStep{
			Config: b.config(changed),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(dev, plancheck.ResourceActionUpdate),
				plancheck.ExpectUnknownValue(dev, tfjsonpath.New("containers")),
			}},
			ConfigStateChecks: []statecheck.StateCheck{
				variablesReplace.AddStateValue(dev, firstID),
				seen(func() error {
					if colour := b.succeeds(b.container("shop", "dev"), "echo $COLOUR"); colour != "blue" {
						return fmt.Errorf("COLOUR is %q", colour)
					}
					return nil
				}),
			},
		},
	)
}

func TestAccEnvironmentRepairs(t *testing.T) {
	b := onEngine(t)
	configuration := serving(`limits = { memory = "128MiB" }`)
	container, internal := b.container("shop", "dev"), "isolab_"+b.name("shop")
	kept := statecheck.CompareValue(compare.ValuesSame())
	repaired := func(behind func(), checks ...plancheck.PlanCheck) resource.TestStep {
		step := b.repaired(behind, configuration, checks...)
		step.ConfigStateChecks = []statecheck.StateCheck{
			statecheck.ExpectKnownValue(dev, status, knownvalue.StringExact("running")),
			seen(func() error { return b.sound(container) }),
		}
		return step
	}
	// inPlace is a repair that leaves the container alone.
	inPlace := func(behind func(), checks ...plancheck.PlanCheck) resource.TestStep {
		step := repaired(behind, checks...)
		step.ConfigStateChecks = append(step.ConfigStateChecks, kept.AddStateValue(dev, firstID))
		return step
	}
	b.test(
		b.applied(configuration, kept.AddStateValue(dev, firstID), seen(func() error { return b.sound(container) })),
		inPlace(func() { b.docker("stop", "--time", "1", container) }, turns(dev, "stopped", "running")),
		inPlace(func() { b.docker("pause", container) }, turns(dev, "frozen", "running")),
		inPlace(func() { b.docker("network", "connect", "bridge", container) }, undoes(dev, `is on network bridge, where it does not belong`)),
		inPlace(func() { b.docker("update", "--memory", "256m", "--memory-swap", "256m", container) },
			change{dev, func(before, after map[string]any) error {
				was, _ := before["limits"].(map[string]any)
				becomes, _ := after["limits"].(map[string]any)
				if was["memory"] != "256MiB" || becomes["memory"] != "128MiB" {
					return fmt.Errorf("limits are planned %v -> %v", was, becomes)
				}
				return nil
			}}),
		repaired(func() { b.docker("rm", "--force", container) }, turns(dev, "absent", "running")),
		repaired(func() { b.docker("network", "disconnect", internal, container) }, undoes(dev, "is not on network "+internal+" at its address")),
		repaired(func() {
			b.docker("network", "disconnect", internal, container)
			b.docker("network", "connect", "--alias", "api.bank.isolab", internal, container)
		}, undoes(dev, "answers to the name api.bank.isolab")),
		repaired(func() { b.docker("network", "disconnect", internal+"_egress", container) }, undoes(dev, "is not on network "+internal+"_egress")),
		repaired(func() { b.docker("rename", container, b.name("renamed")) }, undoes(dev, "should be called "+container)),
		repaired(func() { b.imitate(container, internal, "--privileged") }, undoes(dev, "privileged mode")),
		repaired(func() { b.imitate(container, internal) }, undoes(dev, "dropped capabilities is none instead of ALL")),
		repaired(func() { b.imitate(container, internal, "--volume", "/:/host") }, undoes(dev, "bind mount /:/host")),
	)
}

// imitate puts a container with the same labels, name and address in a container's place, without its hardening.
func (b *bench) imitate(container, network string, weakness ...string) {
	b.Helper()
	found, err := b.engine.Container(b.Context(), container)
	if err != nil {
		b.Fatal(err)
	}
	b.docker("rm", "--force", container)
	create := []string{"create", "--name", container, "--network", network, "--ip", found.Spec.Labels["isolab.address"]}
	for key, value := range found.Spec.Labels {
		create = append(create, "--label", key+"="+value)
	}
	b.docker(append(append(create, weakness...), busybox, "sleep", "600")...)
	// Not every machine lets its engine run a privileged container; having one stand there is drift enough.
	b.attempt("start", container)
}

// sound reports what is wrong with the container of the environment "dev" as the engine sees it.
func (b *bench) sound(name string) error {
	found, err := b.engine.Container(b.Context(), name)
	if err != nil {
		return err
	}
	spec := found.Spec
	switch {
	case len(found.Unexpected) > 0:
		return fmt.Errorf("container %s has %s", name, found.Unexpected)
	case len(spec.CapDrop) != 1 || !spec.ReadOnly || !spec.NoNewPrivileges || spec.User != "1000:1000":
		return fmt.Errorf("container %s is not hardened: %+v", name, spec)
	case len(spec.Networks) != 2:
		return fmt.Errorf("container %s is on the networks %+v", name, spec.Networks)
	case spec.Limits.Memory != 128<<20:
		return fmt.Errorf("container %s may use %d bytes of memory", name, spec.Limits.Memory)
	}
	return nil
}
