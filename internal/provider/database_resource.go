package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/isolab/terraform-provider-isolab/internal/database"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/project"
)

type databaseResource struct{ residents }

func newDatabaseResource() kind {
	return &databaseResource{residents{
		noun: "database", kinds: []lifecycle.Kind{lifecycle.KindDatabase}, model: func() resident { return &databaseModel{} },
	}}
}

func (r *databaseResource) Schema(_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	common := containerAttributes()
	var versions []string
	for _, name := range database.Presets() {
		preset, _ := database.Get(name)
		versions = append(versions, fmt.Sprintf("%s %s (default `%s`)", name, strings.Join(preset.Versions, ", "), preset.Version))
	}
	attributes := map[string]schema.Attribute{
		"name": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString("main"),
			MarkdownDescription: "Name within the project." + nameRule + " Default `main`. Changing it forces a new database, with data of its own.",
			PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
			Validators:          []validator.String{validName{}},
		},
		"engine": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "What kind of database it is: " + listed(database.Presets()) + ". Changing it forces a new database, with data of its own.",
			PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
			Validators:          []validator.String{oneOf(database.Presets())},
		},
		"version": schema.StringAttribute{
			Optional: true, Computed: true,
			MarkdownDescription: "Version of the data's format, one of: " + strings.Join(versions, "; ") + ". It is the tag of the default image. " +
				"Another version cannot read the data, so that a change is refused: dump the data and restore it into a database of another name.",
		},
		"image": schema.StringAttribute{
			Optional: true, Computed: true,
			MarkdownDescription: "Image with the server's programs of that version, such as `docker.io/pgvector/pgvector:pg17`. Its entrypoint is not used. Default: the public image of the engine, or what the provider's `images` put in its place.",
			Validators:          []validator.String{validImage},
		},
		"user": schema.StringAttribute{
			Optional: true, Computed: true,
			MarkdownDescription: "Numeric user and group, `uid:gid`, of the server in the image. Default: that of the public image, `999:999`; images on Alpine often have another.",
			Validators:          []validator.String{validUser},
		},
		"password_version": schema.Int64Attribute{
			Optional: true, Computed: true, Default: int64default.StaticInt64(1),
			MarkdownDescription: "Version of the password, from 1. The password is derived from the project's key and stands in no plan and no state. Changing the version gives the database a new one: " +
				"it restarts, and in the same apply what has it in its `bindings` is replaced. Default 1.",
			Validators: []validator.Int64{int64validator.AtLeast(1)},
		},
		"host":     schema.StringAttribute{Computed: true, MarkdownDescription: "Name by which the project's containers find it: `<name>.<namespace>.isolab`. Nothing else reaches it."},
		"port":     schema.Int64Attribute{Computed: true, MarkdownDescription: "TCP port on which it serves."},
		"username": schema.StringAttribute{Computed: true, MarkdownDescription: "User whose password the `bindings` have: `" + database.User + "`. It may do everything with the database and nothing with the server."},
		"database": schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the database on the server: `" + database.Name + "`. Redis has none."},
	}
	for _, name := range []string{"id", "project", "limits", "hibernation", "pull_policy", "labels", "all_labels", "status", "containers", "image_digest", "drift"} {
		attributes[name] = common[name]
	}
	response.Schema = schema.Schema{
		MarkdownDescription: "A database of a project: one hardened, limited container and its volume, on the project's internal network alone. " +
			"It is absent until the project enters `development`, sleeps while the project is `paused` and goes when it is `failed`. Its data stays or goes by the project's `data_policy`, also when the database is destroyed. " +
			"How much memory the server uses for itself follows from the memory limit at its start.",
		Attributes: attributes,
	}
}

// ModifyPlan fills in the defaults, refuses to take data to another version, and says what will become of the container.
func (r *databaseResource) ModifyPlan(ctx context.Context, request resource.ModifyPlanRequest, response *resource.ModifyPlanResponse) {
	if request.Plan.Raw.IsNull() {
		r.planDestroy(ctx, request, response)
		return
	}
	var config, plan databaseModel
	var state *databaseModel
	diags := &response.Diagnostics
	diags.Append(request.Config.Get(ctx, &config)...)
	diags.Append(request.Plan.Get(ctx, &plan)...)
	if !request.State.Raw.IsNull() {
		state = &databaseModel{}
		diags.Append(request.State.Get(ctx, state)...)
	}
	if diags.HasError() {
		return
	}
	plan.fill(config, r.data)
	plan.checkVersion(state, diags)
	plan.plan(ctx, config, state, r.data, diags)
	diags.Append(response.Plan.Set(ctx, plan)...)
}

// fill gives every attribute that the configuration leaves out its default.
func (m *databaseModel) fill(config databaseModel, data *Data) {
	preset, known := m.preset()
	fillString(&m.Version, config.Version, known, preset.Version)
	fillString(&m.User, config.User, known, preset.User)
	fillString(&m.Image, config.Image, known && !m.Version.IsUnknown() && !data.imagesUnknown(), data.databaseImage(preset, m.Version.ValueString()))
	m.fillAddress()
}

func (m *databaseModel) checkVersion(state *databaseModel, diags *diag.Diagnostics) {
	preset, ok := m.preset()
	if !ok || m.Version.IsUnknown() {
		return
	}
	version := m.Version.ValueString()
	if !slices.Contains(preset.Versions, version) {
		diags.AddAttributeError(path.Root("version"), "Unknown version", fmt.Sprintf("There is no version %q of %s here. Choose one of: %s.", version, preset.Name, strings.Join(preset.Versions, ", ")))
		return
	}
	if state == nil || !state.Engine.Equal(m.Engine) || !state.Name.Equal(m.Name) || preset.Reads(version, state.Version.ValueString()) {
		return
	}
	diags.AddAttributeError(path.Root("version"), "The data is of another version",
		fmt.Sprintf("Database %s has the data of %s %s, which %s cannot read, so nothing would start. Leave version = %q, or make a database of another name with version = %q, restore a dump of this one into it, and remove this one: see the guide on databases.",
			m.ID.ValueString(), preset.Description, state.Version.ValueString(), version, state.Version.ValueString(), version))
}

// plan plans the database as the environment that it is.
func (m *databaseModel) plan(ctx context.Context, config databaseModel, state *databaseModel, data *Data, diags *diag.Diagnostics) {
	project := projectOf(ctx, config.Project, diags)
	as := m.environment(ctx, diags)
	var before *environmentModel
	if state != nil {
		before = state.environment(ctx, diags)
	}
	as.fillLimits(ctx, environmentModel{containerModel: containerModel{Limits: config.Limits}}, origin{kind: lifecycle.KindDatabase, known: true}, data, diags)
	data.warnUnenforced(diags)
	as.AllLabels = data.allLabels(m.Labels)
	as.planStatus(project, before)
	as.checkQuota(ctx, project, data, diags)
	as.planOutputs(ctx, before, project, diags)
	m.ID, m.Limits, m.AllLabels, m.Status = as.ID, as.Limits, as.AllLabels, as.Status
	m.Containers, m.ImageDigest, m.Drift = as.Containers, as.ImageDigest, as.Drift
	if data == nil || m.ID.IsUnknown() || m.Status.IsUnknown() || m.PasswordVersion.IsUnknown() {
		return
	}
	version := m.PasswordVersion.ValueInt64()
	if m.Status.ValueString() == string(lifecycle.Absent) {
		version = 0
	}
	data.versions.set(m.ID.ValueString(), version)
}

// Delete removes the container and, if the project's data is not to be kept, the data.
func (r *databaseResource) Delete(ctx context.Context, request resource.DeleteRequest, response *resource.DeleteResponse) {
	r.residents.Delete(ctx, request, response)
	if response.Diagnostics.HasError() {
		return
	}
	var state databaseModel
	response.Diagnostics.Append(request.State.Get(ctx, &state)...)
	namespace, name := r.place(ctx, &state, &response.Diagnostics)
	found, err := r.data.Projects.Read(ctx, namespace)
	if gone(err) || err == nil && found.DataPolicy != project.Delete {
		return
	}
	if err == nil {
		err = r.data.Environments.DeleteVolume(ctx, namespace, database.Volume(name))
	}
	if err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to remove the data of database "+state.ID.ValueString(), err)
	}
}
