package environment

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// weakened says in sentences where a container is not as hardened as asked. Such a container can only be replaced. Its
// limits and networks are left out: these change on the living container.
func weakened(wanted, found engine.ContainerSpec, unexpected []string) []string {
	var drift []string
	differ := func(differs bool, what string, want, have any) {
		if differs {
			drift = append(drift, fmt.Sprintf("%s: %s is %v instead of %v", found.Name, what, have, want))
		}
	}
	differ(wanted.User != found.User, "user", wanted.User, quoted(found.User))
	differ(wanted.ReadOnly != found.ReadOnly, "read-only root", wanted.ReadOnly, found.ReadOnly)
	differ(wanted.NoNewPrivileges != found.NoNewPrivileges, "no-new-privileges", wanted.NoNewPrivileges, found.NoNewPrivileges)
	differ(wanted.Init != found.Init, "init", wanted.Init, found.Init)
	differ(!equalSets(wanted.CapDrop, found.CapDrop), "dropped capabilities", wanted.CapDrop, found.CapDrop)
	differ(!equalSets(wanted.CapAdd, found.CapAdd), "added capabilities", wanted.CapAdd, found.CapAdd)
	differ(!maps.Equal(wanted.Tmpfs, found.Tmpfs), "tmpfs", wanted.Tmpfs, found.Tmpfs)
	differ(!slices.Equal(wanted.Mounts, found.Mounts), "mounts", wanted.Mounts, found.Mounts)
	differ(wanted.Log != found.Log, "log", wanted.Log, found.Log)
	differ(wanted.Restart != found.Restart, "restart policy", wanted.Restart, found.Restart)
	differ(!equalPorts(wanted.Publish, found.Publish), "published ports", wanted.Publish, found.Publish)
	for _, extra := range unexpected {
		drift = append(drift, fmt.Sprintf("%s: has %s", found.Name, extra))
	}
	return drift
}

// misplaced compares a container's networks with those it belongs to. A network that it joined again by hand, on another
// address, counts as missing: the gateway would look for it in vain.
func misplaced(spec Spec, found engine.ContainerSpec) (missing, foreign []string) {
	wanted := networkNames(spec)
	for i, network := range wanted {
		if !slices.ContainsFunc(found.Networks, func(e engine.Endpoint) bool {
			return e.Network == network && (i > 0 || e.Address == "" || e.Address == found.Labels[naming.LabelAddress])
		}) {
			missing = append(missing, network)
		}
	}
	for _, endpoint := range found.Networks {
		if !slices.Contains(wanted, endpoint.Network) {
			foreign = append(foreign, endpoint.Network)
		}
	}
	return missing, foreign
}

// networkNames are the networks an environment's containers belong to, the internal one first.
func networkNames(spec Spec) []string {
	names := []string{naming.Network(spec.Namespace)}
	if spec.Egress {
		names = append(names, naming.EgressNetwork(spec.Namespace))
	}
	return names
}

// aliased reports the names under which a container answers that the provider did not give it: its own id and name
// come from the engine.
func aliased(spec Spec, found engine.Container) []string {
	var foreign []string
	for _, endpoint := range found.Spec.Networks {
		for _, alias := range endpoint.Aliases {
			if alias != naming.Alias(spec.Namespace, spec.Name) && alias != found.Spec.Name && !strings.HasPrefix(found.ID, alias) {
				foreign = append(foreign, alias)
			}
		}
	}
	return foreign
}

func equalSets(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// equalPorts leaves the host's ports out: the engine chose them.
func equalPorts(wanted, found []engine.PortBinding) bool {
	return slices.EqualFunc(wanted, found, func(a, b engine.PortBinding) bool {
		return a.ContainerPort == b.ContainerPort && a.HostAddress == b.HostAddress
	})
}

func quoted(text string) string { return fmt.Sprintf("%q", text) }
