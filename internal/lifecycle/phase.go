// Package lifecycle knows a project's phases, which of them may follow which, and what each means for what runs.
package lifecycle

import (
	"fmt"
	"slices"
	"strings"
)

// Phase is where a project stands in its life.
type Phase string

const (
	Created     Phase = "created"
	Planning    Phase = "planning"
	Development Phase = "development"
	Testing     Phase = "testing"
	Deployment  Phase = "deployment"
	Paused      Phase = "paused"
	Failed      Phase = "failed"
)

// Phases lists all phases, the forward ones in their order first.
func Phases() []Phase {
	return []Phase{Created, Planning, Development, Testing, Deployment, Paused, Failed}
}

// forward is the order in which a project grows.
var forward = []Phase{Created, Planning, Development, Testing, Deployment}

// Valid reports whether p is a phase at all.
func (p Phase) Valid() bool { return slices.Contains(Phases(), p) }

// AtLeast reports whether p has come as far as other on the way from created to deployment. Paused and failed are
// nowhere on that way.
func (p Phase) AtLeast(other Phase) bool {
	at, want := slices.Index(forward, p), slices.Index(forward, other)
	return want >= 0 && at >= want
}

// Working reports whether people work on the project in this phase, so that it may also be gone back to.
func (p Phase) Working() bool { return p.AtLeast(Planning) }

// Scaffolds reports whether entering p fills an empty workspace from the project's stack.
func (p Phase) Scaffolds() bool { return p == Development }

// Entry is one step of a project's history.
type Entry struct {
	Phase Phase `json:"phase"`
	At    int64 `json:"at"` // Unix seconds
}

// History is every phase a project entered, oldest first.
type History []Entry

// Current is the phase entered last; created for an empty history.
func (h History) Current() Phase {
	if len(h) == 0 {
		return Created
	}
	return h[len(h)-1].Phase
}

// PausedFrom is the phase that a paused project left; created where the history does not say.
func (h History) PausedFrom() Phase {
	for _, entry := range slices.Backward(h) {
		if entry.Phase != Paused {
			return entry.Phase
		}
	}
	return Created
}

// TransitionError says that a phase cannot follow another, and which can.
type TransitionError struct {
	From, To Phase
	Allowed  []Phase
}

func (e *TransitionError) Error() string {
	names := make([]string, len(e.Allowed))
	for i, phase := range e.Allowed {
		names[i] = string(phase)
	}
	return fmt.Sprintf("a project cannot go from %q to %q; from here it can go to: %s",
		e.From, e.To, strings.Join(names, ", "))
}

// Allowed lists the phases that may follow the current one, in the order of [Phases], without the current one itself.
func (h History) Allowed() []Phase {
	from := h.Current()
	origin := from
	if from == Paused {
		origin = h.PausedFrom()
	}
	var allowed []Phase
	for _, to := range Phases() {
		switch {
		case to == from:
		case to == Paused || to == Failed:
			allowed = append(allowed, to)
		case origin == Failed:
			if to == Planning || (from == Paused && to == origin) {
				allowed = append(allowed, to)
			}
		case from == Paused && to == origin:
			allowed = append(allowed, to)
		case to == Created:
		default:
			allowed = append(allowed, to)
		}
	}
	return allowed
}

// Walk lists the phases to enter, one after the other, to bring the project to the phase to: every phase between on the
// way forward, the target alone on the way back. It is empty when the project is there already and a
// [*TransitionError] when it may not go there.
func (h History) Walk(to Phase) ([]Phase, error) {
	from := h.Current()
	if from == to {
		return nil, nil
	}
	if allowed := h.Allowed(); !slices.Contains(allowed, to) {
		return nil, &TransitionError{From: from, To: to, Allowed: allowed}
	}
	if from == Paused {
		from = h.PausedFrom()
	}
	start, end := slices.Index(forward, from), slices.Index(forward, to)
	if start < 0 || end <= start {
		return []Phase{to}, nil
	}
	return slices.Clone(forward[start+1 : end+1]), nil
}

// WalkNew is the walk of a project that does not exist yet: created first, then on to the phase wanted.
func WalkNew(to Phase) ([]Phase, error) {
	rest, err := History{{Phase: Created}}.Walk(to)
	return append([]Phase{Created}, rest...), err
}
