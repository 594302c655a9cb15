// Package batch gathers requests that come while an earlier one is under way.
package batch

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Queue hands requests to run in batches: while one batch runs, later requests gather and go together in the next one.
// A lone request starts at once, and a hundred at a time need a handful of batches.
type Queue[R any] struct {
	run   func(ctx context.Context, batch []R)
	pause time.Duration // see [NewPausing]

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

// NewPausing makes a queue that waits for a moment after a batch in which, or after which, there was more than one request.
// Callers that do one thing after the other, as Terraform's workers do, come back with the next one just after the last;
// without the pause half of them would miss the next batch, every time.
func NewPausing[R any](pause time.Duration, run func(ctx context.Context, batch []R)) *Queue[R] {
	return &Queue[R]{run: run, pause: pause}
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
		batch := q.take()
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
		if q.pause > 0 && (len(batch) > 1 || q.busy()) {
			<-time.After(q.pause)
		}
	}
}

// take is the next batch. With an empty one, the queue rests.
func (q *Queue[R]) take() []*ticket[R] {
	q.lock.Lock()
	defer q.lock.Unlock()
	batch := q.waiting
	q.waiting = nil
	q.running = len(batch) > 0
	return batch
}

func (q *Queue[R]) busy() bool {
	q.lock.Lock()
	defer q.lock.Unlock()
	return len(q.waiting) > 0
}
