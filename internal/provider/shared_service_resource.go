package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/mapdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/project"
	"github.com/isolab/terraform-provider-isolab/internal/service"
)

type sharedServiceResource struct{ configured }

func newSharedServiceResource() kind { return &sharedServiceResource{} }

func (r *sharedServiceResource) Metadata(_ context.Context, request resource.MetadataRequest, response *resource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_shared_service"
}

func (r *sharedServiceResource) Configure(_ context.Context, request resource.ConfigureRequest, response *resource.ConfigureResponse) {
	r.configure(request.ProviderData, &response.Diagnostics)
}

func (r *sharedServiceResource) Schema(_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	common := containerAttributes()
	attributes := map[string]schema.Attribute{
		"id": schema.StringAttribute{Computed: true, MarkdownDescription: "The name."},
		"name": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "Name of the service, such as `redis`, by which the containers of the projects that list it find it." + nameRule + " Changing it forces a new service: projects list the old one until they are applied, so add `lifecycle { create_before_destroy = true }`.",
			PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
			Validators:          []validator.String{validName{}},
		},
		"preset": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "What the service is made from, one of " + listed(service.Presets()) + ". Every attribute overrides it. Without one, `image` is required.",
			Validators:          []validator.String{oneOf(service.Presets()), stringvalidator.AtLeastOneOf(path.MatchRoot("preset"), path.MatchRoot("image"))},
		},
		"image": schema.StringAttribute{
			Optional: true, Computed: true,
			MarkdownDescription: "Image to run, such as `docker.io/library/redis:8`. Default: the preset's, or what the provider's `images` put in its place.",
			Validators:          []validator.String{validImage},
		},
		"entrypoint": schema.ListAttribute{Optional: true, Computed: true, ElementType: types.StringType, MarkdownDescription: "Entrypoint in place of the image's. Default: the preset's; without one the image's."},
		"command":    schema.ListAttribute{Optional: true, Computed: true, ElementType: types.StringType, MarkdownDescription: "Command in place of the image's. Default: the preset's; without one the image's."},
		"port": schema.Int64Attribute{
			Optional: true, Computed: true, MarkdownDescription: "TCP port on which it serves, for whoever refers to it. Default: the preset's.",
			Validators: []validator.Int64{int64validator.Between(1, 65535)},
		},
		"variables": schema.MapAttribute{
			Optional: true, Computed: true, ElementType: types.StringType,
			MarkdownDescription: "Environment variables, such as `{ LOG_LEVEL = \"debug\" }`, in addition to the preset's. No secrets: they are readable in the state. Default: the preset's.",
			Validators:          []validator.Map{mapvalidator.KeysAre(validVariable), mapvalidator.NoNullValues()},
		},
		"volumes": schema.MapAttribute{
			Optional: true, Computed: true, ElementType: types.StringType,
			MarkdownDescription: "Volumes of the service's own, by a name of your choice with the path at which they are mounted, such as `{ data = \"/data\" }`. Default: the preset's; without one none.",
			Validators:          []validator.Map{mapvalidator.KeysAre(validName{}), mapvalidator.ValueStringsAre(validMountPath)},
		},
		"files": schema.MapAttribute{
			Optional: true, Computed: true, ElementType: types.StringType,
			MarkdownDescription: "Configuration files by absolute path, such as `{ \"/etc/app/app.conf\" = file(\"app.conf\") }`. The container sees their folders read-only, with what else the image has there. " +
				"A changed content is written while the service runs: see `reload_signal`. No secrets: they are readable in the state. Default: the preset's; without one none.",
			Validators: []validator.Map{mapvalidator.KeysAre(validFilePath), mapvalidator.NoNullValues()},
		},
		"reload_signal": schema.StringAttribute{
			Optional: true, Computed: true,
			MarkdownDescription: "Signal that makes the service read its files again, such as `HUP`. Default: the preset's; without one the service is restarted when its files change.",
			Validators:          []validator.String{stringvalidator.OneOf("HUP", "USR1", "USR2")},
		},
		"user": schema.StringAttribute{
			Optional: true, Computed: true, MarkdownDescription: "Numeric user and group, `uid:gid`, to whom the volumes belong. Default: the preset's; without one `1000:1000`.",
			Validators: []validator.String{validUser},
		},
		"egress": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Whether the service reaches the outside, by a network of its own. Default `false`.",
		},
		"publish": schema.MapNestedAttribute{
			Optional: true, Computed: true,
			Default:             mapdefault.StaticValue(types.MapValueMust(types.ObjectType{AttrTypes: servicePublishTypes}, map[string]attr.Value{})),
			MarkdownDescription: "TCP ports to publish on the host, by a name of your choice, such as `{ registry = { port = 5000, host_port = 5000 } }`. The service then also reaches the outside. Projects do not need it. Default none.",
			Validators:          []validator.Map{mapvalidator.KeysAre(validName{})},
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"port":      schema.Int64Attribute{Required: true, MarkdownDescription: "Port of the container.", Validators: []validator.Int64{int64validator.Between(1, 65535)}},
				"host_port": schema.Int64Attribute{Required: true, MarkdownDescription: "Port of the host.", Validators: []validator.Int64{int64validator.Between(1, 65535)}},
				"address": schema.StringAttribute{
					Optional: true, Computed: true, Default: stringdefault.StaticString("127.0.0.1"),
					MarkdownDescription: "Address of the host. Default `127.0.0.1`; `0.0.0.0` publishes to everybody who reaches the host.",
					Validators:          []validator.String{validAddress},
				},
			}},
		},
		"offered_to": schema.SingleNestedAttribute{
			Optional: true, Computed: true,
			MarkdownDescription: "Which projects may list the service in their `services`: those named, and those with all of the labels. `{}` is none. Default: everybody. Taking it back from a project that lists it fails that project's next apply; it stays joined until then.",
			Attributes: map[string]schema.Attribute{
				"everybody": schema.BoolAttribute{Optional: true, Computed: true, MarkdownDescription: "Whether every project may list it. Default `false` where `offered_to` is written."},
				"projects": schema.SetAttribute{
					Optional: true, Computed: true, ElementType: types.StringType, MarkdownDescription: "Namespaces of projects that may list it. Default none.",
					Validators: []validator.Set{setvalidator.ValueStringsAre(validName{})},
				},
				"labels": schema.MapAttribute{
					Optional: true, Computed: true, ElementType: types.StringType, MarkdownDescription: "Labels of projects that may list it, such as `{ team = \"web\" }`. Default none, which is no project.",
					Validators: []validator.Map{mapvalidator.NoNullValues()},
				},
			},
		},
		"data_policy": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(string(project.Retain)),
			MarkdownDescription: "What becomes of the volumes when the service is destroyed: `retain` keeps them, and a service of the same name finds them again, `delete` removes them. Default `retain`.",
			Validators:          []validator.String{oneOf([]project.DataPolicy{project.Retain, project.Delete})},
		},
		"status":       schema.StringAttribute{Computed: true, MarkdownDescription: "What the container does: `running` or `stopped`. It is planned to run."},
		"container_id": schema.StringAttribute{Computed: true, MarkdownDescription: "Id of the container on the engine."},
	}
	for _, name := range []string{"secrets_wo", "secrets_wo_version", "health_check", "limits", "tmpfs", "read_only", "capabilities", "log", "pull_policy", "labels", "all_labels", "drift"} {
		attributes[name] = common[name]
	}
	response.Schema = schema.Schema{
		MarkdownDescription: "A service that projects share: one hardened, limited container, joined into the internal network of every project that lists it in its `services`, under its own name. " +
			"No two projects share a network by it, no port has to be published, and a project joins and leaves without touching any other container.",
		Attributes: attributes,
	}
}

// ModifyPlan fills in the defaults and says whether the container is made anew.
func (r *sharedServiceResource) ModifyPlan(ctx context.Context, request resource.ModifyPlanRequest, response *resource.ModifyPlanResponse) {
	if request.Plan.Raw.IsNull() {
		return
	}
	var config, plan sharedServiceModel
	diags := &response.Diagnostics
	diags.Append(request.Config.Get(ctx, &config)...)
	diags.Append(request.Plan.Get(ctx, &plan)...)
	if diags.HasError() {
		return
	}
	plan.fill(ctx, config, r.data, diags)
	r.data.warnUnenforced(diags)
	plan.AllLabels = r.data.allLabels(plan.Labels)
	plan.ID, plan.Drift, plan.Status = plan.Name, stringListValue(nil), types.StringValue(string(lifecycle.Running))
	plan.ContainerID = types.StringUnknown()
	if !request.State.Raw.IsNull() {
		var state sharedServiceModel
		diags.Append(request.State.Get(ctx, &state)...)
		if len(state.Drift.Elements()) == 0 && plan.sameContainer(state) {
			plan.ContainerID = state.ContainerID
		}
	}
	diags.Append(response.Plan.Set(ctx, plan)...)
}

// sameContainer reports whether the container that exists can stay: nothing differs that it keeps for life.
func (m *sharedServiceModel) sameContainer(state sharedServiceModel) bool {
	if !unchanged([][2]attr.Value{
		{m.Name, state.Name},
		{m.Preset, state.Preset},
		{m.Image, state.Image},
		{m.Entrypoint, state.Entrypoint},
		{m.Command, state.Command},
		{m.Port, state.Port},
		{m.Variables, state.Variables},
		{m.SecretsWOVersion, state.SecretsWOVersion},
		{m.HealthCheck, state.HealthCheck},
		{m.Volumes, state.Volumes},
		{m.ReloadSignal, state.ReloadSignal},
		{m.Tmpfs, state.Tmpfs},
		{m.User, state.User},
		{m.ReadOnly, state.ReadOnly},
		{m.Capabilities, state.Capabilities},
		{m.Egress, state.Egress},
		{m.Publish, state.Publish},
		{m.Log, state.Log},
		{m.AllLabels, state.AllLabels},
		{m.Limits.Attributes()["shm"], state.Limits.Attributes()["shm"]},
	}) {
		return false
	}
	if m.Files.IsUnknown() || len(m.Files.Elements()) != len(state.Files.Elements()) {
		return false
	}
	for name := range m.Files.Elements() {
		if state.Files.Elements()[name] == nil {
			return false
		}
	}
	return true
}

func (r *sharedServiceResource) Create(ctx context.Context, request resource.CreateRequest, response *resource.CreateResponse) {
	var plan, config sharedServiceModel
	response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...)
	response.Diagnostics.Append(request.Config.Get(ctx, &config)...)
	if r.apply(ctx, &plan, config, "create", &response.Diagnostics) {
		response.Diagnostics.Append(response.State.Set(ctx, plan)...)
	}
}

func (r *sharedServiceResource) Update(ctx context.Context, request resource.UpdateRequest, response *resource.UpdateResponse) {
	var plan, config sharedServiceModel
	response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...)
	response.Diagnostics.Append(request.Config.Get(ctx, &config)...)
	if r.apply(ctx, &plan, config, "update", &response.Diagnostics) {
		response.Diagnostics.Append(response.State.Set(ctx, plan)...)
	}
}

// apply brings the service to the plan and reads it back into it; false when there is nothing to write to the state.
func (r *sharedServiceResource) apply(ctx context.Context, plan *sharedServiceModel, config sharedServiceModel, verb string, diags *diag.Diagnostics) bool {
	if diags.HasError() || !r.ready(diags) {
		return false
	}
	wanted := plan.wanted(ctx, config, diags)
	if diags.HasError() {
		return false
	}
	act := r.data.Services.Apply
	if verb == "create" {
		act = r.data.Services.Create
	}
	now, err := act(ctx, wanted)
	if err != nil {
		fail(diags, failedAt(err), "Unable to "+verb+" shared service "+wanted.Name, redact(err, wanted.Secrets))
		if now.Name == "" {
			return false
		}
	}
	plan.read(ctx, now, diags)
	if err == nil {
		// A project may come or go at this very moment; what it does not do itself, the next plan shows.
		plan.Drift = stringListValue(nil)
	}
	return true
}

func (r *sharedServiceResource) Read(ctx context.Context, request resource.ReadRequest, response *resource.ReadResponse) {
	var state sharedServiceModel
	response.Diagnostics.Append(request.State.Get(ctx, &state)...)
	if response.Diagnostics.HasError() || !r.reachable() {
		return
	}
	found, err := r.data.Services.Read(ctx, state.Name.ValueString())
	switch {
	case errors.Is(err, engine.ErrNotFound):
		response.State.RemoveResource(ctx)
		return
	case err != nil:
		fail(&response.Diagnostics, path.Empty(), "Unable to read shared service "+state.Name.ValueString(), err)
		return
	}
	state.read(ctx, found, &response.Diagnostics)
	response.Diagnostics.Append(response.State.Set(ctx, state)...)
}

func (r *sharedServiceResource) Delete(ctx context.Context, request resource.DeleteRequest, response *resource.DeleteResponse) {
	var state sharedServiceModel
	response.Diagnostics.Append(request.State.Get(ctx, &state)...)
	if response.Diagnostics.HasError() || !r.ready(&response.Diagnostics) {
		return
	}
	name := state.Name.ValueString()
	retained, err := r.data.Services.Delete(ctx, name, state.DataPolicy.ValueString() == string(project.Retain))
	if err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to remove shared service "+name, err)
		return
	}
	if len(retained) > 0 {
		response.Diagnostics.AddWarning("Data of shared service "+name+" was retained",
			fmt.Sprintf("Its data_policy is \"retain\", so these volumes stay on the engine: %v. A service of the same name finds them again; docker volume rm removes them for good.", retained))
	}
}

func (r *sharedServiceResource) ImportState(ctx context.Context, request resource.ImportStateRequest, response *resource.ImportStateResponse) {
	if !naming.Valid(request.ID) {
		response.Diagnostics.AddError("Invalid import id", fmt.Sprintf("%q is not a name. Import a shared service by its name: terraform import isolab_shared_service.redis redis.", request.ID))
		return
	}
	if !r.ready(&response.Diagnostics) {
		return
	}
	found, err := r.data.Services.Read(ctx, request.ID)
	var files map[string]string
	if err == nil {
		files, err = r.data.Services.Files(ctx, found.Spec)
	}
	if err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to import shared service "+request.ID, err)
		return
	}
	imported := importedService(ctx, found, files, r.data.ownLabels(found.Labels), &response.Diagnostics)
	response.Diagnostics.Append(response.State.Set(ctx, imported)...)
}
