package hardening

import (
	"strings"
	"testing"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

func wanted() engine.ContainerSpec {
	spec := Baseline()
	spec.Name = "c"
	spec.Mounts = []engine.Mount{{Volume: "data", Path: "/data"}}
	spec.Publish = []engine.PortBinding{{ContainerPort: 80, HostAddress: "127.0.0.1"}}
	spec.Log = engine.LogLimits{MaxSize: 1 << 20, MaxFiles: 2}
	return spec
}

func TestWeakenedFindsNothingOnWhatWasAskedFor(t *testing.T) {
	have := wanted()
	have.Publish = []engine.PortBinding{{ContainerPort: 80, HostAddress: "127.0.0.1", HostPort: 32768}}
	have.Mounts = append(have.Mounts, engine.Mount{Volume: strings.Repeat("ab", 32), Path: "/declared/by/the/image"})
	have.CapDrop = []string{"ALL"}
	have.Limits = engine.Limits{CPUs: 1}
	have.Networks = []engine.Endpoint{{Network: "n"}}
	if found := Weakened(wanted(), engine.Container{Spec: have}); len(found) > 0 {
		t.Errorf("found %q on a container as asked for", found)
	}
}

func TestWeakenedFindsEveryWeakening(t *testing.T) {
	for name, weaken := range map[string]func(*engine.Container){
		"user":              func(c *engine.Container) { c.Spec.User = "0:0" },
		"read-only root":    func(c *engine.Container) { c.Spec.ReadOnly = false },
		"no-new-privileges": func(c *engine.Container) { c.Spec.NoNewPrivileges = false },
		"init":              func(c *engine.Container) { c.Spec.Init = false },
		"dropped":           func(c *engine.Container) { c.Spec.CapDrop = nil },
		"added":             func(c *engine.Container) { c.Spec.CapAdd = []string{"SYS_ADMIN"} },
		"tmpfs":             func(c *engine.Container) { c.Spec.Tmpfs = map[string]string{"/tmp": "rw,exec"} },
		"volumes":           func(c *engine.Container) { c.Spec.Mounts[0].Volume = "other" },
		"published":         func(c *engine.Container) { c.Spec.Publish[0].HostAddress = "0.0.0.0" },
		"log":               func(c *engine.Container) { c.Spec.Log = engine.LogLimits{} },
		"restart":           func(c *engine.Container) { c.Spec.Restart = "no" },
		"privileged mode":   func(c *engine.Container) { c.Unexpected = []string{"privileged mode"} },
	} {
		t.Run(name, func(t *testing.T) {
			container := engine.Container{Spec: wanted()}
			weaken(&container)
			found := Weakened(wanted(), container)
			if len(found) != 1 || !strings.Contains(found[0], name) || !strings.HasPrefix(found[0], "container c: ") {
				t.Errorf("found %q, want one sentence about %q", found, name)
			}
		})
	}
}
