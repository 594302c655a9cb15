package project_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/enginetest"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/project"
)

// offering runs a shared service that is offered as the label says, and answers with its container's id.
func offering(t *testing.T, on *enginetest.Engine, name, offer string) string {
	t.Helper()
	if _, err := on.EnsureImage(t.Context(), "image", engine.PullMissing); err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{naming.LabelRole: naming.RoleService, naming.LabelService: name}
	id, err := on.CreateContainer(t.Context(), engine.ContainerSpec{Name: naming.Service(name), Image: "image", Labels: labels})
	if err != nil {
		t.Fatal(err)
	}
	labels = map[string]string{naming.LabelRole: naming.RoleOffer, naming.LabelService: name, naming.LabelOffer: offer}
	if _, err := on.CreateVolume(t.Context(), naming.ServiceOffer(name), labels); err != nil {
		t.Fatal(err)
	}
	return id
}

// reached reports whether a service is on the project's network under its own name.
func reached(t *testing.T, on *enginetest.Engine, id, name string) bool {
	t.Helper()
	found, err := on.Container(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, endpoint := range found.Spec.Networks {
		if endpoint.Network == naming.Network("shop") && len(endpoint.Aliases) == 1 && endpoint.Aliases[0] == name {
			return true
		}
	}
	return false
}

func TestServicesJoinAndLeave(t *testing.T) {
	on := enginetest.New()
	id := offering(t, on, "redis", `{"everybody":true}`)
	other := offering(t, on, "registry", `{"everybody":true}`)
	wanted := shop(lifecycle.Development)
	wanted.Services = []string{"redis"}
	create(t, on, wanted)
	if !reached(t, on, id, "redis") || reached(t, on, other, "registry") {
		t.Error("not the listed services joined")
	}
	if found := read(t, on); len(found.Drift) > 0 || len(found.Services) != 1 {
		t.Errorf("read %+v", found)
	}
	networks, _ := on.Networks(t.Context(), map[string]string{naming.LabelProject: "shop"})
	steps := []struct {
		behind   func() error
		drift    string
		services []string
		phase    lifecycle.Phase
	}{
		{func() error { return on.Disconnect(t.Context(), networks[0].ID, id) }, "shared service redis is not on network", []string{"redis"}, lifecycle.Development},
		{func() error {
			return on.Connect(t.Context(), networks[0].ID, other, engine.Endpoint{Network: networks[0].ID})
		}, "isolab-service_registry, which is not the project's, is attached", []string{"redis"}, lifecycle.Development},
		{nil, "", []string{"redis", "registry"}, lifecycle.Development},
		{nil, "", nil, lifecycle.Development},
		{nil, "", []string{"redis"}, lifecycle.Failed},
		{nil, "", []string{"redis"}, lifecycle.Planning},
	}
	for _, step := range steps {
		if step.behind != nil {
			if err := step.behind(); err != nil {
				t.Fatal(err)
			}
			if drift := strings.Join(read(t, on).Drift, "; "); !strings.Contains(drift, step.drift) {
				t.Errorf("drift %q, want %q", drift, step.drift)
			}
		}
		wanted.Services, wanted.Phase = step.services, step.phase
		if _, err := run(on).Update(t.Context(), read(t, on).Revision, wanted); err != nil {
			t.Fatal(err)
		}
		for service, container := range map[string]string{"redis": id, "registry": other} {
			listed := strings.Contains(strings.Join(step.services, " "), service) && step.phase != lifecycle.Failed
			if reached(t, on, container, service) != listed {
				t.Errorf("%s is joined: %v, with services %q in phase %s", service, !listed, step.services, step.phase)
			}
		}
		if drift := read(t, on).Drift; len(drift) > 0 {
			t.Errorf("drift %q", drift)
		}
	}
	listing, err := run(on).Listing(t.Context(), "redis")
	if err != nil || len(listing) != 1 || listing["shop"].Name != naming.Network("shop") {
		t.Errorf("redis is listed by %v, %v", listing, err)
	}
	if _, err := run(on).Delete(t.Context(), "shop", project.Delete); err != nil {
		t.Fatal(err)
	}
	if reached(t, on, id, "redis") {
		t.Error("a service outlived the project's network")
	}
}

// TestServiceNotOffered makes nothing, and changes nothing, for a project that lists what is not for it.
func TestServiceNotOffered(t *testing.T) {
	for offer, accepted := range map[string]bool{
		`{}`: false, `{"projects":["other"]}`: false, `{"projects":["shop"]}`: true,
		`{"labels":{"team":"web"}}`: true, `{"labels":{"team":"web","tier":"gold"}}`: false, `{"everybody":true}`: true,
	} {
		on := enginetest.New()
		offering(t, on, "redis", offer)
		wanted := shop(lifecycle.Development)
		wanted.Labels = map[string]string{"team": "web"}
		wanted.Services = []string{"redis"}
		_, err := run(on).Create(t.Context(), wanted)
		if accepted != (err == nil) || !accepted && !errors.Is(err, project.ErrNotOffered) {
			t.Errorf("offered to %s: %v", offer, err)
		}
		if made := on.Calls("CreateNetwork"); !accepted && made > 0 {
			t.Errorf("offered to %s: %d networks were made", offer, made)
		}
	}
	on := enginetest.New()
	create(t, on, shop(lifecycle.Development))
	wanted := shop(lifecycle.Testing)
	wanted.Services = []string{"none"}
	if _, err := run(on).Update(t.Context(), 1, wanted); !errors.Is(err, project.ErrNotOffered) {
		t.Errorf("got %v", err)
	}
	if found := read(t, on); found.Phase() != lifecycle.Development {
		t.Errorf("the phase is %s", found.Phase())
	}
}
