package provider

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
)

var emptyStringMap = types.MapValueMust(types.StringType, map[string]attr.Value{})

func stringMapValue(values map[string]string) types.Map {
	elements := make(map[string]attr.Value, len(values))
	for key, value := range values {
		elements[key] = types.StringValue(value)
	}
	return types.MapValueMust(types.StringType, elements)
}

// stringMap leaves out what is null or unknown.
func stringMap(value types.Map) map[string]string {
	values := map[string]string{}
	for key, element := range value.Elements() {
		if text, ok := element.(types.String); ok && !text.IsNull() && !text.IsUnknown() {
			values[key] = text.ValueString()
		}
	}
	return values
}

func stringListValue(values []string) types.List {
	elements := make([]attr.Value, len(values))
	for i, value := range values {
		elements[i] = types.StringValue(value)
	}
	return types.ListValueMust(types.StringType, elements)
}

// stringSlice is nil for an empty list.
func stringSlice(elements []attr.Value) []string {
	var values []string
	for _, element := range elements {
		if text, ok := element.(types.String); ok {
			values = append(values, text.ValueString())
		}
	}
	return values
}

func stringSetValue(values []string) types.Set {
	return types.SetValueMust(types.StringType, stringListValue(slices.Sorted(slices.Values(values))).Elements())
}

// optionalString is null for an empty text.
func optionalString(value string) types.String {
	if value == "" {
		return types.StringNull()
	}
	return types.StringValue(value)
}

// optionalInt is null for 0.
func optionalInt(value int) types.Int64 {
	if value == 0 {
		return types.Int64Null()
	}
	return types.Int64Value(int64(value))
}

// plural picks the wording for a number.
func plural(number float64, one, many string) string {
	if number == 1 {
		return fmt.Sprintf(one, number)
	}
	return fmt.Sprintf(many, number)
}

// allLabels merges an object's labels over the provider's default ones; unknown while either is.
func (d *Data) allLabels(own types.Map) types.Map {
	if d == nil || d.DefaultLabelsUnknown || own.IsUnknown() {
		return types.MapUnknown(types.StringType)
	}
	for _, element := range own.Elements() {
		if element.IsUnknown() {
			return types.MapUnknown(types.StringType)
		}
	}
	merged := maps.Clone(d.DefaultLabels)
	if merged == nil {
		merged = map[string]string{}
	}
	maps.Copy(merged, stringMap(own))
	return stringMapValue(merged)
}

// ownLabels are those of an imported object's labels that the provider's default ones do not account for.
func (d *Data) ownLabels(all map[string]string) types.Map {
	own := maps.Clone(all)
	maps.DeleteFunc(own, func(key, value string) bool {
		given, ok := d.DefaultLabels[key]
		return ok && given == value
	})
	return stringMapValue(own)
}

// phaseSlice are the phases of a known set; nil when the set is null, so that it is told apart from an empty one.
func phaseSlice(set types.Set) []lifecycle.Phase {
	if set.IsNull() {
		return nil
	}
	phases := []lifecycle.Phase{}
	for _, name := range stringSlice(set.Elements()) {
		phases = append(phases, lifecycle.Phase(name))
	}
	return phases
}

// optionalList is null for none.
func optionalList(values []string) types.List {
	if len(values) == 0 {
		return types.ListNull(types.StringType)
	}
	return stringListValue(values)
}

// optionalDuration is null for none.
func optionalDuration(value time.Duration) timetypes.GoDuration {
	if value == 0 {
		return timetypes.NewGoDurationNull()
	}
	return timetypes.NewGoDurationValue(value)
}

// durationOf is 0 for a null value.
func durationOf(value timetypes.GoDuration, diags *diag.Diagnostics) time.Duration {
	if value.IsNull() || value.IsUnknown() {
		return 0
	}
	duration, d := value.ValueGoDuration()
	diags.Append(d...)
	return duration
}
