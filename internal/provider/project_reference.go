package provider

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/project"
	"github.com/isolab/terraform-provider-isolab/internal/stack"
)

// projectReference is what an object of a project knows of it. Terraform drops the other attributes of the resource
// that is passed, so `project = isolab_project.shop` hands over namespace, phase, stack and quota together, known at plan.
type projectReference struct {
	Namespace types.String `tfsdk:"namespace"`
	Phase     types.String `tfsdk:"phase"`
	Stack     types.String `tfsdk:"stack"`
	Quota     types.Object `tfsdk:"quota"`
}

var projectReferenceTypes = map[string]attr.Type{
	"namespace": types.StringType, "phase": types.StringType, "stack": types.StringType,
	"quota": types.ObjectType{AttrTypes: quotaTypes},
}

// referenceTo is how objects of a project that is on the engine refer to it.
func referenceTo(found project.Project) projectReference {
	return projectReference{
		Namespace: types.StringValue(found.Namespace), Phase: types.StringValue(string(found.Phase())), Stack: optionalString(found.Stack),
		Quota: quotaValue(found.Quota),
	}
}

func (r projectReference) phase() lifecycle.Phase { return lifecycle.Phase(r.Phase.ValueString()) }

func projectReferenceAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Required: true,
		MarkdownDescription: "The project this belongs to. Pass the whole resource, `project = isolab_project.shop`, an instance of it (`each.value`), " +
			"the data source, or an object such as `{ namespace = \"shop\", phase = \"development\" }`. A change of the phase arrives here and is planned exactly.",
		Attributes: map[string]schema.Attribute{
			"namespace": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Namespace of the project. Changing it forces a new resource.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
				Validators:          []validator.String{validName{}},
			},
			"phase": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Phase of the project: " + listed(lifecycle.Phases()) + ".",
				Validators:          []validator.String{oneOf(lifecycle.Phases())},
			},
			"stack": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Stack of the project, from which defaults come: " + listed(stack.Names()) + ". Without one, `image` is required.",
				Validators:          []validator.String{stringvalidator.OneOf(stack.Names()...)},
			},
			"quota": quotaAttribute("Quota of the project, for the check at plan. At apply the engine's own record of the project decides."),
		},
	}
}

// nameRule is added to the description of every attribute that [validName] checks.
const nameRule = " It has " + naming.Rule + "."
