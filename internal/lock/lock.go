// Package lock keeps processes that work on the same engine out of each other's way: two Terraform runs, or a run and
// an import, that change one gateway. A lock is a container of a fixed name that is never started. The engine refuses
// a second container of that name atomically, tells the waiters the moment it is removed, and removes it by its id, so
// that nobody can ever remove the lock of a successor. Its holder shows that it lives by writing into it; waiters only
// look whether that changes, so that no two machines' clocks have to agree.
package lock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
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
	ReadArchive(ctx context.Context, containerID, path string) (io.ReadCloser, error)
	WriteArchive(ctx context.Context, containerID, path string, archive io.Reader) error
}

// ErrLost means that others took the lock for abandoned, because its holder was cut off from the engine.
var ErrLost = errors.New("the lock was lost")

// callTimeout bounds the engine calls that must go on when the caller has been interrupted.
const callTimeout = 30 * time.Second

// A holder beats every interval; who waits takes a lock over that has not beaten for patience.
const (
	interval = 3 * time.Second
	patience = 15 * time.Second
)

// beatFile is where in the lock's container its holder counts.
const beatFile = "beat"

// maxUnseen is how often in a row the engine may refuse a name and yet show no container of it. That happens in the
// instant in which a lock is made or removed; for longer only where the engine has lost track of its own names.
const maxUnseen = 100

// unseenPause is the wait before the next try then: an engine announces neither that it reserves a name nor that it
// gives one up, so there is no event to wait for.
const unseenPause = 100 * time.Millisecond

// Held reports whether a lock is among containers: somebody holds it, or was killed while holding it.
func Held(name string, containers []engine.ContainerSummary) bool {
	return slices.ContainsFunc(containers, func(one engine.ContainerSummary) bool {
		return one.Name == container(name) && one.Labels[naming.LabelRole] == naming.RoleLock
	})
}

// Remover is the part of an engine that removes containers.
type Remover interface {
	RemoveContainer(ctx context.Context, id string) error
}

// Sweep removes a lock found among containers. It is for what the lock stood for being gone: a holder that still lives
// has nothing left to work on, and learns from [ErrLost] that it is to stop.
func Sweep(ctx context.Context, on Remover, name string, containers []engine.ContainerSummary) error {
	for _, one := range containers {
		if !Held(name, []engine.ContainerSummary{one}) {
			continue
		}
		if err := on.RemoveContainer(ctx, one.ID); err != nil {
			return fmt.Errorf("remove lock %s: %w", name, err)
		}
	}
	return nil
}

// Locker takes locks on one engine.
type Locker struct{ on Engine }

// New makes a locker for an engine.
func New(on Engine) *Locker { return &Locker{on: on} }

// Acquire waits until the lock called name is free and takes it. Work is to be done within held, which ends with ctx, or
// with the cause [ErrLost]. release gives the lock back, also when ctx has ended by then. The lock of a process that was
// killed is taken over within seconds. The error wraps ctx's when the wait was interrupted.
func (l *Locker) Acquire(ctx context.Context, name string) (held context.Context, release func() error, err error) {
	for unseen := 0; unseen < maxUnseen; {
		id, err := l.take(ctx, name)
		if err == nil {
			held, lose := context.WithCancelCause(ctx)
			beating, stop := context.WithCancel(context.WithoutCancel(ctx))
			go l.beat(beating, id, lose)
			return held, func() error {
				stop()
				lose(nil)
				return l.release(ctx, name, id)
			}, nil
		}
		if !errors.Is(err, engine.ErrConflict) {
			return nil, nil, fmt.Errorf("take lock %s: %w", name, err)
		}
		seen, err := l.await(ctx, name)
		if err != nil {
			return nil, nil, fmt.Errorf("wait for lock %s: %w", name, err)
		}
		if seen {
			unseen = 0
			continue
		}
		unseen++
		select {
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("wait for lock %s: %w", name, ctx.Err())
		case <-time.After(unseenPause):
		}
	}
	return nil, nil, fmt.Errorf("take lock %s: the engine says that container %s exists and does not show it", name, container(name))
}

// take tries once. It does not heed an interruption half-way, which could leave a lock that nobody knows of.
func (l *Locker) take(ctx context.Context, name string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	return volume.Create(call, l.on, engine.ContainerSpec{
		Name: container(name), Labels: map[string]string{naming.LabelRole: naming.RoleLock},
	})
}

// beat counts in the lock's container until ctx ends or the lock is lost. A holder that cannot be seen to live for as long
// as others have patience counts as gone, to itself too.
func (l *Locker) beat(ctx context.Context, id string, lose context.CancelCauseFunc) {
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	last := time.Now()
	for count := 1; ; count++ {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		err := l.on.WriteArchive(ctx, id, "/", volume.Pack("", 0, map[string][]byte{beatFile: []byte(strconv.Itoa(count))}))
		switch {
		case err == nil:
			last = time.Now()
		case errors.Is(err, engine.ErrNotFound), time.Since(last) >= patience-interval:
			lose(ErrLost)
			return
		}
	}
}

// beats is how far the holder has counted; "" for not at all.
func (l *Locker) beats(ctx context.Context, id string) (string, error) {
	archive, err := l.on.ReadArchive(ctx, id, "/"+beatFile)
	if errors.Is(err, engine.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer archive.Close()
	files, err := volume.Unpack(archive)
	return string(files[beatFile]), err
}

func (l *Locker) release(ctx context.Context, name, id string) error {
	call, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	if err := l.on.RemoveContainer(call, id); err != nil {
		return fmt.Errorf("give back lock %s: %w", name, err)
	}
	return nil
}

// await waits for the present holder's lock to go: until it is given back, or removed because its holder does not live,
// or some time has passed. seen is false when there was none to wait for.
func (l *Locker) await(ctx context.Context, name string) (seen bool, err error) {
	holder, err := l.on.Container(ctx, container(name))
	if errors.Is(err, engine.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if holder.Spec.Labels[naming.LabelRole] != naming.RoleLock {
		return true, fmt.Errorf("container %s is in the way and is no lock; remove it", holder.Spec.Name)
	}
	before, unread := l.beats(ctx, holder.ID) // A container on its way out cannot be read; that it has gone shows below.
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = l.on.WaitRemoved(wait, holder.ID)
	switch {
	case err == nil:
		return true, nil
	case ctx.Err() != nil:
		return true, fmt.Errorf("another process holds it: %w", ctx.Err())
	case wait.Err() == nil:
		return true, err
	}
	after, err := l.beats(ctx, holder.ID)
	if err != nil || unread != nil || after != before {
		return true, err
	}
	return true, l.on.RemoveContainer(ctx, holder.ID)
}

// container is the name of the container that stands for a lock.
func container(name string) string { return "isolab-lock_" + name }
