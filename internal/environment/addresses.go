package environment

import (
	"context"
	"fmt"
	"net/netip"
	"sync"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/subnet"
)

// addresses hands out the fixed addresses of the projects' subnets, so that environments that are created side by side
// get different ones. Between processes the engine is the judge: it refuses to start a second container on an address.
type addresses struct {
	lock  sync.Mutex
	taken map[string]map[netip.Addr]bool // by namespace
}

// address reserves a free address of the project's network. refused addresses are those the engine would not give.
func (e *Environments) address(ctx context.Context, namespace string, network engine.Network, refused map[netip.Addr]bool) (netip.Addr, error) {
	if len(network.Subnets) == 0 {
		return netip.Addr{}, fmt.Errorf("network %s has no IPv4 subnet", network.Name)
	}
	// Stopped containers hold their address only by their label.
	containers, err := e.engine.Containers(ctx, map[string]string{naming.LabelProject: namespace})
	if err != nil {
		return netip.Addr{}, err
	}
	e.addresses.lock.Lock()
	defer e.addresses.lock.Unlock()
	reserved := e.addresses.of(namespace)
	taken := map[netip.Addr]bool{}
	for address := range reserved {
		taken[address] = true
	}
	for address := range refused {
		taken[address] = true
	}
	for _, container := range containers {
		if address, err := netip.ParseAddr(container.Labels[naming.LabelAddress]); err == nil {
			taken[address] = true
		}
	}
	address, err := subnet.Address(network.Subnets[0], taken)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("find an address for a container of project %s: %w", namespace, err)
	}
	reserved[address] = true
	return address, nil
}

// settled ends the reservation of an address: from now on the container's label holds it, or nobody does.
func (e *Environments) settled(namespace string, address netip.Addr) {
	e.addresses.lock.Lock()
	defer e.addresses.lock.Unlock()
	delete(e.addresses.of(namespace), address)
}

func (a *addresses) of(namespace string) map[netip.Addr]bool {
	if a.taken == nil {
		a.taken = map[string]map[netip.Addr]bool{}
	}
	if a.taken[namespace] == nil {
		a.taken[namespace] = map[netip.Addr]bool{}
	}
	return a.taken[namespace]
}
