package engine

import (
	"net/netip"
	"slices"
	"time"
)

// Network is a bridge network of the engine.
type Network struct {
	ID       string
	Name     string
	Subnets  []netip.Prefix
	Internal bool
	Labels   map[string]string
	Created  time.Time
}

// NetworkSpec asks for a bridge network with a subnet of its own.
type NetworkSpec struct {
	Name    string
	Subnet  netip.Prefix // the zero value lets the engine choose
	IPRange netip.Prefix // the part of Subnet from which the engine gives addresses by itself; zero: all of it
	// Internal networks have no way out of the host.
	Internal bool
	Labels   map[string]string
}

// Volume is a named volume. Its labels never change after creation.
type Volume struct {
	Name   string
	Labels map[string]string
}

// Info is what an engine says of itself.
type Info struct {
	ID              string
	Name            string
	Version         string
	APIVersion      string
	OperatingSystem string
	Architecture    string
	KernelVersion   string
	CgroupVersion   string
	StorageDriver   string
	BackingFS       string
	CPUs            int
	Memory          int64 // bytes
	MemoryLimit     bool
	SwapLimit       bool
	PidsLimit       bool
	CPULimit        bool
	SecurityOptions []string
	LiveRestore     bool
	Warnings        []string
}

// Secures reports whether a security feature is on: "seccomp", "apparmor", "userns", "rootless".
func (i Info) Secures(feature string) bool { return slices.Contains(i.SecurityOptions, feature) }

// Unenforced names the limits that the engine accepts and cannot enforce, with what its host lacks.
func (i Info) Unenforced() []string {
	var lacking []string
	for _, limit := range []struct {
		enforced bool
		text     string
	}{
		{i.MemoryLimit, "limits.memory (the host's kernel has no memory controller: boot it with cgroup_enable=memory)"},
		{i.SwapLimit, "memory without swap (the host's kernel does not account for swap: boot it with swapaccount=1, or switch swap off)"},
		{i.CPULimit, "limits.cpus (the host's kernel has no CPU quota: CONFIG_CFS_BANDWIDTH)"},
		{i.PidsLimit, "limits.pids (the host's kernel has no pids controller: CONFIG_CGROUP_PIDS)"},
	} {
		if !limit.enforced {
			lacking = append(lacking, limit.text)
		}
	}
	return lacking
}

// LimitsStorage reports whether the storage driver can limit a container's writable layer. On xfs that also takes the
// mount option pquota, which the engine does not report.
func (i Info) LimitsStorage() bool {
	return i.StorageDriver == "zfs" || i.StorageDriver == "btrfs" || i.StorageDriver == "overlay2" && i.BackingFS == "xfs"
}

// Snapshot is everything the engine holds that concerns us, taken in one go: every container (also foreign ones, since
// they may sit in a project's network), every network, and the volumes that carry our label.
type Snapshot struct {
	Containers []ContainerSummary
	Networks   []Network
	Volumes    []Volume
}

// PullPolicy says when an image is pulled.
type PullPolicy string

const (
	PullMissing PullPolicy = "missing"
	PullAlways  PullPolicy = "always"
	PullNever   PullPolicy = "never"
)

// Image is an image the engine holds.
type Image struct {
	ID string
	// Digest is the content address in its registry ("sha256:…"); for an image that never was in one, its ID.
	Digest string
}
