package lifecycle

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

// StatusOf is what containers of a kind do while their project is in a phase.
func StatusOf(kind Kind, phase Phase, hibernation Hibernation) Status {
	if phase == Paused {
		if hibernation == Freeze {
			return Frozen
		}
		return Stopped
	}
	if status, ok := working[kind][phase]; ok {
		return status
	}
	return Absent
}
