package provider

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/isolab/terraform-provider-isolab/internal/docker"
	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// daemon is a second engine on this machine, in a network of its own so that its firewall rules are its own, which a test
// may restart.
type daemon struct {
	*testing.T
	folder  string
	process *exec.Cmd
}

// ownEngine starts one that holds images, and ends it with the test.
func ownEngine(t *testing.T, images ...string) *daemon {
	t.Helper()
	for _, program := range []string{"dockerd", "unshare", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("this test starts an engine of its own, which takes %s: install docker.io, util-linux and curl (%v)", program, err)
		}
	}
	d := &daemon{T: t, folder: t.TempDir()}
	t.Cleanup(d.stop) // before the folder is removed
	d.start()
	save := exec.Command("docker", append([]string{"save"}, images...)...)
	load := exec.Command("docker", "--host", d.host(), "load")
	var failed error
	if load.Stdin, failed = save.StdoutPipe(); failed == nil {
		failed = save.Start()
	}
	if failed != nil {
		t.Fatal(failed)
	}
	if output, err := load.CombinedOutput(); err != nil {
		t.Fatalf("load the images: %v\n%s", err, output)
	}
	if err := save.Wait(); err != nil {
		t.Fatalf("save the images: %v", err)
	}
	return d
}

func (d *daemon) host() string { return "unix://" + filepath.Join(d.folder, "sock") }

// start returns when the engine answers.
func (d *daemon) start() {
	d.Helper()
	log, err := os.OpenFile(filepath.Join(d.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		d.Fatal(err)
	}
	defer log.Close()
	d.process = exec.Command("unshare", "--net", "dockerd", "--data-root", filepath.Join(d.folder, "data"), "--exec-root", filepath.Join(d.folder, "exec"),
		"--pidfile", filepath.Join(d.folder, "pid"), "--host", d.host(), "--bridge", "none")
	d.process.Stdout, d.process.Stderr = log, log
	d.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := d.process.Start(); err != nil {
		d.Fatal(err)
	}
	if err := exec.Command("curl", "--silent", "--output", os.DevNull, "--retry", "60", "--retry-delay", "1", "--retry-all-errors",
		"--unix-socket", filepath.Join(d.folder, "sock"), "http://engine/_ping").Run(); err != nil {
		said, _ := os.ReadFile(filepath.Join(d.folder, "log"))
		d.Fatalf("the engine does not answer: %v\n%s", err, said)
	}
}

// stop ends the engine as an operating system does when it shuts down: the containers end with it.
func (d *daemon) stop() {
	d.Helper()
	if err := d.process.Process.Signal(syscall.SIGTERM); err != nil {
		d.Errorf("stop the engine: %v", err)
	}
	_ = d.process.Wait()
}

// states are what an engine's containers do, by name: "c0ffee running".
func (d *daemon) states() map[string]string {
	d.Helper()
	on, err := docker.Connect(context.Background(), docker.Options{Host: d.host()})
	if err != nil {
		d.Fatal(err)
	}
	defer on.Close()
	containers, err := on.Containers(context.Background(), nil)
	if err != nil {
		d.Fatal(err)
	}
	found := map[string]string{}
	for _, container := range containers {
		now, err := on.Container(context.Background(), container.ID)
		if err != nil {
			d.Fatal(err)
		}
		state := string(now.State)
		if now.State == engine.StateCreated {
			state = string(engine.StateExited) // never started, or no longer: both are stopped
		}
		found[container.Name] = container.ID[:12] + " " + state
	}
	return found
}

// everyPhase is a project in each phase with environments of each kind that sleep in each way, and the routes to them.
const everyPhase = required + `
provider "isolab" {
  host   = "HOST"
  images = { gateway = "isolab-fixture/nginx:1" }
}

locals {
  phases = ["created", "planning", "development", "testing", "deployment", "paused", "failed"]
  environments = { for set in setproduct(local.phases, ["development", "testing", "deployment"], ["stop", "freeze"]) :
    join("-", set) => { phase = set[0], kind = set[1], hibernation = set[2] } }
}

resource "isolab_gateway" "edge" {
  name      = "edge"
  http_port = 8080
}

resource "isolab_project" "in" {
  for_each    = toset(local.phases)
  name        = each.key
  phase       = each.key
  data_policy = "delete"
}

resource "isolab_environment" "of" {
  for_each    = local.environments
  project     = isolab_project.in[each.value.phase]
  name        = "${each.value.kind}-${each.value.hibernation}"
  kind        = each.value.kind
  image       = "isolab-fixture/busybox:1"
  command     = ["httpd", "-f", "-p", "3000", "-h", "/"]
  port        = 3000
  egress      = false
  hibernation = each.value.hibernation
  limits      = { cpus = 0.5, memory = "64MiB" }
}

resource "isolab_route" "to" {
  for_each    = toset(local.phases)
  gateway     = isolab_gateway.edge.name
  project     = isolab_project.in[each.key]
  environment = isolab_environment.of["${each.key}-development-stop"].name
}
`

// TestAccEngineRestart restarts the engine under projects in every phase: nothing has to be planned afterwards, and
// nothing that slept is awake.
func TestAccEngineRestart(t *testing.T) {
	onEngine(t) // its images are needed
	d := ownEngine(t, busybox, fixtures["gateway"])
	w := workspace{folder: t.TempDir(), settings: program(t)}
	if err := w.write("main.tf", strings.ReplaceAll(everyPhase, "HOST", d.host())); err != nil {
		t.Fatal(err)
	}
	must := func(args ...string) {
		t.Helper()
		if _, err := w.run(args...); err != nil {
			t.Fatal(err)
		}
	}
	must("apply", "-auto-approve")
	must("plan", "-detailed-exitcode")
	before := d.states()
	d.stop()
	d.start()
	must("plan", "-detailed-exitcode")
	after := d.states()
	for name, was := range before {
		// What was frozen has lost its memory with the engine: it sleeps on, as one that was stopped.
		if want := strings.Replace(was, "paused", "exited", 1); after[name] != want {
			t.Errorf("container %s was %q and is %q", name, was, after[name])
		}
	}
	if len(after) != len(before) || len(before) < 15 {
		t.Errorf("%d containers became %d", len(before), len(after))
	}
	if err := w.write("main.tf", strings.NewReplacer("HOST", d.host(), "phase       = each.key", `phase       = each.key == "paused" ? "created" : each.key`).Replace(everyPhase)); err != nil {
		t.Fatal(err)
	}
	must("apply", "-auto-approve")
	must("plan", "-detailed-exitcode")
	must("destroy", "-auto-approve")
	if left := d.states(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
