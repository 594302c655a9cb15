package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/isolab/terraform-provider-isolab/internal/project"
)

type projectDataSource struct{ configured }

func newProjectDataSource() datasource.DataSource { return &projectDataSource{} }

// projectView is a project as data sources show it.
type projectView struct {
	Namespace     types.String `tfsdk:"namespace"`
	Stack         types.String `tfsdk:"stack"`
	Phase         types.String `tfsdk:"phase"`
	DataPolicy    types.String `tfsdk:"data_policy"`
	Quota         types.Object `tfsdk:"quota"`
	Labels        types.Map    `tfsdk:"labels"`
	Network       types.String `tfsdk:"network"`
	Subnet        types.String `tfsdk:"subnet"`
	EgressNetwork types.String `tfsdk:"egress_network"`
	Workspace     types.String `tfsdk:"workspace_volume"`
	History       types.List   `tfsdk:"history"`
	Revision      types.Int64  `tfsdk:"revision"`
	Drift         types.List   `tfsdk:"drift"`
}

func viewOf(found project.Project) projectView {
	view := projectView{
		Namespace: types.StringValue(found.Namespace), Stack: optionalString(found.Stack), Phase: types.StringValue(string(found.Phase())),
		DataPolicy: types.StringValue(string(found.DataPolicy)), Labels: stringMapValue(found.Labels), Network: optionalString(found.Network),
		Subnet: types.StringNull(), EgressNetwork: optionalString(found.EgressNetwork), Workspace: optionalString(found.Workspace),
		History: historyValue(found.History), Revision: types.Int64Value(int64(found.Revision)), Drift: stringListValue(found.Drift),
		Quota: quotaValue(found.Quota),
	}
	if found.Subnet.IsValid() {
		view.Subnet = types.StringValue(found.Subnet.String())
	}
	return view
}

func projectViewAttributes(namespace schema.StringAttribute) map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"namespace":        namespace,
		"stack":            schema.StringAttribute{Computed: true, MarkdownDescription: "Technology of the project, if it has one."},
		"phase":            schema.StringAttribute{Computed: true, MarkdownDescription: "Phase of the project."},
		"data_policy":      schema.StringAttribute{Computed: true, MarkdownDescription: "What becomes of the project's volumes when it fails or is destroyed: `retain` or `delete`."},
		"quota":            quotaView(),
		"labels":           schema.MapAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "All labels of the project."},
		"network":          schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the internal network on the engine."},
		"subnet":           schema.StringAttribute{Computed: true, MarkdownDescription: "Subnet of the internal network."},
		"egress_network":   schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the egress network on the engine, if an environment asked for one."},
		"workspace_volume": schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the workspace volume on the engine."},
		"history": schema.ListNestedAttribute{
			Computed: true, MarkdownDescription: "Every phase that the project entered, oldest first.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"phase":      schema.StringAttribute{Computed: true, MarkdownDescription: "The phase."},
				"entered_at": schema.StringAttribute{Computed: true, MarkdownDescription: "When it was entered, in UTC."},
			}},
		},
		"revision": schema.Int64Attribute{Computed: true, MarkdownDescription: "Revision of the project's record."},
		"drift":    schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "What on the engine is not as the project made it, in sentences."},
	}
}

func (d *projectDataSource) Metadata(_ context.Context, request datasource.MetadataRequest, response *datasource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_project"
}

func (d *projectDataSource) Configure(_ context.Context, request datasource.ConfigureRequest, response *datasource.ConfigureResponse) {
	d.configure(request.ProviderData, &response.Diagnostics)
}

func (d *projectDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, response *datasource.SchemaResponse) {
	response.Schema = schema.Schema{
		MarkdownDescription: "A project that is on the engine, whoever made it. It can be passed to environments and routes: `project = data.isolab_project.shop`.",
		Attributes: projectViewAttributes(schema.StringAttribute{
			Required: true, MarkdownDescription: "Namespace of the project, such as `shop`.", Validators: []validator.String{validName{}},
		}),
	}
}

func (d *projectDataSource) Read(ctx context.Context, request datasource.ReadRequest, response *datasource.ReadResponse) {
	var namespace types.String
	response.Diagnostics.Append(request.Config.GetAttribute(ctx, path.Root("namespace"), &namespace)...)
	if response.Diagnostics.HasError() || !d.ready(&response.Diagnostics) {
		return
	}
	found, err := d.data.Projects.Read(ctx, namespace.ValueString())
	if err != nil {
		fail(&response.Diagnostics, path.Root("namespace"), "Unable to read project "+namespace.ValueString(), err)
		return
	}
	response.Diagnostics.Append(response.State.Set(ctx, viewOf(found))...)
}
