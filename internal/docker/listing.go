package docker

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/isolab/terraform-provider-isolab/internal/batch"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// listing lists everything of one kind that is ours. Those who ask while the engine is answering share the next answer:
// so each sees what was changed before it asked, and a busy engine lists once for many.
type listing[T any] struct{ asking *batch.Queue[*listed[T]] }

type listed[T any] struct {
	items []T
	err   error
}

func newListing[T any](list func(ctx context.Context) ([]T, error)) listing[T] {
	return listing[T]{batch.New(func(ctx context.Context, askers []*listed[T]) {
		items, err := list(ctx)
		for _, asker := range askers {
			asker.items, asker.err = items, err
		}
	})}
}

// with answers with the items that carry labels.
func (l listing[T]) with(ctx context.Context, labels map[string]string, of func(T) map[string]string) ([]T, error) {
	var answer listed[T]
	if err := l.asking.Ask(ctx, &answer); err != nil {
		return nil, err
	}
	var found []T
	for _, item := range answer.items {
		if carries(of(item), labels) {
			found = append(found, item)
		}
	}
	return found, answer.err
}

// labelled are the labels of everything that is ours.
var labelled = map[string]string{naming.LabelRole: ""}

// asksForOurs reports whether only what is ours can carry labels.
func asksForOurs(labels map[string]string) bool {
	return slices.ContainsFunc(slices.Collect(maps.Keys(labels)), func(name string) bool { return strings.HasPrefix(name, naming.LabelPrefix) })
}

// carries reports whether an object has labels. One that is asked for without a value may have any.
func carries(have, labels map[string]string) bool {
	for name, value := range labels {
		if got, ok := have[name]; !ok || value != "" && got != value {
			return false
		}
	}
	return true
}
