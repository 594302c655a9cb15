package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr/xattr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

func sized(text string) sizeValue { return sizeValue{types.StringValue(text)} }

// TestSizeText shows that every number comes back from its text.
func TestSizeText(t *testing.T) {
	for bytes, text := range map[int64]string{
		1: "1B", 1000: "1000B", 1024: "1KiB", 1536: "1536B", 1 << 20: "1MiB", 1536 << 20: "1536MiB", 2 << 30: "2GiB", 2048 << 30: "2048GiB", 0: "0B",
	} {
		if got := size(bytes); got.ValueString() != text || got.bytes() != bytes {
			t.Errorf("%d is written %q and read back as %d; want %q", bytes, got.ValueString(), got.bytes(), text)
		}
	}
}

func TestSizeSpellings(t *testing.T) {
	for _, test := range []struct {
		one, other string
		equal      bool
	}{
		{"1GiB", "1024MiB", true}, {"512MiB", "512m", true}, {"2gb", "2GiB", true}, {"1536MiB", "1.5GiB", true}, {"1GiB", "1025MiB", false},
	} {
		if equal, diags := sized(test.one).StringSemanticEquals(t.Context(), sized(test.other)); equal != test.equal || diags.HasError() {
			t.Errorf("%s and %s: %v, %v", test.one, test.other, equal, diags)
		}
	}
	if sized("1GiB").Equal(sized("1024MiB")) || sized("1GiB").Equal(types.StringValue("1GiB")) {
		t.Error("values that are written differently, or are no sizes, are equal")
	}
}

func TestSizeValidation(t *testing.T) {
	validate := func(value sizeValue) bool {
		var response xattr.ValidateAttributeResponse
		value.ValidateAttribute(t.Context(), xattr.ValidateAttributeRequest{Path: path.Root("memory")}, &response)
		return !response.Diagnostics.HasError()
	}
	for _, valid := range []sizeValue{sized("1B"), sized("512MiB"), sized("1.5GiB"), sized("2g"), {types.StringNull()}, {types.StringUnknown()}} {
		if !validate(valid) {
			t.Errorf("%s was refused", valid)
		}
	}
	for _, invalid := range []string{"", "0", "0MiB", "-1GiB", "GiB", "1 lot", "1GiB2"} {
		if validate(sized(invalid)) {
			t.Errorf("%q was accepted", invalid)
		}
	}
}

func TestSizeTypeConverts(t *testing.T) {
	for _, value := range []tftypes.Value{
		tftypes.NewValue(tftypes.String, "1GiB"), tftypes.NewValue(tftypes.String, nil), tftypes.NewValue(tftypes.String, tftypes.UnknownValue),
	} {
		converted, err := sizeType{}.ValueFromTerraform(t.Context(), value)
		if err != nil {
			t.Fatal(err)
		}
		back, err := converted.ToTerraformValue(t.Context())
		if _, ok := converted.(sizeValue); !ok || err != nil || !back.Equal(value) {
			t.Errorf("%s became %#v and %s, %v", value, converted, back, err)
		}
	}
	if _, err := (sizeType{}).ValueFromTerraform(t.Context(), tftypes.NewValue(tftypes.Number, 1)); err == nil {
		t.Error("a number was taken for a size")
	}
	if (sizeType{}).Equal(basetypes.StringType{}) || !(sizeType{}).Equal(sizeType{}) {
		t.Error("the type is equal to a text's, or not to itself")
	}
}
