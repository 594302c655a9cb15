package naming_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

func TestValid(t *testing.T) {
	for _, name := range []string{"a", "shop", "a-b", "a1", "a-1", "shop-2-dev", strings.Repeat("a", naming.MaxLength)} {
		if !naming.Valid(name) {
			t.Errorf("%q was refused", name)
		}
	}
	for _, name := range []string{
		"", "-", "-a", "a-", "a--b", "1a", "A", "aB", "a_b", "a.b", "a/b", "a b", " a", "a\n", "é", "a\x00", "../a",
		strings.Repeat("a", naming.MaxLength+1),
	} {
		if naming.Valid(name) {
			t.Errorf("%q was accepted", name)
		}
	}
}

// TestNamesDoNotCollide names every object of projects and environments whose names differ in the place of a hyphen, or
// that are called like a part of the other names.
func TestNamesDoNotCollide(t *testing.T) {
	owners := map[string]string{}
	claim := func(name, owner string) {
		if other, taken := owners[name]; taken {
			t.Errorf("%q is both %s and %s", name, other, owner)
		}
		owners[name] = owner
	}
	names := []string{"a", "b", "c", "a-b", "b-c", "a-b-c", "egress", "workspace", "record", "volume", "gateway", "lock", "helper"}
	for _, namespace := range names {
		// Volumes, networks and containers have name spaces of their own on an engine.
		claim("volume "+naming.Workspace(namespace), "workspace of "+namespace)
		claim("network "+naming.Network(namespace), "network of "+namespace)
		claim("network "+naming.EgressNetwork(namespace), "egress network of "+namespace)
		claim("network "+naming.Gateway(namespace), "network of gateway "+namespace)
		claim("volume "+naming.Gateway(namespace), "volume of gateway "+namespace)
		claim("container "+naming.Gateway(namespace), "gateway "+namespace)
		for revision := 1; revision <= 12; revision++ {
			claim("volume "+naming.Record(namespace, revision), "a record of "+namespace)
		}
		for _, name := range names {
			claim("volume "+naming.Volume(namespace, name), "volume "+name+" of "+namespace)
			claim("alias "+naming.Alias(namespace, name), "environment "+name+" of "+namespace)
			for replica := 1; replica <= 12; replica++ {
				claim("container "+naming.Container(namespace, name, replica), "a replica of "+namespace+"/"+name)
			}
		}
	}
	if naming.RoutePath("a") != "/projects/a/" || strings.HasPrefix(naming.RoutePath("a-b"), naming.RoutePath("a")) {
		t.Error("one project's path is below another's")
	}
}

func TestUnique(t *testing.T) {
	prefix := strings.Repeat("p", naming.MaxPrefix)
	seen := map[string]bool{}
	for range 100 {
		name := naming.Unique(prefix)
		if !naming.Valid(name) || !strings.HasPrefix(name, prefix+"-") {
			t.Fatalf("%q is not a valid name with the prefix", name)
		}
		if seen[name] {
			t.Fatalf("%q was given twice", name)
		}
		seen[name] = true
	}
	if naming.Valid(naming.Unique(prefix + "p")) {
		t.Error("MaxPrefix is shorter than it need be")
	}
}

func TestSplitID(t *testing.T) {
	for _, test := range []struct {
		id, first, second string
		ok                bool
	}{
		{"shop/dev", "shop", "dev", true},
		{"a-b/c", "a-b", "c", true},
		{"shop", "", "", false},
		{"", "", "", false},
		{"/dev", "", "", false},
		{"shop/", "", "", false},
		{"shop/dev/1", "", "", false},
		{"Shop/dev", "", "", false},
		{"shop//dev", "", "", false},
	} {
		first, second, ok := naming.SplitID(test.id)
		if ok != test.ok || ok && (first != test.first || second != test.second) {
			t.Errorf("%q: %q, %q, %v", test.id, first, second, ok)
		}
	}
}

func TestLabels(t *testing.T) {
	user := map[string]string{"team": "blue", naming.LabelProject: "forged"}
	merged := naming.Labels(user, map[string]string{naming.LabelProject: "shop"})
	if want := map[string]string{"team": "blue", naming.LabelProject: "shop"}; !maps.Equal(merged, want) {
		t.Errorf("merged into %v", merged)
	}
	merged["new"] = "label"
	if len(user) != 2 {
		t.Error("merging changed what was merged")
	}
}

func TestSealedLabelsLeaveAnImageNoneOfOurs(t *testing.T) {
	image := map[string]string{naming.LabelProject: "victim", naming.LabelEnvironment: "api", naming.LabelReplica: "1", "vendor": "x"}
	asked := map[string]string{naming.LabelRole: naming.RoleGateway, naming.LabelGateway: "edge"}
	// The engine merges the image's labels under the container's.
	got := naming.Unsealed(naming.Labels(image, naming.Sealed(asked)))
	if want := naming.Labels(asked, map[string]string{"vendor": "x"}); !maps.Equal(got, want) {
		t.Errorf("the container is labelled %v, want %v", got, want)
	}
}
