package docker

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

func TestListingSharesAnswersThatAreNewEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var on []string
		asked, proceed := 0, make(chan struct{})
		l := newListing(func(context.Context) ([]string, error) {
			asked++
			now := slices.Clone(on)
			<-proceed
			return now, nil
		})
		first, later := make(chan []string, 1), make(chan []string, 5)
		ask := func(answers chan<- []string) {
			found, err := l.with(t.Context(), nil, func(string) map[string]string { return nil })
			if err != nil {
				t.Error(err)
			}
			answers <- found
		}
		go ask(first)
		synctest.Wait() // The engine is answering, and has looked already.
		on = append(on, "new")
		for range 5 {
			go ask(later)
		}
		synctest.Wait()
		close(proceed)
		synctest.Wait()
		if asked != 2 {
			t.Errorf("the engine was asked %d times", asked)
		}
		if found := <-first; len(found) != 0 {
			t.Errorf("the first answer is %v", found)
		}
		for range 5 {
			if found := <-later; !slices.Equal(found, []string{"new"}) {
				t.Errorf("somebody who asked after the change was answered with %v", found)
			}
		}
	})
}

func TestListingFails(t *testing.T) {
	broken := errors.New("the engine is busy")
	l := newListing(func(context.Context) ([]string, error) { return nil, broken })
	if found, err := l.with(t.Context(), nil, nil); !errors.Is(err, broken) || found != nil {
		t.Errorf("got %v, %v", found, err)
	}
}

func TestCarries(t *testing.T) {
	have := map[string]string{"isolab.role": "network", "isolab.project": "shop", "empty": ""}
	for _, test := range []struct {
		labels string
		want   bool
	}{
		{"", true},
		{"isolab.role=", true},
		{"isolab.role=network", true},
		{"isolab.role=network isolab.project=shop", true},
		{"empty=", true},
		{"isolab.role=egress", false},
		{"isolab.role=network isolab.project=blog", false},
		{"isolab.gateway=", false},
		{"empty=full", false},
	} {
		labels := map[string]string{}
		for _, pair := range strings.Fields(test.labels) {
			name, value, _ := strings.Cut(pair, "=")
			labels[name] = value
		}
		if got := carries(have, labels); got != test.want {
			t.Errorf("%q: %v", test.labels, got)
		}
	}
}
