package stack_test

import (
	"context"
	"crypto/rand"
	"maps"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/docker"
	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/stack"
	"github.com/isolab/terraform-provider-isolab/internal/volume"
)

// fixtures are the images built from Debian packages that stand in for the public ones.
var fixtures = map[string]string{
	"node":   "isolab-fixture/node:1",
	"php":    "isolab-fixture/php:1",
	"python": "isolab-fixture/python:1",
	"react":  "isolab-fixture/node:1",
	"static": "isolab-fixture/nginx:1",
}

// Every scaffold starts in every kind of environment: sealed off, unprivileged, on a read-only root, nothing installed.
func TestAccScaffoldStarts(t *testing.T) {
	if os.Getenv("TF_ACC") == "" {
		t.Skip("set TF_ACC to test on a real engine")
	}
	on, err := docker.Connect(t.Context(), docker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(on.Close)

	namespace := "stack-" + strings.ToLower(rand.Text()[:8])
	network, err := on.CreateNetwork(t.Context(), engine.NetworkSpec{
		Name: naming.Network(namespace), Internal: true, Labels: map[string]string{naming.LabelProject: namespace},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cleanUp(t, on.RemoveNetwork, network) })

	for _, name := range stack.Names() {
		for _, kind := range lifecycle.EnvironmentKinds() {
			t.Run(name+"/"+string(kind), func(t *testing.T) {
				t.Parallel()
				s, _ := stack.Get(name)
				start(t, on, s, kind, namespace, network)
			})
		}
	}
}

// start runs a stack's command as an environment of that kind does, and asks what it serves.
func start(t *testing.T, on *docker.Engine, s stack.Stack, kind lifecycle.Kind, namespace, network string) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	labels := map[string]string{naming.LabelProject: namespace}

	workspace, err := on.CreateVolume(ctx, naming.Volume(namespace, s.Name+"-"+string(kind)), labels)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cleanUp(t, on.RemoveVolume, workspace.Name) })
	if err := volume.Write(ctx, on, workspace.Name, 1000, s.Scaffold()); err != nil {
		t.Fatal(err)
	}

	variables := map[string]string{
		"ISOLAB_PROJECT":     namespace,
		"ISOLAB_ENVIRONMENT": string(kind),
		"ISOLAB_BASE_PATH":   naming.RoutePath(namespace),
		"PORT":               strconv.Itoa(s.Port),
	}
	maps.Copy(variables, s.Variables)
	// Engines older than API 1.44 ignore StartInterval and would look after ten seconds for the first time.
	health := s.Health
	health.Interval = time.Second
	container, err := on.CreateContainer(ctx, engine.ContainerSpec{
		Name:            naming.Container(namespace, s.Name+"-"+string(kind), 1),
		Image:           fixtures[s.Name],
		Command:         s.Commands[kind],
		WorkingDir:      "/workspace",
		User:            "1000:1000",
		Env:             variables,
		Labels:          labels,
		Health:          &health,
		Limits:          engine.Limits{CPUs: 1, Memory: 512 << 20, Pids: 256},
		ReadOnly:        true,
		Init:            true,
		CapDrop:         []string{"ALL"},
		NoNewPrivileges: true,
		Mounts:          []engine.Mount{{Volume: workspace.Name, Path: "/workspace", ReadOnly: kind != lifecycle.KindDevelopment}},
		Tmpfs:           map[string]string{"/tmp": "rw,noexec,nosuid,nodev,size=67108864"},
		Restart:         "no",
		Networks:        []engine.Endpoint{{Network: network}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cleanUp(t, on.RemoveContainer, container) })

	happened, failed := on.Events(ctx, container)
	if err := on.StartContainer(ctx, container); err != nil {
		t.Fatal(err)
	}
	for healthy := false; !healthy; {
		select {
		case event := <-happened:
			healthy = event.Action == "health_status: healthy"
			if event.Action == "die" || event.Action == "health_status: unhealthy" {
				observed, _ := on.Container(ctx, container)
				logs, _ := on.Logs(ctx, container, 20)
				t.Fatalf("%s\nhealth: %s\nlogs:\n%s", event.Action, observed.Health.Output, logs)
			}
		case err := <-failed:
			t.Fatal(err)
		}
	}

	// The health check fails on any answer but 200, so without "healthz" in its address it asks the same of the page.
	page := make([]string, len(s.Health.Test)-1)
	for i, argument := range s.Health.Test[1:] {
		page[i] = strings.Replace(argument, "healthz", "", 1)
	}
	if result, err := on.Exec(ctx, container, page); err != nil || result.ExitCode != 0 {
		t.Errorf("the page: exit code %d, %v\n%s", result.ExitCode, err, result.Output)
	}

	if err := on.StopContainer(ctx, container, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	observed, err := on.Container(ctx, container)
	if err != nil {
		t.Fatal(err)
	}
	if observed.ExitCode == 137 {
		t.Error("the server did not end on SIGTERM and had to be killed")
	}
}

// cleanUp removes an object after the test, when the test's own context has ended.
func cleanUp(t *testing.T, remove func(context.Context, string) error, object string) {
	if err := remove(context.Background(), object); err != nil {
		t.Error(err)
	}
}
