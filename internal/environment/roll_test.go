package environment_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/enginetest"
	"github.com/isolab/terraform-provider-isolab/internal/environment"
	"github.com/isolab/terraform-provider-isolab/internal/health"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/rolling"
)

// present are the names of an environment's containers and what they do: "isolab_shop_dev_1 running".
func present(t *testing.T, on *enginetest.Engine) []string {
	t.Helper()
	list, err := on.Containers(context.WithoutCancel(t.Context()), map[string]string{naming.LabelEnvironment: "dev"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, container := range list {
		names = append(names, container.Name+" "+string(container.State))
	}
	slices.Sort(names)
	return names
}

func changed() environment.Wanted {
	wanted := dev(lifecycle.Running)
	wanted.Command = []string{"serve", "better"}
	return wanted
}

// TestRoll sees, at the moment in which the visitors are led over, the new container in its place and the old one running.
func TestRoll(t *testing.T) {
	on := host(t)
	one := naming.Container("shop", "dev", 1)
	two := naming.Container("shop", "dev", 2)
	wanted := dev(lifecycle.Running)
	wanted.Replicas = 2
	before := create(t, on, wanted)
	wanted = changed()
	wanted.Replicas = 2
	var moves [][]string
	after, err := routed(on, &roads{moved: func() { moves = append(moves, present(t, on)) }}).Apply(t.Context(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	wantReplicas(t, on, after, lifecycle.Running, 2)
	for i := range 2 {
		if before.Containers[i].ID == after.Containers[i].ID {
			t.Errorf("replica %d was kept", i+1)
		}
	}
	want := [][]string{
		{one + " running", naming.Retired(one) + " running", two + " running"},
		{one + " running", two + " running", naming.Retired(two) + " running"},
	}
	if !slices.EqualFunc(moves, want, slices.Equal) {
		t.Errorf("moved at %q, want %q", moves, want)
	}
}

// fails makes every container unhealthy that is checked.
func fails(on *enginetest.Engine) {
	on.Check = func(id string) {
		on.Say(id, "listening on the wrong port\n")
		on.Announce(engine.Event{ContainerID: id, Action: "health_status: unhealthy"}, "connection refused")
	}
}

func TestRollBack(t *testing.T) {
	for _, strategy := range environment.Strategies() {
		t.Run(string(strategy), func(t *testing.T) {
			on := host(t)
			before := create(t, on, dev(lifecycle.Running))
			fails(on)
			wanted := changed()
			wanted.Update.Strategy = strategy
			now, err := routed(on, &roads{moved: func() { t.Error("visitors were moved") }}).Apply(t.Context(), wanted)
			var unhealthy *health.UnhealthyError
			if !errors.As(err, &unhealthy) || !strings.Contains(err.Error(), "was left in its place") || !strings.Contains(err.Error(), "listening on the wrong port") {
				t.Errorf("got %v", err)
			}
			if !slices.Equal(ids(before), ids(now)) || now.Status != lifecycle.Running || !slices.Equal(now.Command, []string{"serve"}) {
				t.Errorf("%+v became %+v", before, now)
			}
			if left := present(t, on); len(left) != 1 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// TestRollBackFails says both what failed and that going back did.
func TestRollBackFails(t *testing.T) {
	on := host(t)
	create(t, on, dev(lifecycle.Running))
	fails(on)
	on.Before = func(call, _ string) error {
		if call == "RemoveContainer" {
			return engine.ErrUnavailable
		}
		return nil
	}
	_, err := run(on).Apply(t.Context(), changed())
	var unhealthy *health.UnhealthyError
	if !errors.As(err, &unhealthy) || !errors.Is(err, engine.ErrUnavailable) || !strings.Contains(err.Error(), "roll back") {
		t.Errorf("got %v", err)
	}
	on.Before, on.Check = nil, nil
	wantReplicas(t, on, apply(t, on, changed()), lifecycle.Running, 1)
}

func TestWithoutRollBack(t *testing.T) {
	on := host(t)
	before := create(t, on, dev(lifecycle.Running))
	fails(on)
	wanted := changed()
	wanted.Update.Rollback = false
	now, err := run(on).Apply(t.Context(), wanted)
	var unhealthy *health.UnhealthyError
	if !errors.As(err, &unhealthy) {
		t.Errorf("got %v", err)
	}
	if len(now.Containers) != 1 || slices.Equal(ids(before), ids(now)) || !slices.Equal(now.Command, wanted.Command) {
		t.Errorf("%+v became %+v", before, now)
	}
	if left := present(t, on); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}

// TestRecreate never runs two containers of one replica.
func TestRecreate(t *testing.T) {
	on := host(t)
	create(t, on, dev(lifecycle.Running))
	wanted := changed()
	wanted.Update.Strategy = environment.Recreate
	on.Before = func(call, _ string) error {
		if call == "StartContainer" {
			for _, container := range present(t, on) {
				if strings.HasSuffix(container, " running") {
					t.Errorf("%s while another starts", container)
				}
			}
		}
		return nil
	}
	wantReplicas(t, on, apply(t, on, wanted), lifecycle.Running, 1)
}

// TestRollInterrupted cuts a roll off before each of its calls, as a killed process would: somebody who serves stands for
// the replica all the while, and the next apply ends the roll.
func TestRollInterrupted(t *testing.T) {
	killed := errors.New("killed")
	for cut := 1; ; cut++ {
		on := host(t)
		create(t, on, dev(lifecycle.Running))
		calls := 0
		on.Before = func(string, string) error {
			if calls++; calls >= cut {
				return killed
			}
			return nil
		}
		_, err := run(on).Apply(t.Context(), changed())
		on.Before = nil
		if err == nil {
			if cut < 10 {
				t.Errorf("a roll of %d calls", cut-1)
			}
			return
		}
		name := fmt.Sprintf("cut before call %d", cut)
		if !errors.Is(err, killed) {
			t.Errorf("%s: %v", name, err)
		}
		list, _ := on.Containers(t.Context(), map[string]string{naming.LabelEnvironment: "dev"})
		standing := rolling.Standing(list)
		if len(standing) != 1 || standing[0].State != engine.StateRunning {
			t.Errorf("%s: %v stand", name, standing)
		}
		now, err := run(on).Apply(t.Context(), changed())
		if err != nil {
			t.Errorf("%s: the next apply: %v", name, err)
		}
		wantReplicas(t, on, now, lifecycle.Running, 1)
		if left := present(t, on); len(left) != 1 || !slices.Equal(now.Command, changed().Command) {
			t.Errorf("%s: left %v with %v", name, left, now.Command)
		}
	}
}

// TestRollGivenUp finds a successor that nobody wants any more.
func TestRollGivenUp(t *testing.T) {
	on := host(t)
	before := create(t, on, dev(lifecycle.Running))
	on.Before = func(call, _ string) error {
		if call == "RenameContainer" {
			return engine.ErrUnavailable
		}
		return nil
	}
	if _, err := run(on).Apply(t.Context(), changed()); !errors.Is(err, engine.ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
	on.Before = nil
	found, err := run(on).Read(t.Context(), "shop", "dev")
	if err != nil || len(found.Drift) != 1 || !strings.Contains(found.Drift[0], naming.Successor(naming.Container("shop", "dev", 1))) {
		t.Errorf("drift is %q, %v", found.Drift, err)
	}
	now := apply(t, on, dev(lifecycle.Running))
	wantReplicas(t, on, now, lifecycle.Running, 1)
	if !slices.Equal(ids(before), ids(now)) {
		t.Errorf("%v became %v", ids(before), ids(now))
	}
}

// TestMoreReplicas keeps visitors from a replica that is not up, and takes it away when it does not come up.
func TestMoreReplicas(t *testing.T) {
	on := host(t)
	wanted := dev(lifecycle.Running)
	create(t, on, wanted)
	fails(on)
	wanted.Replicas = 2
	var unhealthy *health.UnhealthyError
	now, err := run(on).Apply(t.Context(), wanted)
	if !errors.As(err, &unhealthy) || len(now.Containers) != 1 || len(present(t, on)) != 1 {
		t.Errorf("%v; now %+v", err, now)
	}
	on.Check = func(id string) {
		if container, err := on.Container(t.Context(), id); err != nil || !strings.HasSuffix(container.Spec.Name, naming.SuccessorSuffix) {
			t.Errorf("container %s before it is up, %v", container.Spec.Name, err)
		}
		on.Announce(engine.Event{ContainerID: id, Action: "health_status: healthy"}, "")
	}
	wantReplicas(t, on, apply(t, on, wanted), lifecycle.Running, 2)
}

// TestFewerReplicas leads the visitors away before the containers end.
func TestFewerReplicas(t *testing.T) {
	on := host(t)
	wanted := dev(lifecycle.Running)
	wanted.Replicas = 3
	create(t, on, wanted)
	wanted.Replicas = 1
	moves := 0
	now, err := routed(on, &roads{moved: func() {
		moves++
		list, _ := on.Containers(t.Context(), map[string]string{naming.LabelEnvironment: "dev"})
		if standing := rolling.Standing(list); len(list) != 3 || len(standing) != 1 {
			t.Errorf("%d of %d stand", len(standing), len(list))
		}
	}}).Apply(t.Context(), wanted)
	if err != nil || moves != 1 {
		t.Errorf("moved %d times, %v", moves, err)
	}
	wantReplicas(t, on, now, lifecycle.Running, 1)
}

// TestRoutesThatDoNotMove keep what they lead to.
func TestRoutesThatDoNotMove(t *testing.T) {
	on := host(t)
	create(t, on, dev(lifecycle.Running))
	stuck := &roads{err: engine.ErrUnavailable}
	if _, err := routed(on, stuck).Apply(t.Context(), changed()); !errors.Is(err, engine.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if left := present(t, on); len(left) != 2 {
		t.Errorf("the former container was removed while routes lead to it: %v", left)
	}
	wantReplicas(t, on, apply(t, on, changed()), lifecycle.Running, 1)
	if left := present(t, on); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}

// TestMemoryBelowUse refuses a limit that a container exceeds already, before anything is changed.
func TestMemoryBelowUse(t *testing.T) {
	on := host(t)
	wanted := dev(lifecycle.Running)
	wanted.Replicas = 2
	before := create(t, on, wanted)
	on.Use(ids(before)[1], 600<<20)
	wanted.Limits.CPUs, wanted.Limits.Memory = 0.5, 512<<20
	now, err := run(on).Apply(t.Context(), wanted)
	var refused *environment.MemoryError
	if !errors.As(err, &refused) || refused.Use != 600<<20 || !strings.Contains(err.Error(), "600MiB") || !strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("got %v", err)
	}
	if now.Limits != dev("").Limits || on.Calls("UpdateLimits") != 0 {
		t.Errorf("the limits are %+v", now.Limits)
	}
	wanted.Status = lifecycle.Stopped
	wantReplicas(t, on, apply(t, on, wanted), lifecycle.Stopped, 2)
}
