package lock

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// memory is an engine that knows containers by name and tells of their removal.
type memory struct {
	lock       sync.Mutex
	containers map[string]*held // by name
	count      byte
	imported   bool
	silent     error
}

type held struct {
	id   string
	spec engine.ContainerSpec
	gone chan struct{}
	tape []byte
}

// silence makes the engine out of reach of those who hold a lock now.
func (m *memory) silence(err error) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.silent = err
}

func (m *memory) find(id string) *held {
	for _, one := range m.containers {
		if one.id == id {
			return one
		}
	}
	return nil
}

func (m *memory) WriteArchive(_ context.Context, id, _ string, archive io.Reader) error {
	m.lock.Lock()
	defer m.lock.Unlock()
	one := m.find(id)
	if one == nil {
		return engine.ErrNotFound
	}
	if m.silent != nil {
		return m.silent
	}
	var err error
	one.tape, err = io.ReadAll(archive)
	return err
}

func (m *memory) ReadArchive(_ context.Context, id, _ string) (io.ReadCloser, error) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if one := m.find(id); one != nil && one.tape != nil {
		return io.NopCloser(bytes.NewReader(one.tape)), nil
	}
	return nil, engine.ErrNotFound
}

func (m *memory) CreateContainer(_ context.Context, spec engine.ContainerSpec) (string, error) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if !m.imported {
		return "", engine.ErrNotFound
	}
	if m.containers[spec.Name] != nil {
		return "", engine.ErrConflict
	}
	m.count++
	id := string(rune('a' + m.count))
	if m.containers == nil {
		m.containers = map[string]*held{}
	}
	m.containers[spec.Name] = &held{id: id, spec: spec, gone: make(chan struct{})}
	return id, nil
}

func (m *memory) ImportImage(context.Context, string, io.Reader) error {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.imported = true
	return nil
}

func (m *memory) Container(_ context.Context, name string) (engine.Container, error) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if one := m.containers[name]; one != nil {
		return engine.Container{ID: one.id, Spec: one.spec}, nil
	}
	return engine.Container{}, engine.ErrNotFound
}

func (m *memory) RemoveContainer(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.lock.Lock()
	defer m.lock.Unlock()
	for name, one := range m.containers {
		if one.id == id {
			close(one.gone)
			delete(m.containers, name)
		}
	}
	return nil
}

func (m *memory) WaitRemoved(ctx context.Context, id string) error {
	m.lock.Lock()
	gone := make(chan struct{})
	found := false
	for _, one := range m.containers {
		if one.id == id {
			gone, found = one.gone, true
		}
	}
	m.lock.Unlock()
	if !found {
		return nil
	}
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestLockExcludes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		on := &memory{}
		var inside, most atomic.Int32
		var wait sync.WaitGroup
		for range 10 {
			locker := New(on) // as if each were another process
			wait.Go(func() {
				_, release, err := locker.Acquire(t.Context(), "edge")
				if err != nil {
					t.Error(err)
					return
				}
				if now := inside.Add(1); now > most.Load() {
					most.Store(now)
				}
				<-time.After(time.Second) // of the bubble's clock
				inside.Add(-1)
				if err := release(); err != nil {
					t.Error(err)
				}
			})
		}
		begun := time.Now()
		wait.Wait()
		if most.Load() != 1 {
			t.Errorf("%d held the lock at once", most.Load())
		}
		if took := time.Since(begun); took != 10*time.Second {
			t.Errorf("ten holders of a second each took %s", took)
		}
	})
}

func TestAbandonedLockIsTakenOverAndItsOwnerHarmless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		on := &memory{}
		held, late, err := New(on).Acquire(t.Context(), "edge")
		if err != nil {
			t.Fatal(err)
		}
		on.silence(engine.ErrUnavailable)
		begun := time.Now()
		_, release, err := New(on).Acquire(t.Context(), "edge")
		if err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(begun); waited != patience {
			t.Errorf("taken over after %s", waited)
		}
		if !errors.Is(context.Cause(held), ErrLost) {
			t.Errorf("the holder goes on: %v", context.Cause(held))
		}
		if err := late(); err != nil {
			t.Error(err)
		}
		if _, err := on.Container(t.Context(), container("edge")); err != nil {
			t.Error("the owner of the abandoned lock has removed its successor's")
		}
		if err := release(); err != nil {
			t.Error(err)
		}
	})
}

// TestLockIsHeld by a holder that lives, however long.
func TestLockIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		on := &memory{}
		held, release, err := New(on).Acquire(t.Context(), "edge")
		if err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(t.Context(), 10*patience)
		defer cancel()
		if _, _, err := New(on).Acquire(short, "edge"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("taken from its holder: %v", err)
		}
		if held.Err() != nil {
			t.Errorf("lost: %v", context.Cause(held))
		}
		if err := release(); err != nil {
			t.Error(err)
		}
	})
}

// TestLockRemovedByHand stops the work at the next beat.
func TestLockRemovedByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		on := &memory{}
		held, release, err := New(on).Acquire(t.Context(), "edge")
		if err != nil {
			t.Fatal(err)
		}
		if err := on.RemoveContainer(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		<-held.Done()
		if !errors.Is(context.Cause(held), ErrLost) {
			t.Errorf("got %v", context.Cause(held))
		}
		if err := release(); err != nil {
			t.Error(err)
		}
	})
}

// TestLockThatCannotBeRead is on its way out: the engine answers for a moment with an error about its files.
func TestLockThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		on := &memory{}
		_, first, err := New(on).Acquire(t.Context(), "edge")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			<-time.After(time.Second) // of the bubble's clock
			if err := first(); err != nil {
				t.Error(err)
			}
		}()
		begun := time.Now()
		_, release, err := New(&illegible{on}).Acquire(t.Context(), "edge")
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took != time.Second {
			t.Errorf("took it after %s", took)
		}
		if err := release(); err != nil {
			t.Error(err)
		}
	})
}

// illegible is an engine that cannot read containers.
type illegible struct{ *memory }

func (illegible) ReadArchive(context.Context, string, string) (io.ReadCloser, error) {
	return nil, errors.New("RWLayer is unexpectedly nil")
}

func TestHeld(t *testing.T) {
	label := map[string]string{naming.LabelRole: naming.RoleLock}
	among := []engine.ContainerSummary{{Name: container("edge"), Labels: label}, {Name: container("mine")}}
	for name, want := range map[string]bool{"edge": true, "mine": false, "other": false} {
		if Held(name, among) != want {
			t.Errorf("%s: held is %v", name, !want)
		}
	}
}

func TestSweep(t *testing.T) {
	on := &memory{}
	if _, _, err := New(on).Acquire(t.Context(), "edge"); err != nil {
		t.Fatal(err)
	}
	held := on.containers[container("edge")]
	among := []engine.ContainerSummary{{ID: held.id, Name: held.spec.Name, Labels: held.spec.Labels}}
	for _, step := range []struct {
		name string
		left int
	}{{"other", 1}, {"edge", 0}} {
		if err := Sweep(t.Context(), on, step.name, among); err != nil || len(on.containers) != step.left {
			t.Errorf("after the sweep of %s %d locks are left: %v", step.name, len(on.containers), err)
		}
	}
}

func TestLockAndInterruption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		on := &memory{}
		ctx, interrupt := context.WithCancel(t.Context())
		_, release, err := New(on).Acquire(ctx, "edge")
		if err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := New(on).Acquire(short, "edge"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waited on: %v", err)
		}
		interrupt()
		if err := release(); err != nil {
			t.Errorf("not given back after an interruption: %v", err)
		}
		if _, _, err := New(on).Acquire(ctx, "other"); !errors.Is(err, context.Canceled) || len(on.containers) != 0 {
			t.Errorf("an interrupted caller took a lock: %v", err)
		}
	})
}

func TestLockDoesNotRemoveWhatIsNoLock(t *testing.T) {
	on := &memory{imported: true}
	if _, err := on.CreateContainer(t.Context(), engine.ContainerSpec{Name: container("edge")}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := New(on).Acquire(t.Context(), "edge"); err == nil || len(on.containers) != 1 {
		t.Errorf("took the place of a foreign container: %v", err)
	}
}
