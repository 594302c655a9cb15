package environment_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/enginetest"
	"github.com/isolab/terraform-provider-isolab/internal/environment"
	"github.com/isolab/terraform-provider-isolab/internal/hardening"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/network"
	"github.com/isolab/terraform-provider-isolab/internal/project"
	"github.com/isolab/terraform-provider-isolab/internal/subnet"
)

// run is what one run of Terraform works with on an engine without gateways.
func run(on *enginetest.Engine) *environment.Environments { return routed(on, &roads{}) }

// routed is the same with routes.
func routed(on *enginetest.Engine, routes environment.Routes) *environment.Environments {
	pool := subnet.Pool{CIDR: netip.MustParsePrefix("10.0.0.0/24"), PrefixLength: 26}
	log := hclog.NewNullLogger()
	return environment.New(on, project.New(on, network.NewAllocator(on, pool), log), routes, log)
}

// roads stand for the gateways' routes.
type roads struct {
	moved func() // before each answer to Move
	err   error
}

func (r *roads) Follow(context.Context, string, string) error { return r.err }

func (r *roads) Move(context.Context, string, string) error {
	if r.moved != nil {
		r.moved()
	}
	return r.err
}

// host is an engine that holds the project shop.
func host(t *testing.T) *enginetest.Engine {
	t.Helper()
	on := enginetest.New()
	pool := subnet.Pool{CIDR: netip.MustParsePrefix("10.0.0.0/24"), PrefixLength: 26}
	projects := project.New(on, network.NewAllocator(on, pool), hclog.NewNullLogger())
	if _, err := projects.Create(t.Context(), project.Wanted{Namespace: "shop", Phase: lifecycle.Planning}); err != nil {
		t.Fatal(err)
	}
	return on
}

func dev(status lifecycle.Status) environment.Wanted {
	return environment.Wanted{
		Spec: environment.Spec{
			Namespace: "shop", Name: "dev", Kind: lifecycle.KindDevelopment, Image: "node:22", Command: []string{"serve"}, Port: 3000,
			User: hardening.User, ReadOnly: true, Workspace: "/workspace", Hibernation: lifecycle.Stop,
			Limits: engine.Limits{CPUs: 1, Memory: 1 << 30, Pids: 256, Shm: 64 << 20},
			Health: &engine.HealthCheck{Test: []string{"CMD", "true"}},
		},
		Replicas: 1, Status: status, PullPolicy: engine.PullMissing,
		Update: environment.Update{Strategy: environment.Rolling, WaitForHealthy: true, Rollback: true},
	}
}

func create(t *testing.T, on *enginetest.Engine, wanted environment.Wanted) environment.Environment {
	t.Helper()
	made, err := run(on).Create(t.Context(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func apply(t *testing.T, on *enginetest.Engine, wanted environment.Wanted) environment.Environment {
	t.Helper()
	now, err := run(on).Apply(t.Context(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// wantReplicas checks an answer and what is read afterwards: a status, a number of containers, no drift.
func wantReplicas(t *testing.T, on *enginetest.Engine, now environment.Environment, status lifecycle.Status, replicas int) {
	t.Helper()
	found, err := run(on).Read(t.Context(), "shop", "dev")
	if status == lifecycle.Absent {
		if now.Status != lifecycle.Absent || len(now.Containers) > 0 || !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("answered %+v; read %v; want nothing there", now, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, seen := range []environment.Environment{now, found} {
		if seen.Status != status || len(seen.Containers) != replicas || len(seen.Drift) > 0 {
			t.Errorf("%s with %d containers, drift %q; want %s with %d", seen.Status, len(seen.Containers), seen.Drift, status, replicas)
		}
	}
	addresses := map[string]bool{}
	for _, container := range found.Containers {
		addresses[container.Address] = true
	}
	if len(addresses) != replicas {
		t.Errorf("%d containers on the addresses %v", replicas, addresses)
	}
}

func ids(found environment.Environment) []string {
	var list []string
	for _, container := range found.Containers {
		list = append(list, container.ID)
	}
	return list
}

func TestCreate(t *testing.T) {
	on := host(t)
	made := create(t, on, dev(lifecycle.Running))
	wantReplicas(t, on, made, lifecycle.Running, 1)
	if made.ImageDigest != "sha256:digest-of-node:22" || made.Containers[0].Name != naming.Container("shop", "dev", 1) {
		t.Errorf("made %+v", made)
	}
	container, err := on.Container(t.Context(), made.Containers[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	spec := container.Spec
	if !spec.ReadOnly || !spec.Init || !spec.NoNewPrivileges || spec.User != "1000:1000" || !slices.Equal(spec.CapDrop, []string{"ALL"}) || len(spec.CapAdd) > 0 {
		t.Errorf("not hardened: %+v", spec)
	}
	if !strings.Contains(spec.Tmpfs["/tmp"], "noexec") || spec.Limits != dev("").Limits || spec.Env["PORT"] != "3000" {
		t.Errorf("tmpfs %v, limits %+v, variables %v", spec.Tmpfs, spec.Limits, spec.Env)
	}
	if len(spec.Networks) != 1 || spec.Networks[0].Network != naming.Network("shop") || spec.Networks[0].Aliases[0] != naming.Alias("shop", "dev") {
		t.Errorf("on the networks %+v", spec.Networks)
	}
}

// TestCreateAdopts takes over what an interrupted creation of the same environment left, and nothing else.
func TestCreateAdopts(t *testing.T) {
	on := host(t)
	made := create(t, on, dev(lifecycle.Stopped))
	again := create(t, on, dev(lifecycle.Running))
	if !slices.Equal(ids(made), ids(again)) {
		t.Errorf("made %v, then %v", ids(made), ids(again))
	}
	other := dev(lifecycle.Running)
	other.Command = []string{"another"}
	if _, err := run(on).Create(t.Context(), other); !errors.Is(err, environment.ErrExists) || !strings.Contains(err.Error(), "shop/dev") {
		t.Errorf("got %v", err)
	}
	wantReplicas(t, on, again, lifecycle.Running, 1)
}

// TestStatusTransitions goes from each status to each, and keeps the container wherever there is one.
func TestStatusTransitions(t *testing.T) {
	statuses := []lifecycle.Status{lifecycle.Absent, lifecycle.Stopped, lifecycle.Frozen, lifecycle.Running}
	for _, from := range statuses {
		for _, to := range statuses {
			t.Run(string(from)+" to "+string(to), func(t *testing.T) {
				on := host(t)
				wanted := dev(from)
				wanted.Replicas = 2
				before := apply(t, on, wanted)
				wanted.Status = to
				after := apply(t, on, wanted)
				wantReplicas(t, on, after, to, 2)
				if from != lifecycle.Absent && to != lifecycle.Absent && !slices.Equal(ids(before), ids(after)) {
					t.Errorf("the containers %v became %v", ids(before), ids(after))
				}
				calls := on.Calls("")
				wantReplicas(t, on, apply(t, on, wanted), to, 2)
				if changes := on.Calls("StartContainer") + on.Calls("CreateContainer isolab_"); to == lifecycle.Absent && from == lifecycle.Absent && changes != 0 {
					t.Errorf("%d changes in %d calls for nothing", changes, calls)
				}
			})
		}
	}
}

func TestReplicas(t *testing.T) {
	on := host(t)
	wanted := dev(lifecycle.Running)
	first := create(t, on, wanted)
	wanted.Replicas = 3
	three := apply(t, on, wanted)
	wantReplicas(t, on, three, lifecycle.Running, 3)
	wanted.Replicas = 2
	two := apply(t, on, wanted)
	wantReplicas(t, on, two, lifecycle.Running, 2)
	if ids(three)[0] != ids(first)[0] || !slices.Equal(ids(two), ids(three)[:2]) {
		t.Errorf("%v, then %v, then %v", ids(first), ids(three), ids(two))
	}
	if err := run(on).Delete(t.Context(), "shop", "dev"); err != nil {
		t.Fatal(err)
	}
	wantReplicas(t, on, environment.Environment{Status: lifecycle.Absent}, lifecycle.Absent, 0)
}

func TestLimitsChangeLive(t *testing.T) {
	on := host(t)
	wanted := dev(lifecycle.Running)
	before := create(t, on, wanted)
	wanted.Limits.CPUs, wanted.Limits.Memory, wanted.Limits.Pids = 0.5, 1<<29, 64
	after := apply(t, on, wanted)
	if !slices.Equal(ids(before), ids(after)) || after.Limits != wanted.Limits {
		t.Errorf("%v became %v with limits %+v", ids(before), ids(after), after.Limits)
	}
	if starts := on.Calls("StartContainer"); starts != 1 {
		t.Errorf("started %d times", starts)
	}
}

func TestVolumesAreMadeOnceAndStay(t *testing.T) {
	on := host(t)
	wanted := dev(lifecycle.Running)
	wanted.Volumes = map[string]environment.Volume{"data": {Path: "/data"}}
	wantReplicas(t, on, create(t, on, wanted), lifecycle.Running, 1)
	if root := on.Files(naming.Volume("shop", "data"))[""]; root.Owner != 1000 {
		t.Errorf("the volume belongs to %d", root.Owner)
	}
	writes := on.Calls("WriteArchive")
	apply(t, on, wanted)
	if again := on.Calls("WriteArchive") - writes; again != 0 {
		t.Errorf("written to %d times more", again)
	}
	if err := run(on).Delete(t.Context(), "shop", "dev"); err != nil {
		t.Fatal(err)
	}
	if on.Files(naming.Volume("shop", "data")) == nil {
		t.Error("the project's volume went with the environment")
	}
}

// TestReadNeverTakesAnErrorForGone fails each call that reading makes.
func TestReadNeverTakesAnErrorForGone(t *testing.T) {
	on := host(t)
	create(t, on, dev(lifecycle.Running))
	for _, method := range []string{"Snapshot", "Container"} {
		on.Before = func(call, _ string) error {
			if call == method {
				return engine.ErrUnavailable
			}
			return nil
		}
		if _, err := run(on).Read(t.Context(), "shop", "dev"); !errors.Is(err, engine.ErrUnavailable) || errors.Is(err, engine.ErrNotFound) {
			t.Errorf("%s: %v", method, err)
		}
	}
	on.Before = nil
	if _, err := run(on).Read(context.Background(), "shop", "test"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("an environment that is not there: %v", err)
	}
}
