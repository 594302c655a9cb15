package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

type credentialsEphemeral struct{ configured }

func newCredentialsEphemeral() ephemeral.EphemeralResource { return &credentialsEphemeral{} }

type credentialsModel struct {
	ID       types.String `tfsdk:"id"`
	URL      types.String `tfsdk:"url"`
	Host     types.String `tfsdk:"host"`
	Port     types.Int64  `tfsdk:"port"`
	Username types.String `tfsdk:"username"`
	Password types.String `tfsdk:"password"`
	Database types.String `tfsdk:"database"`
	Version  types.Int64  `tfsdk:"version"`
}

func (e *credentialsEphemeral) Metadata(_ context.Context, request ephemeral.MetadataRequest, response *ephemeral.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_credentials"
}

func (e *credentialsEphemeral) Configure(_ context.Context, request ephemeral.ConfigureRequest, response *ephemeral.ConfigureResponse) {
	e.configure(request.ProviderData, &response.Diagnostics)
}

func (e *credentialsEphemeral) Schema(_ context.Context, _ ephemeral.SchemaRequest, response *ephemeral.SchemaResponse) {
	response.Schema = schema.Schema{
		MarkdownDescription: "The credentials of a project's database or data namespace, for other providers and for write-only attributes. They exist while Terraform runs and stand in no plan and no state. " +
			"Needs Terraform 1.10 or newer. Containers of the project get them by `bindings` instead.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Id of a database or data namespace, such as `isolab_database.main.id` or `shop/main`.",
			},
			"url":      schema.StringAttribute{Computed: true, Sensitive: true, MarkdownDescription: "Address with user and password, as the database's clients take it."},
			"host":     schema.StringAttribute{Computed: true, MarkdownDescription: "Name by which the project's containers find the database."},
			"port":     schema.Int64Attribute{Computed: true, MarkdownDescription: "TCP port."},
			"username": schema.StringAttribute{Computed: true, MarkdownDescription: "User."},
			"password": schema.StringAttribute{Computed: true, Sensitive: true, MarkdownDescription: "Password."},
			"database": schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the database on the server."},
			"version":  schema.Int64Attribute{Computed: true, MarkdownDescription: "The database's `password_version`."},
		},
	}
}

func (e *credentialsEphemeral) Open(ctx context.Context, request ephemeral.OpenRequest, response *ephemeral.OpenResponse) {
	var model credentialsModel
	response.Diagnostics.Append(request.Config.Get(ctx, &model)...)
	if response.Diagnostics.HasError() || !e.ready(&response.Diagnostics) {
		return
	}
	found, err := e.data.credentials(ctx, model.ID.ValueString())
	if _, planned := e.data.versions.get(model.ID.ValueString()); planned && gone(err) {
		model.URL, model.Host, model.Port = types.StringUnknown(), types.StringUnknown(), types.Int64Unknown()
		model.Username, model.Password, model.Database = types.StringUnknown(), types.StringUnknown(), types.StringUnknown()
		model.Version = types.Int64Unknown()
		response.Diagnostics.Append(response.Result.Set(ctx, model)...)
		return
	}
	if err != nil {
		fail(&response.Diagnostics, path.Root("id"), "Unable to derive the credentials of "+model.ID.ValueString(), err)
		return
	}
	model.URL, model.Host, model.Port = types.StringValue(found.URL), types.StringValue(found.Host), types.Int64Value(int64(found.Port))
	model.Username, model.Password, model.Database = types.StringValue(found.Username), types.StringValue(found.Password), types.StringValue(found.Database)
	model.Version = types.Int64Value(found.Version)
	response.Diagnostics.Append(response.Result.Set(ctx, model)...)
}
