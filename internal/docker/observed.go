package docker

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// summary translates one line of the engine's container list.
func summary(item container.Summary) engine.ContainerSummary {
	result := engine.ContainerSummary{ID: item.ID, Image: item.Image, State: engine.State(item.State), Labels: naming.Unsealed(item.Labels)}
	if len(item.Names) > 0 {
		result.Name = strings.TrimPrefix(item.Names[0], "/")
	}
	if item.NetworkSettings != nil {
		result.Endpoints = endpoints(item.NetworkSettings.Networks)
	}
	return result
}

// observed translates an inspected container back into the words in which it was asked for.
func observed(inspected container.InspectResponse) engine.Container {
	result := engine.Container{ID: inspected.ID, ImageID: inspected.Image}
	if state := inspected.State; state != nil {
		result.State = engine.State(state.Status)
		result.ExitCode, result.OOMKilled, result.Error = state.ExitCode, state.OOMKilled, state.Error
		if state.Health != nil {
			result.Health.Status = state.Health.Status
			if checks := state.Health.Log; len(checks) > 0 {
				result.Health.Output = strings.TrimSpace(checks[len(checks)-1].Output)
			}
		}
	}
	spec := &result.Spec
	spec.Name = strings.TrimPrefix(inspected.Name, "/")
	if config := inspected.Config; config != nil {
		spec.Image, spec.User, spec.WorkingDir = config.Image, config.User, config.WorkingDir
		spec.Entrypoint, spec.Command, spec.Labels = config.Entrypoint, config.Cmd, naming.Unsealed(config.Labels)
		spec.Env = variables(config.Env)
		spec.Health = observedHealth(config.Healthcheck)
	}
	if inspected.NetworkSettings != nil {
		spec.Networks = endpoints(inspected.NetworkSettings.Networks)
	}
	if host := inspected.HostConfig; host != nil {
		observeHost(host, result.State == engine.StateRunning || result.State == engine.StatePaused, inspected.NetworkSettings, spec)
		result.Unexpected = unexpected(host)
	}
	for _, point := range inspected.Mounts {
		if point.Type == mount.TypeVolume {
			spec.Mounts = append(spec.Mounts, engine.Mount{Volume: point.Name, Path: point.Destination, ReadOnly: !point.RW})
		}
	}
	slices.SortFunc(spec.Mounts, func(a, b engine.Mount) int { return strings.Compare(a.Path, b.Path) })
	return result
}

func observeHost(host *container.HostConfig, live bool, settings *container.NetworkSettings, spec *engine.ContainerSpec) {
	spec.ReadOnly = host.ReadonlyRootfs
	spec.Init = host.Init != nil && *host.Init
	spec.CapDrop, spec.CapAdd = capabilities(host.CapDrop), capabilities(host.CapAdd)
	spec.NoNewPrivileges = slices.ContainsFunc(host.SecurityOpt, isNoNewPrivileges)
	spec.Tmpfs = host.Tmpfs
	spec.Restart = string(host.RestartPolicy.Name)
	spec.Limits = engine.Limits{CPUs: float64(host.NanoCPUs) / 1e9, Memory: host.Memory, Shm: host.ShmSize}
	if host.PidsLimit != nil && *host.PidsLimit > 0 {
		spec.Limits.Pids = *host.PidsLimit
	}
	if size, err := strconv.ParseInt(host.StorageOpt["size"], 10, 64); err == nil {
		spec.Limits.Storage = size
	}
	if size, err := strconv.ParseInt(host.LogConfig.Config["max-size"], 10, 64); err == nil {
		spec.Log.MaxSize = size
	}
	if files, err := strconv.Atoi(host.LogConfig.Config["max-file"]); err == nil {
		spec.Log.MaxFiles = files
	}
	for port, bindings := range host.PortBindings {
		for i, binding := range bindings {
			published := engine.PortBinding{ContainerPort: port.Int(), HostAddress: binding.HostIP}
			published.HostPort, _ = strconv.Atoi(binding.HostPort)
			// A port that the engine chose is known only while the container is up.
			if live && settings != nil && i < len(settings.Ports[port]) {
				published.HostPort, _ = strconv.Atoi(settings.Ports[port][i].HostPort)
			}
			spec.Publish = append(spec.Publish, published)
		}
	}
	slices.SortFunc(spec.Publish, func(a, b engine.PortBinding) int { return a.ContainerPort - b.ContainerPort })
}

// unexpected names what no spec of ours can ask for.
func unexpected(host *container.HostConfig) []string {
	var found []string
	add := func(when bool, text string, args ...any) {
		if when {
			found = append(found, fmt.Sprintf(text, args...))
		}
	}
	add(host.Privileged, "privileged mode")
	add(host.NetworkMode.IsHost(), "the host's network namespace")
	add(host.NetworkMode.IsContainer(), "the network namespace of %s", host.NetworkMode)
	add(host.PidMode != "", "process namespace %s", host.PidMode)
	add(host.IpcMode.IsHost() || host.IpcMode.IsContainer(), "IPC namespace %s", host.IpcMode)
	add(host.UTSMode != "", "UTS namespace %s", host.UTSMode)
	add(host.UsernsMode != "", "user namespace %s", host.UsernsMode)
	add(len(host.Devices) > 0 || len(host.DeviceRequests) > 0 || len(host.DeviceCgroupRules) > 0, "host devices")
	add(len(host.Sysctls) > 0, "sysctls")
	add(len(host.ExtraHosts) > 0, "extra hosts")
	add(len(host.GroupAdd) > 0, "supplementary groups")
	add(host.OomKillDisable != nil && *host.OomKillDisable, "the out-of-memory killer switched off")
	add(host.Memory > 0 && host.MemorySwap != host.Memory, "swap on top of the memory limit")
	for _, bind := range host.Binds {
		add(true, "bind mount %s", bind)
	}
	for _, item := range host.Mounts {
		add(item.Type != mount.TypeVolume, "%s mount of %s at %s", item.Type, item.Source, item.Target)
	}
	for _, option := range host.SecurityOpt {
		add(!isNoNewPrivileges(option), "security option %s", option)
	}
	return found
}

func isNoNewPrivileges(option string) bool {
	return option == noNewPrivileges || option == noNewPrivileges+":true" || option == noNewPrivileges+"=true"
}

// capabilities writes names the way they are asked for: engines since 23 answer with the CAP_ prefix.
func capabilities(names []string) []string {
	var plain []string
	for _, name := range names {
		plain = append(plain, strings.TrimPrefix(strings.ToUpper(name), "CAP_"))
	}
	slices.Sort(plain)
	return plain
}

func variables(list []string) map[string]string {
	result := make(map[string]string, len(list))
	for _, entry := range list {
		name, value, _ := strings.Cut(entry, "=")
		result[name] = value
	}
	return result
}

func observedHealth(check *container.HealthConfig) *engine.HealthCheck {
	if check == nil {
		return nil
	}
	result := &engine.HealthCheck{
		Test: check.Test, Interval: check.Interval, Timeout: check.Timeout,
		StartPeriod: check.StartPeriod, StartInterval: check.StartInterval, Retries: check.Retries,
	}
	if len(check.Test) == 1 && check.Test[0] == "NONE" {
		result.Test = nil
	}
	return result
}

func endpoints(networks map[string]*network.EndpointSettings) []engine.Endpoint {
	var result []engine.Endpoint
	for _, name := range slices.Sorted(maps.Keys(networks)) {
		item := engine.Endpoint{Network: name}
		if settings := networks[name]; settings != nil {
			item.Address, item.Aliases = settings.IPAddress, settings.Aliases
			// A container that never ran has the address it asked for, but none yet.
			if item.Address == "" && settings.IPAMConfig != nil {
				item.Address = settings.IPAMConfig.IPv4Address
			}
		}
		result = append(result, item)
	}
	return result
}
