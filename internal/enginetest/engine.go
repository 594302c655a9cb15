// Package enginetest is an engine in memory for the tests of the domain packages. It keeps to what a Docker engine was
// seen to do where the domain relies on it: subnets and volume names are given out once, addresses are taken by what
// runs, what is in use stays, and a cancelled context fails every call.
package enginetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// Engine holds containers, networks, volumes and images. Set its fields before it is used.
type Engine struct {
	// Before is asked at the beginning of every call, by the method's name and the object; its error is the call's. It
	// may call the engine itself, as another client that comes in between.
	Before func(call, object string) error
	// Check is the health check of every container that has one. It runs once somebody who watches the container's events
	// has seen it starting, and tells its result through [Engine.Announce]. Without it every container is healthy at once.
	Check func(id string)

	lock       sync.Mutex
	calls      []string // "CreateNetwork isolab_shop"
	containers map[string]*engine.Container
	networks   map[string]engine.Network
	volumes    map[string]*volume
	images     map[string]engine.Image
	logs       map[string]string
	watchers   map[string][]chan engine.Event
	checked    map[string]bool
	ports      int
	use        map[string]int64 // bytes of memory
	removed    map[string]chan struct{}
	files      map[string]File // of containers themselves, by id and path
}

// New is an engine that holds nothing.
func New() *Engine {
	return &Engine{
		containers: map[string]*engine.Container{}, networks: map[string]engine.Network{}, volumes: map[string]*volume{},
		images: map[string]engine.Image{}, logs: map[string]string{}, watchers: map[string][]chan engine.Event{}, checked: map[string]bool{}, ports: 32768,
		use: map[string]int64{}, files: map[string]File{}, removed: map[string]chan struct{}{},
	}
}

// begin opens a call: the engine is locked when it succeeds.
func (e *Engine) begin(ctx context.Context, call, object string) error {
	if e.Before != nil {
		if err := e.Before(call, object); err != nil {
			return fmt.Errorf("%s %s: %w", call, object, err)
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s %s: %w", call, object, err)
	}
	e.lock.Lock()
	e.calls = append(e.calls, call+" "+object)
	return nil
}

// Calls counts the calls that begin with a prefix such as "CreateContainer isolab_shop".
func (e *Engine) Calls(prefix string) int {
	e.lock.Lock()
	defer e.lock.Unlock()
	count := 0
	for _, call := range e.calls {
		if strings.HasPrefix(call, prefix) {
			count++
		}
	}
	return count
}

// Snapshot is what the domain sees of the engine in one go.
func (e *Engine) Snapshot(ctx context.Context) (engine.Snapshot, error) {
	if err := e.begin(ctx, "Snapshot", ""); err != nil {
		return engine.Snapshot{}, err
	}
	defer e.lock.Unlock()
	return engine.Snapshot{
		Containers: e.listContainers(nil), Networks: e.listNetworks(nil), Volumes: e.listVolumes(map[string]string{naming.LabelRole: ""}),
	}, nil
}

// EnsureImage pulls whatever is asked for: every registry holds every image.
func (e *Engine) EnsureImage(ctx context.Context, ref string, policy engine.PullPolicy) (engine.Image, error) {
	if err := e.begin(ctx, "EnsureImage", ref); err != nil {
		return engine.Image{}, err
	}
	defer e.lock.Unlock()
	if _, ok := e.images[ref]; !ok {
		if policy == engine.PullNever {
			return engine.Image{}, fmt.Errorf("image %s: %w", ref, engine.ErrNotFound)
		}
		e.images[ref] = engine.Image{ID: "sha256:" + ref, Digest: "sha256:digest-of-" + ref}
	}
	return e.images[ref], nil
}

// ImportImage takes any archive for an image.
func (e *Engine) ImportImage(ctx context.Context, ref string, archive io.Reader) error {
	if err := e.begin(ctx, "ImportImage", ref); err != nil {
		return err
	}
	defer e.lock.Unlock()
	_, err := io.Copy(io.Discard, archive)
	e.images[ref] = engine.Image{ID: "sha256:" + ref, Digest: "sha256:" + ref}
	return err
}

func newID() string { return strings.ToLower(rand.Text() + rand.Text()) }

// carries reports whether an object has all of the labels that are asked for; an empty value asks for presence alone.
func carries(have, asked map[string]string) bool {
	for name, value := range asked {
		if got, ok := have[name]; !ok || value != "" && got != value {
			return false
		}
	}
	return true
}

// sorted lists a map's values in the order of its keys.
func sorted[V any](values map[string]V) []V {
	var list []V
	for _, key := range slices.Sorted(maps.Keys(values)) {
		list = append(list, values[key])
	}
	return list
}
