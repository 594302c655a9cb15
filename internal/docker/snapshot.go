package docker

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// snapshotAge is how long one listing serves the many resources that Terraform refreshes side by side. A plan is never
// closer to the engine than the time between its read and its apply, which is longer.
const snapshotAge = time.Second

// snapshot remembers the last listing. The lock is held while listing, so that readers who come meanwhile share it.
type snapshot struct {
	lock  sync.Mutex
	taken time.Time
	last  engine.Snapshot

	changes sync.Mutex
	stale   bool
}

// changed drops the remembered listing; every call that changes the engine makes it.
func (e *Engine) changed() {
	e.snapshot.changes.Lock()
	e.snapshot.stale = true
	e.snapshot.changes.Unlock()
}

func (s *snapshot) fresh() bool {
	s.changes.Lock()
	defer s.changes.Unlock()
	ok := !s.stale && !s.taken.IsZero() && time.Since(s.taken) < snapshotAge
	s.stale = false
	return ok
}

// Snapshot lists everything that concerns us in one go. The answer is at most a second old and never older than the
// last change made through this connection. The caller must not change it.
func (e *Engine) Snapshot(ctx context.Context) (engine.Snapshot, error) {
	e.snapshot.lock.Lock()
	defer e.snapshot.lock.Unlock()
	if e.snapshot.fresh() {
		return e.snapshot.last, nil
	}
	var now engine.Snapshot
	begun := time.Now()
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { now.Containers, err = e.Containers(groupCtx, nil); return err })
	group.Go(func() (err error) { now.Networks, err = e.Networks(groupCtx, nil); return err })
	group.Go(func() (err error) {
		now.Volumes, err = e.Volumes(groupCtx, map[string]string{naming.LabelRole: ""})
		return err
	})
	if err := group.Wait(); err != nil {
		e.snapshot.taken = time.Time{}
		return engine.Snapshot{}, err
	}
	e.snapshot.last, e.snapshot.taken = now, begun
	return now, nil
}
