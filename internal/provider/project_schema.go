package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/mapdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/project"
	"github.com/isolab/terraform-provider-isolab/internal/stack"
)

func (r *projectResource) Schema(_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	response.Schema = schema.Schema{
		MarkdownDescription: "A project: a namespace of its own on the engine, with an internal network that leads nowhere else, " +
			"a workspace volume, and a lifecycle phase that decides what of it runs. Everything else of a project refers to it.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "The namespace."},
			"name": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Name of the project, which is also its namespace, such as `shop`." + nameRule + " Exactly one of `name` and `name_prefix` is given. Changing it forces a new project.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
				Validators: []validator.String{
					validName{},
					stringvalidator.ExactlyOneOf(path.MatchRoot("name"), path.MatchRoot("name_prefix")),
				},
			},
			"name_prefix": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: fmt.Sprintf("Beginning of a unique name that the provider completes to `<prefix>-<Unix time>-<random>`. "+
					"At most %d characters, by the rules of `name`. Changing it forces a new project. An imported project has its full name: configure it with `name`.", naming.MaxPrefix),
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
				Validators:    []validator.String{validName{}, stringvalidator.LengthAtMost(naming.MaxPrefix)},
			},
			"namespace": schema.StringAttribute{Computed: true, MarkdownDescription: "Namespace of the project: the first part of the name of everything it owns on the engine. Known at plan when `name` is given."},
			"stack": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Technology of the project: " + listed(stack.Names()) + ". It gives the environments their image, command, port and health check, " +
					"and the workspace its first files. Without one, environments name their own `image`.",
				Validators: []validator.String{stringvalidator.OneOf(stack.Names()...)},
			},
			"phase": schema.StringAttribute{
				Optional: true, Computed: true,
				Default: stringdefault.StaticString(string(lifecycle.Created)),
				MarkdownDescription: "Phase of the project: " + listed(lifecycle.Phases()) + ". Default `created`. Going forward, every phase between is entered; " +
					"`development` fills an empty workspace from the stack; `paused` returns to where it came from, or goes wherever that phase may go; from `failed` only `planning` follows.",
				Validators: []validator.String{oneOf(lifecycle.Phases())},
			},
			"data_policy": schema.StringAttribute{
				Optional: true, Computed: true,
				Default: stringdefault.StaticString(string(project.Retain)),
				MarkdownDescription: "What becomes of the project's volumes when it enters `failed` or is destroyed: `retain` keeps them (a project of the same namespace finds them again), " +
					"`delete` removes them. Default `retain`.",
				Validators: []validator.String{oneOf([]project.DataPolicy{project.Retain, project.Delete})},
			},
			"quota": quotaAttribute("What all environments of the project may ask for together, such as `{ cpus = 6, memory = \"8GiB\" }`: the limits of all their containers, whether they run or not. " +
				"Checked at plan as far as it is known, and at apply against what is on the engine. Lowering it below what is in use stops nothing; only more is refused. Default unbounded."),
			"services": schema.SetAttribute{
				Optional: true, Computed: true, ElementType: types.StringType,
				Default: setdefault.StaticValue(stringSetValue(nil)),
				MarkdownDescription: "Shared services that the project's containers reach, such as `[isolab_shared_service.redis.name]`, each under its own name on the project's internal network. " +
					"A service joins and leaves while everything runs. In phase `failed` there are none. Default none.",
				Validators: []validator.Set{setvalidator.ValueStringsAre(validName{})},
			},
			"labels":           labelsAttribute(),
			"all_labels":       allLabelsAttribute(),
			"network":          schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the project's internal network on the engine."},
			"subnet":           schema.StringAttribute{Computed: true, MarkdownDescription: "Subnet of the internal network, out of the provider's `address_pool`, such as `10.96.0.64/26`."},
			"workspace_volume": schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the workspace volume on the engine. It belongs to user 1000."},
			"history": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "Every phase that the project entered, oldest first.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"phase":      schema.StringAttribute{Computed: true, MarkdownDescription: "The phase."},
					"entered_at": schema.StringAttribute{Computed: true, MarkdownDescription: "When it was entered, in UTC, as in `2026-01-31T12:00:00Z`."},
				}},
			},
			"revision": schema.Int64Attribute{Computed: true, MarkdownDescription: "Revision of the project's record on the engine. An apply that was planned at another revision is refused."},
			"drift":    driftAttribute(),
		},
	}
}

func labelsAttribute() schema.MapAttribute {
	return schema.MapAttribute{
		Optional: true, Computed: true, ElementType: types.StringType,
		Default:             mapdefault.StaticValue(emptyStringMap),
		MarkdownDescription: "Labels for the containers and, on a project, for its record and what is made with it, such as `{ team = \"web\" }`, in addition to the provider's `default_labels`. Keys must not start with `" + naming.LabelPrefix + "`. An engine cannot relabel a container, so a change makes containers anew. Default none.",
		Validators:          []validator.Map{mapvalidator.KeysAre(validLabel), mapvalidator.NoNullValues()},
	}
}

func allLabelsAttribute() schema.MapAttribute {
	return schema.MapAttribute{
		Computed: true, ElementType: types.StringType,
		MarkdownDescription: "`labels` together with the provider's `default_labels`.",
	}
}

func driftAttribute() schema.ListAttribute {
	return schema.ListAttribute{
		Computed: true, ElementType: types.StringType,
		MarkdownDescription: "What on the engine was changed behind Terraform's back, in sentences. A plan always brings it back to none, so that drift shows up as a change and the apply repairs it.",
	}
}
