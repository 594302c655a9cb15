package batch_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/batch"
)

func TestQueueGathersWhileABatchRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var batches [][]int
		proceed := make(chan struct{})
		q := batch.New(func(_ context.Context, requests []int) {
			<-proceed
			batches = append(batches, slices.Sorted(slices.Values(requests)))
		})
		failures := make(chan error, 4)
		go func() { failures <- q.Do(t.Context(), 1) }()
		synctest.Wait() // 1 runs
		for _, request := range []int{2, 3, 4} {
			go func() { failures <- q.Do(t.Context(), request) }()
		}
		synctest.Wait() // the others wait
		close(proceed)
		for range 4 {
			if err := <-failures; err != nil {
				t.Error(err)
			}
		}
		if len(batches) != 2 || !slices.Equal(batches[0], []int{1}) || !slices.Equal(batches[1], []int{2, 3, 4}) {
			t.Errorf("batches %v", batches)
		}
	})
}

// Ten callers that do one thing after the other need as many batches as each has things to do, and a lone one never waits.
func TestPausingQueueKeepsCallersTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callers, each, pause = 10, 5, time.Second
		var batches []int
		q := batch.NewPausing(pause, func(_ context.Context, requests []int) {
			batches = append(batches, len(requests))
			<-time.After(time.Minute)
		})
		var all sync.WaitGroup
		for caller := range callers {
			all.Go(func() {
				for range each {
					<-time.After(time.Duration(caller) * time.Millisecond) // what a caller does in between
					if err := q.Do(t.Context(), caller); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if len(batches) > each+1 {
			t.Errorf("%d callers with %d requests each: batches of %v", callers, each, batches)
		}
		<-time.After(pause)
		begun := time.Now()
		for range 2 {
			if err := q.Do(t.Context(), 0); err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(begun); took != 2*time.Minute {
			t.Errorf("a lone caller waits: two requests took %s", took)
		}
	})
}

func TestQueueAndInterruptedCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ran []string
		proceed := make(chan struct{})
		q := batch.New(func(ctx context.Context, requests []string) {
			<-proceed
			if ctx.Err() != nil {
				t.Error("a caller's interruption reached the batch")
			}
			ran = append(ran, requests...)
		})
		leading, interruptLeader := context.WithCancel(t.Context())
		waiting, interruptWaiter := context.WithCancel(t.Context())
		led, waited, stayed := make(chan error, 1), make(chan error, 1), make(chan error, 1)
		go func() { led <- q.Do(leading, "leader") }()
		synctest.Wait()
		go func() { waited <- q.Do(waiting, "leaver") }()
		go func() { stayed <- q.Do(t.Context(), "stayer") }()
		synctest.Wait()

		interruptWaiter()
		if err := <-waited; !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted while waiting: %v", err)
		}
		interruptLeader()
		synctest.Wait()
		select {
		case err := <-led:
			t.Errorf("left a batch that runs: %v", err)
		default:
		}
		close(proceed)
		if err := <-led; err != nil {
			t.Errorf("the leader does not learn that its request has run: %v", err)
		}
		if err := <-stayed; err != nil {
			t.Error(err)
		}
		if !slices.Equal(ran, []string{"leader", "stayer"}) {
			t.Errorf("ran %v", ran)
		}
		if err := q.Do(waiting, "late"); !errors.Is(err, context.Canceled) || len(ran) != 2 {
			t.Errorf("an interrupted caller's request ran: %v, %v", ran, err)
		}
	})
}

func TestAskDoesNotWaitForWhatNobodyWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proceed := make(chan struct{})
		q := batch.New(func(context.Context, []string) { <-proceed })
		asking, interrupt := context.WithCancel(t.Context())
		asked := make(chan error, 1)
		go func() { asked <- q.Ask(asking, "question") }()
		synctest.Wait() // it runs
		interrupt()
		if err := <-asked; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		close(proceed)
		if err := q.Ask(t.Context(), "another"); err != nil {
			t.Error(err)
		}
	})
}
