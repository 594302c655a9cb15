package project_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/enginetest"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/project"
	"github.com/isolab/terraform-provider-isolab/internal/secret"
)

func key(t *testing.T, projects *project.Projects) secret.Key {
	t.Helper()
	found, err := projects.Key(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestKeyIsMadeOnce asks for it from two runs at a time, and from a third one later.
func TestKeyIsMadeOnce(t *testing.T) {
	on := enginetest.New()
	create(t, on, shop(lifecycle.Development))
	runs := []*project.Projects{run(on), run(on)}
	found := make([]secret.Key, 10)
	var group sync.WaitGroup
	for i := range found {
		group.Go(func() { found[i] = key(t, runs[i%2]) })
	}
	group.Wait()
	last := key(t, run(on))
	for _, other := range found {
		if string(other) != string(last) {
			t.Fatal("two keys of one project")
		}
	}
	if left, _ := on.Containers(t.Context(), map[string]string{naming.LabelRole: naming.RoleLock}); len(left) > 0 {
		t.Errorf("left locked by %v", left)
	}
	volumes, _ := on.Volumes(t.Context(), map[string]string{naming.LabelProject: "shop"})
	for _, volume := range volumes {
		for label, value := range volume.Labels {
			if strings.Contains(value, string(found[0])) {
				t.Errorf("label %s of volume %s shows the key", label, volume.Name)
			}
		}
	}
	if found := read(t, on); len(found.Drift) > 0 {
		t.Errorf("drift %q", found.Drift)
	}
}

func TestKeyNeedsAProject(t *testing.T) {
	if _, err := run(enginetest.New()).Key(t.Context(), "shop"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// TestKeyOfAKilledRun finds the volume without the file.
func TestKeyOfAKilledRun(t *testing.T) {
	on := enginetest.New()
	create(t, on, shop(lifecycle.Development))
	written := errors.New("killed")
	interrupt(on, &written, "WriteArchive")
	if _, err := run(on).Key(t.Context(), "shop"); !errors.Is(err, written) {
		t.Fatalf("got %v", err)
	}
	on.Before = nil
	if first, second := key(t, run(on)), key(t, run(on)); string(first) != string(second) {
		t.Error("two keys of one project")
	}
}

// TestKeyRefusesWhatIsNotOne never makes another in its place: every password would change.
func TestKeyRefusesWhatIsNotOne(t *testing.T) {
	on := enginetest.New()
	create(t, on, shop(lifecycle.Development))
	key(t, run(on))
	fill(t, on, naming.Key("shop"), "key")
	if _, err := run(on).Key(t.Context(), "shop"); !errors.Is(err, secret.ErrNoKey) {
		t.Errorf("got %v", err)
	}
}

// TestKeyRefusesAForeignVolume finds its name taken.
func TestKeyRefusesAForeignVolume(t *testing.T) {
	on := enginetest.New()
	create(t, on, shop(lifecycle.Development))
	if _, err := on.CreateVolume(t.Context(), naming.Key("shop"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := run(on).Key(t.Context(), "shop"); !errors.Is(err, engine.ErrConflict) || !strings.Contains(err.Error(), "docker volume rm") {
		t.Errorf("got %v", err)
	}
}

// TestKeyGoesWithItsProject also when the data stays: the databases get new passwords when they are found again.
func TestKeyGoesWithItsProject(t *testing.T) {
	on := enginetest.New()
	create(t, on, shop(lifecycle.Development))
	projects := run(on)
	first := key(t, projects)
	retained, err := projects.Delete(t.Context(), "shop", project.Retain)
	if err != nil || len(retained) != 1 || retained[0] != naming.Workspace("shop") {
		t.Fatalf("retained %q, %v", retained, err)
	}
	if _, err := projects.Create(t.Context(), shop(lifecycle.Development)); err != nil {
		t.Fatal(err)
	}
	if second := key(t, projects); string(first) == string(second) {
		t.Error("the key outlived its project")
	}
}
