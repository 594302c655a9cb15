package project

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// Read tells what the engine holds of a project; [engine.ErrNotFound] when it holds nothing of it.
func (p *Projects) Read(ctx context.Context, namespace string) (Project, error) {
	snapshot, err := p.engine.Snapshot(ctx)
	if err != nil {
		return Project{}, fmt.Errorf("read project %s: %w", namespace, err)
	}
	return inspect(snapshot, namespace)
}

// List reads all projects of the engine, sorted by namespace.
func (p *Projects) List(ctx context.Context) ([]Project, error) {
	snapshot, err := p.engine.Snapshot(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the projects: %w", err)
	}
	var projects []Project
	seen := map[string]bool{}
	for _, item := range snapshot.Volumes {
		namespace := item.Labels[naming.LabelProject]
		if item.Labels[naming.LabelRole] != naming.RoleRecord || seen[namespace] {
			continue
		}
		seen[namespace] = true
		found, err := inspect(snapshot, namespace)
		if err != nil {
			return nil, err
		}
		projects = append(projects, found)
	}
	slices.SortFunc(projects, func(a, b Project) int { return strings.Compare(a.Namespace, b.Namespace) })
	return projects, nil
}

// inspect finds a project and its drift in what the engine holds.
func inspect(snapshot engine.Snapshot, namespace string) (Project, error) {
	parts := ofProject(snapshot, namespace)
	record, recorded, err := newest(parts.volumes)
	if err != nil {
		return Project{}, err
	}
	record.Namespace = namespace // also of what has lost its record
	found := Project{Record: record}
	for _, item := range parts.volumes {
		if item.Labels[naming.LabelRole] == naming.RoleWorkspace {
			found.Workspace = item.Name
		}
	}
	for _, item := range parts.networks {
		if item.Name == found.Network || item.Name == found.EgressNetwork {
			found.drifted("network %s exists twice", item.Name)
		}
		switch item.Labels[naming.LabelRole] {
		case naming.RoleNetwork:
			found.Network = item.Name
			if len(item.Subnets) > 0 {
				found.Subnet = item.Subnets[0]
			}
			if !item.Internal {
				found.drifted("network %s is not internal", item.Name)
			}
		case naming.RoleEgress:
			found.EgressNetwork = item.Name
		}
	}
	// A retained workspace alone is data that waits for its project, not a project.
	if !recorded && found.Network == "" {
		return Project{}, fmt.Errorf("project %s: %w", namespace, engine.ErrNotFound)
	}
	if !recorded {
		found.drifted("the project's record is missing")
	}
	if found.Network == "" {
		found.drifted("the internal network %s is missing", naming.Network(namespace))
	}
	if found.Workspace == "" {
		found.drifted("the workspace volume %s is missing", naming.Workspace(namespace))
	}
	if _, present := providers(snapshot, engine.Network{Name: found.Network}); found.Network != "" {
		for _, name := range record.reaches() {
			if !present[name] {
				found.drifted("shared service %s is not on network %s", name, found.Network)
			}
		}
	}
	for _, guest := range strangers(snapshot, parts.networks, record) {
		found.drifted("container %s, which is not the project's, is attached to network %s", guest.container.Name, guest.network.Name)
	}
	return found, nil
}

func (p *Project) drifted(format string, args ...any) {
	p.Drift = append(p.Drift, fmt.Sprintf(format, args...))
}

type parts struct {
	volumes  []engine.Volume
	networks []engine.Network
}

func ofProject(snapshot engine.Snapshot, namespace string) (found parts) {
	for _, item := range snapshot.Volumes {
		if item.Labels[naming.LabelProject] == namespace {
			found.volumes = append(found.volumes, item)
		}
	}
	for _, item := range snapshot.Networks {
		if item.Labels[naming.LabelProject] == namespace {
			found.networks = append(found.networks, item)
		}
	}
	return found
}

type guest struct {
	container engine.ContainerSummary
	network   engine.Network
}

// strangers are the containers on a project's networks that are neither the project's, nor a gateway, nor a shared service
// that the project lists.
func strangers(snapshot engine.Snapshot, networks []engine.Network, record Record) []guest {
	return guests(snapshot, networks, func(container engine.ContainerSummary) bool {
		switch container.Labels[naming.LabelRole] {
		case naming.RoleGateway:
			return false
		case naming.RoleService:
			return !slices.Contains(record.reaches(), container.Labels[naming.LabelService])
		}
		return container.Labels[naming.LabelProject] != record.Namespace
	})
}

// guests are the containers on the networks that match.
func guests(snapshot engine.Snapshot, networks []engine.Network, match func(engine.ContainerSummary) bool) []guest {
	var found []guest
	for _, container := range snapshot.Containers {
		if !match(container) {
			continue
		}
		for _, endpoint := range container.Endpoints {
			for _, network := range networks {
				if endpoint.Network == network.Name {
					found = append(found, guest{container, network})
				}
			}
		}
	}
	return found
}
