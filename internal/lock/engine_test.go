package lock_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/docker"
	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/lock"
)

func TestAccLock(t *testing.T) {
	if os.Getenv("TF_ACC") == "" {
		t.Skip("set TF_ACC to test on a real engine")
	}
	on, err := docker.Connect(context.Background(), docker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(on.Close)
	name := "test-" + strings.ToLower(rand.Text()[:8])
	ctx := t.Context()

	// A counter that nothing else protects loses increments, or trips the race detector, when the lock does not hold.
	count := 0
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			release, err := lock.New(on).Acquire(ctx, name, time.Minute)
			if err != nil {
				t.Error(err)
				return
			}
			count++
			if err := release(); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if count != 8 {
		t.Errorf("counted to %d", count)
	}

	late, err := lock.New(on).Acquire(ctx, name, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	release, err := lock.New(on).Acquire(ctx, name, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if waited := time.Since(begun); waited > 10*time.Second {
		t.Errorf("an expired lock was taken over after %s", waited)
	}
	if err := late(); err != nil {
		t.Error(err)
	}
	if _, err := on.Container(ctx, "isolab-lock_"+name); err != nil {
		t.Errorf("the successor's lock is gone: %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	if _, err := on.Container(ctx, "isolab-lock_"+name); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("the lock was not given back: %v", err)
	}
}
