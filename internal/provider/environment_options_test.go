package provider

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// idle is an environment of the plain project that does nothing by itself.
func idle(name, kind, extra string) string {
	return fmt.Sprintf(`
resource "isolab_environment" %[1]q {
  project = isolab_project.shop
  name    = %[1]q
  kind    = %[2]q
  image   = %[3]q
  command = ["sleep", "3600"]
%[4]s
}
`, name, kind, busybox, extra)
}

// The volume is written by one environment, read by another, and outlives the container that wrote it.
func TestAccEnvironmentVolumes(t *testing.T) {
	b := onEngine(t)
	dev, peer := b.container("shop", "dev"), b.container("shop", "peer")
	const data = `volumes = { data = { path = "/data" } }`
	const readOnly = `volumes = { data = { path = "/in", read_only = true } }`
	replaced := statecheck.CompareValue(compare.ValuesDiffer())
	b.test(
		b.applied(plain+idle("dev", "development", data)+idle("peer", "development", readOnly),
			replaced.AddStateValue("isolab_environment.dev", firstID),
			seen(func() error {
				b.succeeds(dev, "echo kept >/data/file")
				if owner := b.succeeds(dev, "stat -c %u:%g /data /data/file"); owner != "1000:1000\n1000:1000" {
					return fmt.Errorf("the volume and its file belong to %q", owner)
				}
				b.fails(peer, "touch /in/new", "Read-only file system")
				return b.prints(peer, "cat /in/file", "kept")
			})),
		b.applied(plain+idle("dev", "development", data+"\nvariables = { A = \"1\" }"),
			replaced.AddStateValue("isolab_environment.dev", firstID),
			seen(func() error { return b.prints(dev, "cat /data/file", "kept") })),
	)
}

func TestAccEnvironmentFileSystems(t *testing.T) {
	b := onEngine(t)
	dev, testing := b.container("shop", "dev"), b.container("shop", "testing")
	project := strings.ReplaceAll(plain, `"development"`, `"testing"`)
	b.test(b.applied(project+idle("dev", "development", `tmpfs = { "/run" = "1MiB" }`)+idle("testing", "testing", `workspace = "/sources"`),
		seen(func() error {
			b.succeeds(dev, "dd if=/dev/zero of=/run/half bs=512k count=1")
			b.fails(dev, "dd if=/dev/zero of=/run/more bs=1M count=1", "No space left on device")
			b.succeeds(dev, "echo work >/workspace/file")
			b.fails(testing, "touch /sources/new", "Read-only file system")
			return b.prints(testing, "cat /sources/file", "work")
		})))
}

func TestAccEnvironmentReplicas(t *testing.T) {
	b := onEngine(t)
	const address = "isolab_environment.dev"
	containers := tfjsonpath.New("containers")
	first := statecheck.CompareValue(compare.ValuesSame())
	scaled := func(replicas int) resource.TestStep {
		return b.applied(plain+idle("dev", "development", fmt.Sprintf("replicas = %d", replicas)),
			first.AddStateValue(address, firstID),
			statecheck.ExpectKnownValue(address, containers, knownvalue.ListSizeExact(replicas)),
			seen(func() error {
				running, err := b.engine.Containers(t.Context(), map[string]string{"isolab.project": b.name("shop")})
				if err == nil && len(running) != replicas {
					err = fmt.Errorf("the engine holds %d containers instead of %d", len(running), replicas)
				}
				return err
			}))
	}
	b.test(scaled(1), scaled(3),
		b.repaired(func() { b.docker("rm", "--force", "isolab_PREFIX-shop_dev_2") }, plain+idle("dev", "development", "replicas = 3")),
		scaled(2))
}

// The egress network is there from the first environment that asks for it, and its absence keeps ports unpublished.
func TestAccEnvironmentEgressAndPublish(t *testing.T) {
	b := onEngine(t)
	network := "isolab_" + b.name("shop") + "_egress"
	const address = "isolab_environment.dev"
	b.test(
		b.applied(plain+idle("dev", "development", "egress = false"), seen(func() error {
			if networks := b.docker("network", "ls", "--format", "{{.Name}}", "--filter", "name="+network); networks != "" {
				return fmt.Errorf("an egress network nobody asked for: %s", networks)
			}
			return nil
		})),
		b.applied(serving(`publish = { web = { port = 8080 } }`),
			statecheck.ExpectKnownValue(address, tfjsonpath.New("published_ports").AtMapKey("web"), knownvalue.NotNull()),
			seen(func() error {
				if networks := b.docker("network", "ls", "--format", "{{.Name}}", "--filter", "name="+network); networks != network {
					return fmt.Errorf("the egress network is %q", networks)
				}
				return b.publishes(b.container("shop", "dev"))
			})),
	)
}

// publishes asks from the engine's own host, where loopback is the one that the port is published on.
func (b *bench) publishes(container string) error {
	found, err := b.engine.Container(b.Context(), container)
	if err != nil {
		return err
	}
	ports := found.Spec.Publish
	if len(ports) != 1 || ports[0].HostAddress != "127.0.0.1" || ports[0].HostPort == 0 {
		return fmt.Errorf("container %s publishes %+v", container, ports)
	}
	if output, ok := b.attempt("run", "--rm", "--network", "host", busybox, "sh", "-c", fetch("127.0.0.1", ports[0].HostPort)); !ok {
		return fmt.Errorf("port %d of the host's loopback does not answer: %s", ports[0].HostPort, output)
	}
	return nil
}

// An empty test switches a stack's check off, so nothing is waited for.
func TestAccEnvironmentWithoutHealthCheck(t *testing.T) {
	b := onEngine(t)
	project := strings.ReplaceAll(plain, `phase `, "stack       = \"node\"\n  phase ")
	b.test(b.applied(project+`
resource "isolab_environment" "dev" {
  project      = isolab_project.shop
  kind         = "development"
  health_check = { test = [] }
}
`, seen(func() error {
		found, err := b.engine.Container(t.Context(), b.container("shop", "development"))
		if err == nil && found.Health != (engine.Health{}) && found.Health.Status != "none" {
			err = errors.New("the container is checked: " + found.Health.Status)
		}
		return err
	})))
}

// prints reports when a shell line in a container prints anything else.
func (b *bench) prints(container, line, want string) error {
	if output := b.succeeds(container, line); output != want {
		return fmt.Errorf("in %s: %q printed %q instead of %q", container, line, output, want)
	}
	return nil
}
