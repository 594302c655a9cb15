package environment

import (
	"slices"
	"strings"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

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
