package interrupt

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestShield(t *testing.T) {
	interrupted, interrupt := context.WithCancel(t.Context())
	shielded, done := Shield(interrupted)
	interrupt()
	if shielded.Err() != nil {
		t.Error("the interruption came through")
	}
	if Lift(shielded).Err() == nil {
		t.Error("the interruption is lost")
	}
	done()
	if shielded.Err() == nil {
		t.Error("it never ends")
	}
	if Lift(interrupted) != interrupted {
		t.Error("a context that is not shielded was changed")
	}
}

func TestShieldKeepsTheDeadline(t *testing.T) {
	timed, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	shielded, done := Shield(timed)
	defer done()
	if !errors.Is(shielded.Err(), context.DeadlineExceeded) {
		t.Errorf("got %v", shielded.Err())
	}
}
