package lifecycle_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
)

// history makes a history out of phases written one after the other: "created planning paused".
func history(text string) lifecycle.History {
	var entered lifecycle.History
	for i, phase := range strings.Fields(text) {
		entered = append(entered, lifecycle.Entry{Phase: lifecycle.Phase(phase), At: int64(i)})
	}
	return entered
}

func phases(text string) []lifecycle.Phase {
	var list []lifecycle.Phase
	for _, phase := range strings.Fields(text) {
		list = append(list, lifecycle.Phase(phase))
	}
	return list
}

// transitions is the contract: where a project with such a history may go, written out by hand.
var transitions = []struct{ history, allowed string }{
	{"", "planning development testing deployment paused failed"},
	{"created", "planning development testing deployment paused failed"},
	{"created planning", "development testing deployment paused failed"},
	{"created planning development", "planning testing deployment paused failed"},
	{"created planning development testing", "planning development deployment paused failed"},
	{"created planning development testing deployment", "planning development testing paused failed"},
	{"created failed", "planning paused"},
	{"created paused", "created planning development testing deployment failed"},
	{"created planning paused", "planning development testing deployment failed"},
	{"created planning development paused", "planning development testing deployment failed"},
	{"created planning development testing paused", "planning development testing deployment failed"},
	{"created planning development testing deployment paused", "planning development testing deployment failed"},
	{"created failed paused", "planning failed"},
	// Only the last stay counts, whatever came before.
	{"created planning paused planning failed", "planning paused"},
	{"created failed planning paused", "planning development testing deployment failed"},
}

func TestTransitions(t *testing.T) {
	for _, test := range transitions {
		from, allowed := history(test.history), phases(test.allowed)
		if got := from.Allowed(); !slices.Equal(got, allowed) {
			t.Errorf("after %q: allowed %v, want %v", test.history, got, allowed)
		}
		for _, to := range lifecycle.Phases() {
			steps, err := from.Walk(to)
			switch {
			case to == from.Current():
				if err != nil || len(steps) != 0 {
					t.Errorf("after %q, staying: %v, %v", test.history, steps, err)
				}
			case slices.Contains(allowed, to):
				if err != nil || len(steps) == 0 || steps[len(steps)-1] != to {
					t.Errorf("after %q to %s: %v, %v", test.history, to, steps, err)
				}
			default:
				wantRefusal(t, err, from.Current(), to, allowed)
			}
		}
	}
}

func wantRefusal(t *testing.T, err error, from, to lifecycle.Phase, allowed []lifecycle.Phase) {
	t.Helper()
	var refused *lifecycle.TransitionError
	if !errors.As(err, &refused) {
		t.Errorf("%s to %s: got %v, want a refusal", from, to, err)
		return
	}
	if refused.From != from || refused.To != to || !slices.Equal(refused.Allowed, allowed) {
		t.Errorf("%s to %s: refused as %+v", from, to, *refused)
	}
	for _, phase := range append(slices.Clone(allowed), from, to) {
		if !strings.Contains(err.Error(), string(phase)) {
			t.Errorf("%s to %s: %q does not name %s", from, to, err, phase)
		}
	}
}

func TestWalkStepByStep(t *testing.T) {
	for _, test := range []struct {
		history string
		to      lifecycle.Phase
		want    string
	}{
		{"created", lifecycle.Planning, "planning"},
		{"created", lifecycle.Deployment, "planning development testing deployment"},
		{"created planning", lifecycle.Testing, "development testing"},
		{"created planning development testing deployment", lifecycle.Development, "development"},
		{"created planning development testing", lifecycle.Planning, "planning"},
		{"created planning", lifecycle.Paused, "paused"},
		{"created planning", lifecycle.Failed, "failed"},
		{"created failed", lifecycle.Planning, "planning"},
		{"created planning development paused", lifecycle.Development, "development"},
		{"created planning development paused", lifecycle.Deployment, "testing deployment"},
		{"created planning development paused", lifecycle.Planning, "planning"},
		{"created paused", lifecycle.Development, "planning development"},
		{"created paused", lifecycle.Created, "created"},
		{"created failed paused", lifecycle.Planning, "planning"},
		{"created failed paused", lifecycle.Failed, "failed"},
	} {
		got, err := history(test.history).Walk(test.to)
		if err != nil || !slices.Equal(got, phases(test.want)) {
			t.Errorf("after %q to %s: %v, %v; want %s", test.history, test.to, got, err, test.want)
		}
	}
}

func TestWalkNew(t *testing.T) {
	for to, want := range map[lifecycle.Phase]string{
		lifecycle.Created:     "created",
		lifecycle.Planning:    "created planning",
		lifecycle.Development: "created planning development",
		lifecycle.Testing:     "created planning development testing",
		lifecycle.Deployment:  "created planning development testing deployment",
		lifecycle.Paused:      "created paused",
		lifecycle.Failed:      "created failed",
	} {
		if got, err := lifecycle.WalkNew(to); err != nil || !slices.Equal(got, phases(want)) {
			t.Errorf("new in %s: %v, %v; want %s", to, got, err, want)
		}
	}
	if _, err := lifecycle.WalkNew("production"); err == nil {
		t.Error("a project was walked to a phase that does not exist")
	}
}

// TestWalkIsFresh shows that a caller who appends to a walk does not change the order of the phases for all others.
func TestWalkIsFresh(t *testing.T) {
	first, _ := history("created").Walk(lifecycle.Planning)
	_ = append(first, lifecycle.Failed)
	second, err := history("created").Walk(lifecycle.Development)
	if want := phases("planning development"); err != nil || !slices.Equal(second, want) {
		t.Errorf("got %v, %v; want %v", second, err, want)
	}
}

func TestHistory(t *testing.T) {
	for _, test := range []struct {
		history             string
		current, pausedFrom lifecycle.Phase
	}{
		{"", lifecycle.Created, lifecycle.Created},
		{"created planning", lifecycle.Planning, lifecycle.Planning},
		{"created planning paused", lifecycle.Paused, lifecycle.Planning},
		{"created planning paused testing paused", lifecycle.Paused, lifecycle.Testing},
		{"paused", lifecycle.Paused, lifecycle.Created},
	} {
		entered := history(test.history)
		if entered.Current() != test.current || entered.PausedFrom() != test.pausedFrom {
			t.Errorf("%q: current %s, paused from %s", test.history, entered.Current(), entered.PausedFrom())
		}
	}
}

func TestAtLeast(t *testing.T) {
	forward := phases("created planning development testing deployment")
	for _, phase := range lifecycle.Phases() {
		for _, other := range lifecycle.Phases() {
			at, want := slices.Index(forward, phase), slices.Index(forward, other)
			if expected := at >= 0 && want >= 0 && at >= want; phase.AtLeast(other) != expected {
				t.Errorf("%s at least %s: %v", phase, other, !expected)
			}
		}
		working := slices.Contains(phases("planning development testing deployment"), phase)
		if phase.Working() != working || phase.Scaffolds() != (phase == lifecycle.Development) || !phase.Valid() {
			t.Errorf("%s: working %v, scaffolds %v, valid %v", phase, phase.Working(), phase.Scaffolds(), phase.Valid())
		}
	}
	for _, phase := range phases("Created production") {
		if phase.Valid() || phase.AtLeast(lifecycle.Created) || lifecycle.Deployment.AtLeast(phase) {
			t.Errorf("%s is no phase", phase)
		}
	}
}
