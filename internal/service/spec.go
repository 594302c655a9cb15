// Package service runs the services that projects share: one hardened container each, joined into the internal network of
// every project that lists it, so that no two projects ever share a network.
package service

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/hardening"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// Spec is what the container of a shared service is made of. It is kept as JSON in the container's label.
type Spec struct {
	Name           string                 `json:"name"`
	Preset         string                 `json:"preset,omitempty"`
	Image          string                 `json:"image"`
	Entrypoint     []string               `json:"entrypoint,omitempty"`
	Command        []string               `json:"command,omitempty"`
	Port           int                    `json:"port,omitempty"` // only told
	Variables      map[string]string      `json:"variables,omitempty"`
	SecretsVersion int64                  `json:"secrets_version,omitempty"` // changes whenever [Wanted].Secrets may
	Health         *engine.HealthCheck    `json:"health,omitempty"`
	Volumes        map[string]string      `json:"volumes,omitempty"` // name to path
	FileNames      []string               `json:"file_names,omitempty"`
	ReloadSignal   string                 `json:"reload_signal,omitempty"` // "" restarts
	Tmpfs          map[string]int64       `json:"tmpfs,omitempty"`         // path to size in bytes
	User           string                 `json:"user"`
	ReadOnly       bool                   `json:"read_only"`
	Capabilities   []string               `json:"capabilities,omitempty"`
	Egress         bool                   `json:"egress"`
	Publish        map[string]Publication `json:"publish,omitempty"`
	Log            engine.LogLimits       `json:"log"`
	Labels         map[string]string      `json:"labels,omitempty"`
	// Shm is fixed when the container is made; the other limits change live, so they are not part of the label.
	Shm    int64         `json:"shm,omitempty"`
	Limits engine.Limits `json:"-"`
}

// Publication makes a port of the container reachable on the host.
type Publication struct {
	Port     int    `json:"port"`
	HostPort int    `json:"host_port"`
	Address  string `json:"address"`
}

// Wanted is what a shared service shall be.
type Wanted struct {
	Spec
	Files      map[string]string // absolute path to content
	Secrets    map[string]string // variables that only the container gets to know
	Offer      Offer
	PullPolicy engine.PullPolicy
}

// label encodes what a container keeps for life.
func (s Spec) label() string {
	s.Shm = s.Limits.Shm
	encoded, err := json.Marshal(s)
	if err != nil {
		panic(err) // texts and numbers always encode
	}
	return string(encoded)
}

// folders are those of the configuration files.
func (s Spec) folders() []string {
	var folders []string
	for _, name := range s.FileNames {
		folders = append(folders, path.Dir(name))
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}

// container is the request for the service's container: the hardening that holds for everything, and what the spec adds.
func (s Spec) container(networks ...engine.Endpoint) engine.ContainerSpec {
	request := hardening.Baseline()
	request.Name = naming.Service(s.Name)
	request.Image, request.Entrypoint, request.Command = s.Image, s.Entrypoint, s.Command
	request.Env = maps.Clone(s.Variables)
	request.Health, request.Limits, request.Log = s.Health, s.Limits, s.Log
	request.User, request.ReadOnly, request.CapAdd = s.User, s.ReadOnly, s.Capabilities
	for at, size := range s.Tmpfs {
		request.Tmpfs[at] = hardening.Tmpfs(size)
	}
	for name, at := range s.Volumes {
		request.Mounts = append(request.Mounts, engine.Mount{Volume: naming.ServiceVolume(s.Name, name), Path: at})
	}
	for _, folder := range s.folders() {
		request.Mounts = append(request.Mounts, engine.Mount{Volume: naming.ServiceFiles(s.Name, folder), Path: folder, ReadOnly: true})
	}
	slices.SortFunc(request.Mounts, func(a, b engine.Mount) int { return strings.Compare(a.Path, b.Path) })
	for _, one := range s.Publish {
		request.Publish = append(request.Publish, engine.PortBinding{ContainerPort: one.Port, HostPort: one.HostPort, HostAddress: one.Address})
	}
	slices.SortFunc(request.Publish, func(a, b engine.PortBinding) int { return a.ContainerPort - b.ContainerPort })
	request.Networks = networks
	request.Labels = naming.Labels(s.Labels, labels(s.Name), map[string]string{naming.LabelSpec: s.label()})
	return request
}

// labels mark everything that a shared service owns on the engine.
func labels(name string) map[string]string {
	return map[string]string{naming.LabelRole: naming.RoleService, naming.LabelService: name}
}

// Endpoint is a service's place on a project's network, where it answers to its own name.
func Endpoint(network, name string) engine.Endpoint {
	return engine.Endpoint{Network: network, Aliases: []string{name}}
}

// owner is the numeric user of the container, to whom its volumes belong.
func (s Spec) owner() (int, error) {
	user, _, _ := strings.Cut(s.User, ":")
	id, err := strconv.Atoi(user)
	if err != nil {
		return 0, fmt.Errorf("user %q of shared service %s is not uid:gid", s.User, s.Name)
	}
	return id, nil
}
