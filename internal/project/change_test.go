package project_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/enginetest"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/project"
	"github.com/isolab/terraform-provider-isolab/internal/volume"
)

// fill writes a file into a volume.
func fill(t *testing.T, on *enginetest.Engine, name, file string) {
	t.Helper()
	if err := volume.Write(t.Context(), on, name, volume.Owner, map[string][]byte{file: []byte("mine")}); err != nil {
		t.Fatal(err)
	}
}

// attach runs a container with labels on a project's network and answers with its id.
func attach(t *testing.T, on *enginetest.Engine, name string, labels map[string]string) string {
	t.Helper()
	if _, err := on.EnsureImage(t.Context(), "image", engine.PullMissing); err != nil {
		t.Fatal(err)
	}
	id, err := on.CreateContainer(t.Context(), engine.ContainerSpec{
		Name: name, Image: "image", Labels: labels, Networks: []engine.Endpoint{{Network: naming.Network("shop")}},
	})
	if err == nil {
		err = on.StartContainer(t.Context(), id)
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func environmentLabels() map[string]string {
	return map[string]string{naming.LabelRole: naming.RoleEnvironment, naming.LabelProject: "shop", naming.LabelEnvironment: "dev"}
}

func TestUpdateWithoutAChangeWritesNothing(t *testing.T) {
	on := enginetest.New()
	create(t, on, shop(lifecycle.Development))
	before := on.Calls("Create")
	if _, err := run(on).Update(t.Context(), 1, shop(lifecycle.Development)); err != nil {
		t.Fatal(err)
	}
	if made := on.Calls("Create") - before; made != 0 {
		t.Errorf("%d objects were made", made)
	}
	wantHealthy(t, on, lifecycle.Development, 1)
}

func TestUpdateRefusesATransition(t *testing.T) {
	on := enginetest.New()
	create(t, on, shop(lifecycle.Development))
	_, err := run(on).Update(t.Context(), 1, shop(lifecycle.Created))
	var refused *lifecycle.TransitionError
	if !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
	wantHealthy(t, on, lifecycle.Development, 1)
}

func TestUpdateAtAnotherRevision(t *testing.T) {
	on := enginetest.New()
	create(t, on, shop(lifecycle.Planning))
	if _, err := run(on).Update(t.Context(), 1, shop(lifecycle.Development)); err != nil {
		t.Fatal(err)
	}
	if _, err := run(on).Update(t.Context(), 1, shop(lifecycle.Paused)); !errors.Is(err, project.ErrChanged) {
		t.Errorf("got %v", err)
	}
	wantHealthy(t, on, lifecycle.Development, 2)
}

// TestTwoWritersRace lets another run write the next revision after this one has read the last.
func TestTwoWritersRace(t *testing.T) {
	on := enginetest.New()
	create(t, on, shop(lifecycle.Planning))
	raced := false
	on.Before = func(call, object string) error {
		if call == "CreateVolume" && object == naming.Record("shop", 2) && !raced {
			raced = true
			if _, err := run(on).Update(t.Context(), 1, shop(lifecycle.Testing)); err != nil {
				t.Errorf("the faster run: %v", err)
			}
		}
		return nil
	}
	if _, err := run(on).Update(t.Context(), 1, shop(lifecycle.Paused)); !errors.Is(err, project.ErrChanged) {
		t.Errorf("the slower run: %v", err)
	}
	wantHealthy(t, on, lifecycle.Testing, 2)
}

func TestFailed(t *testing.T) {
	for _, policy := range []project.DataPolicy{project.Retain, project.Delete} {
		t.Run(string(policy), func(t *testing.T) {
			on := enginetest.New()
			wanted := shop(lifecycle.Development)
			wanted.DataPolicy = policy
			create(t, on, wanted)
			attach(t, on, naming.Container("shop", "dev", 1), environmentLabels())
			data := naming.Volume("shop", "data")
			labels := map[string]string{naming.LabelRole: naming.RoleVolume, naming.LabelProject: "shop"}
			if _, err := on.CreateVolume(t.Context(), data, labels); err != nil {
				t.Fatal(err)
			}
			wanted.Phase = lifecycle.Failed
			if _, err := run(on).Update(t.Context(), 1, wanted); err != nil {
				t.Fatal(err)
			}
			wantHealthy(t, on, lifecycle.Failed, 2)
			if left, _ := on.Containers(t.Context(), nil); len(left) > 0 {
				t.Errorf("still there: %v", left)
			}
			kept := policy == project.Retain
			if _, there := on.Files(naming.Workspace("shop"))["package.json"]; there != kept {
				t.Errorf("the workspace's files kept: %v", there)
			}
			if there := on.Files(data) != nil; there != kept {
				t.Errorf("the data kept: %v", there)
			}
			wanted.Phase = lifecycle.Planning
			if _, err := run(on).Update(t.Context(), 2, wanted); err != nil {
				t.Errorf("a fresh start: %v", err)
			}
		})
	}
}

// TestDriftAndRepair breaks one thing at a time behind Terraform's back.
func TestDriftAndRepair(t *testing.T) {
	for _, test := range []struct {
		name, says string
		damage     func(t *testing.T, on *enginetest.Engine, made project.Project) error
	}{
		{"network gone", "internal network isolab_shop is missing", func(t *testing.T, on *enginetest.Engine, _ project.Project) error {
			networks, _ := on.Networks(t.Context(), nil)
			return on.RemoveNetwork(t.Context(), networks[0].ID)
		}},
		{"workspace gone", "workspace volume isolab_shop_workspace is missing", func(t *testing.T, on *enginetest.Engine, made project.Project) error {
			return on.RemoveVolume(t.Context(), made.Workspace)
		}},
		{"record gone", "record is missing", func(t *testing.T, on *enginetest.Engine, _ project.Project) error {
			return on.RemoveVolume(t.Context(), naming.Record("shop", 1))
		}},
		{"stranger attached", "container stranger, which is not the project's, is attached", func(t *testing.T, on *enginetest.Engine, _ project.Project) error {
			attach(t, on, "stranger", map[string]string{naming.LabelProject: "other"})
			return nil
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			on := enginetest.New()
			made := create(t, on, shop(lifecycle.Development))
			if err := test.damage(t, on, made); err != nil {
				t.Fatal(err)
			}
			if drift := read(t, on).Drift; len(drift) != 1 || !strings.Contains(drift[0], test.says) {
				t.Errorf("drift is %q, want %q", drift, test.says)
			}
			repaired, err := run(on).Update(t.Context(), 1, shop(lifecycle.Development))
			if err != nil {
				t.Fatal(err)
			}
			wantHealthy(t, on, lifecycle.Development, repaired.Revision)
			if on.Files(repaired.Workspace)["package.json"].Content == "" {
				t.Error("the workspace is not scaffolded")
			}
		})
	}
}

func TestGatewaysAreNoStrangers(t *testing.T) {
	on := enginetest.New()
	create(t, on, shop(lifecycle.Development))
	id := attach(t, on, naming.Gateway("edge"), map[string]string{naming.LabelRole: naming.RoleGateway})
	if drift := read(t, on).Drift; len(drift) > 0 {
		t.Errorf("drift is %q", drift)
	}
	if _, err := run(on).Delete(t.Context(), "shop", project.Delete); err != nil {
		t.Fatal(err)
	}
	if gateway, err := on.Container(t.Context(), id); err != nil || len(gateway.Spec.Networks) > 0 || gateway.State != engine.StateRunning {
		t.Errorf("the gateway is %+v, %v", gateway, err)
	}
}

func TestDeleteIsBlocked(t *testing.T) {
	on := enginetest.New()
	create(t, on, shop(lifecycle.Development))
	attach(t, on, naming.Container("shop", "dev", 1), environmentLabels())
	attach(t, on, "stranger", nil)
	before := on.Calls("Remove") + on.Calls("Disconnect")
	_, err := run(on).Delete(t.Context(), "shop", project.Delete)
	var blocked *project.BlockedError
	if !errors.As(err, &blocked) || blocked.Namespace != "shop" || len(blocked.Blockers) != 2 {
		t.Fatalf("got %v", err)
	}
	for _, says := range []string{"environment shop/dev", naming.Container("shop", "dev", 1), "docker network disconnect isolab_shop stranger", "Nothing was removed"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%q does not say %q", err, says)
		}
	}
	if removed := on.Calls("Remove") + on.Calls("Disconnect") - before; removed != 0 {
		t.Errorf("%d objects were removed", removed)
	}
}

func TestDelete(t *testing.T) {
	for _, policy := range []project.DataPolicy{project.Retain, project.Delete} {
		t.Run(string(policy), func(t *testing.T) {
			on := enginetest.New()
			made := create(t, on, shop(lifecycle.Development))
			if _, err := run(on).Egress(t.Context(), "shop"); err != nil {
				t.Fatal(err)
			}
			fill(t, on, made.Workspace, "mine.txt")
			retained, err := run(on).Delete(t.Context(), "shop", policy)
			if err != nil {
				t.Fatal(err)
			}
			snapshot, _ := on.Snapshot(t.Context())
			if len(snapshot.Networks) > 0 || len(snapshot.Containers) > 0 {
				t.Errorf("left behind: %+v", snapshot)
			}
			if _, err := run(on).Read(t.Context(), "shop"); !errors.Is(err, engine.ErrNotFound) {
				t.Errorf("read after the deletion: %v", err)
			}
			if policy == project.Delete {
				if len(retained) > 0 || len(snapshot.Volumes) > 0 {
					t.Errorf("retained %v, left behind %v", retained, snapshot.Volumes)
				}
				return
			}
			if !slices.Equal(retained, []string{made.Workspace}) || len(snapshot.Volumes) != 1 {
				t.Errorf("retained %v, the engine holds %v", retained, snapshot.Volumes)
			}
			create(t, on, shop(lifecycle.Development))
			if on.Files(made.Workspace)["mine.txt"].Content != "mine" {
				t.Error("the next life of the namespace lost the retained data")
			}
		})
	}
}

// TestDeleteContinues interrupts a deletion before each kind of step; the next one finishes it.
func TestDeleteContinues(t *testing.T) {
	for _, method := range []string{"RemoveNetwork", "RemoveVolume", "Volumes"} {
		on := enginetest.New()
		create(t, on, shop(lifecycle.Development))
		broken := engine.ErrUnavailable
		interrupt(on, &broken, method)
		if _, err := run(on).Delete(t.Context(), "shop", project.Delete); !errors.Is(err, engine.ErrUnavailable) {
			t.Errorf("%s: %v", method, err)
		}
		broken = nil
		if found := read(t, on); found.Revision != 1 {
			t.Errorf("%s: the record went first", method)
		}
		for range 2 { // once more, when it is all gone
			if _, err := run(on).Delete(t.Context(), "shop", project.Delete); err != nil {
				t.Errorf("%s: %v", method, err)
			}
		}
		if snapshot, _ := on.Snapshot(t.Context()); len(snapshot.Volumes)+len(snapshot.Networks) > 0 {
			t.Errorf("%s: left behind %+v", method, snapshot)
		}
	}
}
