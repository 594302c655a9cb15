package environment

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/quota"
	"github.com/isolab/terraform-provider-isolab/internal/rolling"
)

// Demand is what a wanted environment asks for.
func (w Wanted) Demand() quota.Demand {
	return quota.Demand{
		Environment: w.ID(), Containers: w.Replicas,
		CPUs: w.Limits.CPUs * float64(w.Replicas), Memory: w.Limits.Memory * int64(w.Replicas), Pids: w.Limits.Pids * int64(w.Replicas),
	}
}

// admit sees that the environments of a project stay within its quota, which the engine knows whatever a configuration
// says. Where this one asks for more than it has, that is reserved on the engine: containers are created, limits raised,
// under a lock that other runs respect too. Starting and waiting come afterwards, without it. A [*quota.ExceededError]
// when there is not enough. It answers with the project's containers as they are then.
func (e *Environments) admit(ctx context.Context, wanted Wanted, room room, neighbours []engine.ContainerSummary) ([]engine.ContainerSummary, error) {
	bound, err := e.projects.Quota(ctx, wanted.Namespace)
	if err != nil || bound == (quota.Quota{}) {
		return neighbours, err
	}
	has, err := e.demand(ctx, wanted.Namespace, wanted.Name, neighbours)
	if err != nil || len(quota.Grown(has, wanted.Demand())) == 0 {
		return neighbours, err
	}
	held, release, err := e.locks.Acquire(ctx, quota.Lock(wanted.Namespace))
	if err != nil {
		return nil, fmt.Errorf("reserve quota of project %s: %w", wanted.Namespace, err)
	}
	neighbours, err = e.reserve(held, wanted, room, bound)
	return neighbours, errors.Join(err, release())
}

// reserve is done under the lock, so it looks at the engine anew.
func (e *Environments) reserve(ctx context.Context, wanted Wanted, room room, bound quota.Quota) ([]engine.ContainerSummary, error) {
	neighbours, err := e.neighbours(ctx, wanted.Namespace)
	if err != nil {
		return nil, err
	}
	room.neighbours = neighbours
	demands := []quota.Demand{wanted.Demand()}
	for _, name := range environmentsAmong(neighbours) {
		if name == wanted.Name {
			continue
		}
		other, err := e.demand(ctx, wanted.Namespace, name, neighbours)
		if err != nil {
			return nil, err
		}
		demands = append(demands, other)
	}
	has, err := e.demand(ctx, wanted.Namespace, wanted.Name, neighbours)
	if err != nil {
		return nil, err
	}
	if err := bound.Check(wanted.Namespace, quota.Grown(has, wanted.Demand()), demands); err != nil {
		return nil, err
	}
	existing := rolling.Replicas(ours(neighbours, wanted.Name))
	for number := 1; number <= wanted.Replicas; number++ {
		one := place{Environments: e, wanted: wanted, room: room, replica: number, accompanied: len(existing) > 0}
		if err := one.reserve(ctx, existing[number]); err != nil {
			return nil, err
		}
	}
	return e.neighbours(ctx, wanted.Namespace)
}

// reserve makes sure that the replica's container exists and may use what is wanted of it. Where it is to be replaced, it
// stands for its successor until then.
func (p place) reserve(ctx context.Context, have rolling.Replica) error {
	if have.Current == nil {
		_, _, err := p.create(ctx, p.newName(), netip.Addr{}, nil)
		return err
	}
	found, err := p.engine.Container(ctx, have.Current.ID)
	if errors.Is(err, engine.ErrNotFound) {
		_, _, err = p.create(ctx, p.newName(), netip.Addr{}, nil)
		return err
	}
	if err != nil {
		return err
	}
	more := found.Spec.Limits
	more.CPUs, more.Memory, more.Pids = max(more.CPUs, p.wanted.Limits.CPUs), max(more.Memory, p.wanted.Limits.Memory), max(more.Pids, p.wanted.Limits.Pids)
	if more == found.Spec.Limits {
		return nil
	}
	return p.engine.UpdateLimits(ctx, found.ID, more)
}

// demand is what an environment has on the engine.
func (e *Environments) demand(ctx context.Context, namespace, name string, neighbours []engine.ContainerSummary) (quota.Demand, error) {
	total := quota.Demand{Environment: namespace + "/" + name}
	for _, listed := range rolling.Standing(ours(neighbours, name)) {
		found, err := e.engine.Container(ctx, listed.ID)
		if errors.Is(err, engine.ErrNotFound) {
			continue
		}
		if err != nil {
			return quota.Demand{}, err
		}
		promise(&total, found.Spec.Limits)
	}
	return total, nil
}

// inspecting is how many containers are looked at side by side.
const inspecting = 8

// Committed is what is promised to the environments of all projects of the engine.
func (e *Environments) Committed(ctx context.Context) (quota.Demand, error) {
	snapshot, err := e.engine.Snapshot(ctx)
	if err != nil {
		return quota.Demand{}, fmt.Errorf("sum up what is promised to containers: %w", err)
	}
	var total quota.Demand
	var lock sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(inspecting)
	for _, listed := range snapshot.Containers {
		if listed.Labels[naming.LabelRole] != naming.RoleEnvironment {
			continue
		}
		group.Go(func() error {
			found, err := e.engine.Container(ctx, listed.ID)
			if errors.Is(err, engine.ErrNotFound) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("sum up what is promised to containers: %w", err)
			}
			lock.Lock()
			defer lock.Unlock()
			promise(&total, found.Spec.Limits)
			return nil
		})
	}
	err = group.Wait()
	return total, err
}

// promise adds a container's limits to what is promised.
func promise(total *quota.Demand, limits engine.Limits) {
	total.Containers++
	total.CPUs += limits.CPUs
	total.Memory += limits.Memory
	total.Pids += limits.Pids
}

// environmentsAmong are the names of the environments that have containers.
func environmentsAmong(neighbours []engine.ContainerSummary) []string {
	var names []string
	seen := map[string]bool{}
	for _, container := range neighbours {
		name := container.Labels[naming.LabelEnvironment]
		if container.Labels[naming.LabelRole] == naming.RoleEnvironment && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}
