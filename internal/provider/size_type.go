package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/docker/go-units"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/attr/xattr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// sizeType is a number of bytes written with a unit, "512MiB". Two spellings of one number are equal.
type sizeType struct{ basetypes.StringType }

// sizeValue is a value of [sizeType].
type sizeValue struct{ basetypes.StringValue }

var (
	_ basetypes.StringTypable                    = sizeType{}
	_ basetypes.StringValuableWithSemanticEquals = sizeValue{}
	_ xattr.ValidateableAttribute                = sizeValue{}
)

func (t sizeType) Equal(other attr.Type) bool {
	_, ok := other.(sizeType)
	return ok
}

func (t sizeType) String() string { return "provider.sizeType" }

func (t sizeType) ValueType(context.Context) attr.Value { return sizeValue{} }

func (t sizeType) ValueFromString(_ context.Context, in basetypes.StringValue) (basetypes.StringValuable, diag.Diagnostics) {
	return sizeValue{in}, nil
}

func (t sizeType) ValueFromTerraform(ctx context.Context, in tftypes.Value) (attr.Value, error) {
	value, err := t.StringType.ValueFromTerraform(ctx, in)
	if err != nil {
		return nil, err
	}
	text, ok := value.(basetypes.StringValue)
	if !ok {
		return nil, fmt.Errorf("expected a string for a size, got %T", value)
	}
	return sizeValue{text}, nil
}

// size is a number of bytes in the largest unit that divides it.
func size(bytes int64) sizeValue {
	text := fmt.Sprintf("%dB", bytes)
	for _, unit := range []struct {
		suffix string
		bytes  int64
	}{{"GiB", units.GiB}, {"MiB", units.MiB}, {"KiB", units.KiB}} {
		if bytes > 0 && bytes%unit.bytes == 0 {
			text = fmt.Sprintf("%d%s", bytes/unit.bytes, unit.suffix)
			break
		}
	}
	return sizeValue{basetypes.NewStringValue(text)}
}

// bytes is the number that a known, validated value stands for; 0 for null.
func (v sizeValue) bytes() int64 {
	bytes, err := units.RAMInBytes(v.ValueString())
	if err != nil {
		return 0
	}
	return bytes
}

func (v sizeValue) Type(context.Context) attr.Type { return sizeType{} }

func (v sizeValue) Equal(other attr.Value) bool {
	value, ok := other.(sizeValue)
	return ok && v.StringValue.Equal(value.StringValue)
}

func (v sizeValue) StringSemanticEquals(_ context.Context, other basetypes.StringValuable) (bool, diag.Diagnostics) {
	value, ok := other.(sizeValue)
	return ok && v.bytes() == value.bytes(), nil
}

// ValidateAttribute refuses what is not a positive number with a unit.
func (v sizeValue) ValidateAttribute(_ context.Context, request xattr.ValidateAttributeRequest, response *xattr.ValidateAttributeResponse) {
	if v.IsNull() || v.IsUnknown() {
		return
	}
	// A bare number would be bytes, which is hardly ever what was meant.
	text := v.ValueString()
	if bytes, err := units.RAMInBytes(text); err != nil || bytes <= 0 || strings.Trim(text, "0123456789.") == "" {
		response.Diagnostics.AddAttributeError(request.Path, "Invalid size",
			fmt.Sprintf("%q is not a size. Write a positive number with a unit, such as \"512MiB\" or \"2GiB\".", text))
	}
}
