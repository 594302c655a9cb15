// Package datanamespace gives projects data of their own in a shared database: an account that reaches nothing else. All
// administration is done by running the server's own client in its container, so that no port is published for it.
package datanamespace

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/database"
	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/interrupt"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/secret"
)

// Engine is what this package needs of one.
type Engine interface {
	Snapshot(ctx context.Context) (engine.Snapshot, error)
	Exec(ctx context.Context, id string, command []string) (engine.ExecResult, error)
	CreateVolume(ctx context.Context, name string, labels map[string]string) (engine.Volume, error)
	RemoveVolume(ctx context.Context, name string) error
}

// Projects know a project's key and the services that it lists.
type Projects interface {
	Key(ctx context.Context, namespace string) (secret.Key, error)
	Listing(ctx context.Context, service string) (map[string]engine.Network, error)
}

var (
	// ErrService means that the shared service is not there, does not run, or is of no preset that can be divided.
	ErrService = errors.New("the shared service cannot give the project data of its own")
	// ErrNotListed means that the project does not list the service, so that its containers could not reach it.
	ErrNotListed = errors.New("the project does not list the shared service")
	// ErrChanged means that somebody else changed the data namespace at the same time.
	ErrChanged = errors.New("the data namespace was changed by another run meanwhile")
)

// Spec is what a data namespace shall be. It is kept, with the account, as JSON in the label of an empty volume; every
// revision is a volume of its own, as with the records of projects.
type Spec struct {
	Namespace string        `json:"namespace"`
	Name      string        `json:"name"`
	Service   string        `json:"service"`
	Version   int64         `json:"version"` // of the password
	Limit     int           `json:"connection_limit,omitempty"`
	Timeout   time.Duration `json:"statement_timeout,omitempty"` // in nanoseconds
	Vector    *Vector       `json:"vector,omitempty"`
}

// Vector asks for a table of chunks with an index of their embeddings.
type Vector struct {
	Dimensions int    `json:"dimensions"`
	Distance   string `json:"distance"` // one of Distances
}

// Namespace is a data namespace as the engine holds it.
type Namespace struct {
	Spec
	Preset   string `json:"preset"`  // of the service
	Account  string `json:"account"` // random, so that a listing of accounts tells nothing about projects
	Locked   bool   `json:"locked,omitempty"`
	Revision int    `json:"revision"`
	// Drift says in sentences what is not as it was asked for.
	Drift []string `json:"-"`
}

// ID names the data namespace in messages, imports and bindings: "shop/postgres".
func (s Spec) ID() string { return s.Namespace + "/" + s.Name }

// Fate is what becomes of the data where nobody is to use it.
type Fate int

const (
	Use  Fate = iota // the account is open
	Lock             // the data stays, the account is closed
	Drop             // data and account go
)

// Namespaces are the data namespaces of one engine.
type Namespaces struct {
	on       Engine
	projects Projects
}

// New manages the data namespaces of an engine.
func New(on Engine, projects Projects) *Namespaces { return &Namespaces{on: on, projects: projects} }

// Apply brings a data namespace to what is wanted. It answers with [engine.ErrNotFound] for one that is gone, or never was
// there, because nobody is to use it.
func (n *Namespaces) Apply(ctx context.Context, wanted Spec, fate Fate) (Namespace, error) {
	ctx, done := interrupt.Shield(ctx)
	defer done()
	now, err := n.Read(ctx, wanted.Namespace, wanted.Name)
	missing := errors.Is(err, engine.ErrNotFound)
	if err != nil && (!missing || fate != Use) {
		return Namespace{}, err
	}
	if now.Service != "" {
		wanted.Service = now.Service
	}
	container, preset, err := n.service(ctx, wanted.Service)
	if err != nil {
		return now, err
	}
	server := servers[preset]
	run := n.runner(container)
	switch fate {
	case Drop:
		if err := server.drop(ctx, run, now); err != nil {
			return now, err
		}
		return Namespace{}, errors.Join(n.forget(ctx, now.Spec, 0), fmt.Errorf("data namespace %s: %w", wanted.ID(), engine.ErrNotFound))
	case Lock:
		if err := server.lock(ctx, run, now); err != nil {
			return now, err
		}
		next := now
		next.Locked = true
		return n.write(ctx, now, next)
	}
	listing, err := n.projects.Listing(ctx, wanted.Service)
	if err != nil {
		return now, err
	}
	if _, listed := listing[wanted.Namespace]; !listed {
		return now, fmt.Errorf("data namespace %s: shared service %s: %w", wanted.ID(), wanted.Service, ErrNotListed)
	}
	key, err := n.projects.Key(ctx, wanted.Namespace)
	if err != nil {
		return now, err
	}
	next := Namespace{Spec: wanted, Preset: preset, Account: now.Account}
	if missing {
		// Known before it is made, so that nothing can be left behind that nobody knows of.
		next.Account = account()
		if next, err = n.write(ctx, now, next); err != nil {
			return Namespace{}, err
		}
		now = next
	}
	if err := server.grant(ctx, run, next, server.verifier().Of(password(key, next.Spec))); err != nil {
		return now, err
	}
	return n.write(ctx, now, next)
}

// Delete removes a data namespace; with keep the data stays, closed, and is found again by one of the same name.
func (n *Namespaces) Delete(ctx context.Context, namespace, name string, keep bool) error {
	fate := Drop
	if keep {
		fate = Lock
	}
	_, err := n.Apply(ctx, Spec{Namespace: namespace, Name: name}, fate)
	if errors.Is(err, engine.ErrNotFound) {
		// It is gone, or the service is, and the data with it.
		return n.forget(ctx, Spec{Namespace: namespace, Name: name}, 0)
	}
	return err
}

// Read tells what the engine holds of a data namespace; [engine.ErrNotFound] when it holds nothing.
func (n *Namespaces) Read(ctx context.Context, namespace, name string) (Namespace, error) {
	snapshot, err := n.on.Snapshot(ctx)
	if err != nil {
		return Namespace{}, fmt.Errorf("read data namespace %s/%s: %w", namespace, name, err)
	}
	var found Namespace
	for _, volume := range snapshot.Volumes {
		if !owns(volume, namespace, name) {
			continue
		}
		var candidate Namespace
		if err := json.Unmarshal([]byte(volume.Labels[naming.LabelSpec]), &candidate); err != nil {
			return Namespace{}, fmt.Errorf("read the label of volume %s: %w", volume.Name, err)
		}
		if candidate.Revision > found.Revision {
			found = candidate
		}
	}
	if found.Revision == 0 {
		return Namespace{}, fmt.Errorf("data namespace %s/%s: %w", namespace, name, engine.ErrNotFound)
	}
	if !slices.ContainsFunc(snapshot.Containers, func(one engine.ContainerSummary) bool { return provides(one, found.Service) }) {
		found.Drift = append(found.Drift, fmt.Sprintf("shared service %s, which holds the data, does not run", found.Service))
	}
	return found, nil
}

// Credentials derives those of a data namespace from its project's key.
func (n *Namespaces) Credentials(ctx context.Context, found Namespace) (database.Credentials, error) {
	key, err := n.projects.Key(ctx, found.Namespace)
	if err != nil {
		return database.Credentials{}, err
	}
	made := servers[found.Preset].credentials(found)
	made.Password, made.Version, made.Host = password(key, found.Spec), found.Version, found.Service
	made.URL = strings.NewReplacer("{password}", made.Password, "{host}", made.Host).Replace(made.URL)
	return made, nil
}

// Prefix is how every key of a project begins in a shared Redis, and every channel.
func Prefix(namespace string) string { return namespace + ":" }

func password(key secret.Key, spec Spec) string {
	return key.Password("data namespace/"+spec.Service+"/"+spec.Name, spec.Version)
}

func account() string {
	random := make([]byte, 8)
	_, _ = rand.Read(random) // never fails: crypto/rand ends the program instead
	return "isolab_" + hex.EncodeToString(random)
}

// service finds the running container of a shared service that can be divided.
func (n *Namespaces) service(ctx context.Context, name string) (container, preset string, err error) {
	snapshot, err := n.on.Snapshot(ctx)
	if err != nil {
		return "", "", err
	}
	there := false
	for _, one := range snapshot.Containers {
		there = there || one.Labels[naming.LabelService] == name
		if !provides(one, name) {
			continue
		}
		var spec struct{ Preset string }
		if err := json.Unmarshal([]byte(one.Labels[naming.LabelSpec]), &spec); err != nil {
			return "", "", fmt.Errorf("read the label of container %s: %w", one.Name, err)
		}
		if _, ok := servers[spec.Preset]; !ok {
			return "", "", fmt.Errorf("shared service %s: %w: it is of preset %q, and these can: %s", name, ErrService, spec.Preset, strings.Join(Presets(), ", "))
		}
		return one.ID, spec.Preset, nil
	}
	if !there {
		return "", "", fmt.Errorf("shared service %s: %w: %w", name, ErrService, engine.ErrNotFound)
	}
	return "", "", fmt.Errorf("shared service %s: %w: it does not run", name, ErrService)
}

func provides(container engine.ContainerSummary, name string) bool {
	return container.Labels[naming.LabelRole] == naming.RoleService && container.Labels[naming.LabelService] == name && container.State == engine.StateRunning
}

// write makes next the newest revision, unless it says the same.
func (n *Namespaces) write(ctx context.Context, now, next Namespace) (Namespace, error) {
	now.Drift, next.Revision = nil, now.Revision
	before, _ := json.Marshal(now)
	after, err := json.Marshal(next)
	if err != nil {
		return now, err
	}
	if string(before) == string(after) {
		return now, nil
	}
	next.Revision++
	encoded, err := json.Marshal(next)
	if err != nil {
		return now, err
	}
	writer := rand.Text()
	made, err := n.on.CreateVolume(ctx, naming.DataNamespace(next.Namespace, next.Name, next.Revision), map[string]string{
		naming.LabelRole: naming.RoleDataNamespace, naming.LabelProject: next.Namespace, naming.LabelVolume: next.Name,
		naming.LabelSpec: string(encoded), naming.LabelWriter: writer,
	})
	if err != nil {
		return now, err
	}
	if made.Labels[naming.LabelWriter] != writer {
		return now, fmt.Errorf("data namespace %s: %w; plan again", next.ID(), ErrChanged)
	}
	return next, n.forget(ctx, next.Spec, next.Revision)
}

// forget removes all revisions but one.
func (n *Namespaces) forget(ctx context.Context, spec Spec, but int) error {
	snapshot, err := n.on.Snapshot(ctx)
	if err != nil {
		return err
	}
	for _, volume := range snapshot.Volumes {
		if !owns(volume, spec.Namespace, spec.Name) || volume.Name == naming.DataNamespace(spec.Namespace, spec.Name, but) {
			continue
		}
		if err := n.on.RemoveVolume(ctx, volume.Name); err != nil {
			return err
		}
	}
	return nil
}

func owns(volume engine.Volume, namespace, name string) bool {
	return volume.Labels[naming.LabelRole] == naming.RoleDataNamespace && volume.Labels[naming.LabelProject] == namespace && volume.Labels[naming.LabelVolume] == name
}
