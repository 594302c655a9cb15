package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/float64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	datasource "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/isolab/terraform-provider-isolab/internal/quota"
)

type quotaModel struct {
	CPUs         types.Float64 `tfsdk:"cpus"`
	Memory       sizeValue     `tfsdk:"memory"`
	Pids         types.Int64   `tfsdk:"pids"`
	Environments types.Int64   `tfsdk:"environments"`
}

var quotaTypes = map[string]attr.Type{
	"cpus": types.Float64Type, "memory": sizeType{}, "pids": types.Int64Type, "environments": types.Int64Type,
}

const (
	quotaCPUs         = "CPUs of all containers together, such as `6`."
	quotaMemory       = "Memory of all containers together, such as `\"8GiB\"`."
	quotaPids         = "Processes and threads of all containers together, such as `2048`."
	quotaEnvironments = "Number of environments that have containers, such as `8`."
)

// quotaAttribute is the quota of a project where users write it.
func quotaAttribute(description string) schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional: true, MarkdownDescription: description,
		Attributes: map[string]schema.Attribute{
			"cpus": schema.Float64Attribute{
				Optional: true, MarkdownDescription: quotaCPUs + " Default unbounded.",
				Validators: []validator.Float64{float64validator.AtLeast(0.01), validCPUs{}},
			},
			"memory": schema.StringAttribute{
				Optional: true, CustomType: sizeType{}, MarkdownDescription: quotaMemory + " Default unbounded.",
				Validators: []validator.String{validMemory},
			},
			"pids": schema.Int64Attribute{
				Optional: true, MarkdownDescription: quotaPids + " Default unbounded.",
				Validators: []validator.Int64{int64validator.AtLeast(2)},
			},
			"environments": schema.Int64Attribute{
				Optional: true, MarkdownDescription: quotaEnvironments + " Default unbounded.",
				Validators: []validator.Int64{int64validator.AtLeast(1)},
			},
		},
	}
}

// quotaView is the quota of a project as a data source shows it.
func quotaView() datasource.SingleNestedAttribute {
	return datasource.SingleNestedAttribute{
		Computed: true, MarkdownDescription: "What the project's environments may ask for together, if that is bounded.",
		Attributes: map[string]datasource.Attribute{
			"cpus":         datasource.Float64Attribute{Computed: true, MarkdownDescription: quotaCPUs},
			"memory":       datasource.StringAttribute{Computed: true, CustomType: sizeType{}, MarkdownDescription: quotaMemory},
			"pids":         datasource.Int64Attribute{Computed: true, MarkdownDescription: quotaPids},
			"environments": datasource.Int64Attribute{Computed: true, MarkdownDescription: quotaEnvironments},
		},
	}
}

// quotaOf reads a quota; what is not known yet bounds nothing yet.
func quotaOf(ctx context.Context, object types.Object, diags *diag.Diagnostics) quota.Quota {
	if object.IsNull() || object.IsUnknown() {
		return quota.Quota{}
	}
	var model quotaModel
	diags.Append(object.As(ctx, &model, basetypes.ObjectAsOptions{})...)
	return quota.Quota{
		CPUs: model.CPUs.ValueFloat64(), Memory: model.Memory.bytes(), Pids: model.Pids.ValueInt64(), Environments: model.Environments.ValueInt64(),
	}
}

// quotaValue shows a quota; null when nothing is bounded.
func quotaValue(bound quota.Quota) types.Object {
	if bound == (quota.Quota{}) {
		return types.ObjectNull(quotaTypes)
	}
	values := map[string]attr.Value{
		"cpus": types.Float64Null(), "memory": sizeValue{types.StringNull()},
		"pids": types.Int64Null(), "environments": types.Int64Null(),
	}
	if bound.CPUs > 0 {
		values["cpus"] = types.Float64Value(bound.CPUs)
	}
	if bound.Memory > 0 {
		values["memory"] = size(bound.Memory)
	}
	if bound.Pids > 0 {
		values["pids"] = types.Int64Value(bound.Pids)
	}
	if bound.Environments > 0 {
		values["environments"] = types.Int64Value(bound.Environments)
	}
	return types.ObjectValueMust(quotaTypes, values)
}
