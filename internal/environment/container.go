package environment

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/hardening"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/stack"
)

// container is the request for one replica: the hardening that holds for every environment, and what the spec adds.
func (s Spec) container(replica int, address string, networks ...string) (engine.ContainerSpec, error) {
	label, err := s.label()
	if err != nil {
		return engine.ContainerSpec{}, err
	}
	request := hardening.Baseline()
	request.Name = naming.Container(s.Namespace, s.Name, replica)
	request.Image = s.Image
	request.Entrypoint, request.Command, request.WorkingDir = s.Entrypoint, s.Command, s.WorkingDir
	request.Env = s.variables()
	request.Health = s.Health
	request.Limits = s.Limits
	request.User, request.ReadOnly, request.CapAdd = s.User, s.ReadOnly, s.Capabilities
	request.Mounts = s.mounts()
	for path, size := range s.Tmpfs {
		request.Tmpfs[path] = hardening.Tmpfs(size)
	}
	request.Publish = s.bindings()
	request.Log = s.Log
	request.Networks = s.endpoints(address, networks)
	request.Labels = naming.Labels(s.Labels, map[string]string{
		naming.LabelRole:        naming.RoleEnvironment,
		naming.LabelProject:     s.Namespace,
		naming.LabelEnvironment: s.Name,
		naming.LabelKind:        string(s.Kind),
		naming.LabelReplica:     strconv.Itoa(replica),
		naming.LabelPort:        strconv.Itoa(s.Port),
		naming.LabelAddress:     address,
		naming.LabelSpec:        label,
		labelDigest:             s.ImageDigest,
	})
	return request, nil
}

// labelDigest remembers which content of the image a container was made from.
const labelDigest = naming.LabelPrefix + "image-digest"

// variables are the stack's, then where the container stands, then the user's.
func (s Spec) variables() map[string]string {
	variables := map[string]string{
		"ISOLAB_PROJECT":     s.Namespace,
		"ISOLAB_ENVIRONMENT": s.Name,
		"ISOLAB_KIND":        string(s.Kind),
		"ISOLAB_BASE_PATH":   naming.RoutePath(s.Namespace),
	}
	if s.Role != "" {
		variables["ISOLAB_ROLE"] = s.Role
	}
	if s.Port > 0 {
		variables["PORT"] = strconv.Itoa(s.Port)
	}
	if chosen, ok := stack.Get(s.Stack); ok {
		maps.Copy(variables, chosen.Variables)
	}
	maps.Copy(variables, s.Variables)
	return variables
}

func (s Spec) mounts() []engine.Mount {
	var mounts []engine.Mount
	if s.Workspace != "" {
		// The others serve what they were given.
		mounts = append(mounts, engine.Mount{Volume: naming.Workspace(s.Namespace), Path: s.Workspace, ReadOnly: !s.Kind.Works()})
	}
	for name, volume := range s.Volumes {
		mounts = append(mounts, engine.Mount{Volume: naming.Volume(s.Namespace, name), Path: volume.Path, ReadOnly: volume.ReadOnly})
	}
	slices.SortFunc(mounts, func(a, b engine.Mount) int { return strings.Compare(a.Path, b.Path) })
	return mounts
}

func (s Spec) bindings() []engine.PortBinding {
	var bindings []engine.PortBinding
	for _, publication := range s.Publish {
		bindings = append(bindings, engine.PortBinding{ContainerPort: publication.Port, HostAddress: publication.Address})
	}
	slices.SortFunc(bindings, func(a, b engine.PortBinding) int { return a.ContainerPort - b.ContainerPort })
	return bindings
}

// endpoints joins the internal network first, with the fixed address and the provider's own name.
func (s Spec) endpoints(address string, networks []string) []engine.Endpoint {
	endpoints := make([]engine.Endpoint, len(networks))
	for i, network := range networks {
		endpoints[i] = engine.Endpoint{Network: network}
	}
	if len(endpoints) > 0 {
		endpoints[0].Address = address
		endpoints[0].Aliases = []string{naming.Alias(s.Namespace, s.Name)}
	}
	return endpoints
}
