package gateway

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// sharedAge is how long one reading of a gateway's routes serves the many resources that Terraform refreshes together.
const sharedAge = time.Second

// shared lets concurrent readers of a gateway share one reading.
type shared struct {
	flights singleflight.Group

	lock     sync.Mutex
	readings map[string]reading
	drops    int
}

type reading struct {
	state state
	begun time.Time
}

// get answers with a reading of gateway name that is at most [sharedAge] old and younger than the last drop. The caller
// must not change it.
func (s *shared) get(ctx context.Context, name string, read func(ctx context.Context) (state, error)) (state, error) {
	s.lock.Lock()
	last, known := s.readings[name]
	drops := s.drops
	s.lock.Unlock()
	if known && time.Since(last.begun) < sharedAge {
		return last.state, nil
	}
	// The one who happens to read must not fail the others by being interrupted.
	flight := s.flights.DoChan(name, func() (any, error) {
		begun := time.Now()
		result, err := read(context.WithoutCancel(ctx))
		if err == nil {
			s.keep(name, reading{result, begun}, drops)
		}
		return result, err
	})
	select {
	case result := <-flight:
		return result.Val.(state), result.Err
	case <-ctx.Done():
		return state{}, ctx.Err()
	}
}

func (s *shared) keep(name string, last reading, drops int) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if drops != s.drops {
		return
	}
	if s.readings == nil {
		s.readings = map[string]reading{}
	}
	s.readings[name] = last
}

// drop forgets a gateway's reading, because something was written to it.
func (s *shared) drop(name string) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.drops++
	delete(s.readings, name)
	s.flights.Forget(name)
}
