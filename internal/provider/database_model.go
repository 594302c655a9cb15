package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/isolab/terraform-provider-isolab/internal/database"
	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/environment"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
)

type databaseModel struct {
	ID              types.String   `tfsdk:"id"`
	Project         types.Object   `tfsdk:"project"`
	Name            types.String   `tfsdk:"name"`
	Engine          types.String   `tfsdk:"engine"`
	Version         types.String   `tfsdk:"version"`
	Image           types.String   `tfsdk:"image"`
	User            types.String   `tfsdk:"user"`
	PasswordVersion types.Int64    `tfsdk:"password_version"`
	Limits          types.Object   `tfsdk:"limits"`
	Hibernation     types.String   `tfsdk:"hibernation"`
	PullPolicy      types.String   `tfsdk:"pull_policy"`
	Labels          types.Map      `tfsdk:"labels"`
	AllLabels       types.Map      `tfsdk:"all_labels"`
	Host            types.String   `tfsdk:"host"`
	Port            types.Int64    `tfsdk:"port"`
	Username        types.String   `tfsdk:"username"`
	Database        types.String   `tfsdk:"database"`
	Status          types.String   `tfsdk:"status"`
	Containers      types.List     `tfsdk:"containers"`
	ImageDigest     types.String   `tfsdk:"image_digest"`
	Drift           types.List     `tfsdk:"drift"`
	Timeouts        timeouts.Value `tfsdk:"timeouts"`
}

func (m *databaseModel) where() (types.Object, types.String) { return m.Project, m.Name }

// preset is what the database is made from; false while its engine is not known.
func (m *databaseModel) preset() (database.Preset, bool) { return database.Get(m.Engine.ValueString()) }

// environment is what the database is to everything that concerns environments of any kind.
func (m *databaseModel) environment(ctx context.Context, diags *diag.Diagnostics) *environmentModel {
	as := &environmentModel{
		containerModel: containerModel{
			ID: m.ID, Project: m.Project, Name: m.Name, Image: m.Image, User: m.User, Limits: m.Limits,
			SecretsWOVersion: m.PasswordVersion, Hibernation: m.Hibernation, PullPolicy: m.PullPolicy,
			Labels: m.Labels, AllLabels: m.AllLabels, Status: m.Status, Containers: m.Containers, ImageDigest: m.ImageDigest, Drift: m.Drift,
			// What these say of the container follows from engine and version.
			Variables:  types.MapValueMust(types.StringType, map[string]attr.Value{"engine": m.Engine, "version": m.Version}),
			Entrypoint: stringListValue(nil), Command: stringListValue(nil), WorkingDir: types.StringValue(""), Workspace: types.StringValue(""),
			SecretsWO: types.MapNull(types.StringType), Bindings: emptyStringMap, BindingVersions: types.MapValueMust(types.Int64Type, nil),
			HealthCheck: types.ObjectNull(healthCheckTypes), ReadOnly: types.BoolValue(true), Capabilities: stringSetValue(nil),
			Volumes: types.MapValueMust(types.ObjectType{AttrTypes: volumeTypes}, nil), Tmpfs: types.MapValueMust(sizeType{}, nil),
			ActivePhases: types.SetNull(types.StringType), Timeouts: m.Timeouts,
		},
		Kind: types.StringValue(string(lifecycle.KindDatabase)), Replicas: types.Int64Value(1), Port: m.Port,
		Publish:        types.MapValueMust(types.ObjectType{AttrTypes: publishTypes}, nil),
		PublishedPorts: types.MapValueMust(types.Int64Type, nil),
	}
	as.fillRest(ctx, environmentModel{Kind: as.Kind}, diags)
	return as
}

func (m *databaseModel) wanted(ctx context.Context, diags *diag.Diagnostics) environment.Wanted {
	wanted := m.environment(ctx, diags).wanted(ctx, diags)
	preset, ok := m.preset()
	if !ok {
		diags.AddAttributeError(path.Root("engine"), "Unknown database engine", "There is no preset for "+m.Engine.String()+". This is a bug in the provider: please report it.")
		return wanted
	}
	preset.Complete(&wanted.Spec, m.Version.ValueString())
	// Two servers on the same data would ruin it.
	wanted.Update.Strategy = environment.Recreate
	return wanted
}

// secrets gives the server what checks the password.
func (m *databaseModel) secrets(ctx context.Context, data *Data, wanted *environment.Wanted, diags *diag.Diagnostics) {
	preset, _ := database.Get(wanted.Preset)
	key, err := data.Projects.Key(ctx, wanted.Namespace)
	if err != nil {
		fail(diags, path.Root("project"), "Unable to derive the password of database "+wanted.ID(), err)
		return
	}
	wanted.Secrets = preset.Secrets(key, wanted.Spec)
}

func (m *databaseModel) read(ctx context.Context, found environment.Environment, diags *diag.Diagnostics) {
	as := m.environment(ctx, diags)
	as.read(ctx, found, diags)
	m.ID, m.Name, m.Status, m.ImageDigest, m.Drift, m.Containers = as.ID, as.Name, as.Status, as.ImageDigest, as.Drift, as.Containers
	if found.Status == lifecycle.Absent {
		return
	}
	m.Image, m.User, m.AllLabels, m.Limits = as.Image, as.User, as.AllLabels, as.Limits
	m.Engine, m.Version = types.StringValue(found.Preset), types.StringValue(found.Version)
	m.PasswordVersion = types.Int64Value(found.SecretsVersion)
	m.fillAddress()
}

func (m *databaseModel) imported(ctx context.Context, found environment.Environment, project types.Object, own types.Map, diags *diag.Diagnostics) {
	m.Project, m.Labels, m.Timeouts = project, own, noTimeouts
	m.PullPolicy, m.Hibernation = types.StringValue(string(engine.PullMissing)), hibernationOf(found)
	m.read(ctx, found, diags)
}

// fillAddress says where the database is, which does not depend on whether it runs.
func (m *databaseModel) fillAddress() {
	m.Host, m.Port = types.StringUnknown(), types.Int64Unknown()
	m.Username, m.Database = types.StringValue(database.User), types.StringValue(database.Name)
	if preset, ok := m.preset(); ok {
		m.Port = types.Int64Value(int64(preset.Port))
	}
	namespace, _ := m.Project.Attributes()["namespace"].(types.String)
	if !namespace.IsUnknown() && !m.Name.IsUnknown() {
		m.Host = types.StringValue(database.Host(namespace.ValueString(), m.Name.ValueString()))
	}
}
