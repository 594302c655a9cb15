package environment_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/enginetest"
	"github.com/isolab/terraform-provider-isolab/internal/environment"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/network"
	"github.com/isolab/terraform-provider-isolab/internal/project"
	"github.com/isolab/terraform-provider-isolab/internal/quota"
	"github.com/isolab/terraform-provider-isolab/internal/subnet"
)

// bound changes the quota of the project shop, which is at a revision.
func bound(t *testing.T, on *enginetest.Engine, revision int, to quota.Quota) {
	t.Helper()
	projects := project.New(on, network.NewAllocator(on, subnet.Pool{}), hclog.NewNullLogger())
	if _, err := projects.Update(t.Context(), revision, project.Wanted{Namespace: "shop", Phase: lifecycle.Planning, Quota: to}); err != nil {
		t.Fatal(err)
	}
}

func named(name string) environment.Wanted {
	wanted := dev(lifecycle.Running)
	wanted.Name = name
	return wanted
}

// TestQuotaRace lets two runs create an environment each at the same moment, of which only one fits.
func TestQuotaRace(t *testing.T) {
	for range 20 {
		on := host(t)
		bound(t, on, 1, quota.Quota{Memory: 3 << 29}) // of one environment and a half
		failures := make([]error, 2)
		var both sync.WaitGroup
		for i, name := range []string{"dev", "other"} {
			both.Go(func() { _, failures[i] = run(on).Create(t.Context(), named(name)) })
		}
		both.Wait()
		var exceeded *quota.ExceededError
		if err := errors.Join(failures...); !errors.As(err, &exceeded) || failures[0] != nil && failures[1] != nil {
			t.Fatalf("got %v", failures)
		}
		for _, says := range []string{"shop/dev", "shop/other", "2GiB", "1.5GiB"} {
			if !strings.Contains(exceeded.Error(), says) {
				t.Errorf("%q does not say %q", exceeded, says)
			}
		}
		list, err := on.Containers(t.Context(), nil)
		if err != nil || len(list) != 1 {
			t.Fatalf("%d containers, %v", len(list), err)
		}
	}
}

func TestQuota(t *testing.T) {
	on := host(t)
	bound(t, on, 1, quota.Quota{CPUs: 2, Pids: 1024, Environments: 2})
	wanted := named("dev")
	wanted.Replicas = 2
	first := create(t, on, wanted)
	wantReplicas(t, on, first, lifecycle.Running, 2)
	exceeds := func(wanted environment.Wanted, resources ...quota.Resource) {
		t.Helper()
		_, err := run(on).Apply(t.Context(), wanted)
		var exceeded *quota.ExceededError
		if !errors.As(err, &exceeded) || !slices.Equal(exceeded.Exceeded, resources) {
			t.Errorf("got %v, want %v exceeded", err, resources)
		}
	}
	exceeds(named("other"), quota.CPUs)

	more := wanted
	more.Limits.CPUs = 1.1
	exceeds(more, quota.CPUs)
	found, err := run(on).Read(t.Context(), "shop", "dev")
	if err != nil || found.Limits.CPUs != 1 || on.Calls("UpdateLimits") != 0 {
		t.Errorf("limits %+v were changed, %v", found.Limits, err)
	}
	other := wanted
	other.Command = []string{"changed"} // asks for no more: rolls
	wantReplicas(t, on, apply(t, on, other), lifecycle.Running, 2)

	less := other
	less.Replicas = 1
	wantReplicas(t, on, apply(t, on, less), lifecycle.Running, 1)
	apply(t, on, named("other")) // fits now
	exceeds(named("third"), quota.CPUs, quota.Environments)

	bound(t, on, 2, quota.Quota{CPUs: 1})
	apply(t, on, less) // what is there goes on
	exceeds(other, quota.CPUs)
	bound(t, on, 3, quota.Quota{})
	wantReplicas(t, on, apply(t, on, other), lifecycle.Running, 2)
}

// TestMoreReplicasWithinTheQuota keeps visitors from a replica that was reserved and is not up.
func TestMoreReplicasWithinTheQuota(t *testing.T) {
	on := host(t)
	bound(t, on, 1, quota.Quota{CPUs: 3})
	wanted := dev(lifecycle.Running)
	before := create(t, on, wanted)
	wanted.Replicas, wanted.Limits.CPUs = 2, 1.5
	now := apply(t, on, wanted)
	wantReplicas(t, on, now, lifecycle.Running, 2)
	if ids(before)[0] != ids(now)[0] || now.Limits.CPUs != 1.5 {
		t.Errorf("%+v became %+v", before, now)
	}
}

// TestQuotaErrors fails every call of an admission: nothing is admitted, the lock is given back.
func TestQuotaErrors(t *testing.T) {
	for cut := 1; ; cut++ {
		on := host(t)
		bound(t, on, 1, quota.Quota{CPUs: 2})
		create(t, on, named("other"))
		calls, fired := 0, false
		on.Before = func(call, _ string) error {
			if call == "StartContainer" {
				calls = -1 << 20 // the admission is over
			}
			if calls++; calls == cut {
				fired = true
				return engine.ErrUnavailable
			}
			return nil
		}
		_, err := run(on).Create(t.Context(), named("dev"))
		on.Before = nil
		if !fired {
			if cut < 8 || err != nil {
				t.Errorf("an admission of %d calls, %v", cut-1, err)
			}
			return
		}
		if err == nil {
			continue // a call that is made again, or that tidies up
		}
		if !errors.Is(err, engine.ErrUnavailable) {
			t.Errorf("call %d: %v", cut, err)
		}
		if _, err := run(on).Create(t.Context(), named("dev")); err != nil {
			t.Errorf("after call %d failed: %v", cut, err)
		}
	}
}

func TestCommitted(t *testing.T) {
	on := host(t)
	wanted := dev(lifecycle.Stopped)
	wanted.Replicas = 2
	create(t, on, wanted)
	total, err := run(on).Committed(t.Context())
	if want := (quota.Demand{Containers: 2, CPUs: 2, Memory: 2 << 30, Pids: 512}); err != nil || total != want {
		t.Errorf("got %+v, %v; want %+v", total, err, want)
	}
}
