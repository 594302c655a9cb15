package provider

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/hardening"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/project"
	"github.com/isolab/terraform-provider-isolab/internal/service"
)

type sharedServiceModel struct {
	ID               types.String   `tfsdk:"id"`
	Name             types.String   `tfsdk:"name"`
	Preset           types.String   `tfsdk:"preset"`
	Image            types.String   `tfsdk:"image"`
	Entrypoint       types.List     `tfsdk:"entrypoint"`
	Command          types.List     `tfsdk:"command"`
	Port             types.Int64    `tfsdk:"port"`
	Variables        types.Map      `tfsdk:"variables"`
	SecretsWO        types.Map      `tfsdk:"secrets_wo"`
	SecretsWOVersion types.Int64    `tfsdk:"secrets_wo_version"`
	HealthCheck      types.Object   `tfsdk:"health_check"`
	Limits           types.Object   `tfsdk:"limits"`
	Volumes          types.Map      `tfsdk:"volumes"`
	Files            types.Map      `tfsdk:"files"`
	ReloadSignal     types.String   `tfsdk:"reload_signal"`
	Tmpfs            types.Map      `tfsdk:"tmpfs"`
	User             types.String   `tfsdk:"user"`
	ReadOnly         types.Bool     `tfsdk:"read_only"`
	Capabilities     types.Set      `tfsdk:"capabilities"`
	Egress           types.Bool     `tfsdk:"egress"`
	Publish          types.Map      `tfsdk:"publish"`
	Log              types.Object   `tfsdk:"log"`
	OfferedTo        types.Object   `tfsdk:"offered_to"`
	DataPolicy       types.String   `tfsdk:"data_policy"`
	PullPolicy       types.String   `tfsdk:"pull_policy"`
	Labels           types.Map      `tfsdk:"labels"`
	AllLabels        types.Map      `tfsdk:"all_labels"`
	Status           types.String   `tfsdk:"status"`
	ContainerID      types.String   `tfsdk:"container_id"`
	Drift            types.List     `tfsdk:"drift"`
	Timeouts         timeouts.Value `tfsdk:"timeouts"`
}

var (
	servicePublishTypes = map[string]attr.Type{"port": types.Int64Type, "host_port": types.Int64Type, "address": types.StringType}
	offerTypes          = map[string]attr.Type{
		"everybody": types.BoolType, "projects": types.SetType{ElemType: types.StringType}, "labels": types.MapType{ElemType: types.StringType},
	}
)

type servicePublishModel struct {
	Port     types.Int64  `tfsdk:"port"`
	HostPort types.Int64  `tfsdk:"host_port"`
	Address  types.String `tfsdk:"address"`
}

type offerModel struct {
	Everybody types.Bool `tfsdk:"everybody"`
	Projects  types.Set  `tfsdk:"projects"`
	Labels    types.Map  `tfsdk:"labels"`
}

// environment lends what a service has in common with environments: defaults and limits.
func (m *sharedServiceModel) environment() *environmentModel {
	return &environmentModel{
		containerModel: containerModel{Limits: m.Limits, HealthCheck: m.HealthCheck, Log: m.Log, Egress: m.Egress, Project: types.ObjectNull(projectReferenceTypes)},
		Kind:           types.StringValue(string(lifecycle.KindDeployment)),
	}
}

// wanted translates a plan without unknowns into the domain's words. The configuration alone has the secrets.
func (m *sharedServiceModel) wanted(ctx context.Context, config sharedServiceModel, diags *diag.Diagnostics) service.Wanted {
	var limits limitsModel
	var log logModel
	var offer offerModel
	tmpfs, publish := map[string]sizeValue{}, map[string]servicePublishModel{}
	diags.Append(m.Limits.As(ctx, &limits, basetypes.ObjectAsOptions{})...)
	diags.Append(m.Log.As(ctx, &log, basetypes.ObjectAsOptions{})...)
	diags.Append(m.OfferedTo.As(ctx, &offer, basetypes.ObjectAsOptions{})...)
	diags.Append(m.Tmpfs.ElementsAs(ctx, &tmpfs, false)...)
	diags.Append(m.Publish.ElementsAs(ctx, &publish, false)...)
	wanted := service.Wanted{
		Spec: service.Spec{
			Name: m.Name.ValueString(), Preset: m.Preset.ValueString(), Image: m.Image.ValueString(),
			Entrypoint: stringSlice(m.Entrypoint.Elements()), Command: stringSlice(m.Command.Elements()), Port: int(m.Port.ValueInt64()),
			Variables: stringMap(m.Variables), SecretsVersion: m.SecretsWOVersion.ValueInt64(), Health: m.environment().health(ctx, diags),
			Volumes: stringMap(m.Volumes), ReloadSignal: m.ReloadSignal.ValueString(), Tmpfs: map[string]int64{},
			User: m.User.ValueString(), ReadOnly: m.ReadOnly.ValueBool(), Capabilities: stringSlice(m.Capabilities.Elements()),
			Egress: m.Egress.ValueBool(), Publish: map[string]service.Publication{},
			Log:    engine.LogLimits{MaxSize: log.MaxSize.bytes(), MaxFiles: int(log.MaxFiles.ValueInt64())},
			Labels: stringMap(m.AllLabels), Limits: engine.Limits{
				CPUs: limits.CPUs.ValueFloat64(), Memory: limits.Memory.bytes(), Pids: limits.Pids.ValueInt64(), Shm: limits.Shm.bytes(),
			},
		},
		Files: stringMap(m.Files), Secrets: stringMap(config.SecretsWO), PullPolicy: engine.PullPolicy(m.PullPolicy.ValueString()),
		Offer: service.Offer{
			Everybody: offer.Everybody.ValueBool(), Projects: stringSlice(offer.Projects.Elements()), Labels: stringMap(offer.Labels),
		},
	}
	slices.Sort(wanted.Offer.Projects)
	for path, size := range tmpfs {
		wanted.Tmpfs[path] = size.bytes()
	}
	for name, one := range publish {
		wanted.Publish[name] = service.Publication{Port: int(one.Port.ValueInt64()), HostPort: int(one.HostPort.ValueInt64()), Address: one.Address.ValueString()}
	}
	return wanted
}

// read takes over what the engine holds. The content of files and secrets, and when to pull, the engine does not tell.
func (m *sharedServiceModel) read(ctx context.Context, found service.Service, diags *diag.Diagnostics) {
	m.ID, m.Name = types.StringValue(found.Name), types.StringValue(found.Name)
	m.Preset, m.Image, m.Port = optionalString(found.Preset), types.StringValue(found.Image), optionalInt(found.Port)
	m.Entrypoint, m.Command = stringListValue(found.Entrypoint), stringListValue(found.Command)
	m.Variables, m.SecretsWOVersion = stringMapValue(found.Variables), optionalInt(int(found.SecretsVersion))
	m.HealthCheck = healthCheckValue(ctx, found.Health, diags)
	m.Limits = types.ObjectValueMust(limitsTypes, map[string]attr.Value{
		"cpus": types.Float64Value(found.Limits.CPUs), "memory": size(found.Limits.Memory),
		"pids": types.Int64Value(found.Limits.Pids), "shm": size(found.Limits.Shm),
	})
	m.Log = types.ObjectValueMust(logTypes, map[string]attr.Value{
		"max_size": size(found.Log.MaxSize), "max_files": types.Int64Value(int64(found.Log.MaxFiles)),
	})
	m.Volumes, m.ReloadSignal = stringMapValue(found.Volumes), optionalString(found.ReloadSignal)
	m.User, m.ReadOnly, m.Egress = types.StringValue(found.User), types.BoolValue(found.ReadOnly), types.BoolValue(found.Egress)
	m.Capabilities, m.AllLabels = stringSetValue(found.Capabilities), stringMapValue(found.Labels)
	tmpfs, publish := map[string]attr.Value{}, map[string]attr.Value{}
	for path, bytes := range found.Tmpfs {
		tmpfs[path] = size(bytes)
	}
	for name, one := range found.Publish {
		publish[name] = types.ObjectValueMust(servicePublishTypes, map[string]attr.Value{
			"port": types.Int64Value(int64(one.Port)), "host_port": types.Int64Value(int64(one.HostPort)), "address": types.StringValue(one.Address),
		})
	}
	m.Tmpfs = types.MapValueMust(sizeType{}, tmpfs)
	m.Publish = types.MapValueMust(types.ObjectType{AttrTypes: servicePublishTypes}, publish)
	m.OfferedTo = offerValue(found.Offer)
	m.Status = types.StringValue(string(lifecycle.Stopped))
	if found.Running {
		m.Status = types.StringValue(string(lifecycle.Running))
	}
	m.ContainerID, m.Drift = types.StringValue(found.ContainerID), stringListValue(found.Drift)
}

func offerValue(offer service.Offer) types.Object {
	return types.ObjectValueMust(offerTypes, map[string]attr.Value{
		"everybody": types.BoolValue(offer.Everybody), "projects": stringSetValue(offer.Projects), "labels": stringMapValue(offer.Labels),
	})
}

func importedService(ctx context.Context, found service.Service, files map[string]string, own types.Map, diags *diag.Diagnostics) sharedServiceModel {
	model := sharedServiceModel{
		Files: stringMapValue(files), Labels: own, PullPolicy: types.StringValue(string(engine.PullMissing)),
		DataPolicy: types.StringValue(string(project.Retain)), SecretsWO: types.MapNull(types.StringType), Timeouts: noTimeouts,
	}
	model.read(ctx, found, diags)
	return model
}

// fill gives every attribute that the configuration leaves out its default: the preset's, where it has one.
func (m *sharedServiceModel) fill(ctx context.Context, config sharedServiceModel, data *Data, diags *diag.Diagnostics) {
	preset, chosen := service.Get(m.Preset.ValueString())
	known := !config.Preset.IsUnknown()
	fillString(&m.Image, config.Image, chosen && !data.imagesUnknown(), data.serviceImage(preset))
	fillString(&m.User, config.User, known, cmp.Or(preset.User, hardening.User))
	if config.ReloadSignal.IsNull() {
		m.ReloadSignal = optionalString(preset.ReloadSignal)
	}
	if config.Port.IsNull() {
		m.Port = optionalInt(preset.Port)
	}
	fillMap(&m.Volumes, config.Volumes, preset.Volumes)
	fillMap(&m.Files, config.Files, preset.Files)
	if config.Entrypoint.IsNull() {
		m.Entrypoint = stringListValue(preset.Entrypoint)
	}
	if config.Command.IsNull() {
		m.Command = stringListValue(preset.Command)
	}
	// What a preset's program needs is there whatever is added.
	variables := maps.Clone(preset.Variables)
	if variables == nil {
		variables = map[string]string{}
	}
	if !config.Variables.IsUnknown() && knownElements(config.Variables) {
		maps.Copy(variables, stringMap(config.Variables))
		m.Variables = stringMapValue(variables)
	}
	if config.OfferedTo.IsNull() {
		m.OfferedTo = offerValue(service.Offer{Everybody: true})
	} else if !config.OfferedTo.IsUnknown() {
		var offer offerModel
		diags.Append(config.OfferedTo.As(ctx, &offer, basetypes.ObjectAsOptions{})...)
		if offer.Everybody.IsNull() {
			offer.Everybody = types.BoolValue(false)
		}
		if offer.Projects.IsNull() {
			offer.Projects = stringSetValue(nil)
		}
		if offer.Labels.IsNull() {
			offer.Labels = emptyStringMap
		}
		m.OfferedTo, _ = types.ObjectValueFrom(ctx, offerTypes, offer)
	}
	as, from := m.environment(), origin{kind: lifecycle.KindDeployment, known: known, ownImage: true}
	wanted := environmentModel{containerModel: containerModel{Limits: config.Limits, HealthCheck: config.HealthCheck, Log: config.Log, Egress: types.BoolValue(false)}}
	as.fillLimits(ctx, wanted, from, data, diags)
	as.fillHealthCheck(ctx, wanted, from, diags)
	as.fillRest(ctx, wanted, diags)
	m.Limits, m.HealthCheck, m.Log = as.Limits, as.HealthCheck, as.Log
	if config.HealthCheck.IsNull() && chosen {
		m.HealthCheck = healthCheckValue(ctx, &preset.Health, diags)
	}
}

// fillMap takes the preset's entries where the configuration has none of its own.
func fillMap(target *types.Map, configured types.Map, preset map[string]string) {
	if configured.IsNull() {
		*target = stringMapValue(preset)
	}
}

func knownElements(value types.Map) bool {
	for _, element := range value.Elements() {
		if element.IsUnknown() {
			return false
		}
	}
	return true
}
