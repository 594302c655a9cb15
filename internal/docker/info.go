package docker

import (
	"context"
	"strings"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// Info asks the engine what it is and what it can do.
func (e *Engine) Info(ctx context.Context) (engine.Info, error) {
	info, err := e.client.Info(ctx)
	if err != nil {
		return engine.Info{}, failure(err, "ask the engine about itself")
	}
	result := engine.Info{
		ID: info.ID, Name: info.Name, Version: info.ServerVersion, APIVersion: e.client.ClientVersion(),
		OperatingSystem: info.OperatingSystem, Architecture: info.Architecture, KernelVersion: info.KernelVersion,
		CgroupVersion: info.CgroupVersion, StorageDriver: info.Driver, CPUs: info.NCPU, Memory: info.MemTotal,
		MemoryLimit: info.MemoryLimit, SwapLimit: info.SwapLimit, PidsLimit: info.PidsLimit, CPULimit: info.CPUCfsQuota,
		LiveRestore: info.LiveRestoreEnabled, Warnings: info.Warnings,
	}
	for _, status := range info.DriverStatus {
		if status[0] == "Backing Filesystem" {
			result.BackingFS = status[1]
		}
	}
	for _, option := range info.SecurityOptions {
		// "name=seccomp,profile=default"
		name, _, _ := strings.Cut(strings.TrimPrefix(option, "name="), ",")
		result.SecurityOptions = append(result.SecurityOptions, name)
	}
	return result, nil
}
