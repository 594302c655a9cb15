package docker

import (
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/strslice"
	"github.com/docker/go-connections/nat"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// logDriver keeps container logs in the engine, bounded and compressed; every engine since 18.09 has it.
const logDriver = "local"

const noNewPrivileges = "no-new-privileges"

// request translates a spec into the three parts of the engine's create call.
func request(spec engine.ContainerSpec) (*container.Config, *container.HostConfig, *network.NetworkingConfig) {
	exposed, bindings := ports(spec.Publish)
	config := &container.Config{
		Image:        spec.Image,
		Entrypoint:   strslice.StrSlice(spec.Entrypoint),
		Cmd:          strslice.StrSlice(spec.Command),
		WorkingDir:   spec.WorkingDir,
		User:         spec.User,
		Env:          environment(spec.Env),
		Labels:       naming.Sealed(spec.Labels),
		Healthcheck:  healthCheck(spec.Health),
		ExposedPorts: exposed,
	}
	host := &container.HostConfig{
		Resources:      resources(spec.Limits),
		ShmSize:        spec.Limits.Shm,
		ReadonlyRootfs: spec.ReadOnly,
		Init:           &spec.Init,
		CapDrop:        spec.CapDrop,
		CapAdd:         spec.CapAdd,
		Mounts:         mounts(spec.Mounts),
		Tmpfs:          spec.Tmpfs,
		PortBindings:   bindings,
		LogConfig:      logConfig(spec.Log),
		RestartPolicy:  container.RestartPolicy{Name: container.RestartPolicyMode(spec.Restart)},
		NetworkMode:    network.NetworkNone,
	}
	if spec.NoNewPrivileges {
		host.SecurityOpt = []string{noNewPrivileges}
	}
	if spec.Limits.Storage > 0 {
		host.StorageOpt = map[string]string{"size": strconv.FormatInt(spec.Limits.Storage, 10)}
	}
	if len(spec.Networks) == 0 {
		return config, host, nil
	}
	first := spec.Networks[0]
	host.NetworkMode = container.NetworkMode(first.Network)
	return config, host, &network.NetworkingConfig{
		EndpointsConfig: map[string]*network.EndpointSettings{first.Network: endpoint(first)},
	}
}

// resources sets memory and swap to the same figure: no swap on top of the memory limit.
func resources(limits engine.Limits) container.Resources {
	result := container.Resources{
		NanoCPUs:   int64(math.Round(limits.CPUs * 1e9)),
		Memory:     limits.Memory,
		MemorySwap: limits.Memory,
	}
	if limits.Pids > 0 {
		result.PidsLimit = &limits.Pids
	}
	return result
}

func environment(variables map[string]string) []string {
	list := make([]string, 0, len(variables))
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		list = append(list, name+"="+variables[name])
	}
	return list
}

func healthCheck(check *engine.HealthCheck) *container.HealthConfig {
	if check == nil {
		return nil
	}
	if len(check.Test) == 0 {
		return &container.HealthConfig{Test: []string{"NONE"}}
	}
	return &container.HealthConfig{
		Test: check.Test, Interval: check.Interval, Timeout: check.Timeout,
		StartPeriod: check.StartPeriod, StartInterval: check.StartInterval, Retries: check.Retries,
	}
}

func mounts(wanted []engine.Mount) []mount.Mount {
	result := make([]mount.Mount, 0, len(wanted))
	for _, item := range wanted {
		result = append(result, mount.Mount{Type: mount.TypeVolume, Source: item.Volume, Target: item.Path, ReadOnly: item.ReadOnly})
	}
	return result
}

func ports(published []engine.PortBinding) (nat.PortSet, nat.PortMap) {
	exposed, bindings := nat.PortSet{}, nat.PortMap{}
	for _, binding := range published {
		port := nat.Port(strconv.Itoa(binding.ContainerPort) + "/tcp")
		exposed[port] = struct{}{}
		host := "" // lets the engine choose
		if binding.HostPort > 0 {
			host = strconv.Itoa(binding.HostPort)
		}
		bindings[port] = append(bindings[port], nat.PortBinding{HostIP: binding.HostAddress, HostPort: host})
	}
	return exposed, bindings
}

func logConfig(limits engine.LogLimits) container.LogConfig {
	if limits.MaxSize == 0 {
		return container.LogConfig{}
	}
	return container.LogConfig{Type: logDriver, Config: map[string]string{
		"max-size": strconv.FormatInt(limits.MaxSize, 10),
		"max-file": strconv.Itoa(max(limits.MaxFiles, 1)),
	}}
}

func endpoint(wanted engine.Endpoint) *network.EndpointSettings {
	settings := &network.EndpointSettings{Aliases: wanted.Aliases}
	if wanted.Address != "" {
		settings.IPAMConfig = &network.EndpointIPAMConfig{IPv4Address: wanted.Address}
	}
	return settings
}
