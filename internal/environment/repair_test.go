package environment_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/enginetest"
	"github.com/isolab/terraform-provider-isolab/internal/environment"
	"github.com/isolab/terraform-provider-isolab/internal/health"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

func TestChangesThatReplace(t *testing.T) {
	for name, change := range map[string]func(*environment.Wanted){
		"image":     func(w *environment.Wanted) { w.Image = "node:24" },
		"command":   func(w *environment.Wanted) { w.Command = []string{"other"} },
		"variables": func(w *environment.Wanted) { w.Variables = map[string]string{"A": "b"} },
		"egress":    func(w *environment.Wanted) { w.Egress = true },
		"shm":       func(w *environment.Wanted) { w.Limits.Shm = 1 << 20 },
		"labels":    func(w *environment.Wanted) { w.Labels = map[string]string{"team": "blue"} },
	} {
		t.Run(name, func(t *testing.T) {
			on := host(t)
			wanted := dev(lifecycle.Running)
			before := create(t, on, wanted)
			change(&wanted)
			after := apply(t, on, wanted)
			wantReplicas(t, on, after, lifecycle.Running, 1)
			if slices.Equal(ids(before), ids(after)) {
				t.Error("the container was kept")
			}
			if before.Containers[0].Address == after.Containers[0].Address || before.Containers[0].Name != after.Containers[0].Name {
				t.Errorf("%+v became %+v", before.Containers[0], after.Containers[0])
			}
		})
	}
}

// TestDriftAndRepair changes one thing of a container at a time behind Terraform's back.
func TestDriftAndRepair(t *testing.T) {
	for _, test := range []struct {
		name, says string
		replaced   bool
		damage     func(*engine.Container)
	}{
		{"foreign network", "is on network foreign", false, func(c *engine.Container) {
			c.Spec.Networks = append(c.Spec.Networks, engine.Endpoint{Network: "foreign"})
		}},
		{"lost network", "is not on network isolab_shop", true, func(c *engine.Container) { c.Spec.Networks = nil }},
		{"other address", "is not on network isolab_shop", true, func(c *engine.Container) { c.Spec.Networks[0].Address = "10.0.0.40" }},
		{"foreign name", "answers to the name web.other.isolab", true, func(c *engine.Container) {
			c.Spec.Networks[0].Aliases = append(slices.Clone(c.Spec.Networks[0].Aliases), "web.other.isolab")
		}},
		{"capability", "added capabilities", true, func(c *engine.Container) { c.Spec.CapAdd = []string{"NET_ADMIN"} }},
		{"writable root", "read-only root", true, func(c *engine.Container) { c.Spec.ReadOnly = false }},
		{"privileged", "privileged mode", true, func(c *engine.Container) { c.Unexpected = []string{"privileged mode"} }},
		{"restart policy", "restart policy", false, func(c *engine.Container) { c.Spec.Restart = "no" }},
		{"renamed", "should be called", false, func(c *engine.Container) { c.Spec.Name = "else" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			on := host(t)
			if _, err := on.CreateNetwork(t.Context(), engine.NetworkSpec{Name: "foreign"}); err != nil {
				t.Fatal(err)
			}
			made := create(t, on, dev(lifecycle.Running))
			on.Change(ids(made)[0], test.damage)
			found, err := run(on).Read(t.Context(), "shop", "dev")
			if err != nil || len(found.Drift) == 0 || !strings.Contains(strings.Join(found.Drift, "\n"), test.says) {
				t.Errorf("drift is %q, %v; want %q", found.Drift, err, test.says)
			}
			repaired := apply(t, on, dev(lifecycle.Running))
			wantReplicas(t, on, repaired, lifecycle.Running, 1)
			if replaced := !slices.Equal(ids(made), ids(repaired)); replaced != test.replaced {
				t.Errorf("replaced: %v", replaced)
			}
		})
	}
}

func TestStoppedAndRemovedByHand(t *testing.T) {
	on := host(t)
	wanted := dev(lifecycle.Running)
	wanted.Replicas = 2
	made := create(t, on, wanted)
	if err := on.StopContainer(t.Context(), ids(made)[0], 0); err != nil {
		t.Fatal(err)
	}
	if found, err := run(on).Read(t.Context(), "shop", "dev"); err != nil || found.Status != lifecycle.Stopped {
		t.Errorf("read %s, %v", found.Status, err)
	}
	if err := on.RemoveContainer(t.Context(), ids(made)[1]); err != nil {
		t.Fatal(err)
	}
	repaired := apply(t, on, wanted)
	wantReplicas(t, on, repaired, lifecycle.Running, 2)
	if ids(repaired)[0] != ids(made)[0] {
		t.Error("a stopped container was replaced instead of started")
	}
}

// TestAddressConflict lets another run take the address between the creation and the start.
func TestAddressConflict(t *testing.T) {
	on := host(t)
	taken := ""
	on.Before = func(call, id string) error {
		if call != "StartContainer" || taken != "" {
			return nil
		}
		container, err := on.Container(t.Context(), id)
		if err != nil {
			return err
		}
		taken = container.Spec.Networks[0].Address
		other, err := on.CreateContainer(t.Context(), engine.ContainerSpec{
			Name: "faster", Image: "node:22", Networks: []engine.Endpoint{{Network: naming.Network("shop"), Address: taken}},
		})
		if err != nil {
			return err
		}
		return on.StartContainer(t.Context(), other)
	}
	made := create(t, on, dev(lifecycle.Running))
	if len(made.Containers) != 1 || made.Status != lifecycle.Running || made.Containers[0].Address == taken {
		t.Errorf("made %+v beside a container on %s", made.Containers, taken)
	}
	if left, _ := on.Containers(t.Context(), map[string]string{naming.LabelEnvironment: "dev"}); len(left) != 1 {
		t.Errorf("%d containers: the one without an address was left behind", len(left))
	}
}

// TestNetworkExistsTwice lets the engine end a killed apply's making of a network just before a container starts.
func TestNetworkExistsTwice(t *testing.T) {
	for _, name := range []string{naming.Network("shop"), naming.EgressNetwork("shop")} {
		t.Run(name, func(t *testing.T) {
			on := host(t)
			ended := false
			on.Before = func(call, _ string) error {
				if call != "StartContainer" || ended {
					return nil
				}
				ended = true
				networks, err := on.Networks(t.Context(), map[string]string{naming.LabelProject: "shop"})
				for _, first := range networks {
					if first.Name == name {
						_, err = on.CreateNetwork(t.Context(), engine.NetworkSpec{
							Name: name, Subnet: netip.MustParsePrefix("10.250.0.0/28"), Internal: first.Internal, Labels: first.Labels,
						})
					}
				}
				return err
			}
			wanted := dev(lifecycle.Running)
			wanted.Egress = true
			if made := create(t, on, wanted); made.Status != lifecycle.Running || !ended {
				t.Errorf("made %+v", made)
			}
			if left, _ := on.Networks(t.Context(), map[string]string{naming.LabelProject: "shop"}); len(left) != 2 {
				t.Errorf("left are %v", left)
			}
		})
	}
}

// TestNotHealthy ends the first health check in each way that is not healthy.
func TestNotHealthy(t *testing.T) {
	for _, test := range []struct{ action, reason string }{
		{"health_status: unhealthy", "is unhealthy"},
		{"die", "exit code 3"},
		{"oom", "memory limit of 1073741824 bytes"},
	} {
		t.Run(test.action, func(t *testing.T) {
			on := host(t)
			on.Check = func(id string) {
				on.Say(id, "listening on the wrong port\n")
				on.Announce(engine.Event{ContainerID: id, Action: test.action, ExitCode: "3"}, "connection refused")
			}
			now, err := run(on).Create(t.Context(), dev(lifecycle.Running))
			var unhealthy *health.UnhealthyError
			if !errors.As(err, &unhealthy) || !strings.Contains(unhealthy.Reason, test.reason) {
				t.Fatalf("got %v", err)
			}
			for _, says := range []string{"shop/dev", "  connection refused", "  listening on the wrong port"} {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("%q does not say %q", err, says)
				}
			}
			if len(now.Containers) != 1 {
				t.Errorf("the answer does not tell what is there: %+v", now)
			}
		})
	}
}

func TestHealthyLater(t *testing.T) {
	on := host(t)
	on.Check = func(id string) {
		on.Announce(engine.Event{ContainerID: id, Action: "exec_start: true"}, "")
		on.Announce(engine.Event{ContainerID: id, Action: "health_status: healthy"}, "")
	}
	wantReplicas(t, on, create(t, on, dev(lifecycle.Running)), lifecycle.Running, 1)
}

func TestNotWaitingForHealth(t *testing.T) {
	on := host(t)
	on.Check = func(string) {} // for ever starting
	wanted := dev(lifecycle.Running)
	wanted.Update.WaitForHealthy = false
	wantReplicas(t, on, create(t, on, wanted), lifecycle.Running, 1)
}

// TestInterrupted cancels the caller at two moments: the answer still tells what is on the engine.
func TestInterrupted(t *testing.T) {
	t.Run("waiting for health", func(t *testing.T) {
		on := host(t)
		ctx, cancel := context.WithCancel(t.Context())
		on.Check = func(string) { cancel() }
		now, err := run(on).Create(ctx, dev(lifecycle.Running))
		var unhealthy *health.UnhealthyError
		if !errors.As(err, &unhealthy) || !strings.Contains(unhealthy.Reason, "context canceled") {
			t.Errorf("got %v", err)
		}
		wantLeft(t, now, lifecycle.Running)
	})
	t.Run("while it rolls", func(t *testing.T) {
		on := host(t)
		before := create(t, on, dev(lifecycle.Running))
		ctx, cancel := context.WithCancel(t.Context())
		on.Check = func(string) { cancel() }
		now, err := run(on).Apply(ctx, changed())
		if !errors.Is(err, context.Canceled) || !slices.Equal(ids(before), ids(now)) || len(present(t, on)) != 1 {
			t.Errorf("%v; %+v became %+v", err, before, now)
		}
	})
	t.Run("before anything", func(t *testing.T) {
		on := host(t)
		ctx, cancel := context.WithCancel(t.Context())
		on.Before = func(call, _ string) error {
			if call == "EnsureImage" {
				cancel()
			}
			return nil
		}
		if now, err := run(on).Create(ctx, dev(lifecycle.Running)); !errors.Is(err, context.Canceled) || len(now.Containers) > 0 {
			t.Errorf("made %+v, %v", now, err)
		}
	})
	t.Run("before the start", func(t *testing.T) {
		on := host(t)
		ctx, cancel := context.WithCancel(t.Context())
		on.Before = func(call, _ string) error {
			if call == "StartContainer" {
				cancel()
			}
			return nil
		}
		now, err := run(on).Create(ctx, dev(lifecycle.Running))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		// A container is not left half-way: it was made and started, and only not waited for.
		wantLeft(t, now, lifecycle.Running)
		on.Before = nil
		wantReplicas(t, on, create(t, on, dev(lifecycle.Running)), lifecycle.Running, 1)
	})
}

func wantLeft(t *testing.T, now environment.Environment, status lifecycle.Status) {
	t.Helper()
	if now.Status != status || len(now.Containers) != 1 || now.Containers[0].ID == "" {
		t.Errorf("the answer is %+v, want one container that is %s", now, status)
	}
}

// TestWithoutItsProject finds that there is no network to stand in, and leaves nothing.
func TestWithoutItsProject(t *testing.T) {
	on := enginetest.New()
	if _, err := run(on).Create(t.Context(), dev(lifecycle.Running)); !errors.Is(err, engine.ErrNotFound) || !strings.Contains(err.Error(), "shop") {
		t.Errorf("got %v", err)
	}
	if left, _ := on.Containers(t.Context(), nil); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestEndsAtOnce starts a container that nothing checks, and that ends when it was seen running, for good or to be started
// again by the engine.
func TestEndsAtOnce(t *testing.T) {
	for _, again := range []bool{false, true} {
		on := host(t)
		looks := 0
		on.Before = func(call, id string) error {
			if call != "Container" {
				return nil
			}
			switch looks++; {
			case looks == 2: // after the one that waits for its health
				return on.StopContainer(t.Context(), id, 0)
			case looks == 3 && again:
				return on.StartContainer(t.Context(), id)
			}
			return nil
		}
		_, err := run(on).Create(t.Context(), dev(lifecycle.Running))
		var unhealthy *health.UnhealthyError
		if !errors.As(err, &unhealthy) || !strings.Contains(unhealthy.Reason, "right after its start") || strings.Contains(unhealthy.Reason, "again") != again {
			t.Errorf("got %v", err)
		}
	}
}
