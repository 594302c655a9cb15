// Package hardening is the isolation baseline that every container of ours starts from, and the judge of whether a
// container still keeps to it.
package hardening

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// User is the user and group that containers run as, and that their volumes belong to.
const User = "1000:1000"

// TmpSize is the size of /tmp in bytes.
const TmpSize = 64 << 20

// Baseline is the request that every container starts from: an unprivileged user without any capability, who cannot
// gain privileges, on a read-only root, with a /tmp from which nothing can be run. The engine's default seccomp and
// AppArmor profiles apply, since no other can be asked for.
func Baseline() engine.ContainerSpec {
	return engine.ContainerSpec{
		User:            User,
		ReadOnly:        true,
		Init:            true,
		CapDrop:         []string{"ALL"},
		NoNewPrivileges: true,
		Tmpfs:           map[string]string{"/tmp": Tmpfs(TmpSize)},
		Restart:         "unless-stopped",
	}
}

// Tmpfs are the mount options of a memory file system of a size in bytes that is useless for bringing in programs.
func Tmpfs(size int64) string { return fmt.Sprintf("rw,noexec,nosuid,nodev,mode=1777,size=%d", size) }

// Weakened says, a sentence each, where a container is not what was asked for in a way that only replacing it mends. Limits
// and networks are left out: these change on the living container. Name, labels and what the container runs are not
// hardening.
func Weakened(wanted engine.ContainerSpec, found engine.Container) []string {
	var drift []string
	have := found.Spec
	differ := func(same bool, what string, want, have any) {
		if !same {
			drift = append(drift, fmt.Sprintf("container %s: %s is %s instead of %s", found.Spec.Name, what, text(have), text(want)))
		}
	}
	mounts := declared(have.Mounts)
	differ(wanted.User == have.User, "user", wanted.User, have.User)
	differ(wanted.ReadOnly == have.ReadOnly, "read-only root", wanted.ReadOnly, have.ReadOnly)
	differ(wanted.NoNewPrivileges == have.NoNewPrivileges, "no-new-privileges", wanted.NoNewPrivileges, have.NoNewPrivileges)
	differ(wanted.Init == have.Init, "init", wanted.Init, have.Init)
	differ(equalSets(wanted.CapDrop, have.CapDrop), "dropped capabilities", wanted.CapDrop, have.CapDrop)
	differ(equalSets(wanted.CapAdd, have.CapAdd), "added capabilities", wanted.CapAdd, have.CapAdd)
	differ(maps.Equal(wanted.Tmpfs, have.Tmpfs), "tmpfs", wanted.Tmpfs, have.Tmpfs)
	differ(slices.Equal(wanted.Mounts, mounts), "volumes", wanted.Mounts, mounts)
	differ(equalPorts(wanted.Publish, have.Publish), "published ports", wanted.Publish, have.Publish)
	differ(wanted.Log == have.Log, "log limits", wanted.Log, have.Log)
	differ(wanted.Restart == have.Restart, "restart policy", wanted.Restart, have.Restart)
	for _, extra := range found.Unexpected {
		drift = append(drift, fmt.Sprintf("container %s: has %s", have.Name, extra))
	}
	return drift
}

// anonymous is how the engine calls the volumes that an image declares by itself.
var anonymous = regexp.MustCompile(`^[0-9a-f]{64}$`)

// declared are the mounts that somebody asked for by name.
func declared(mounts []engine.Mount) []engine.Mount {
	return slices.DeleteFunc(slices.Clone(mounts), func(one engine.Mount) bool { return anonymous.MatchString(one.Volume) })
}

// equalPorts leaves out the host's ports that the engine was to choose.
func equalPorts(wanted, found []engine.PortBinding) bool {
	return slices.EqualFunc(wanted, found, func(want, have engine.PortBinding) bool {
		return want.ContainerPort == have.ContainerPort && want.HostAddress == have.HostAddress && (want.HostPort == 0 || want.HostPort == have.HostPort)
	})
}

func equalSets(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// text writes a value the way a person would; nothing as "none".
func text(value any) string {
	if written := strings.Trim(fmt.Sprint(value), "[]"); written != "" {
		return written
	}
	return "none"
}
