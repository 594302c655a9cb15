package gateway

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/hardening"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/volume"
)

// Spec is what can be asked of a gateway.
type Spec struct {
	Name        string `json:"name"`
	Image       string `json:"image"` // any nginx from 1.22 on, or 1.26 with TLS
	HTTPPort    int    `json:"http_port"`
	HTTPSPort   int    `json:"https_port,omitempty"` // 0 means none
	BindAddress string `json:"bind_address"`         // of the host; "" means 0.0.0.0
	// Limits that are zero get defaults: 1 CPU, 256 MiB, 256 processes. They change live, so they are not part of the
	// container's label but read from the container itself.
	Limits engine.Limits     `json:"-"`
	Labels map[string]string `json:"labels,omitempty"` // the user's
	// Settings lie on the gateway's volume. Their TLS needs HTTPSPort.
	Settings Settings `json:"-"`
	// PullPolicy concerns only the moment of Apply: a gateway does not remember it. "" means [engine.PullMissing].
	PullPolicy engine.PullPolicy `json:"-"`
}

const (
	// listenPort is the port inside the container; an unprivileged nginx cannot have one below 1024.
	listenPort    = 8080
	listenTLSPort = 8443
	statusPort    = 8081 // of the container's loopback only
	mebibyte      = 1 << 20
)

func (s Spec) withDefaults() Spec {
	if s.BindAddress == "" {
		s.BindAddress = "0.0.0.0"
	}
	if s.PullPolicy == "" {
		s.PullPolicy = engine.PullMissing
	}
	s.Settings = s.Settings.withDefaults()
	s.Settings.TLS.Port = s.HTTPSPort
	if s.Limits.CPUs == 0 {
		s.Limits.CPUs = 1
	}
	if s.Limits.Memory == 0 {
		s.Limits.Memory = 256 * mebibyte
	}
	if s.Limits.Pids == 0 {
		s.Limits.Pids = 256
	}
	return s
}

func (s Spec) validate() error {
	switch {
	case !naming.Valid(s.Name):
		return fmt.Errorf("gateway name %q: must be %s", s.Name, naming.Rule)
	case s.Image == "":
		return fmt.Errorf("gateway %s: an image is needed", s.Name)
	case s.HTTPPort < 1 || s.HTTPPort > 65535:
		return fmt.Errorf("gateway %s: the HTTP port must be from 1 to 65535, not %d", s.Name, s.HTTPPort)
	case s.HTTPSPort < 0 || s.HTTPSPort > 65535 || s.HTTPSPort == s.HTTPPort:
		return fmt.Errorf("gateway %s: the HTTPS port must be from 1 to 65535 and not that of HTTP, not %d", s.Name, s.HTTPSPort)
	case s.Settings.TLS.Enabled() != (s.HTTPSPort > 0):
		return fmt.Errorf("gateway %s: a certificate and an HTTPS port belong together", s.Name)
	}
	if _, err := netip.ParseAddr(s.BindAddress); err != nil {
		return fmt.Errorf("gateway %s: the bind address must be an IP address, not %q", s.Name, s.BindAddress)
	}
	return nil
}

// container is the container that serves the spec on networks.
func (s Spec) container(networks []engine.Endpoint) engine.ContainerSpec {
	stored, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	request := hardening.Baseline()
	// An engine before 23 takes any signal that it passes on, such as the one to reload, for a wish to stop: by
	// "unless-stopped" it would neither start a gateway again that crashed nor one that ended with the engine itself.
	request.Restart = "always"
	request.Name = naming.Gateway(s.Name)
	request.Image = s.Image
	request.Entrypoint, request.Command = []string{"nginx"}, []string{"-c", configPath, "-g", "daemon off;"}
	request.Labels = naming.Labels(s.Labels, labels(s.Name), map[string]string{naming.LabelSpec: string(stored)})
	request.Limits = s.Limits
	request.Mounts = []engine.Mount{{Volume: naming.Gateway(s.Name), Path: volume.Root}}
	request.Publish = []engine.PortBinding{{ContainerPort: listenPort, HostAddress: s.BindAddress, HostPort: s.HTTPPort}}
	if s.HTTPSPort > 0 {
		request.Publish = append(request.Publish, engine.PortBinding{ContainerPort: listenTLSPort, HostAddress: s.BindAddress, HostPort: s.HTTPSPort})
	}
	request.Log = engine.LogLimits{MaxSize: 10 * mebibyte, MaxFiles: 2}
	request.Networks = networks
	return request
}

// ports are those of the host, for an error.
func (s Spec) ports() string {
	if s.HTTPSPort > 0 {
		return fmt.Sprintf("port %d or %d", s.HTTPPort, s.HTTPSPort)
	}
	return fmt.Sprintf("port %d", s.HTTPPort)
}

// labels mark everything that a gateway owns on the engine.
func labels(name string) map[string]string {
	return map[string]string{naming.LabelRole: naming.RoleGateway, naming.LabelGateway: name}
}

// weakened says in sentences where a container is not what was asked for.
func weakened(want engine.ContainerSpec, have engine.Container) []string {
	found := hardening.Weakened(want, have)
	if !slices.Equal(want.Entrypoint, have.Spec.Entrypoint) || !slices.Equal(want.Command, have.Spec.Command) {
		found = append(found, "container "+have.Spec.Name+": runs another command than nginx with the gateway's configuration")
	}
	return found
}
