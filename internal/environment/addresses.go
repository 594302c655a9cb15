package environment

import (
	"fmt"
	"maps"
	"net/netip"
	"sync"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/subnet"
)

// addresses hands out the fixed addresses of the projects' subnets, so that environments that are created side by side
// get different ones. An address given stays given for this process until its container is removed. Between processes
// the engine is the judge: it refuses to start a second container on an address.
type addresses struct {
	lock  sync.Mutex
	given map[string]map[netip.Addr]bool // by namespace
}

// give picks a free address of the project's network. containers are the project's: stopped ones hold their address only
// by their label. refused addresses are those the engine would not give.
func (a *addresses) give(namespace string, network engine.Network, containers []engine.ContainerSummary, refused map[netip.Addr]bool) (netip.Addr, error) {
	if len(network.Subnets) == 0 {
		return netip.Addr{}, fmt.Errorf("network %s has no IPv4 subnet", network.Name)
	}
	a.lock.Lock()
	defer a.lock.Unlock()
	given := a.of(namespace)
	taken := maps.Clone(given)
	maps.Copy(taken, refused)
	for _, container := range containers {
		if address, err := netip.ParseAddr(container.Labels[naming.LabelAddress]); err == nil {
			taken[address] = true
		}
	}
	address, err := subnet.Address(network.Subnets[0], taken)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("find an address for a container of project %s: %w", namespace, err)
	}
	given[address] = true
	return address, nil
}

// keep marks the address of a container that is about to be replaced: its successor gets it.
func (a *addresses) keep(namespace string, address netip.Addr) {
	a.lock.Lock()
	defer a.lock.Unlock()
	a.of(namespace)[address] = true
}

// free takes back an address whose container is gone or never came to be.
func (a *addresses) free(namespace string, address netip.Addr) {
	a.lock.Lock()
	defer a.lock.Unlock()
	delete(a.of(namespace), address)
}

func (a *addresses) of(namespace string) map[netip.Addr]bool {
	if a.given == nil {
		a.given = map[string]map[netip.Addr]bool{}
	}
	if a.given[namespace] == nil {
		a.given[namespace] = map[netip.Addr]bool{}
	}
	return a.given[namespace]
}
