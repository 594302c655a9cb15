package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/defaults"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/objectdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// defaulted is an optional object; left out, it has the defaults of its attributes.
func defaulted(attributes map[string]schema.Attribute, description string) schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional: true, Computed: true, Attributes: attributes, MarkdownDescription: description,
		Default: objectdefault.StaticValue(defaultsOf(attributes)),
	}
}

// typesOf are the types of attributes.
func typesOf(attributes map[string]schema.Attribute) map[string]attr.Type {
	result := map[string]attr.Type{}
	for name, attribute := range attributes {
		result[name] = attribute.GetType()
	}
	return result
}

// defaultsOf is an object with the defaults of attributes, null where one has none.
func defaultsOf(attributes map[string]schema.Attribute) types.Object {
	ctx := context.Background()
	values := map[string]attr.Value{}
	for name, attribute := range attributes {
		var value attr.Value = types.StringNull()
		switch attribute := attribute.(type) {
		case schema.BoolAttribute:
			response := defaults.BoolResponse{}
			attribute.Default.DefaultBool(ctx, defaults.BoolRequest{}, &response)
			value = response.PlanValue
		case schema.Int64Attribute:
			response := defaults.Int64Response{}
			attribute.Default.DefaultInt64(ctx, defaults.Int64Request{}, &response)
			value = response.PlanValue
		case schema.StringAttribute:
			if attribute.Default != nil {
				response := defaults.StringResponse{}
				attribute.Default.DefaultString(ctx, defaults.StringRequest{}, &response)
				value = response.PlanValue
			}
		}
		plain, err := value.ToTerraformValue(ctx)
		if err == nil {
			value, err = attribute.GetType().ValueFromTerraform(ctx, plain)
		}
		if err != nil {
			panic(err) // the schema is part of the program
		}
		values[name] = value
	}
	return types.ObjectValueMust(typesOf(attributes), values)
}

// bounded is an optional number with a default.
func bounded(least, most, value int64, description string) schema.Int64Attribute {
	return schema.Int64Attribute{
		Optional: true, Computed: true, Default: int64default.StaticInt64(value),
		MarkdownDescription: fmt.Sprintf("%s From %d to %d. Default %d.", description, least, most, value),
		Validators:          []validator.Int64{int64validator.Between(least, most)},
	}
}
