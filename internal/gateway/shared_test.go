package gateway

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestReadersShareAReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shared
		var readings atomic.Int32
		read := func(ctx context.Context) (state, error) {
			<-time.After(100 * time.Millisecond) // of the bubble's clock
			return state{config: []byte{byte(readings.Add(1))}}, ctx.Err()
		}
		get := func(name string) byte {
			got, err := s.get(t.Context(), name, read)
			if err != nil {
				t.Fatal(err)
			}
			return got.config[0]
		}
		var wait sync.WaitGroup
		for range 50 {
			wait.Go(func() { get("edge") })
		}
		wait.Wait()
		if get("edge") != 1 || readings.Load() != 1 {
			t.Errorf("50 readers at once made %d readings", readings.Load())
		}
		if get("other") != 2 {
			t.Error("two gateways share a reading")
		}
		<-time.After(sharedAge)
		if get("edge") != 3 {
			t.Error("an old reading was handed out")
		}
		s.drop("edge")
		if get("edge") != 4 {
			t.Error("a reading from before a change was handed out")
		}
	})
}

func TestReadingThatAChangeOvertakesIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shared
		proceed := make(chan struct{})
		go func() {
			_, _ = s.get(t.Context(), "edge", func(context.Context) (state, error) {
				<-proceed
				return state{config: []byte("before")}, nil
			})
		}()
		synctest.Wait()
		s.drop("edge")
		got, err := s.get(t.Context(), "edge", func(context.Context) (state, error) { return state{config: []byte("after")}, nil })
		if err != nil || string(got.config) != "after" {
			t.Errorf("joined a reading from before the change: %q, %v", got.config, err)
		}
		close(proceed)
		synctest.Wait()
		got, err = s.get(t.Context(), "edge", func(context.Context) (state, error) { return state{}, errors.New("read again") })
		if err != nil || string(got.config) != "after" {
			t.Errorf("the overtaken reading was kept: %q, %v", got.config, err)
		}
	})
}

func TestInterruptedReaderDoesNotFailTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shared
		proceed := make(chan struct{})
		read := func(ctx context.Context) (state, error) {
			<-proceed
			return state{config: []byte("x")}, ctx.Err()
		}
		ctx, interrupt := context.WithCancel(t.Context())
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { _, err := s.get(ctx, "edge", read); first <- err }()
		synctest.Wait()
		go func() { _, err := s.get(t.Context(), "edge", read); second <- err }()
		synctest.Wait()
		interrupt()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("the interrupted one: %v", err)
		}
		close(proceed)
		if err := <-second; err != nil {
			t.Errorf("the other one: %v", err)
		}
	})
}
