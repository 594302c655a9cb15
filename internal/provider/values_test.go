package provider

import (
	"maps"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func TestAllLabels(t *testing.T) {
	own := stringMapValue(map[string]string{"team": "blue", "tier": "web"})
	defaults := &Data{DefaultLabels: map[string]string{"team": "red", "cost": "1"}}
	if got := stringMap(defaults.allLabels(own)); !maps.Equal(got, map[string]string{"team": "blue", "tier": "web", "cost": "1"}) {
		t.Errorf("merged into %v", got)
	}
	if defaults.DefaultLabels["team"] != "red" || len(defaults.DefaultLabels) != 2 {
		t.Errorf("the defaults became %v", defaults.DefaultLabels)
	}
	if got := (&Data{}).allLabels(emptyStringMap); !got.Equal(emptyStringMap) {
		t.Errorf("nothing and nothing is %s", got)
	}
	partly := types.MapValueMust(types.StringType, map[string]attr.Value{"a": types.StringUnknown()})
	for name, got := range map[string]types.Map{
		"no provider":            (*Data)(nil).allLabels(own),
		"unknown default ones":   (&Data{DefaultLabelsUnknown: true}).allLabels(own),
		"unknown own ones":       defaults.allLabels(types.MapUnknown(types.StringType)),
		"one of its own unknown": defaults.allLabels(partly),
	} {
		if !got.IsUnknown() {
			t.Errorf("%s: %s is known", name, got)
		}
	}
}

func TestConversions(t *testing.T) {
	if got := stringMap(types.MapValueMust(types.StringType, map[string]attr.Value{
		"a": types.StringValue("1"), "empty": types.StringValue(""), "null": types.StringNull(), "unknown": types.StringUnknown(),
	})); !maps.Equal(got, map[string]string{"a": "1", "empty": ""}) {
		t.Errorf("map %v", got)
	}
	if list := stringListValue(nil); list.IsNull() || stringSlice(list.Elements()) != nil {
		t.Errorf("no values are %s", list)
	}
	if !stringSetValue([]string{"b", "a"}).Equal(stringSetValue([]string{"a", "b"})) {
		t.Error("a set has an order")
	}
	if !optionalString("").IsNull() || optionalString("a").ValueString() != "a" || !optionalInt(0).IsNull() || optionalInt(1).ValueInt64() != 1 {
		t.Error("what is left out is not null, or what is given is")
	}
	if one, many := plural(1, "%v CPU", "%v CPUs"), plural(1.5, "%v CPU", "%v CPUs"); one != "1 CPU" || many != "1.5 CPUs" {
		t.Errorf("%q and %q", one, many)
	}
}
