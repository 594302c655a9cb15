package docker

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/versions"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// TestAccRoundTrip asks for everything that a spec can say and reads it back: whatever does not come back as it was
// asked for would be drift that no apply can mend.
func TestAccRoundTrip(t *testing.T) {
	b := newBench(t)
	outside, inside := b.network("a", false), b.network("b", true)
	at := func(network engine.Network, alias string) engine.Endpoint {
		return engine.Endpoint{Network: network.Name, Address: network.Subnets[0].Addr().Next().Next().String(), Aliases: []string{alias}}
	}
	wanted := engine.ContainerSpec{
		Name: b.id + "-full", Image: busybox, Entrypoint: []string{"sh", "-c"}, Command: []string{"sleep 600", "zero"}, WorkingDir: "/srv",
		User: "1000:1000", Env: map[string]string{"PATH": "/bin", "EMPTY": "", "EQUALS": "a=b", "LINES": "a\nb"},
		Labels: map[string]string{labelOfTest: b.id, "json": `{"a": "b"}`},
		Health: &engine.HealthCheck{
			Test: []string{"CMD", "true"}, Interval: 10 * time.Second, Timeout: 2 * time.Second, StartPeriod: 3 * time.Second,
			StartInterval: time.Second, Retries: 4,
		},
		Limits:   engine.Limits{CPUs: 0.75, Memory: 64 << 20, Pids: 32, Shm: 16 << 20},
		ReadOnly: true, Init: true, CapDrop: []string{"ALL"}, CapAdd: []string{"CHOWN", "NET_BIND_SERVICE"}, NoNewPrivileges: true,
		Mounts:   []engine.Mount{{Volume: b.volume("v1"), Path: "/data"}, {Volume: b.volume("v2"), Path: "/srv", ReadOnly: true}},
		Tmpfs:    map[string]string{"/tmp": "rw,noexec,nosuid,nodev,mode=1777,size=67108864", "/run": "rw,size=1048576"},
		Publish:  []engine.PortBinding{{ContainerPort: 80, HostAddress: "127.0.0.1"}, {ContainerPort: 3000, HostAddress: "0.0.0.0"}},
		Log:      engine.LogLimits{MaxSize: 1 << 20, MaxFiles: 2},
		Restart:  "unless-stopped",
		Networks: []engine.Endpoint{at(outside, "one.test"), at(inside, "two.test")},
	}
	id := b.create(wanted)
	if versions.LessThan(b.on.client.ClientVersion(), startIntervalAPI) {
		wanted.Health.StartInterval = 0
	}
	wantSame(t, "created", wanted, b.inspect(id))
	b.must(b.on.StartContainer(t.Context(), id))
	running := b.inspect(id)
	for i, binding := range running.Spec.Publish {
		if binding.HostPort == 0 {
			t.Errorf("port %d is published nowhere", binding.ContainerPort)
		}
		running.Spec.Publish[i].HostPort = 0
	}
	wantSame(t, "running", wanted, running)
	b.must(b.on.StopContainer(t.Context(), id, 0))
	wantSame(t, "stopped", wanted, b.inspect(id))
}

// wantSame compares field by field, after taking out what the image and the engine add by themselves.
func wantSame(t *testing.T, when string, wanted engine.ContainerSpec, got engine.Container) {
	t.Helper()
	if len(got.Unexpected) > 0 {
		t.Errorf("%s: unexpected %q", when, got.Unexpected)
	}
	have := got.Spec
	have.Labels = maps.Clone(have.Labels)
	maps.DeleteFunc(have.Labels, func(name, _ string) bool { return strings.HasPrefix(name, "isolab-fixture.") })
	for i := range have.Networks {
		have.Networks[i].Aliases = slices.DeleteFunc(slices.Clone(have.Networks[i].Aliases), func(alias string) bool { return strings.HasPrefix(got.ID, alias) })
	}
	wantedFields, haveFields := reflect.ValueOf(wanted), reflect.ValueOf(have)
	for i := range wantedFields.NumField() {
		if want, have := wantedFields.Field(i).Interface(), haveFields.Field(i).Interface(); !reflect.DeepEqual(want, have) {
			t.Errorf("%s: %s is %+v, want %+v", when, wantedFields.Type().Field(i).Name, have, want)
		}
	}
}

// TestAccBareSpec asks for next to nothing: the image speaks, and nothing of ours is claimed.
func TestAccBareSpec(t *testing.T) {
	b := newBench(t)
	spec := b.spec("bare")
	spec.Init, spec.Health = false, &engine.HealthCheck{}
	got := b.inspect(b.create(spec))
	if have := got.Spec; have.Init || have.ReadOnly || have.NoNewPrivileges || len(have.CapDrop)+len(have.CapAdd)+len(have.Tmpfs)+len(have.Mounts)+len(have.Publish) > 0 {
		t.Errorf("got %+v", have)
	}
	if got.Spec.Health == nil || len(got.Spec.Health.Test) > 0 {
		t.Errorf("a disabled health check came back as %+v", got.Spec.Health)
	}
	if len(got.Unexpected) > 0 || got.Spec.Limits.Memory != 0 || got.Spec.Limits.Pids != 0 || got.Spec.Limits.CPUs != 0 {
		t.Errorf("limits %+v, unexpected %q", got.Spec.Limits, got.Unexpected)
	}
	if networks := got.Spec.Networks; len(networks) > 1 || len(networks) == 1 && networks[0].Network != network.NetworkNone {
		t.Errorf("joined %+v unasked", networks)
	}
}

// TestUnexpected finds everything that a spec cannot ask for and a hand on the engine can.
func TestUnexpected(t *testing.T) {
	yes := true
	for says, host := range map[string]container.HostConfig{
		"privileged mode":                         {Privileged: true},
		"the host's network namespace":            {NetworkMode: "host"},
		"the network namespace of container:x":    {NetworkMode: "container:x"},
		"process namespace host":                  {PidMode: "host"},
		"IPC namespace host":                      {IpcMode: "host"},
		"UTS namespace host":                      {UTSMode: "host"},
		"user namespace host":                     {UsernsMode: "host"},
		"host devices":                            {Resources: container.Resources{DeviceCgroupRules: []string{"a *:* rwm"}}},
		"sysctls":                                 {Sysctls: map[string]string{"net.ipv4.ip_forward": "1"}},
		"extra hosts":                             {ExtraHosts: []string{"db:10.0.0.1"}},
		"supplementary groups":                    {GroupAdd: []string{"docker"}},
		"the out-of-memory killer switched off":   {Resources: container.Resources{OomKillDisable: &yes}},
		"swap on top of the memory limit":         {Resources: container.Resources{Memory: 1 << 20, MemorySwap: 2 << 20}},
		"bind mount /:/host":                      {Binds: []string{"/:/host"}},
		"bind mount of /etc at /host":             {Mounts: []mount.Mount{{Type: mount.TypeBind, Source: "/etc", Target: "/host"}}},
		"security option seccomp=unconfined":      {SecurityOpt: []string{"seccomp=unconfined", noNewPrivileges}},
		"security option no-new-privileges=false": {SecurityOpt: []string{"no-new-privileges=false"}},
	} {
		if found := unexpected(&host); !slices.Equal(found, []string{says}) {
			t.Errorf("found %q, want %q", found, says)
		}
	}
	_, ours, _ := request(engine.ContainerSpec{NoNewPrivileges: true, Limits: engine.Limits{Memory: 1 << 20}, Mounts: []engine.Mount{{Volume: "v", Path: "/v"}}})
	if found := unexpected(ours); len(found) > 0 {
		t.Errorf("our own request holds %q", found)
	}
}
