// Package project makes, reads, changes and removes a project on an engine: its record, its networks and its workspace.
package project

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/interrupt"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/lock"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/network"
	"github.com/isolab/terraform-provider-isolab/internal/quota"
)

// Engine is what this package needs of one.
type Engine interface {
	lock.Engine
	network.Engine
	Snapshot(ctx context.Context) (engine.Snapshot, error)
	Containers(ctx context.Context, labels map[string]string) ([]engine.ContainerSummary, error)
	Connect(ctx context.Context, networkID, containerID string, endpoint engine.Endpoint) error
	Disconnect(ctx context.Context, networkID, containerID string) error
	Volumes(ctx context.Context, labels map[string]string) ([]engine.Volume, error)
	CreateVolume(ctx context.Context, name string, labels map[string]string) (engine.Volume, error)
	RemoveVolume(ctx context.Context, name string) error
}

// ErrExists means that the engine already holds a project of this namespace that this run did not make.
var ErrExists = errors.New("the project exists already")

// ErrChanged means that somebody else changed the project after it was read.
var ErrChanged = errors.New("the project was changed by another run meanwhile")

// Wanted is what a project shall be.
type Wanted struct {
	Namespace  string
	Stack      string // "" for none
	Phase      lifecycle.Phase
	DataPolicy DataPolicy
	Labels     map[string]string
	Quota      quota.Quota
	Services   []string // names of shared services that its containers reach
	// Creator tells, when the project is made, the place from which it is: the same for the same Terraform workspace. A
	// creation that was killed before its outcome could be written down is continued from there alone. "" for unknown.
	Creator string
}

// Project is a project as the engine holds it.
type Project struct {
	Record
	Network       string // name of the internal network
	Subnet        netip.Prefix
	EgressNetwork string // "" unless an environment asked for egress
	Workspace     string // name of the volume
	// Drift says in sentences what on the engine is not as the project made it.
	Drift []string
}

// Projects are the projects of one engine.
type Projects struct {
	engine   Engine
	networks *network.Allocator
	log      hclog.Logger
	now      func() time.Time
	locks    *lock.Locker
	egress   mutexes
	keyed    mutexes
	keys     sync.Map // namespace to secret.Key: one project's passwords are derived many times in one run

	lock sync.Mutex
	made map[string]bool // namespaces of the projects made by this process
}

// New manages the projects of an engine.
func New(on Engine, networks *network.Allocator, log hclog.Logger) *Projects {
	return &Projects{engine: on, networks: networks, log: log.Named("project"), locks: lock.New(on), now: time.Now, made: map[string]bool{}}
}

// Create makes a project and walks it to its phase. It continues a project whose creation was interrupted (the network
// comes last, so a project without one never was complete), takes over a complete one that the same creator made in the
// same words and that was never changed since, and refuses any other that exists, with [ErrExists].
func (p *Projects) Create(ctx context.Context, wanted Wanted) (Project, error) {
	ctx, done := interrupt.Shield(ctx)
	defer done()
	steps, err := lifecycle.WalkNew(wanted.Phase)
	if err != nil {
		return Project{}, err
	}
	record := Record{
		Namespace: wanted.Namespace, Stack: wanted.Stack, DataPolicy: wanted.DataPolicy, Labels: wanted.Labels, Quota: wanted.Quota, Services: slices.Sorted(slices.Values(wanted.Services)),
		History: p.enter(nil, steps), Revision: 1, Creator: wanted.Creator,
	}
	if err := p.offered(ctx, record); err != nil {
		return Project{}, err
	}
	complete, err := p.claim(ctx, &record)
	if err != nil {
		return Project{}, err
	}
	if complete {
		return p.Read(ctx, wanted.Namespace)
	}
	if err := p.walk(ctx, record, steps); err != nil {
		return Project{Record: record}, err
	}
	made, err := p.firstNetwork(ctx, record)
	if err != nil {
		return Project{Record: record}, fmt.Errorf("create the internal network of project %s: %w", record.Namespace, err)
	}
	if len(record.reaches()) > 0 {
		if err := p.serve(ctx, record); err != nil {
			return Project{Record: record}, err
		}
	}
	p.log.Info("created project", "namespace", record.Namespace, "phase", record.Phase(), "subnet", made.Subnets[0])
	return Project{Record: record, Network: made.Name, Subnet: made.Subnets[0], Workspace: naming.Workspace(record.Namespace)}, nil
}

// claim writes the first revision of a new project's record, or a further one over that of an interrupted creation. It
// reports whether that creation was complete.
func (p *Projects) claim(ctx context.Context, record *Record) (complete bool, err error) {
	ours := p.claimed(record.Namespace)
	current, err := p.current(ctx, record.Namespace)
	if errors.Is(err, engine.ErrNotFound) {
		if err = p.write(ctx, *record); !errors.Is(err, ErrChanged) {
			return false, err
		}
		current, err = p.current(ctx, record.Namespace) // somebody was faster
	}
	if err != nil {
		return false, err
	}
	networks, err := p.engine.Networks(ctx, map[string]string{naming.LabelProject: record.Namespace, naming.LabelRole: naming.RoleNetwork})
	if err != nil {
		return false, err
	}
	switch {
	case len(networks) == 0:
		p.log.Info("continuing an interrupted creation", "namespace", record.Namespace)
		record.Revision = current.Revision + 1
		return false, p.write(ctx, *record)
	case ours || !record.continues(current):
		return false, fmt.Errorf("namespace %s: %w", record.Namespace, ErrExists)
	}
	p.log.Info("taking over a project whose creation was cut off at its very end", "namespace", record.Namespace)
	return true, nil
}

// claimed notes that this process makes a project, and reports whether it has done so before: then it is no leftover of
// another run.
func (p *Projects) claimed(namespace string) bool {
	p.lock.Lock()
	defer p.lock.Unlock()
	before := p.made[namespace]
	p.made[namespace] = true
	return before
}

// Update brings a project that stands at a revision to what is wanted: the phases between, what went missing, what
// does not belong. [ErrChanged] when the record has moved on from that revision.
func (p *Projects) Update(ctx context.Context, revision int, wanted Wanted) (Project, error) {
	ctx, done := interrupt.Shield(ctx)
	defer done()
	current, err := p.current(ctx, wanted.Namespace)
	lost := errors.Is(err, engine.ErrNotFound)
	if err != nil && !lost {
		return Project{}, err
	}
	if !lost && current.Revision != revision {
		return Project{}, fmt.Errorf("project %s is at revision %d, the plan was made at %d: %w; plan again",
			wanted.Namespace, current.Revision, revision, ErrChanged)
	}
	if lost {
		// The record was removed by hand. What the project is now is the best that can be known of its past.
		current = Record{Namespace: wanted.Namespace, Revision: revision, History: p.enter(nil, []lifecycle.Phase{wanted.Phase})}
	}
	steps, err := current.History.Walk(wanted.Phase)
	if err != nil {
		return Project{}, err
	}
	record := Record{
		Namespace: wanted.Namespace, Stack: wanted.Stack, DataPolicy: wanted.DataPolicy, Labels: wanted.Labels, Quota: wanted.Quota, Services: slices.Sorted(slices.Values(wanted.Services)),
		History: p.enter(current.History, steps), Revision: current.Revision + 1,
	}
	if err := p.offered(ctx, record); err != nil {
		return Project{}, err
	}
	if err := p.walk(ctx, record, steps); err != nil {
		return Project{}, err
	}
	if err := p.repair(ctx, record); err != nil {
		return Project{}, err
	}
	if lost || !record.same(current) {
		if err := p.write(ctx, record); err != nil {
			return Project{}, err
		}
		if err := p.forget(ctx, record); err != nil {
			return Project{}, err
		}
	}
	// After the record: a service that is made anew meanwhile looks there.
	if err := p.serve(ctx, record); err != nil {
		return Project{}, err
	}
	return p.Read(ctx, wanted.Namespace)
}

// Quota is what the project's record on the engine bounds its environments to; nothing without a record.
func (p *Projects) Quota(ctx context.Context, namespace string) (quota.Quota, error) {
	record, err := p.current(ctx, namespace)
	if errors.Is(err, engine.ErrNotFound) {
		return quota.Quota{}, nil
	}
	return record.Quota, err
}

// enter appends the phases of a walk to a history.
func (p *Projects) enter(history lifecycle.History, steps []lifecycle.Phase) lifecycle.History {
	entered := append(lifecycle.History{}, history...)
	for _, phase := range steps {
		entered = append(entered, lifecycle.Entry{Phase: phase, At: p.now().Unix()})
	}
	return entered
}

// write creates the volume of the record's revision; [ErrChanged] when somebody else wrote that revision first.
func (p *Projects) write(ctx context.Context, record Record) error {
	writer := rand.Text()
	labels, err := record.labels(writer)
	if err != nil {
		return err
	}
	volume, err := p.engine.CreateVolume(ctx, naming.Record(record.Namespace, record.Revision), labels)
	if err != nil {
		return fmt.Errorf("write the record of project %s: %w", record.Namespace, err)
	}
	if volume.Labels[naming.LabelWriter] != writer {
		return fmt.Errorf("write revision %d of the record of project %s: %w; plan again", record.Revision, record.Namespace, ErrChanged)
	}
	return nil
}

// forget removes the revisions before the record's.
func (p *Projects) forget(ctx context.Context, record Record) error {
	volumes, err := p.records(ctx, record.Namespace)
	if err != nil {
		return err
	}
	for _, volume := range volumes {
		if volume.Name == naming.Record(record.Namespace, record.Revision) {
			continue
		}
		if err := p.engine.RemoveVolume(ctx, volume.Name); err != nil {
			return fmt.Errorf("remove an old record of project %s: %w", record.Namespace, err)
		}
	}
	return nil
}

func (p *Projects) records(ctx context.Context, namespace string) ([]engine.Volume, error) {
	return p.engine.Volumes(ctx, map[string]string{naming.LabelProject: namespace, naming.LabelRole: naming.RoleRecord})
}

// current reads the record past every cache; [engine.ErrNotFound] when there is none.
func (p *Projects) current(ctx context.Context, namespace string) (Record, error) {
	volumes, err := p.records(ctx, namespace)
	if err != nil {
		return Record{}, err
	}
	record, found, err := newest(volumes)
	if err == nil && !found {
		err = fmt.Errorf("record of project %s: %w", namespace, engine.ErrNotFound)
	}
	return record, err
}
