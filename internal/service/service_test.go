package service_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/enginetest"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/network"
	"github.com/isolab/terraform-provider-isolab/internal/project"
	"github.com/isolab/terraform-provider-isolab/internal/service"
	"github.com/isolab/terraform-provider-isolab/internal/subnet"
)

func run(on *enginetest.Engine) (*service.Services, *project.Projects) {
	networks := network.NewAllocator(on, subnet.Pool{CIDR: netip.MustParsePrefix("10.0.0.0/16"), PrefixLength: 26})
	projects := project.New(on, networks, hclog.NewNullLogger())
	return service.New(on, networks, projects, hclog.NewNullLogger()), projects
}

func wanted() service.Wanted {
	return service.Wanted{
		Spec: service.Spec{
			Name: "pages", Image: "httpd:2", User: "1000:1000", ReadOnly: true, ReloadSignal: "HUP",
			Volumes: map[string]string{"data": "/data"}, Limits: engine.Limits{CPUs: 1, Memory: 1 << 28, Pids: 64},
		},
		Files: map[string]string{"/etc/pages/pages.conf": "first"}, Offer: service.Offer{Everybody: true}, Secrets: map[string]string{"KEY": "secret"},
	}
}

func shop(services ...string) project.Wanted {
	return project.Wanted{Namespace: "shop", Phase: lifecycle.Development, DataPolicy: project.Delete, Services: services}
}

// TestService takes one through its life with a project that lists it.
func TestService(t *testing.T) {
	on := enginetest.New()
	services, projects := run(on)
	made, err := services.Create(t.Context(), wanted())
	if err != nil || !made.Running || len(made.Drift) > 0 || len(made.Projects) > 0 {
		t.Fatalf("made %+v, %v", made, err)
	}
	if _, err := projects.Create(t.Context(), shop("pages")); err != nil {
		t.Fatal(err)
	}
	found, err := services.Read(t.Context(), "pages")
	if err != nil || len(found.Projects) != 1 || len(found.Drift) > 0 {
		t.Fatalf("found %+v, %v", found, err)
	}
	container, err := on.Container(t.Context(), found.ContainerID)
	if err != nil || container.Spec.Env["KEY"] != "secret" {
		t.Errorf("the container is %+v, %v", container, err)
	}
	for label, value := range container.Spec.Labels {
		if strings.Contains(value, "secret") {
			t.Errorf("label %s has the secret", label)
		}
	}
	// Other limits and other content of files are for the container that is there.
	changed := wanted()
	changed.Limits.Memory, changed.Files = 1<<29, map[string]string{"/etc/pages/pages.conf": "second"}
	kept, err := services.Apply(t.Context(), changed)
	if err != nil || kept.ContainerID != made.ContainerID || kept.Limits.Memory != 1<<29 || on.Calls("Signal HUP") != 1 {
		t.Errorf("kept %+v, %v; %d signals", kept, err, on.Calls("Signal HUP"))
	}
	if files, err := services.Files(t.Context(), kept.Spec); err != nil || files["/etc/pages/pages.conf"] != "second" {
		t.Errorf("files %v, %v", files, err)
	}
	// Another image is not; the new container is where the old one was.
	changed.Image = "httpd:3"
	renewed, err := services.Apply(t.Context(), changed)
	if err != nil || renewed.ContainerID == made.ContainerID || len(renewed.Projects) != 1 || len(renewed.Drift) > 0 {
		t.Errorf("renewed %+v, %v", renewed, err)
	}
	var listed *service.ListedError
	if _, err := services.Delete(t.Context(), "pages", true); !errors.As(err, &listed) || len(listed.Projects) != 1 {
		t.Errorf("removed while listed: %v", err)
	}
	if _, err := projects.Update(t.Context(), 1, shop()); err != nil {
		t.Fatal(err)
	}
	retained, err := services.Delete(t.Context(), "pages", true)
	if err != nil || len(retained) != 1 || retained[0] != naming.ServiceVolume("pages", "data") {
		t.Errorf("retained %q, %v", retained, err)
	}
	if _, err := services.Read(t.Context(), "pages"); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("read %v", err)
	}
	if _, err := services.Create(t.Context(), wanted()); err != nil {
		t.Fatal(err)
	}
	if _, err := services.Delete(t.Context(), "pages", false); err != nil {
		t.Fatal(err)
	}
	if left, _ := on.Volumes(t.Context(), map[string]string{naming.LabelService: "pages"}); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

func TestServiceRefused(t *testing.T) {
	t.Run("exists in other words", func(t *testing.T) {
		on := enginetest.New()
		services, _ := run(on)
		if _, err := services.Create(t.Context(), wanted()); err != nil {
			t.Fatal(err)
		}
		other := wanted()
		other.Image = "httpd:3"
		if _, err := services.Create(t.Context(), other); !errors.Is(err, service.ErrExists) {
			t.Errorf("got %v", err)
		}
		if _, err := services.Create(t.Context(), wanted()); err != nil {
			t.Errorf("the same again: %v", err)
		}
	})
	t.Run("a foreign volume", func(t *testing.T) {
		on := enginetest.New()
		services, _ := run(on)
		if _, err := on.CreateVolume(t.Context(), naming.ServiceVolume("pages", "data"), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := services.Create(t.Context(), wanted()); !errors.Is(err, engine.ErrConflict) || !strings.Contains(err.Error(), "docker volume rm") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no image", func(t *testing.T) {
		on := enginetest.New()
		services, _ := run(on)
		missing := wanted()
		missing.PullPolicy = engine.PullNever
		if _, err := services.Create(t.Context(), missing); !errors.Is(err, engine.ErrNotFound) || on.Calls("Create") > 0 {
			t.Errorf("got %v", err)
		}
	})
}

// TestServiceContinues cuts a creation off at each of its steps: the next one completes it.
func TestServiceContinues(t *testing.T) {
	for _, step := range []string{"CreateNetwork", "CreateVolume", "CreateContainer isolab-service", "WriteArchive", "Connect", "StartContainer"} {
		t.Run(step, func(t *testing.T) {
			on := enginetest.New()
			services, projects := run(on)
			if _, err := services.Create(t.Context(), wanted()); err != nil {
				t.Fatal(err)
			}
			if _, err := projects.Create(t.Context(), shop("pages")); err != nil {
				t.Fatal(err)
			}
			// It was lost, with all that is its own, while the project lists it.
			found, _ := services.Read(t.Context(), "pages")
			volumes, _ := on.Volumes(t.Context(), map[string]string{naming.LabelService: "pages"})
			networks, _ := on.Networks(t.Context(), map[string]string{naming.LabelService: "pages"})
			_ = on.RemoveContainer(t.Context(), found.ContainerID)
			for _, one := range volumes {
				_ = on.RemoveVolume(t.Context(), one.Name)
			}
			_ = on.RemoveNetwork(t.Context(), networks[0].ID)
			killed := errors.New("killed")
			on.Before = func(call, object string) error {
				if strings.HasPrefix(call+" "+object, step) {
					return killed
				}
				return nil
			}
			if _, err := services.Apply(t.Context(), wanted()); !errors.Is(err, killed) {
				t.Fatalf("got %v", err)
			}
			on.Before = nil
			made, err := services.Apply(t.Context(), wanted())
			if err != nil || !made.Running || len(made.Drift) > 0 || len(made.Projects) != 1 {
				t.Errorf("made %+v, %v", made, err)
			}
		})
	}
}

func TestPresets(t *testing.T) {
	for _, name := range service.Presets() {
		preset, ok := service.Get(name)
		if !ok || preset.Name != name || preset.User == "0:0" {
			t.Errorf("preset %s is %+v", name, preset)
		}
	}
	if _, ok := service.Get("oracle"); ok {
		t.Error("there is a preset oracle")
	}
}
