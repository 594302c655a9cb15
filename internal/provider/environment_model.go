package provider

import (
	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// containerModel is what environments and agents have in common.
type containerModel struct {
	ID               types.String   `tfsdk:"id"`
	Project          types.Object   `tfsdk:"project"`
	Name             types.String   `tfsdk:"name"`
	Image            types.String   `tfsdk:"image"`
	Entrypoint       types.List     `tfsdk:"entrypoint"`
	Command          types.List     `tfsdk:"command"`
	WorkingDir       types.String   `tfsdk:"working_dir"`
	Limits           types.Object   `tfsdk:"limits"`
	Variables        types.Map      `tfsdk:"variables"`
	SecretsWO        types.Map      `tfsdk:"secrets_wo"`
	SecretsWOVersion types.Int64    `tfsdk:"secrets_wo_version"`
	Bindings         types.Map      `tfsdk:"bindings"`
	BindingVersions  types.Map      `tfsdk:"binding_versions"`
	HealthCheck      types.Object   `tfsdk:"health_check"`
	Update           types.Object   `tfsdk:"update"`
	Volumes          types.Map      `tfsdk:"volumes"`
	Tmpfs            types.Map      `tfsdk:"tmpfs"`
	User             types.String   `tfsdk:"user"`
	ReadOnly         types.Bool     `tfsdk:"read_only"`
	Capabilities     types.Set      `tfsdk:"capabilities"`
	Egress           types.Bool     `tfsdk:"egress"`
	Workspace        types.String   `tfsdk:"workspace"`
	Log              types.Object   `tfsdk:"log"`
	Hibernation      types.String   `tfsdk:"hibernation"`
	ActivePhases     types.Set      `tfsdk:"active_phases"`
	PullPolicy       types.String   `tfsdk:"pull_policy"`
	Labels           types.Map      `tfsdk:"labels"`
	AllLabels        types.Map      `tfsdk:"all_labels"`
	Status           types.String   `tfsdk:"status"`
	Containers       types.List     `tfsdk:"containers"`
	ImageDigest      types.String   `tfsdk:"image_digest"`
	Drift            types.List     `tfsdk:"drift"`
	Timeouts         timeouts.Value `tfsdk:"timeouts"`
}

type environmentModel struct {
	containerModel
	Kind           types.String `tfsdk:"kind"`
	Replicas       types.Int64  `tfsdk:"replicas"`
	Port           types.Int64  `tfsdk:"port"`
	Publish        types.Map    `tfsdk:"publish"`
	PublishedPorts types.Map    `tfsdk:"published_ports"`
}

var (
	limitsTypes = map[string]attr.Type{
		"cpus": types.Float64Type, "memory": sizeType{}, "pids": types.Int64Type, "shm": sizeType{},
	}
	healthCheckTypes = map[string]attr.Type{
		"test": types.ListType{ElemType: types.StringType}, "interval": timetypes.GoDurationType{}, "timeout": timetypes.GoDurationType{},
		"start_period": timetypes.GoDurationType{}, "start_interval": timetypes.GoDurationType{}, "retries": types.Int64Type,
	}
	updateTypes    = map[string]attr.Type{"strategy": types.StringType, "wait_for_healthy": types.BoolType, "rollback": types.BoolType}
	volumeTypes    = map[string]attr.Type{"path": types.StringType, "read_only": types.BoolType}
	publishTypes   = map[string]attr.Type{"port": types.Int64Type, "address": types.StringType}
	logTypes       = map[string]attr.Type{"max_size": sizeType{}, "max_files": types.Int64Type}
	containerTypes = map[string]attr.Type{"id": types.StringType, "name": types.StringType, "address": types.StringType}
)

type limitsModel struct {
	CPUs   types.Float64 `tfsdk:"cpus"`
	Memory sizeValue     `tfsdk:"memory"`
	Pids   types.Int64   `tfsdk:"pids"`
	Shm    sizeValue     `tfsdk:"shm"`
}

type healthCheckModel struct {
	Test          types.List           `tfsdk:"test"`
	Interval      timetypes.GoDuration `tfsdk:"interval"`
	Timeout       timetypes.GoDuration `tfsdk:"timeout"`
	StartPeriod   timetypes.GoDuration `tfsdk:"start_period"`
	StartInterval timetypes.GoDuration `tfsdk:"start_interval"`
	Retries       types.Int64          `tfsdk:"retries"`
}

type updateModel struct {
	Strategy       types.String `tfsdk:"strategy"`
	WaitForHealthy types.Bool   `tfsdk:"wait_for_healthy"`
	Rollback       types.Bool   `tfsdk:"rollback"`
}

type volumeModel struct {
	Path     types.String `tfsdk:"path"`
	ReadOnly types.Bool   `tfsdk:"read_only"`
}

type publishModel struct {
	Port    types.Int64  `tfsdk:"port"`
	Address types.String `tfsdk:"address"`
}

type logModel struct {
	MaxSize  sizeValue   `tfsdk:"max_size"`
	MaxFiles types.Int64 `tfsdk:"max_files"`
}
