// Package environment runs a project's environments: one or more hardened containers of one kind, in the state that the
// project's phase asks for.
package environment

import (
	"encoding/json"
	"fmt"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
)

// Spec is what the containers of an environment are made of. It is kept as JSON in a label of every container, so that
// the engine alone tells what was asked for; two containers with the same spec are interchangeable.
type Spec struct {
	Namespace string         `json:"namespace"`
	Name      string         `json:"name"`
	Kind      lifecycle.Kind `json:"kind"`
	Stack     string         `json:"stack,omitempty"`
	// Preset and Version say what a database is; "" for what is none.
	Preset  string `json:"preset,omitempty"`
	Version string `json:"version,omitempty"`
	// Role is what an agent is for; "" for what is none.
	Role        string            `json:"role,omitempty"`
	Image       string            `json:"image"`
	ImageDigest string            `json:"image_digest,omitempty"`
	Entrypoint  []string          `json:"entrypoint,omitempty"`
	Command     []string          `json:"command,omitempty"`
	WorkingDir  string            `json:"working_dir,omitempty"`
	Port        int               `json:"port,omitempty"`
	Variables   map[string]string `json:"variables,omitempty"`
	// SecretsVersion changes whenever the values of [Wanted].Secrets may, which are not kept.
	SecretsVersion int64                  `json:"secrets_version,omitempty"`
	Bindings       map[string]Binding     `json:"bindings,omitempty"` // by variable
	Health         *engine.HealthCheck    `json:"health,omitempty"`
	Volumes        map[string]Volume      `json:"volumes,omitempty"`
	Tmpfs          map[string]int64       `json:"tmpfs,omitempty"` // path to size in bytes
	User           string                 `json:"user"`
	ReadOnly       bool                   `json:"read_only"`
	Capabilities   []string               `json:"capabilities,omitempty"`
	Egress         bool                   `json:"egress"`
	Publish        map[string]Publication `json:"publish,omitempty"`
	Workspace      string                 `json:"workspace,omitempty"` // mount path; "" for none
	Log            engine.LogLimits       `json:"log"`
	Hibernation    lifecycle.Hibernation  `json:"hibernation"`
	Labels         map[string]string      `json:"labels,omitempty"`
	// Limits change on the running container, so the label leaves them out but for the sizes that are fixed at creation.
	Limits engine.Limits `json:"limits"`
}

// Volume mounts one of the project's own volumes.
type Volume struct {
	Path     string `json:"path"`
	ReadOnly bool   `json:"read_only,omitempty"`
}

// Publication makes a port of the container reachable on an address of the host; the engine chooses the host's port.
type Publication struct {
	Port    int    `json:"port"`
	Address string `json:"address"`
}

// Binding is a variable with an address and credentials in it, which are derived when a container is made.
type Binding struct {
	ID      string `json:"id"`      // of the database, such as "shop/main"
	Version int64  `json:"version"` // of its credentials; 0 while it has none, and the variable is left out
}

// Wanted is what an environment shall be and do now.
type Wanted struct {
	Spec
	Replicas   int
	Status     lifecycle.Status
	PullPolicy engine.PullPolicy
	Update     Update
	// Secrets are variables that only the container itself gets to know. Nothing notices that they differ: a new
	// SecretsVersion, or Binding, does.
	Secrets map[string]string
}

// ID names the environment in messages and imports: "shop/dev".
func (s Spec) ID() string { return s.Namespace + "/" + s.Name }

// label encodes the part of the spec that a container keeps for life.
func (s Spec) label() (string, error) {
	s.Limits = engine.Limits{Shm: s.Limits.Shm, Storage: s.Limits.Storage}
	s.ImageDigest = ""
	// How the container sleeps is decided when it goes to sleep; changing one's mind must not recreate it.
	s.Hibernation = ""
	encoded, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("encode the specification of environment %s: %w", s.ID(), err)
	}
	return string(encoded), nil
}
