package gateway

import (
	"slices"
	"strings"
	"testing"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

func replica(namespace, environment, address string, state engine.State) engine.ContainerSummary {
	_, number, _ := strings.Cut(address, "10.96.0.")
	return engine.ContainerSummary{Name: "isolab_" + namespace + "_" + environment + "_" + number, State: state, Labels: map[string]string{
		naming.LabelRole: naming.RoleEnvironment, naming.LabelProject: namespace, naming.LabelEnvironment: environment,
		naming.LabelAddress: address, naming.LabelPort: "3000", naming.LabelReplica: number,
	}}
}

func TestResolve(t *testing.T) {
	running, stopped := engine.StateRunning, engine.StateExited
	own := replica("shop", "dev", "10.96.0.3", running)
	foreignRole := replica("shop", "dev", "10.96.0.9", running)
	foreignRole.Labels[naming.LabelRole] = naming.RoleHelper
	withoutPort := replica("shop", "dev", "10.96.0.8", running)
	delete(withoutPort.Labels, naming.LabelPort)
	odd := replica("shop", "dev", "10.96.0.4", running)
	odd.Labels[naming.LabelAddress] = "1.1.1.1;"
	successor := replica("shop", "dev", "10.96.0.7", running)
	successor.Name, successor.Labels[naming.LabelReplica] = naming.Successor(own.Name), own.Labels[naming.LabelReplica]
	cases := map[string]struct {
		containers []engine.ContainerSummary
		phase      lifecycle.Phase
		port       int
		serving    bool
		upstreams  []string
	}{
		"one running":         {[]engine.ContainerSummary{own}, lifecycle.Development, 0, true, []string{"10.96.0.3:3000"}},
		"port of the route":   {[]engine.ContainerSummary{own}, lifecycle.Testing, 8080, true, []string{"10.96.0.3:8080"}},
		"one of two runs":     {[]engine.ContainerSummary{own, replica("shop", "dev", "10.96.0.2", stopped)}, lifecycle.Deployment, 0, true, []string{"10.96.0.2:3000", "10.96.0.3:3000"}},
		"none runs":           {[]engine.ContainerSummary{replica("shop", "dev", "10.96.0.2", stopped)}, lifecycle.Development, 0, false, []string{"10.96.0.2:3000"}},
		"frozen":              {[]engine.ContainerSummary{replica("shop", "dev", "10.96.0.2", engine.StatePaused)}, lifecycle.Development, 0, false, []string{"10.96.0.2:3000"}},
		"phase does not":      {[]engine.ContainerSummary{own}, lifecycle.Paused, 0, false, []string{"10.96.0.3:3000"}},
		"others' containers":  {[]engine.ContainerSummary{replica("blog", "dev", "10.96.0.2", running), replica("shop", "test", "10.96.0.2", running), foreignRole}, lifecycle.Development, 0, false, nil},
		"no port at all":      {[]engine.ContainerSummary{withoutPort}, lifecycle.Development, 0, false, nil},
		"rolling":             {[]engine.ContainerSummary{successor, own}, lifecycle.Development, 0, true, []string{"10.96.0.3:3000"}},
		"address that is not": {[]engine.ContainerSummary{odd}, lifecycle.Development, 0, false, nil},
		"going away":          {[]engine.ContainerSummary{replica("shop", "dev", "10.96.0.2", engine.StateRemoving)}, lifecycle.Development, 0, false, nil},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			route := sample("shop", "web")
			route.Phase, route.Port = test.phase, test.port
			got := surroundings{containers: test.containers}.resolve(route)
			if got.Serving != test.serving || !slices.Equal(got.Upstreams, test.upstreams) {
				t.Errorf("serving %v from %v, want %v from %v", got.Serving, got.Upstreams, test.serving, test.upstreams)
			}
		})
	}
}
