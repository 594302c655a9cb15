package lock_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

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
			_, release, err := lock.New(on).Acquire(ctx, name)
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

	abandoned, cut := context.WithCancel(ctx)
	_, late, err := lock.New(&unheard{on}).Acquire(abandoned, name)
	if err != nil {
		t.Fatal(err)
	}
	defer cut()
	_, release, err := lock.New(on).Acquire(ctx, name)
	if err != nil {
		t.Fatal(err)
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

// unheard is an engine to which a holder's beats do not get through, as when its process was killed.
type unheard struct{ *docker.Engine }

func (unheard) WriteArchive(context.Context, string, string, io.Reader) error {
	return engine.ErrUnavailable
}
