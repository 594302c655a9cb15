// Package batch gathers requests that come while an earlier one is under way.
package batch

import (
	"context"
	"slices"
	"sync"
)

// Queue hands requests to run in batches: while one batch runs, later requests gather and go together in the next one.
// Nothing waits for a timer, so a lone request starts at once, and a hundred at a time need a handful of batches.
type Queue[R any] struct {
	run func(ctx context.Context, batch []R)

	lock    sync.Mutex
	waiting []*ticket[R]
	running bool
}

type ticket[R any] struct {
	request R
	done    chan struct{}
}

// New makes a queue whose run leaves its results in the requests. It gets the values of a caller's context, but not
// its end: the batch belongs to all callers.
func New[R any](run func(ctx context.Context, batch []R)) *Queue[R] {
	return &Queue[R]{run: run}
}

// Do returns when a batch with request has run. A caller whose ctx ends earlier leaves the queue and gets ctx's error;
// once its batch runs, it waits for the outcome, so that it knows what it has done.
func (q *Queue[R]) Do(ctx context.Context, request R) error { return q.submit(ctx, request, false) }

// Ask is Do for requests that change nothing: a caller whose ctx ends never waits for the outcome.
func (q *Queue[R]) Ask(ctx context.Context, request R) error { return q.submit(ctx, request, true) }

func (q *Queue[R]) submit(ctx context.Context, request R, abandon bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	mine := &ticket[R]{request, make(chan struct{})}
	q.lock.Lock()
	q.waiting = append(q.waiting, mine)
	if !q.running {
		q.running = true
		go q.drain(context.WithoutCancel(ctx))
	}
	q.lock.Unlock()

	select {
	case <-mine.done:
		return nil
	case <-ctx.Done():
		if q.leave(mine) || abandon {
			return ctx.Err()
		}
		<-mine.done
		return nil
	}
}

// leave takes a ticket out of the queue and reports whether it was still there.
func (q *Queue[R]) leave(leaver *ticket[R]) bool {
	q.lock.Lock()
	defer q.lock.Unlock()
	before := len(q.waiting)
	q.waiting = slices.DeleteFunc(q.waiting, func(one *ticket[R]) bool { return one == leaver })
	return len(q.waiting) < before
}

// drain runs batches until nobody waits any more.
func (q *Queue[R]) drain(ctx context.Context) {
	for {
		q.lock.Lock()
		batch := q.waiting
		q.waiting = nil
		q.running = len(batch) > 0
		q.lock.Unlock()
		if len(batch) == 0 {
			return
		}
		requests := make([]R, len(batch))
		for i, ticket := range batch {
			requests[i] = ticket.request
		}
		q.run(ctx, requests)
		for _, ticket := range batch {
			close(ticket.done)
		}
	}
}
