package project_test

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/enginetest"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/network"
	"github.com/isolab/terraform-provider-isolab/internal/project"
	"github.com/isolab/terraform-provider-isolab/internal/stack"
	"github.com/isolab/terraform-provider-isolab/internal/subnet"
)

// run is what one run of Terraform works with on an engine.
func run(on *enginetest.Engine) *project.Projects {
	pool := subnet.Pool{CIDR: netip.MustParsePrefix("10.0.0.0/24"), PrefixLength: 26}
	return project.New(on, network.NewAllocator(on, pool), hclog.NewNullLogger())
}

func shop(phase lifecycle.Phase) project.Wanted {
	return project.Wanted{
		Namespace: "shop", Stack: "node", Phase: phase, DataPolicy: project.Retain, Labels: map[string]string{"team": "blue"},
	}
}

func create(t *testing.T, on *enginetest.Engine, wanted project.Wanted) project.Project {
	t.Helper()
	made, err := run(on).Create(t.Context(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func read(t *testing.T, on *enginetest.Engine) project.Project {
	t.Helper()
	found, err := run(on).Read(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// wantHealthy checks that the shop stands in a phase at a revision and lacks nothing.
func wantHealthy(t *testing.T, on *enginetest.Engine, phase lifecycle.Phase, revision int) {
	t.Helper()
	const namespace = "shop"
	found := read(t, on)
	if found.Phase() != phase || found.Revision != revision || len(found.Drift) > 0 ||
		found.Network != naming.Network(namespace) || !found.Subnet.IsValid() || found.Workspace != naming.Workspace(namespace) {
		t.Errorf("project is %+v; want phase %s, revision %d, nothing missing", found, phase, revision)
	}
	records, err := on.Volumes(t.Context(), map[string]string{naming.LabelProject: namespace, naming.LabelRole: naming.RoleRecord})
	if err != nil || len(records) != 1 {
		t.Errorf("%d records, %v; want the newest alone", len(records), err)
	}
}

// interrupt makes every call of a method fail while *broken is set.
func interrupt(on *enginetest.Engine, broken *error, methods ...string) {
	on.Before = func(call, _ string) error {
		if slices.Contains(methods, call) {
			return *broken
		}
		return nil
	}
}

func TestCreate(t *testing.T) {
	on := enginetest.New()
	made := create(t, on, shop(lifecycle.Testing))
	wantHealthy(t, on, lifecycle.Testing, 1)
	found := read(t, on)
	if found.Subnet != made.Subnet || found.Stack != "node" || found.DataPolicy != project.Retain || !maps.Equal(found.Labels, made.Labels) {
		t.Errorf("made %+v, read back %+v", made, found)
	}
	var entered []string
	for _, entry := range found.History {
		entered = append(entered, string(entry.Phase))
	}
	if got := strings.Join(entered, " "); got != "created planning development testing" {
		t.Errorf("the history is %s", got)
	}
	snapshot, _ := on.Snapshot(t.Context())
	for _, item := range snapshot.Networks {
		if !item.Internal || item.Labels["team"] != "blue" || item.Labels[naming.LabelProject] != "shop" {
			t.Errorf("network %+v", item)
		}
	}
	if len(snapshot.Containers) > 0 {
		t.Errorf("left behind: %v", snapshot.Containers)
	}
}

// TestScaffold shows when a workspace gets the stack's files: on entering development, while it is empty.
func TestScaffold(t *testing.T) {
	on := enginetest.New()
	create(t, on, shop(lifecycle.Planning))
	files := on.Files(naming.Workspace("shop"))
	if len(files) != 1 || files[""].Owner != 1000 {
		t.Errorf("in planning the workspace holds %v", files)
	}
	if _, err := run(on).Update(t.Context(), 1, shop(lifecycle.Development)); err != nil {
		t.Fatal(err)
	}
	chosen, _ := stack.Get("node")
	files = on.Files(naming.Workspace("shop"))
	for name, content := range chosen.Scaffold() {
		if files[name].Content != string(content) || files[name].Owner != 1000 {
			t.Errorf("%s is not scaffolded", name)
		}
	}

	// What people wrote is left alone, also where a file of the scaffold is missing by now.
	other := create(t, on, project.Wanted{Namespace: "blog", Stack: "node", Phase: lifecycle.Planning})
	fill(t, on, other.Workspace, "mine.txt")
	if _, err := run(on).Update(t.Context(), 1, project.Wanted{Namespace: "blog", Stack: "node", Phase: lifecycle.Development}); err != nil {
		t.Fatal(err)
	}
	if files := on.Files(other.Workspace); len(files) != 2 || files["mine.txt"].Content != "mine" {
		t.Errorf("the workspace holds %v", files)
	}
}

func TestCreateRefusesWhatExists(t *testing.T) {
	on := enginetest.New()
	create(t, on, shop(lifecycle.Development))
	_, err := run(on).Create(t.Context(), shop(lifecycle.Deployment))
	if !errors.Is(err, project.ErrExists) || !strings.Contains(err.Error(), "shop") {
		t.Errorf("got %v", err)
	}
	wantHealthy(t, on, lifecycle.Development, 1)
}

func TestCreateRefusesAForeignVolume(t *testing.T) {
	on := enginetest.New()
	if _, err := on.CreateVolume(t.Context(), naming.Workspace("shop"), nil); err != nil {
		t.Fatal(err)
	}
	_, err := run(on).Create(t.Context(), shop(lifecycle.Planning))
	if !errors.Is(err, engine.ErrConflict) || !strings.Contains(err.Error(), "docker volume rm "+naming.Workspace("shop")) {
		t.Errorf("got %v", err)
	}
}

// TestCreateContinues interrupts a creation before each kind of step; the next run finishes it with what it wants.
func TestCreateContinues(t *testing.T) {
	for _, method := range []string{"ImportImage", "WriteArchive", "ReadArchive", "CreateNetwork"} {
		t.Run(method, func(t *testing.T) {
			on := enginetest.New()
			broken := engine.ErrUnavailable
			interrupt(on, &broken, method)
			made, err := run(on).Create(t.Context(), shop(lifecycle.Development))
			if !errors.Is(err, engine.ErrUnavailable) || made.Namespace != "shop" {
				t.Fatalf("made %+v, %v", made, err)
			}
			broken = nil
			wanted := shop(lifecycle.Testing)
			wanted.Labels = map[string]string{"team": "red"}
			if again := create(t, on, wanted); again.Revision != 2 || again.Labels["team"] != "red" {
				t.Errorf("continued as %+v", again)
			}
			found := read(t, on)
			if found.Revision != 2 || found.Phase() != lifecycle.Testing || len(found.Drift) > 0 {
				t.Errorf("read %+v", found)
			}
			if chosen, _ := stack.Get("node"); len(on.Files(found.Workspace)) <= len(chosen.Scaffold()) {
				t.Errorf("the workspace holds %d files", len(on.Files(found.Workspace)))
			}
		})
	}
}

// TestReadNeverTakesAnErrorForGone fails every call that reading makes.
func TestReadNeverTakesAnErrorForGone(t *testing.T) {
	on := enginetest.New()
	create(t, on, shop(lifecycle.Development))
	broken := engine.ErrUnavailable
	interrupt(on, &broken, "Snapshot", "Networks", "Volumes", "Containers")
	_, readErr := run(on).Read(t.Context(), "shop")
	_, listErr := run(on).List(t.Context())
	_, networkErr := run(on).Network(t.Context(), "shop")
	_, egressErr := run(on).Egress(t.Context(), "shop")
	_, updateErr := run(on).Update(t.Context(), 1, shop(lifecycle.Testing))
	_, deleteErr := run(on).Delete(t.Context(), "shop", project.Delete)
	for name, err := range map[string]error{
		"read": readErr, "list": listErr, "network": networkErr, "egress": egressErr, "update": updateErr, "delete": deleteErr,
	} {
		if !errors.Is(err, engine.ErrUnavailable) || errors.Is(err, engine.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken = nil
	wantHealthy(t, on, lifecycle.Development, 1)
	if _, err := run(on).Read(t.Context(), "sho"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("a project that is not there: %v", err)
	}
}

func TestList(t *testing.T) {
	on := enginetest.New()
	for _, namespace := range []string{"shop", "blog", "a"} {
		create(t, on, project.Wanted{Namespace: namespace, Phase: lifecycle.Planning})
	}
	found, err := run(on).List(t.Context())
	if err != nil || len(found) != 3 || found[0].Namespace != "a" || found[1].Namespace != "blog" || found[2].Namespace != "shop" {
		t.Errorf("listed %+v, %v", found, err)
	}
}

func TestEgressIsMadeOnce(t *testing.T) {
	on := enginetest.New()
	create(t, on, shop(lifecycle.Development))
	projects := run(on)
	ids := make(chan string, 10)
	for range cap(ids) {
		go func() {
			made, err := projects.Egress(t.Context(), "shop")
			if err != nil {
				t.Error(err)
			}
			ids <- made.ID
		}()
	}
	first := <-ids
	for range cap(ids) - 1 {
		if id := <-ids; id != first {
			t.Errorf("networks %s and %s", id, first)
		}
	}
	if found := read(t, on); found.EgressNetwork != naming.EgressNetwork("shop") || len(found.Drift) > 0 {
		t.Errorf("read %+v", found)
	}
}

// TestNetworksOfAKilledApply has the engine end, at each moment of the next apply, the making of the same network that a
// killed one asked for.
func TestNetworksOfAKilledApply(t *testing.T) {
	for role, name := range map[string]string{
		naming.RoleNetwork: naming.Network("shop"), naming.RoleEgress: naming.EgressNetwork("shop"),
	} {
		spec := engine.NetworkSpec{
			Name: name, Internal: role == naming.RoleNetwork, Subnet: netip.MustParsePrefix("10.250.0.0/28"),
			Labels: map[string]string{naming.LabelProject: "shop", naming.LabelRole: role},
		}
		for moment, test := range map[string]struct {
			before string // the call before which the killed one ends
			answer error  // what the call says then
		}{
			"before the listing":  {before: "Networks"},
			"before the creation": {before: "CreateNetwork"},
			"and it is refused":   {before: "CreateNetwork", answer: engine.ErrConflict},
		} {
			t.Run(name+" "+moment, func(t *testing.T) {
				on := enginetest.New()
				wanted := shop(lifecycle.Development)
				wanted.Creator = "here"
				killed := errors.New("killed")
				interrupt(on, &killed, "CreateNetwork")
				if _, err := run(on).Create(t.Context(), wanted); !errors.Is(err, killed) {
					t.Fatal(err)
				}
				projects := run(on)
				ended := false
				on.Before = func(call, subject string) error {
					if ended || call != test.before || call == "CreateNetwork" && subject != name {
						return nil
					}
					ended = true
					if _, err := on.CreateNetwork(t.Context(), spec); err != nil {
						return err
					}
					return test.answer
				}
				if _, err := projects.Create(t.Context(), wanted); err != nil {
					t.Fatal(err)
				}
				if role == naming.RoleEgress {
					if made, err := projects.Egress(t.Context(), "shop"); err != nil || made.Subnets[0] != spec.Subnet {
						t.Fatalf("made %v, %v", made, err)
					}
				}
				if left, _ := on.Networks(t.Context(), spec.Labels); len(left) != 1 || left[0].Subnets[0] != spec.Subnet {
					t.Errorf("left are %v", left)
				}
			})
		}
	}
}

// TestNetworkExistsTwice finds, and repairs, two networks of one name; only that one of them is in use stops it.
func TestNetworkExistsTwice(t *testing.T) {
	for _, name := range []string{naming.Network("shop"), naming.EgressNetwork("shop")} {
		t.Run(name, func(t *testing.T) {
			on := enginetest.New()
			create(t, on, shop(lifecycle.Development))
			projects := run(on)
			if _, err := projects.Egress(t.Context(), "shop"); err != nil {
				t.Fatal(err)
			}
			existing, _ := on.Networks(t.Context(), map[string]string{naming.LabelProject: "shop"})
			for _, one := range existing {
				if one.Name != name {
					continue
				}
				one := engine.NetworkSpec{Name: name, Internal: one.Internal, Subnet: netip.MustParsePrefix("10.250.0.0/28"), Labels: one.Labels}
				if _, err := on.CreateNetwork(t.Context(), one); err != nil {
					t.Fatal(err)
				}
			}
			if found := read(t, on); len(found.Drift) != 1 || !strings.Contains(found.Drift[0], name+" exists twice") {
				t.Errorf("drift %q", found.Drift)
			}
			on.Before = func(call, _ string) error {
				if call == "RemoveNetwork" {
					return engine.ErrConflict
				}
				return nil
			}
			if _, err := projects.Update(t.Context(), 1, shop(lifecycle.Development)); !errors.Is(err, engine.ErrConflict) {
				t.Errorf("repaired although a network is in use: %v", err)
			}
			on.Before = nil
			if _, err := projects.Update(t.Context(), 1, shop(lifecycle.Development)); err != nil {
				t.Fatal(err)
			}
			if found := read(t, on); len(found.Drift) > 0 {
				t.Errorf("drift %q", found.Drift)
			}
		})
	}
}

// TestCreateTakesOver finds a complete project: only the same creator, in another process, with the same wish and before
// anybody changed it, takes it for its own creation that was cut off.
func TestCreateTakesOver(t *testing.T) {
	for name, test := range map[string]struct {
		change   func(*project.Wanted)
		between  func(t *testing.T, on *enginetest.Engine)
		accepted bool
	}{
		"the same":        {accepted: true},
		"another creator": {change: func(w *project.Wanted) { w.Creator = "elsewhere" }},
		"unknown creator": {change: func(w *project.Wanted) { w.Creator = "" }},
		"another stack":   {change: func(w *project.Wanted) { w.Stack = "python" }},
		"another phase":   {change: func(w *project.Wanted) { w.Phase = lifecycle.Testing }},
		"other labels":    {change: func(w *project.Wanted) { w.Labels = map[string]string{"team": "another"} }},
		"changed since": {between: func(t *testing.T, on *enginetest.Engine) {
			for revision, phase := range []lifecycle.Phase{lifecycle.Testing, lifecycle.Development} {
				if _, err := run(on).Update(t.Context(), revision+1, shop(phase)); err != nil {
					t.Fatal(err)
				}
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			on := enginetest.New()
			wanted := shop(lifecycle.Development)
			wanted.Creator = "here"
			first := create(t, on, wanted)
			if test.change != nil {
				test.change(&wanted)
			}
			if test.between != nil {
				test.between(t, on)
			}
			again, err := run(on).Create(t.Context(), wanted)
			if !test.accepted {
				if !errors.Is(err, project.ErrExists) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || again.Subnet != first.Subnet || again.Revision != first.Revision {
				t.Errorf("made %+v, then %+v, %v", first, again, err)
			}
		})
	}
	t.Run("the same process", func(t *testing.T) {
		projects := run(enginetest.New())
		wanted := shop(lifecycle.Development)
		wanted.Creator = "here"
		if _, err := projects.Create(t.Context(), wanted); err != nil {
			t.Fatal(err)
		}
		if _, err := projects.Create(t.Context(), wanted); !errors.Is(err, project.ErrExists) {
			t.Errorf("got %v", err)
		}
	})
}
