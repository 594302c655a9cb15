package service

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/hardening"
	"github.com/isolab/terraform-provider-isolab/internal/health"
	"github.com/isolab/terraform-provider-isolab/internal/interrupt"
	"github.com/isolab/terraform-provider-isolab/internal/lock"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/volume"
)

// Engine is what this package needs of one.
type Engine interface {
	lock.Engine
	health.Engine
	Containers(ctx context.Context, labels map[string]string) ([]engine.ContainerSummary, error)
	StartContainer(ctx context.Context, id string) error
	StopContainer(ctx context.Context, id string, grace time.Duration) error
	UnpauseContainer(ctx context.Context, id string) error
	UpdateLimits(ctx context.Context, id string, limits engine.Limits) error
	Signal(ctx context.Context, id, signal string) error
	Networks(ctx context.Context, labels map[string]string) ([]engine.Network, error)
	RemoveNetwork(ctx context.Context, id string) error
	Connect(ctx context.Context, networkID, containerID string, endpoint engine.Endpoint) error
	Disconnect(ctx context.Context, networkID, containerID string) error
	Volumes(ctx context.Context, labels map[string]string) ([]engine.Volume, error)
	CreateVolume(ctx context.Context, name string, labels map[string]string) (engine.Volume, error)
	RemoveVolume(ctx context.Context, name string) error
	EnsureImage(ctx context.Context, ref string, policy engine.PullPolicy) (engine.Image, error)
}

// Networks finds a network by its labels or makes it, with a subnet of its own.
type Networks interface {
	Ensure(ctx context.Context, spec engine.NetworkSpec, labels map[string]string) (engine.Network, error)
}

// Projects know who lists a service.
type Projects interface {
	// Listing answers with the internal networks of the projects that list a service, by namespace.
	Listing(ctx context.Context, service string) (map[string]engine.Network, error)
}

// grace is how long a container may take to end by itself.
const grace = 10 * time.Second

// ErrExists means that the engine already runs a shared service of this name that was asked for in other words.
var ErrExists = errors.New("the shared service exists already")

// Service is a shared service as the engine holds it.
type Service struct {
	Spec
	Offer       Offer
	ContainerID string
	ImageID     string
	Running     bool
	Projects    []string // whose networks it is joined to
	// Drift says in sentences what on the engine is not as it was asked for.
	Drift []string
}

// Services are the shared services of one engine.
type Services struct {
	on       Engine
	networks Networks
	projects Projects
	locks    *lock.Locker
	log      hclog.Logger
}

// New manages the shared services of an engine.
func New(on Engine, networks Networks, projects Projects, log hclog.Logger) *Services {
	return &Services{on: on, networks: networks, projects: projects, locks: lock.New(on), log: log.Named("service")}
}

// Create makes a service; [ErrExists] when there is one of the name that was asked for in other words.
func (s *Services) Create(ctx context.Context, wanted Wanted) (Service, error) {
	wanted.FileNames = slices.Sorted(maps.Keys(wanted.Files))
	found, err := s.find(ctx, wanted.Name)
	if err == nil && found.Spec.Labels[naming.LabelSpec] != wanted.label() {
		return Service{}, fmt.Errorf("shared service %s: %w", wanted.Name, ErrExists)
	}
	if err != nil && !errors.Is(err, engine.ErrNotFound) {
		return Service{}, err
	}
	return s.Apply(ctx, wanted)
}

// Apply brings a service to what is wanted, whatever it is now. It returns when the health check passes. When it fails
// half-way, the answer still tells what is there.
func (s *Services) Apply(ctx context.Context, wanted Wanted) (Service, error) {
	wanted.FileNames = slices.Sorted(maps.Keys(wanted.Files))
	image, err := s.on.EnsureImage(ctx, wanted.Image, wanted.PullPolicy) // without it, nothing that serves now is touched
	if err != nil {
		return Service{}, fmt.Errorf("shared service %s: %w", wanted.Name, err)
	}
	ctx, done := interrupt.Shield(ctx)
	defer done()
	failed := s.locked(ctx, wanted.Name, func(ctx context.Context) error { return s.become(ctx, wanted, image) })
	now, err := s.Read(context.WithoutCancel(ctx), wanted.Name)
	if failed != nil {
		return now, fmt.Errorf("make shared service %s: %w", wanted.Name, failed)
	}
	return now, err
}

func (s *Services) locked(ctx context.Context, name string, work func(ctx context.Context) error) error {
	held, release, err := s.locks.Acquire(ctx, "service_"+name)
	if err != nil {
		return err
	}
	return errors.Join(work(held), release())
}

func (s *Services) become(ctx context.Context, wanted Wanted, image engine.Image) error {
	own, err := s.networks.Ensure(ctx, engine.NetworkSpec{
		Name: naming.Service(wanted.Name), Internal: !wanted.Egress && len(wanted.Publish) == 0, Labels: labels(wanted.Name),
	}, labels(wanted.Name))
	if err != nil {
		return err
	}
	if err := s.offer(ctx, wanted.Name, wanted.Offer); err != nil {
		return err
	}
	found, err := s.find(ctx, wanted.Name)
	switch {
	case errors.Is(err, engine.ErrNotFound):
		return s.make(ctx, wanted, own)
	case err != nil:
		return err
	}
	if reason := unfit(wanted, image, own, found); reason != "" {
		s.log.Info("making the container anew", "service", wanted.Name, "reason", reason)
		if err := s.on.StopContainer(ctx, found.ID, grace); err != nil {
			return err
		}
		if err := s.on.RemoveContainer(ctx, found.ID); err != nil {
			return err
		}
		if err := s.clearFiles(ctx, wanted.Name); err != nil {
			return err
		}
		return s.make(ctx, wanted, own)
	}
	return s.keep(ctx, wanted, own, found)
}

// unfit says why a container has to be made anew, or nothing.
func unfit(wanted Wanted, image engine.Image, own engine.Network, found engine.Container) string {
	request := wanted.container()
	switch weakened := hardening.Weakened(request, found); {
	case found.Spec.Labels[naming.LabelSpec] != request.Labels[naming.LabelSpec]:
		return "its configuration changed"
	case len(weakened) > 0:
		return weakened[0]
	case wanted.PullPolicy == engine.PullAlways && found.ImageID != image.ID:
		return "its image is another one"
	case !joined(found)[own.Name]:
		return "it lost its own network"
	}
	return ""
}

func joined(found engine.Container) map[string]bool {
	networks := map[string]bool{}
	for _, endpoint := range found.Spec.Networks {
		networks[endpoint.Network] = true
	}
	return networks
}

// make makes the container, joins it to the projects that list it, and starts it.
func (s *Services) make(ctx context.Context, wanted Wanted, own engine.Network) error {
	owner, err := wanted.owner()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(wanted.Volumes)) {
		if err := s.volume(ctx, wanted.Name, naming.ServiceVolume(wanted.Name, name), map[string]string{naming.LabelVolume: name}, owner); err != nil {
			return err
		}
	}
	for _, folder := range wanted.folders() {
		if err := s.volume(ctx, wanted.Name, naming.ServiceFiles(wanted.Name, folder), nil, owner); err != nil {
			return err
		}
	}
	request := wanted.container(engine.Endpoint{Network: own.ID})
	if request.Env == nil {
		request.Env = map[string]string{}
	}
	maps.Copy(request.Env, wanted.Secrets)
	// The engine fills an empty volume with what the image has at its place; the files come after that.
	id, err := s.on.CreateContainer(ctx, request)
	if err != nil {
		return err
	}
	if _, err := s.write(ctx, wanted); err != nil {
		return err
	}
	made, err := s.on.Container(ctx, id)
	if err != nil {
		return err
	}
	// A project that lists it no longer, from now on sees this container and takes it out itself.
	if err := s.place(ctx, own, made); err != nil {
		return err
	}
	return s.start(ctx, id)
}

// place joins a container to the networks of the projects that list the service, and takes it out of all others.
func (s *Services) place(ctx context.Context, own engine.Network, found engine.Container) error {
	name := found.Spec.Labels[naming.LabelService]
	listing, err := s.projects.Listing(ctx, name)
	if err != nil {
		return err
	}
	present := joined(found)
	for _, namespace := range slices.Sorted(maps.Keys(listing)) {
		if network := listing[namespace]; !present[network.Name] {
			err := s.on.Connect(ctx, network.ID, found.ID, Endpoint(network.ID, name))
			if err != nil && !errors.Is(err, engine.ErrConflict) { // the project itself was faster
				return err
			}
		}
	}
	for _, network := range foreign(found, own.Name, listing) {
		if err := s.on.Disconnect(ctx, network, found.ID); err != nil {
			return err
		}
	}
	return nil
}

func (s *Services) start(ctx context.Context, id string) error {
	if err := s.on.StartContainer(ctx, id); err != nil {
		return err
	}
	return health.Await(ctx, s.on, id)
}

// volume makes one of the service's own volumes, writable for its user. One that exists is left as it is.
func (s *Services) volume(ctx context.Context, service, name string, extra map[string]string, owner int) error {
	existing, err := s.on.Volumes(ctx, labels(service))
	if err != nil || slices.ContainsFunc(existing, func(one engine.Volume) bool { return one.Name == name }) {
		return err
	}
	made, err := s.on.CreateVolume(ctx, name, naming.Labels(extra, labels(service)))
	if err != nil {
		return err
	}
	if made.Labels[naming.LabelService] != service {
		return fmt.Errorf("volume %s exists and is not the service's: %w; rename or remove it (docker volume rm %s)", name, engine.ErrConflict, name)
	}
	return volume.Write(ctx, s.on, name, owner, nil)
}

// keep mends a container that can stay.
func (s *Services) keep(ctx context.Context, wanted Wanted, own engine.Network, found engine.Container) error {
	have := found.Spec.Limits
	if want := wanted.Limits; have.CPUs != want.CPUs || have.Memory != want.Memory || have.Pids != want.Pids {
		if err := s.on.UpdateLimits(ctx, found.ID, want); err != nil {
			return err
		}
	}
	if err := s.place(ctx, own, found); err != nil {
		return err
	}
	changed, err := s.write(ctx, wanted)
	if err != nil {
		return err
	}
	switch {
	case found.State == engine.StatePaused:
		return s.on.UnpauseContainer(ctx, found.ID)
	case found.State != engine.StateRunning:
		return s.start(ctx, found.ID)
	case changed && wanted.ReloadSignal != "":
		return s.on.Signal(ctx, found.ID, wanted.ReloadSignal)
	case changed:
		if err := s.on.StopContainer(ctx, found.ID, grace); err != nil {
			return err
		}
		return s.start(ctx, found.ID)
	}
	return nil
}

// foreign are the networks on which a service has no place.
func foreign(found engine.Container, own string, listing map[string]engine.Network) []string {
	names := map[string]bool{own: true}
	for _, network := range listing {
		names[network.Name] = true
	}
	var others []string
	for network := range joined(found) {
		if !names[network] {
			others = append(others, network)
		}
	}
	slices.Sort(others)
	return others
}
