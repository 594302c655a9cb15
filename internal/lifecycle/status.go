package lifecycle

import "slices"

// Kind is what a container is for.
type Kind string

const (
	KindDevelopment Kind = "development"
	KindTesting     Kind = "testing"
	KindDeployment  Kind = "deployment"
	KindAgent       Kind = "agent"
	KindDatabase    Kind = "database"
)

// EnvironmentKinds lists the kinds an environment can have.
func EnvironmentKinds() []Kind { return []Kind{KindDevelopment, KindTesting, KindDeployment} }

// Works reports whether containers of the kind work on the project's sources: they write the workspace, and reach the
// outside unless told otherwise.
func (k Kind) Works() bool { return k == KindDevelopment || k == KindAgent }

// Status is what a kind's containers do in a phase.
type Status string

const (
	Absent  Status = "absent"
	Stopped Status = "stopped"
	Frozen  Status = "frozen"
	Running Status = "running"
)

// Hibernation is how a container sleeps while its project is paused.
type Hibernation string

const (
	Stop   Hibernation = "stop"   // memory freed
	Freeze Hibernation = "freeze" // memory kept, instant resume
)

// working is the table of the statuses in the working phases; a phase that is missing means absent.
var working = map[Kind]map[Phase]Status{
	KindAgent:       {Planning: Running, Development: Running, Testing: Running, Deployment: Running},
	KindDatabase:    {Development: Running, Testing: Running, Deployment: Running},
	KindDevelopment: {Development: Running, Testing: Running, Deployment: Stopped},
	KindTesting:     {Development: Stopped, Testing: Running, Deployment: Stopped},
	KindDeployment:  {Testing: Stopped, Deployment: Running},
}

// Life is what decides, together with the phase of their project, what containers do.
type Life struct {
	Kind        Kind
	Hibernation Hibernation
	// Active are the working phases in which the containers run, in place of those in which their kind does; nil leaves
	// that to the kind.
	Active []Phase
}

// Status is what the containers do while their project is in a phase.
func (l Life) Status(phase Phase) Status {
	if phase == Paused {
		if l.Hibernation == Freeze {
			return Frozen
		}
		return Stopped
	}
	if !phase.Working() {
		return Absent
	}
	status, ok := working[l.Kind][phase]
	switch {
	case l.Active != nil && slices.Contains(l.Active, phase):
		return Running
	case !ok:
		return Absent
	case l.Active != nil && status == Running:
		return Stopped
	}
	return status
}
