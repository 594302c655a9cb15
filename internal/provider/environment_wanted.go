package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/environment"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
)

// projectOf reads the project that an object belongs to; all unknown while the whole of it is.
func projectOf(ctx context.Context, project types.Object, diags *diag.Diagnostics) projectReference {
	if project.IsUnknown() {
		return projectReference{Namespace: types.StringUnknown(), Phase: types.StringUnknown(), Stack: types.StringUnknown(), Quota: types.ObjectUnknown(quotaTypes)}
	}
	var ref projectReference
	diags.Append(project.As(ctx, &ref, basetypes.ObjectAsOptions{})...)
	return ref
}

// wanted translates a plan without unknowns into the domain's words.
func (m environmentModel) wanted(ctx context.Context, diags *diag.Diagnostics) environment.Wanted {
	project := projectOf(ctx, m.Project, diags)
	var limits limitsModel
	var update updateModel
	var log logModel
	volumes, tmpfs, publish := map[string]volumeModel{}, map[string]sizeValue{}, map[string]publishModel{}
	diags.Append(m.Limits.As(ctx, &limits, basetypes.ObjectAsOptions{})...)
	diags.Append(m.Update.As(ctx, &update, basetypes.ObjectAsOptions{})...)
	diags.Append(m.Log.As(ctx, &log, basetypes.ObjectAsOptions{})...)
	diags.Append(m.Volumes.ElementsAs(ctx, &volumes, false)...)
	diags.Append(m.Tmpfs.ElementsAs(ctx, &tmpfs, false)...)
	diags.Append(m.Publish.ElementsAs(ctx, &publish, false)...)
	wanted := environment.Wanted{
		Spec: environment.Spec{
			Namespace: project.Namespace.ValueString(), Name: m.Name.ValueString(),
			Kind: lifecycle.Kind(m.Kind.ValueString()), Stack: project.Stack.ValueString(),
			Image: m.Image.ValueString(), Entrypoint: stringSlice(m.Entrypoint.Elements()), Command: stringSlice(m.Command.Elements()),
			WorkingDir: m.WorkingDir.ValueString(), Port: int(m.Port.ValueInt64()), Variables: stringMap(m.Variables),
			SecretsVersion: m.SecretsWOVersion.ValueInt64(), Bindings: m.bindings(),
			Health: m.health(ctx, diags), User: m.User.ValueString(), ReadOnly: m.ReadOnly.ValueBool(),
			Capabilities: stringSlice(m.Capabilities.Elements()), Egress: m.Egress.ValueBool(), Workspace: m.Workspace.ValueString(),
			Log:         engine.LogLimits{MaxSize: log.MaxSize.bytes(), MaxFiles: int(log.MaxFiles.ValueInt64())},
			Hibernation: lifecycle.Hibernation(m.Hibernation.ValueString()), Labels: stringMap(m.AllLabels),
			Limits: engine.Limits{
				CPUs: limits.CPUs.ValueFloat64(), Memory: limits.Memory.bytes(), Pids: limits.Pids.ValueInt64(), Shm: limits.Shm.bytes(),
			},
			Volumes: map[string]environment.Volume{}, Tmpfs: map[string]int64{}, Publish: map[string]environment.Publication{},
		},
		Replicas: int(m.Replicas.ValueInt64()), Status: lifecycle.Status(m.Status.ValueString()),
		PullPolicy: engine.PullPolicy(m.PullPolicy.ValueString()), Update: environment.Update{
			Strategy:       environment.Strategy(update.Strategy.ValueString()),
			WaitForHealthy: update.WaitForHealthy.ValueBool(), Rollback: update.Rollback.ValueBool(),
		},
	}
	for name, volume := range volumes {
		wanted.Volumes[name] = environment.Volume{Path: volume.Path.ValueString(), ReadOnly: volume.ReadOnly.ValueBool()}
	}
	for path, size := range tmpfs {
		wanted.Tmpfs[path] = size.bytes()
	}
	for name, item := range publish {
		wanted.Publish[name] = environment.Publication{Port: int(item.Port.ValueInt64()), Address: item.Address.ValueString()}
	}
	return wanted
}

func (m environmentModel) health(ctx context.Context, diags *diag.Diagnostics) *engine.HealthCheck {
	if m.HealthCheck.IsNull() {
		return nil
	}
	var check healthCheckModel
	diags.Append(m.HealthCheck.As(ctx, &check, basetypes.ObjectAsOptions{})...)
	seconds := func(value timetypes.GoDuration) time.Duration {
		duration, d := value.ValueGoDuration()
		diags.Append(d...)
		return duration
	}
	return &engine.HealthCheck{
		Test: stringSlice(check.Test.Elements()), Interval: seconds(check.Interval), Timeout: seconds(check.Timeout),
		StartPeriod: seconds(check.StartPeriod), StartInterval: seconds(check.StartInterval), Retries: int(check.Retries.ValueInt64()),
	}
}

// read takes over what the engine holds. What the engine does not know (when images are pulled, whether to wait) stays
// as it is.
func (m *environmentModel) read(ctx context.Context, found environment.Environment, diags *diag.Diagnostics) {
	m.readOutputs(found)
	if found.Status == lifecycle.Absent {
		return
	}
	m.Kind = types.StringValue(string(found.Kind))
	m.Image = types.StringValue(found.Image)
	m.Entrypoint, m.Command = stringListValue(found.Entrypoint), stringListValue(found.Command)
	m.WorkingDir = types.StringValue(found.WorkingDir)
	m.Port = optionalInt(found.Port)
	m.Replicas = types.Int64Value(int64(len(found.Containers)))
	m.Variables = stringMapValue(found.Variables)
	m.SecretsWOVersion = optionalInt(int(found.SecretsVersion))
	m.readBindings(found.Bindings)
	m.HealthCheck = healthCheckValue(ctx, found.Health, diags)
	m.User, m.ReadOnly, m.Egress = types.StringValue(found.User), types.BoolValue(found.ReadOnly), types.BoolValue(found.Egress)
	m.Capabilities = stringSetValue(found.Capabilities)
	m.Workspace = types.StringValue(found.Workspace)
	m.AllLabels = stringMapValue(found.Labels)
	m.Limits = types.ObjectValueMust(limitsTypes, map[string]attr.Value{
		"cpus": types.Float64Value(found.Limits.CPUs), "memory": size(found.Limits.Memory),
		"pids": types.Int64Value(found.Limits.Pids), "shm": size(found.Limits.Shm),
	})
	m.Log = types.ObjectValueMust(logTypes, map[string]attr.Value{
		"max_size": size(found.Log.MaxSize), "max_files": types.Int64Value(int64(found.Log.MaxFiles)),
	})
	m.readMounts(found)
}

func (m *environmentModel) readMounts(found environment.Environment) {
	volumes, tmpfs, publish := map[string]attr.Value{}, map[string]attr.Value{}, map[string]attr.Value{}
	for name, volume := range found.Volumes {
		volumes[name] = types.ObjectValueMust(volumeTypes, map[string]attr.Value{
			"path": types.StringValue(volume.Path), "read_only": types.BoolValue(volume.ReadOnly),
		})
	}
	for path, bytes := range found.Tmpfs {
		tmpfs[path] = size(bytes)
	}
	for name, item := range found.Publish {
		publish[name] = types.ObjectValueMust(publishTypes, map[string]attr.Value{
			"port": types.Int64Value(int64(item.Port)), "address": types.StringValue(item.Address),
		})
	}
	m.Volumes = types.MapValueMust(types.ObjectType{AttrTypes: volumeTypes}, volumes)
	m.Tmpfs = types.MapValueMust(sizeType{}, tmpfs)
	m.Publish = types.MapValueMust(types.ObjectType{AttrTypes: publishTypes}, publish)
}

// readOutputs takes over what only the engine decides.
func (m *environmentModel) readOutputs(found environment.Environment) {
	m.ID = types.StringValue(found.ID())
	m.Name = types.StringValue(found.Name)
	m.Status = types.StringValue(string(found.Status))
	m.ImageDigest = optionalString(found.ImageDigest)
	if found.Status == lifecycle.Absent {
		m.ImageDigest = types.StringNull()
	}
	m.Drift = stringListValue(found.Drift)
	containers := make([]attr.Value, len(found.Containers))
	for i, container := range found.Containers {
		containers[i] = types.ObjectValueMust(containerTypes, map[string]attr.Value{
			"id": types.StringValue(container.ID), "name": types.StringValue(container.Name), "address": types.StringValue(container.Address),
		})
	}
	m.Containers = types.ListValueMust(types.ObjectType{AttrTypes: containerTypes}, containers)
	ports := map[string]attr.Value{}
	for name, port := range found.Published {
		ports[name] = types.Int64Value(int64(port))
	}
	m.PublishedPorts = types.MapValueMust(types.Int64Type, ports)
}

func healthCheckValue(ctx context.Context, check *engine.HealthCheck, diags *diag.Diagnostics) types.Object {
	if check == nil {
		return types.ObjectNull(healthCheckTypes)
	}
	value, d := types.ObjectValueFrom(ctx, healthCheckTypes, healthCheckModel{
		Test: stringListValue(check.Test), Interval: timetypes.NewGoDurationValue(check.Interval), Timeout: timetypes.NewGoDurationValue(check.Timeout),
		StartPeriod: timetypes.NewGoDurationValue(check.StartPeriod), StartInterval: timetypes.NewGoDurationValue(check.StartInterval),
		Retries: types.Int64Value(int64(check.Retries)),
	})
	diags.Append(d...)
	return value
}
