package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/project"
	"github.com/isolab/terraform-provider-isolab/internal/stack"
)

type projectsDataSource struct{ configured }

func newProjectsDataSource() datasource.DataSource { return &projectsDataSource{} }

type projectsModel struct {
	Phase      types.String  `tfsdk:"phase"`
	Stack      types.String  `tfsdk:"stack"`
	Labels     types.Map     `tfsdk:"labels"`
	Projects   []projectView `tfsdk:"projects"`
	Namespaces types.List    `tfsdk:"namespaces"`
}

func (d *projectsDataSource) Metadata(_ context.Context, request datasource.MetadataRequest, response *datasource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_projects"
}

func (d *projectsDataSource) Configure(_ context.Context, request datasource.ConfigureRequest, response *datasource.ConfigureResponse) {
	d.configure(request.ProviderData, &response.Diagnostics)
}

func (d *projectsDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, response *datasource.SchemaResponse) {
	response.Schema = schema.Schema{
		MarkdownDescription: "All projects on the engine, whoever made them, or those that match every filter given.",
		Attributes: map[string]schema.Attribute{
			"phase": schema.StringAttribute{
				Optional: true, MarkdownDescription: "Only projects in this phase: " + listed(lifecycle.Phases()) + ".",
				Validators: []validator.String{oneOf(lifecycle.Phases())},
			},
			"stack": schema.StringAttribute{
				Optional: true, MarkdownDescription: "Only projects with this stack: " + listed(stack.Names()) + ".",
				Validators: []validator.String{stringvalidator.OneOf(stack.Names()...)},
			},
			"labels":     schema.MapAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "Only projects that carry all of these labels, such as `{ team = \"web\" }`."},
			"namespaces": schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "The namespaces found, sorted."},
			"projects": schema.ListNestedAttribute{
				Computed: true, MarkdownDescription: "The projects found, sorted by namespace.",
				NestedObject: schema.NestedAttributeObject{Attributes: projectViewAttributes(schema.StringAttribute{Computed: true, MarkdownDescription: "Namespace of the project."})},
			},
		},
	}
}

func (d *projectsDataSource) Read(ctx context.Context, request datasource.ReadRequest, response *datasource.ReadResponse) {
	var model projectsModel
	response.Diagnostics.Append(request.Config.Get(ctx, &model)...)
	if response.Diagnostics.HasError() || !d.ready(&response.Diagnostics) {
		return
	}
	all, err := d.data.Projects.List(ctx)
	if err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to list the projects", err)
		return
	}
	model.Projects = []projectView{}
	var namespaces []string
	for _, found := range all {
		if model.matches(found) {
			model.Projects = append(model.Projects, viewOf(found))
			namespaces = append(namespaces, found.Namespace)
		}
	}
	model.Namespaces = stringListValue(namespaces)
	response.Diagnostics.Append(response.State.Set(ctx, model)...)
}

func (m projectsModel) matches(found project.Project) bool {
	if !m.Phase.IsNull() && m.Phase.ValueString() != string(found.Phase()) || !m.Stack.IsNull() && m.Stack.ValueString() != found.Stack {
		return false
	}
	for key, value := range stringMap(m.Labels) {
		if have, ok := found.Labels[key]; !ok || have != value {
			return false
		}
	}
	return true
}
