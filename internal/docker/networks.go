package docker

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// Networks lists the networks that carry all of labels.
func (e *Engine) Networks(ctx context.Context, labels map[string]string) ([]engine.Network, error) {
	if asksForOurs(labels) {
		return e.networks.with(ctx, labels, func(one engine.Network) map[string]string { return one.Labels })
	}
	return e.listNetworks(ctx, labels)
}

func (e *Engine) listNetworks(ctx context.Context, labels map[string]string) ([]engine.Network, error) {
	listed, err := e.client.NetworkList(ctx, network.ListOptions{Filters: byLabels(labels)})
	if err != nil {
		return nil, failure(err, "list networks")
	}
	networks := make([]engine.Network, 0, len(listed))
	for _, item := range listed {
		networks = append(networks, observedNetwork(item))
	}
	return networks, nil
}

func observedNetwork(item network.Summary) engine.Network {
	result := engine.Network{ID: item.ID, Name: item.Name, Internal: item.Internal, Labels: item.Labels, Created: item.Created}
	for _, pool := range item.IPAM.Config {
		if prefix, err := netip.ParsePrefix(pool.Subnet); err == nil {
			result.Subnets = append(result.Subnets, prefix)
		}
	}
	return result
}

// withoutHost leaves the bridge of a network without an address of the host, so that the host has no route to it. The
// firewall rules of an internal network alone do not hold: engines up to 26 at least take their isolation chain out and
// put it back whenever they create any network (libnetwork's EnsureJumpRule), and forward in between.
const withoutHost = "com.docker.network.bridge.inhibit_ipv4"

// CreateNetwork creates a bridge network and answers with its id. [engine.ErrSubnetTaken] means that the subnet is in
// use: the engine decides that atomically, also between two clients. Neither the host nor anything beyond it reaches an
// internal network, nor is reached from it.
func (e *Engine) CreateNetwork(ctx context.Context, spec engine.NetworkSpec) (string, error) {
	defer e.changed()
	options := network.CreateOptions{Driver: "bridge", Internal: spec.Internal, Labels: spec.Labels}
	if spec.Internal {
		options.Options = map[string]string{withoutHost: "true"}
	}
	if spec.Subnet.IsValid() {
		pool := network.IPAMConfig{Subnet: spec.Subnet.String()}
		if spec.IPRange.IsValid() {
			pool.IPRange = spec.IPRange.String()
		}
		options.IPAM = &network.IPAM{Driver: "default", Config: []network.IPAMConfig{pool}}
	}
	created, err := e.client.NetworkCreate(ctx, spec.Name, options)
	return created.ID, failure(err, "create network %s with subnet %s", spec.Name, spec.Subnet)
}

// RemoveNetwork removes a network; one that is gone counts as removed. [engine.ErrConflict] means that containers are
// attached.
func (e *Engine) RemoveNetwork(ctx context.Context, id string) error {
	defer e.changed()
	err := failure(e.client.NetworkRemove(ctx, id), "remove network %s", id)
	if errors.Is(err, engine.ErrConflict) && e.released(ctx, id) {
		err = failure(e.client.NetworkRemove(ctx, id), "remove network %s", id)
	}
	if errors.Is(err, engine.ErrNotFound) {
		return nil
	}
	return err
}

// released frees a network of the endpoints of containers that are gone or going: a busy engine answers that a container
// is removed before its place on the network is. False when a container that stays is attached.
func (e *Engine) released(ctx context.Context, id string) bool {
	attached, err := e.client.NetworkInspect(ctx, id, network.InspectOptions{})
	if err != nil {
		return false
	}
	for containerID, place := range attached.Containers {
		found, err := e.Container(ctx, containerID)
		switch {
		case errors.Is(err, engine.ErrNotFound):
			err = e.client.NetworkDisconnect(ctx, id, place.Name, true)
			e.log.Debug("released an endpoint that its container left behind", "network", id, "endpoint", place.Name, "error", err)
		case err != nil:
			return false
		case found.State == engine.StateRemoving || found.State == engine.StateDead:
			if e.WaitRemoved(ctx, containerID) != nil {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// Connect joins a container, running or not, to a network. For a container that does not run, engines notice only at its
// start that the network is gone or the address taken.
func (e *Engine) Connect(ctx context.Context, networkID, containerID string, wanted engine.Endpoint) error {
	defer e.changed()
	return failure(e.client.NetworkConnect(ctx, networkID, containerID, endpoint(wanted)),
		"join container %s to network %s", containerID, networkID)
}

// Disconnect takes a container out of a network. It is no failure when it, or the network, is not there (any more).
func (e *Engine) Disconnect(ctx context.Context, networkID, containerID string) error {
	defer e.changed()
	err := failure(e.client.NetworkDisconnect(ctx, networkID, containerID, true),
		"take container %s out of network %s", containerID, networkID)
	if errors.Is(err, engine.ErrNotFound) {
		return nil
	}
	return err
}

func byLabels(labels map[string]string) filters.Args {
	arguments := filters.NewArgs()
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if value := labels[name]; value != "" {
			name += "=" + value
		}
		arguments.Add("label", name)
	}
	return arguments
}
