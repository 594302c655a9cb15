package provider

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// landscape is a bit of everything: a gateway, projects in several phases, environments that run and that do not, routes.
const landscape = required + `
variable "greeting" { default = "hello" }

resource "isolab_gateway" "edge" {
  name      = "PREFIX-edge"
  http_port = PORT
}

resource "isolab_project" "all" {
  for_each    = { shop = "testing", blog = "development" }
  name        = "PREFIX-${each.key}"
  phase       = each.value
  data_policy = "delete"
}

locals {
  environments = { for pair in setproduct(["shop", "blog"], ["development", "testing"]) : join("-", pair) => pair }
}

resource "isolab_environment" "all" {
  for_each  = local.environments
  project   = isolab_project.all[each.value[0]]
  kind      = each.value[1]
  image     = "isolab-fixture/busybox:1"
  command   = ["sh", "-c", "mkdir -p /tmp/www; echo $GREETING > /tmp/www/index.html; exec httpd -f -p 3000 -h /tmp/www"]
  port      = 3000
  variables = { GREETING = var.greeting }
  volumes   = { data = { path = "/data" } }
  health_check = { test = ["CMD", "wget", "-qO-", "http://127.0.0.1:3000"], interval = "1s", retries = 5 }
}

resource "isolab_route" "all" {
  for_each    = toset(["shop", "blog"])
  gateway     = isolab_gateway.edge.name
  project     = isolab_project.all[each.key]
  environment = isolab_environment.all["${each.key}-development"].name
}
`

// strike starts terraform and does something to it at the moment in which the engine announces its n-th change of the
// test's objects; false when it came to its end before. Terraform runs in a process group of its own, its provider with it.
func (b *bench) strike(w workspace, n int, signal func(terraform int) error, args ...string) (string, bool) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	events := exec.CommandContext(ctx, "docker", "events", "--format", "{{.Type}} {{.Action}} {{.Actor.Attributes}}")
	stream, err := events.StdoutPipe()
	if err == nil {
		err = events.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	command := w.command(args...)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var said strings.Builder
	command.Stdout, command.Stderr = &said, &said
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	reached := make(chan struct{})
	go func() {
		lines := bufio.NewScanner(stream)
		for seen := 0; lines.Scan(); {
			if strings.Contains(lines.Text(), b.prefix) {
				if seen++; seen == n {
					close(reached)
				}
			}
		}
		_ = events.Wait()
	}()
	select {
	case <-reached:
		if err := signal(command.Process.Pid); err != nil && !errors.Is(err, syscall.ESRCH) {
			b.Errorf("signal terraform: %v", err)
		}
		if err := <-ended; err == nil {
			return said.String(), false // too late: it was done
		}
		return said.String(), true
	case err := <-ended:
		if err != nil {
			b.Errorf("terraform %v: %v\n%s", args, err, said.String())
		}
		return said.String(), false
	}
}

// pressed is what Ctrl-C does: terraform and its providers get the signal.
func pressed(terraform int) error { return syscall.Kill(-terraform, syscall.SIGINT) }

// killed ends the provider alone, without a chance to say anything.
func killed(terraform int) error {
	processes, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		return err
	}
	for _, process := range processes {
		id, err := strconv.Atoi(filepath.Base(filepath.Dir(process)))
		if err != nil {
			return err
		}
		name, unread := os.ReadFile(process) // the kernel keeps the first 15 characters
		group, gone := syscall.Getpgid(id)
		if unread == nil && gone == nil && group == terraform && strings.HasPrefix("terraform-provider-isolab", strings.TrimSpace(string(name))) && id != terraform {
			return syscall.Kill(id, syscall.SIGKILL)
		}
	}
	return syscall.ESRCH // it has just ended
}

// TestAccInterrupted interrupts and kills applies, updates and destructions at many moments. The next one always completes
// them, nothing is tainted by an interruption, and in the end nothing is left.
func TestAccInterrupted(t *testing.T) {
	b := onEngine(t)
	settings := program(t)
	configuration := strings.ReplaceAll(b.config(landscape), "PORT", fmt.Sprint(b.port()))
	w := workspace{folder: t.TempDir(), settings: settings}
	if err := w.write("main.tf", configuration); err != nil {
		t.Fatal(err)
	}
	complete := func(moment string, args ...string) {
		t.Helper()
		if _, err := w.run(append([]string{"apply", "-auto-approve"}, args...)...); err != nil {
			t.Fatalf("after %s: %v", moment, err)
		}
		if _, err := w.run(append([]string{"plan", "-detailed-exitcode"}, args...)...); err != nil {
			t.Fatalf("after %s, the plan is not empty: %v", moment, err)
		}
	}
	for _, round := range []struct {
		name   string
		signal func(int) error
		at     []int // how many changes the engine has announced by then; a creation makes about 60
	}{
		{"Ctrl-C", pressed, []int{9, 33}},
		{"kill", killed, []int{2, 20, 40}},
	} {
		name, signal := round.name, round.signal
		for _, n := range round.at {
			moment := fmt.Sprintf("%s at change %d of a creation", name, n)
			said, struck := b.strike(w, n, signal, "apply", "-auto-approve")
			if !struck {
				t.Errorf("%s: it came to its end", moment)
			}
			if name == "Ctrl-C" {
				if shown, err := w.run("show"); err != nil || strings.Contains(shown, "(tainted)") {
					t.Errorf("%s: %v\n%s\n%s", moment, err, shown, said)
				}
			}
			complete(moment)

			moment = fmt.Sprintf("%s at change %d of a roll", name, n)
			b.strike(w, n, signal, "apply", "-auto-approve", "-var=greeting=welcome")
			complete(moment, "-var=greeting=welcome")

			moment = fmt.Sprintf("%s at change %d of a destruction", name, n)
			b.strike(w, n, signal, "destroy", "-auto-approve", "-var=greeting=welcome")
			if _, err := w.run("destroy", "-auto-approve"); err != nil {
				t.Fatalf("after %s: %v", moment, err)
			}
			if left := b.leftovers(); len(left) > 0 {
				t.Fatalf("after %s: left on the engine: %s", moment, strings.Join(left, ", "))
			}
		}
	}
}
