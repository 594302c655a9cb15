// Package lock keeps processes that work on the same engine out of each other's way: two Terraform runs, or a run and
// an import, that change one gateway. A lock is a container of a fixed name that is never started. The engine refuses
// a second container of that name atomically, tells the waiters the moment it is removed, and removes it by its id, so
// that nobody can ever remove the lock of a successor.
package lock

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/volume"
)

// Engine is what this package needs of one.
type Engine interface {
	volume.Creator
	Container(ctx context.Context, id string) (engine.Container, error)
	RemoveContainer(ctx context.Context, id string) error
	WaitRemoved(ctx context.Context, id string) error
}

// callTimeout bounds the engine calls that must go on when the caller has been interrupted.
const callTimeout = 30 * time.Second

// maxUnseen is how often in a row the engine may refuse a name and yet show no container of it. That happens in the
// instant in which a lock is made or removed; for longer only where the engine has lost track of its own names.
const maxUnseen = 100

// unseenPause is the wait before the next try then: an engine announces neither that it reserves a name nor that it
// gives one up, so there is no event to wait for.
const unseenPause = 100 * time.Millisecond

// Locker takes locks on one engine.
type Locker struct {
	on  Engine
	now func() time.Time
}

// New makes a locker for an engine.
func New(on Engine) *Locker { return &Locker{on: on, now: time.Now} }

// Acquire waits until the lock called name is free, takes it and answers with the function that gives it back, which
// works even when ctx has ended by then. A lock that was not given back within ttl counts as abandoned (its process was
// killed) and is taken over, so the holder must be done by then. The clocks of the machines involved have to agree to
// well within ttl. The error wraps ctx's when the wait was interrupted.
func (l *Locker) Acquire(ctx context.Context, name string, ttl time.Duration) (release func() error, err error) {
	for unseen := 0; unseen < maxUnseen; {
		id, err := l.take(ctx, name, ttl)
		if err == nil {
			return func() error { return l.release(ctx, name, id) }, nil
		}
		if !errors.Is(err, engine.ErrConflict) {
			return nil, fmt.Errorf("take lock %s: %w", name, err)
		}
		seen, err := l.await(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("wait for lock %s: %w", name, err)
		}
		if seen {
			unseen = 0
			continue
		}
		unseen++
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for lock %s: %w", name, ctx.Err())
		case <-time.After(unseenPause):
		}
	}
	return nil, fmt.Errorf("take lock %s: the engine says that container %s exists and does not show it", name, container(name))
}

// take tries once. It does not heed an interruption half-way, which could leave a lock that nobody knows of.
func (l *Locker) take(ctx context.Context, name string, ttl time.Duration) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	// Whole seconds, rounded up.
	expires := l.now().Add(ttl + time.Second).Unix()
	return volume.Create(call, l.on, engine.ContainerSpec{
		Name: container(name),
		Labels: map[string]string{
			naming.LabelRole:    naming.RoleLock,
			naming.LabelExpires: strconv.FormatInt(expires, 10),
		},
	})
}

func (l *Locker) release(ctx context.Context, name, id string) error {
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	if err := l.on.RemoveContainer(call, id); err != nil {
		return fmt.Errorf("give back lock %s: %w", name, err)
	}
	return nil
}

// await returns when the present holder's lock is gone: given back, or expired and removed. seen is false when there
// was none to wait for.
func (l *Locker) await(ctx context.Context, name string) (seen bool, err error) {
	holder, err := l.on.Container(ctx, container(name))
	if errors.Is(err, engine.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	seconds, err := strconv.ParseInt(holder.Spec.Labels[naming.LabelExpires], 10, 64)
	if holder.Spec.Labels[naming.LabelRole] != naming.RoleLock || err != nil {
		return true, fmt.Errorf("container %s is in the way and is no lock; remove it", holder.Spec.Name)
	}
	wait, cancel := context.WithTimeout(ctx, time.Unix(seconds, 0).Sub(l.now()))
	defer cancel()
	err = l.on.WaitRemoved(wait, holder.ID)
	switch {
	case err == nil:
		return true, nil
	case ctx.Err() != nil:
		return true, fmt.Errorf("held by another process until %s at the latest: %w", time.Unix(seconds, 0).UTC().Format(time.TimeOnly), ctx.Err())
	case wait.Err() != nil:
		return true, l.on.RemoveContainer(ctx, holder.ID)
	}
	return true, err
}

// container is the name of the container that stands for a lock.
func container(name string) string { return "isolab-lock_" + name }
