package rolling

import (
	"slices"
	"strconv"
	"testing"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

func container(name string, replica int) engine.ContainerSummary {
	return engine.ContainerSummary{Name: name, Labels: map[string]string{
		naming.LabelProject: "shop", naming.LabelEnvironment: "dev", naming.LabelReplica: strconv.Itoa(replica),
	}}
}

func TestReplicas(t *testing.T) {
	own := naming.Container("shop", "dev", 1)
	next, retired := naming.Successor(own), naming.Retired(own)
	for name, test := range map[string]struct {
		containers    []string
		current, next string
		retired       []string
	}{
		"one":                        {[]string{own}, own, "", nil},
		"a successor beside it":      {[]string{next, own}, own, next, nil},
		"between the two renames":    {[]string{retired, next}, next, "", []string{retired}},
		"replaced and not yet gone":  {[]string{own, retired}, own, "", []string{retired}},
		"retired alone":              {[]string{retired}, "", "", []string{retired}},
		"renamed by hand":            {[]string{"else"}, "else", "", nil},
		"renamed by hand and rolled": {[]string{"else", own}, own, "", []string{"else"}},
		"the other way round":        {[]string{own, "else"}, own, "", []string{"else"}},
	} {
		t.Run(name, func(t *testing.T) {
			var containers []engine.ContainerSummary
			for _, name := range test.containers {
				containers = append(containers, container(name, 1))
			}
			got := Replicas(containers)[1]
			var left []string
			for _, one := range got.Retired {
				left = append(left, one.Name)
			}
			if nameOf(got.Current) != test.current || nameOf(got.Next) != test.next || !slices.Equal(left, test.retired) {
				t.Errorf("%q stands, %q follows, %q are retired; want %+v", nameOf(got.Current), nameOf(got.Next), left, test)
			}
		})
	}
}

func TestStanding(t *testing.T) {
	stray := container("stray", 0)
	stray.Labels[naming.LabelReplica] = "?"
	standing := Standing([]engine.ContainerSummary{
		container(naming.Container("shop", "dev", 1), 1), container(naming.Successor(naming.Container("shop", "dev", 1)), 1),
		container(naming.Container("shop", "dev", 2), 2), container(naming.Retired(naming.Container("shop", "dev", 3)), 3), stray,
	})
	names := map[string]bool{}
	for _, one := range standing {
		names[one.Name] = true
	}
	if len(standing) != 2 || !names[naming.Container("shop", "dev", 1)] || !names[naming.Container("shop", "dev", 2)] {
		t.Errorf("standing: %v", names)
	}
}

func nameOf(container *engine.ContainerSummary) string {
	if container == nil {
		return ""
	}
	return container.Name
}
