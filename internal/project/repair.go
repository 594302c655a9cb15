package project

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/interrupt"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/lock"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/quota"
)

// BlockedError says what stands in the way of a project's deletion.
type BlockedError struct {
	Namespace string
	Blockers  []string // sentences without a full stop
}

func (e *BlockedError) Error() string {
	return fmt.Sprintf("project %s cannot be removed while others use it: %s. Nothing was removed", e.Namespace, strings.Join(e.Blockers, "; "))
}

// repair puts back what is missing of a project and takes out who does not belong.
func (p *Projects) repair(ctx context.Context, record Record) error {
	snapshot, err := p.engine.Snapshot(ctx)
	if err != nil {
		return err
	}
	found := ofProject(snapshot, record.Namespace)
	for _, stranger := range strangers(snapshot, found.networks, record) {
		p.log.Warn("taking a foreign container out of a project's network", "container", stranger.container.Name, "network", stranger.network.Name)
		if err := p.engine.Disconnect(ctx, stranger.network.ID, stranger.container.ID); err != nil {
			return err
		}
	}
	state, err := inspect(snapshot, record.Namespace)
	if err != nil && !errors.Is(err, engine.ErrNotFound) {
		return err
	}
	if state.Workspace == "" {
		if err := p.workspace(ctx, record); err != nil {
			return fmt.Errorf("put the workspace of project %s back: %w", record.Namespace, err)
		}
		if record.Phase().AtLeast(lifecycle.Development) {
			if err := p.scaffold(ctx, record); err != nil {
				return fmt.Errorf("fill the new workspace of project %s: %w", record.Namespace, err)
			}
		}
	}
	if _, err := p.internalNetwork(ctx, record); err != nil {
		return fmt.Errorf("put the internal network of project %s back: %w", record.Namespace, err)
	}
	if _, err := p.networks.Find(ctx, egressLabels(record.Namespace)); err != nil && !errors.Is(err, engine.ErrNotFound) {
		return fmt.Errorf("look at the egress network of project %s: %w", record.Namespace, err)
	}
	return nil
}

// Delete removes a project. With [Retain] its data volumes stay and are named in the answer; a project of the same
// namespace finds them again. The record goes last, so that an interrupted deletion can be continued. A
// [*BlockedError] when containers are still there that the project does not own.
func (p *Projects) Delete(ctx context.Context, namespace string, policy DataPolicy) (retained []string, err error) {
	ctx, done := interrupt.Shield(ctx)
	defer done()
	snapshot, err := p.engine.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	found := ofProject(snapshot, namespace)
	record, _, err := newest(found.volumes)
	if err != nil {
		return nil, err
	}
	record.Namespace = namespace
	if blockers := blockers(snapshot, found.networks, record); len(blockers) > 0 {
		return nil, &BlockedError{Namespace: namespace, Blockers: blockers}
	}
	shared := guests(snapshot, found.networks, func(container engine.ContainerSummary) bool {
		role := container.Labels[naming.LabelRole]
		return role == naming.RoleGateway || role == naming.RoleService
	})
	for _, one := range shared {
		if err := p.engine.Disconnect(ctx, one.network.ID, one.container.ID); err != nil {
			return nil, err
		}
	}
	for _, network := range found.networks {
		if err := p.engine.RemoveNetwork(ctx, network.ID); err != nil {
			return nil, err
		}
	}
	if policy == Delete {
		err = p.removeData(ctx, namespace)
	} else {
		retained, err = p.retain(ctx, namespace)
	}
	if err != nil {
		return nil, err
	}
	if err := lock.Sweep(ctx, p.engine, quota.Lock(namespace), snapshot.Containers); err != nil {
		return nil, err
	}
	if err := lock.Sweep(ctx, p.engine, keyLock(namespace), snapshot.Containers); err != nil {
		return nil, err
	}
	if err := p.removeKey(ctx, namespace); err != nil {
		return nil, err
	}
	return retained, p.forget(ctx, Record{Namespace: namespace})
}

// blockers are the containers that would lose their network or volume with the project.
func blockers(snapshot engine.Snapshot, networks []engine.Network, record Record) []string {
	namespace := record.Namespace
	var found []string
	seen := map[string]bool{}
	for _, container := range snapshot.Containers {
		environment := container.Labels[naming.LabelEnvironment]
		switch {
		case container.Labels[naming.LabelProject] != namespace || seen[environment]:
		case environment == "":
			found = append(found, fmt.Sprintf("container %s of the project is still there (destroy what it belongs to first)", container.Name))
		default:
			seen[environment] = true
			found = append(found, fmt.Sprintf("environment %s/%s still has container %s (destroy the environment first, or import it into this configuration)",
				namespace, environment, container.Name))
		}
	}
	for _, stranger := range strangers(snapshot, networks, record) {
		if stranger.container.Labels[naming.LabelRole] == naming.RoleService {
			continue // which loses nothing that it needs
		}
		found = append(found, fmt.Sprintf("foreign container %s is attached to network %s (docker network disconnect %s %s)",
			stranger.container.Name, stranger.network.Name, stranger.network.Name, stranger.container.Name))
	}
	return found
}
