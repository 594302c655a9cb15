package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// TrustHost stands among [Settings.TrustedProxies] for the host itself: what comes to its loopback reaches the gateway from
// the address that the host has on the gateway's own network, where nobody else is.
const TrustHost = "host"

// ErrTrustsProjects means that projects could say where their requests come from.
var ErrTrustsProjects = errors.New("a project's containers could pretend to be any visitor")

// ValidateProxy reports what is wrong with a trusted proxy.
func ValidateProxy(proxy string) error {
	if proxy == TrustHost {
		return nil
	}
	if err := ValidateNetwork(proxy); err != nil {
		return fmt.Errorf("%w; %q stands for the host itself", err, TrustHost)
	}
	return nil
}

// TrustsProjects reports whether a trusted proxy lies where projects get their addresses.
func TrustsProjects(proxy string, projects netip.Prefix) error {
	if trusted, err := netip.ParsePrefix(proxy); err != nil {
		return ValidateProxy(proxy)
	} else if !trusted.Overlaps(projects) {
		return nil
	}
	return fmt.Errorf("%w: %s overlaps with %s, where projects get their addresses; name the proxy's own address, or %q for a proxy on the host", ErrTrustsProjects, proxy, projects, TrustHost)
}

// distrusts refuses proxies that are on a project's network.
func (s Settings) distrusts(around surroundings) error {
	for _, namespace := range slices.Sorted(maps.Keys(around.networks)) {
		for _, projects := range around.networks[namespace].Subnets {
			for _, proxy := range s.TrustedProxies {
				if err := TrustsProjects(proxy, projects); err != nil {
					return fmt.Errorf("project %s: %w", namespace, err)
				}
			}
		}
	}
	return nil
}

// hosted are settings with the host's network in place of its name.
func (g *Gateways) hosted(ctx context.Context, gateway string, settings Settings) (Settings, error) {
	at := slices.Index(settings.TrustedProxies, TrustHost)
	if at < 0 {
		return settings, nil
	}
	networks, err := g.on.Networks(ctx, labels(gateway))
	if err != nil {
		return settings, err
	}
	settings.TrustedProxies = slices.Delete(slices.Clone(settings.TrustedProxies), at, at+1)
	for _, network := range networks {
		for _, subnet := range network.Subnets {
			settings.TrustedProxies = append(settings.TrustedProxies, subnet.String())
		}
	}
	return settings, nil
}
