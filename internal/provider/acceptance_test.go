package provider

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/isolab/terraform-provider-isolab/internal/docker"
	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/volume"
)

// fixtures are the images that scripts/fixtures.sh builds, in place of the public ones.
var fixtures = map[string]string{
	"node": "isolab-fixture/node:1", "react": "isolab-fixture/node:1", "python": "isolab-fixture/python:1", "php": "isolab-fixture/php:1",
	"static": "isolab-fixture/nginx:1", "gateway": "isolab-fixture/nginx:1",
	"postgres": "isolab-fixture/postgres:1", "mariadb": "isolab-fixture/mariadb:1", "redis": "isolab-fixture/redis:1", "registry": "isolab-fixture/registry:1",
	"prometheus": "isolab-fixture/prometheus:1",
}

// busybox is an image of 2 MB with a shell and httpd, for environments of no stack.
const busybox = "isolab-fixture/busybox:1"

// bench is one acceptance test's place on the engine: names of its own, and the engine itself to look at what the
// provider did and to do things behind its back. Every test runs in parallel with the others.
type bench struct {
	*testing.T
	engine *docker.Engine
	prefix string
}

// onEngine starts an acceptance test. Without TF_ACC it is skipped, as Terraform's convention has it; with TF_ACC and
// no engine it fails.
func onEngine(t *testing.T) *bench {
	t.Helper()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("set TF_ACC to test on a real engine")
	}
	t.Parallel()
	connected, err := docker.Connect(context.Background(), docker.Options{})
	if err != nil {
		t.Fatalf("Acceptance tests need an engine (make test starts one): %v", err)
	}
	t.Cleanup(connected.Close)
	b := &bench{T: t, engine: connected, prefix: "t" + strings.ToLower(rand.Text()[:6])}
	t.Cleanup(b.sweep)
	return b
}

// name makes a name that no other test uses.
func (b *bench) name(name string) string { return b.prefix + "-" + name }

// test runs steps against the real terraform and sees afterwards that the engine holds nothing of the test's.
func (b *bench) test(steps ...resource.TestStep) {
	b.Helper()
	resource.Test(b.T, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps:                    steps,
		CheckDestroy: func(*terraform.State) error {
			if left := b.leftovers(); len(left) > 0 {
				return fmt.Errorf("destroy left on the engine: %s", strings.Join(left, ", "))
			}
			return nil
		},
	})
}

var factories = map[string]func() (tfprotov6.ProviderServer, error){
	"isolab": providerserver.NewProtocol6WithError(New("test")()),
}

// config puts the provider block before a configuration. "PREFIX" in it becomes the test's prefix.
func (b *bench) config(configuration string) string {
	var images strings.Builder
	for _, key := range slices.Sorted(maps.Keys(fixtures)) {
		fmt.Fprintf(&images, "    %s = %q\n", key, fixtures[key])
	}
	return strings.ReplaceAll(fmt.Sprintf("provider \"isolab\" {\n  images = {\n%s  }\n}\n\n%s", images.String(), configuration), "PREFIX", b.prefix)
}

// docker runs Docker's own command line: what somebody does behind Terraform's back.
func (b *bench) docker(args ...string) string {
	b.Helper()
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "PREFIX", b.prefix)
	}
	output, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		b.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return strings.TrimSpace(string(output))
}

// attempt runs Docker's own command line where it may well fail, and answers with its output and whether it succeeded.
func (b *bench) attempt(args ...string) (string, bool) {
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "PREFIX", b.prefix)
	}
	output, err := exec.Command("docker", args...).CombinedOutput()
	return strings.TrimSpace(string(output)), err == nil
}

// host is the address on which the engine's published ports are reached.
func (b *bench) host() string {
	if remote, err := url.Parse(os.Getenv("DOCKER_HOST")); err == nil && remote.Scheme == "tcp" {
		return remote.Hostname()
	}
	return "127.0.0.1"
}

// port is one that nothing listens on.
func (b *bench) port() int {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		b.Fatalf("listening on %v", listener.Addr())
	}
	return address.Port
}

// leftovers names everything on the engine that carries the test's prefix.
func (b *bench) leftovers() []string {
	ctx := context.Background()
	snapshot, err := b.engine.Snapshot(ctx)
	if err != nil {
		return []string{err.Error()}
	}
	var names []string
	for _, item := range snapshot.Containers {
		if !strings.Contains(item.Name, b.prefix) {
			continue
		}
		// An engine may still list a container whose removal it has just confirmed.
		if found, err := b.engine.Container(ctx, item.ID); !errors.Is(err, engine.ErrNotFound) {
			names = append(names, fmt.Sprintf("container %s (%s, %v)", item.Name, found.State, err))
		}
	}
	for _, item := range snapshot.Networks {
		names = append(names, "network "+item.Name)
	}
	for _, item := range snapshot.Volumes {
		names = append(names, "volume "+item.Name)
	}
	return slices.DeleteFunc(names, func(name string) bool { return !strings.Contains(name, b.prefix) })
}

// sweep removes what a failed test left, whatever state it is in.
func (b *bench) sweep() {
	ctx := context.Background()
	snapshot, err := b.engine.Snapshot(ctx)
	for _, item := range snapshot.Containers {
		if strings.Contains(item.Name, b.prefix) {
			err = errors.Join(err, b.engine.RemoveContainer(ctx, item.ID))
		}
	}
	for _, item := range snapshot.Networks {
		if strings.Contains(item.Name, b.prefix) {
			for _, guest := range snapshot.Containers {
				err = errors.Join(err, b.engine.Disconnect(ctx, item.ID, guest.ID))
			}
			err = errors.Join(err, b.engine.RemoveNetwork(ctx, item.ID))
		}
	}
	for _, item := range snapshot.Volumes {
		if strings.Contains(item.Name, b.prefix) {
			err = errors.Join(err, volume.Sweep(ctx, b.engine, item.Name), b.engine.RemoveVolume(ctx, item.Name))
		}
	}
	if err != nil {
		b.Errorf("clean up: %v", err)
	}
}

// applied is a step that applies a configuration and looks at the state.
func (b *bench) applied(configuration string, checks ...statecheck.StateCheck) resource.TestStep {
	return resource.TestStep{Config: b.config(configuration), ConfigStateChecks: checks}
}

// planned is a step that applies a configuration whose plan is looked at first.
func (b *bench) planned(configuration string, checks ...plancheck.PlanCheck) resource.TestStep {
	return resource.TestStep{Config: b.config(configuration), ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: checks}}
}

// repaired is a step that does something behind Terraform's back, sees it in the plan of the unchanged configuration,
// and applies that plan. The framework itself then sees that the next plan is empty.
func (b *bench) repaired(behind func(), configuration string, checks ...plancheck.PlanCheck) resource.TestStep {
	step := b.planned(configuration, append(checks, plancheck.ExpectNonEmptyPlan())...)
	step.PreConfig = behind
	return step
}
