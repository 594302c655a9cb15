package engine

import "time"

// State is a container's state in the engine's own words.
type State string

const (
	StateCreated    State = "created"
	StateRunning    State = "running"
	StatePaused     State = "paused"
	StateRestarting State = "restarting"
	StateRemoving   State = "removing"
	StateExited     State = "exited"
	StateDead       State = "dead"
)

// ContainerSpec is everything a container of ours can be asked to be. What it cannot express (privileged mode, host
// namespaces, devices, bind mounts) cannot be asked for; an engine that shows such a thing reports it in
// [Container.Unexpected].
type ContainerSpec struct {
	Name            string
	Image           string
	Entrypoint      []string // nil keeps the image's
	Command         []string // nil keeps the image's
	WorkingDir      string   // "" keeps the image's
	User            string   // "uid:gid"
	Env             map[string]string
	Labels          map[string]string
	Health          *HealthCheck // nil keeps the image's
	Limits          Limits
	ReadOnly        bool // read-only root filesystem
	Init            bool // a reaper as process 1
	CapDrop, CapAdd []string
	NoNewPrivileges bool
	Mounts          []Mount
	Tmpfs           map[string]string // path to mount options: "rw,noexec,nosuid,nodev,size=67108864"
	Publish         []PortBinding
	Log             LogLimits
	Restart         string // "no", "always", "unless-stopped", "on-failure"
	// Networks holds at least one endpoint. The first one is joined at creation, the others before the first start.
	Networks []Endpoint
}

// Limits bound what one container may use. Zero means that no limit is set.
type Limits struct {
	CPUs    float64 // whole CPUs: 1.5 is one and a half
	Memory  int64   // bytes; swap is not added on top
	Pids    int64   // processes and threads
	Shm     int64   // bytes of /dev/shm
	Storage int64   // bytes of the writable layer; enforced by engines with storage quota only
}

// Mount puts a named volume at a path of the container. Bind mounts are left out on purpose.
type Mount struct {
	Volume   string
	Path     string
	ReadOnly bool
}

// PortBinding publishes a TCP port of the container on an address of the host.
type PortBinding struct {
	ContainerPort int
	HostAddress   string // "127.0.0.1"
	HostPort      int    // 0 lets the engine choose
}

// LogLimits bound the engine's own log of a container. Zero MaxSize means unbounded.
type LogLimits struct {
	MaxSize  int64 // bytes of one file
	MaxFiles int
}

// HealthCheck is a command run inside the container. An empty Test disables the image's own check.
type HealthCheck struct {
	Test          []string // {"CMD", "curl", …} or {"CMD-SHELL", "…"}
	Interval      time.Duration
	Timeout       time.Duration
	StartPeriod   time.Duration
	StartInterval time.Duration // used by engines that know it (API 1.44 and newer), ignored by others
	Retries       int
}

// Endpoint is a container's place on one network.
type Endpoint struct {
	Network string // name or id when asked for; name when observed
	Address string // fixed IPv4 address; "" lets the engine choose
	Aliases []string
}

// ContainerSummary is what one listing call tells of a container.
type ContainerSummary struct {
	ID        string
	Name      string
	Image     string
	State     State
	Labels    map[string]string
	Endpoints []Endpoint
}

// Container is a container as the engine holds it: Spec uses the same words as the request, so that the two compare.
type Container struct {
	ID        string
	ImageID   string
	State     State
	Health    Health
	ExitCode  int
	OOMKilled bool
	Error     string // the engine's reason when a start failed
	Spec      ContainerSpec
	// Unexpected names what a ContainerSpec cannot express and yet is set: "privileged", "pid namespace host", …
	Unexpected []string
}

// Health is what a container's health check found last.
type Health struct {
	Status string // "", "starting", "healthy", "unhealthy"
	Output string // of the last check
}

// Event is a change of a container's life that the engine announces.
type Event struct {
	ContainerID string
	Action      string // "start", "die", "oom", "health_status: healthy", "destroy", …
	ExitCode    string
}

// ExecResult is the outcome of a command run inside a container.
type ExecResult struct {
	ExitCode int
	Output   string // standard output and error, interleaved
}
