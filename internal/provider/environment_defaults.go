package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/docker/go-units"
	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/environment"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/preset"
	"github.com/isolab/terraform-provider-isolab/internal/stack"
)

// workspacePath is where a workspace is mounted unless the environment says otherwise.
const workspacePath = "/workspace"

const mebibyte = 1 << 20

// limitsByKind are the limits of an environment that asks for none.
var limitsByKind = map[lifecycle.Kind]engine.Limits{
	lifecycle.KindDevelopment: {CPUs: 2, Memory: 2048 * mebibyte, Pids: 512, Shm: 64 * mebibyte},
	lifecycle.KindTesting:     {CPUs: 1, Memory: 1024 * mebibyte, Pids: 256, Shm: 64 * mebibyte},
	lifecycle.KindDeployment:  {CPUs: 1, Memory: 1024 * mebibyte, Pids: 256, Shm: 64 * mebibyte},
	lifecycle.KindAgent:       {CPUs: 1, Memory: 1024 * mebibyte, Pids: 256, Shm: 64 * mebibyte},
	lifecycle.KindDatabase:    {CPUs: 1, Memory: 1024 * mebibyte, Pids: 256, Shm: 256 * mebibyte},
}

// origin is where an environment's defaults come from. Until kind and stack are known, so are the defaults not.
type origin struct {
	kind      lifecycle.Kind
	stack     stack.Stack
	hasStack  bool
	known     bool
	ownImage  bool // named in the configuration: it brings its own command, working directory and health check
	imageless bool // neither stack nor image
}

func originOf(config environmentModel, project projectReference) origin {
	from := origin{
		kind:     lifecycle.Kind(config.Kind.ValueString()),
		known:    !config.Kind.IsUnknown() && !project.Stack.IsUnknown(),
		ownImage: !config.Image.IsNull(),
	}
	from.stack, from.hasStack = stack.Get(project.Stack.ValueString())
	from.imageless = from.known && !from.hasStack && !from.ownImage
	return from
}

// stacked reports whether the stack, rather than an image of the user's, decides how the container starts.
func (o origin) stacked() bool { return o.hasStack && !o.ownImage }

// fill gives every attribute that the configuration leaves out its default, from the configuration alone: what the
// state says plays no part, so that taking a line out of the configuration brings the default back.
func (m *environmentModel) fill(ctx context.Context, config environmentModel, from origin, data *Data, diags *diag.Diagnostics) {
	if from.imageless {
		diags.AddAttributeError(path.Root("image"), "No image to run",
			"The project has no stack, so nothing says which image to run. Set image, or give the project a stack.")
	}
	fillString(&m.Name, config.Name, !config.Kind.IsUnknown(), string(from.kind))
	fillString(&m.Image, config.Image, from.known && !data.imagesUnknown(), data.image(from.stack))
	fillString(&m.Workspace, config.Workspace, from.known, from.workspace())
	fillString(&m.WorkingDir, config.WorkingDir, from.known, from.workingDir())
	if config.Command.IsNull() {
		m.Command = types.ListUnknown(types.StringType)
		if from.known {
			m.Command = stringListValue(from.command())
		}
	}
	if config.Port.IsNull() {
		m.Port = types.Int64Unknown()
		if from.known {
			m.Port = optionalInt(from.stack.Port)
		}
	}
	m.fillLimits(ctx, config, from, data, diags)
	m.fillHealthCheck(ctx, config, from, diags)
	m.fillRest(ctx, config, diags)
}

func (o origin) command() []string {
	if o.stacked() {
		return o.stack.Commands[o.kind]
	}
	return nil
}

func (o origin) workingDir() string {
	if o.stacked() {
		return workspacePath
	}
	return ""
}

// workspace is mounted where there are sources to work on or, with the stack's image, to serve.
func (o origin) workspace() string {
	if o.kind.Works() || o.stacked() {
		return workspacePath
	}
	return ""
}

func (m *environmentModel) fillLimits(ctx context.Context, config environmentModel, from origin, data *Data, diags *diag.Diagnostics) {
	if config.Limits.IsUnknown() {
		return
	}
	var limits limitsModel
	if !config.Limits.IsNull() {
		diags.Append(config.Limits.As(ctx, &limits, basetypes.ObjectAsOptions{})...)
	}
	defaults, known := limitsByKind[from.kind]
	if cpus := data.engineCPUs(); cpus > 0 {
		defaults.CPUs = min(defaults.CPUs, cpus)
		if asked := limits.CPUs; !asked.IsNull() && !asked.IsUnknown() && asked.ValueFloat64() > cpus {
			diags.AddAttributeError(path.Root("limits").AtName("cpus"), "More CPUs than the engine has",
				sentence(plural(cpus, "the engine has %v CPU", "the engine has %v CPUs")+", so it cannot grant more. Lower limits.cpus."))
		}
	}
	if memory := data.engineMemory(); memory > 0 && limits.Memory.bytes() > memory {
		diags.AddAttributeError(path.Root("limits").AtName("memory"), "More memory than the engine has",
			fmt.Sprintf("The engine has %s of memory, so a limit of %s would never hold. Lower limits.memory.", units.BytesSize(float64(memory)), limits.Memory.ValueString()))
	}
	if limits.CPUs.IsNull() {
		limits.CPUs = types.Float64Unknown()
		// An engine with fewer CPUs than the default has to be known first.
		if known && data.engineCPUs() > 0 {
			limits.CPUs = types.Float64Value(defaults.CPUs)
		}
	}
	if limits.Pids.IsNull() {
		limits.Pids = types.Int64Unknown()
		if known {
			limits.Pids = types.Int64Value(defaults.Pids)
		}
	}
	fillSize(&limits.Memory, known, defaults.Memory)
	fillSize(&limits.Shm, known, defaults.Shm)
	filled, d := types.ObjectValueFrom(ctx, limitsTypes, limits)
	diags.Append(d...)
	m.Limits = filled
}

func (m *environmentModel) fillHealthCheck(ctx context.Context, config environmentModel, from origin, diags *diag.Diagnostics) {
	if config.HealthCheck.IsUnknown() {
		return
	}
	if config.HealthCheck.IsNull() {
		switch {
		case !from.known:
			m.HealthCheck = types.ObjectUnknown(healthCheckTypes)
		case !from.stacked() || from.kind == lifecycle.KindAgent: // a stack's check asks its server
			m.HealthCheck = types.ObjectNull(healthCheckTypes)
		default:
			m.HealthCheck = healthCheckValue(ctx, &from.stack.Health, diags)
		}
		return
	}
	var check healthCheckModel
	diags.Append(config.HealthCheck.As(ctx, &check, basetypes.ObjectAsOptions{})...)
	fillDuration(&check.Interval, preset.DefaultHealth.Interval)
	fillDuration(&check.Timeout, preset.DefaultHealth.Timeout)
	fillDuration(&check.StartPeriod, preset.DefaultHealth.StartPeriod)
	fillDuration(&check.StartInterval, preset.DefaultHealth.StartInterval)
	if check.Retries.IsNull() {
		check.Retries = types.Int64Value(int64(preset.DefaultHealth.Retries))
	}
	filled, d := types.ObjectValueFrom(ctx, healthCheckTypes, check)
	diags.Append(d...)
	m.HealthCheck = filled
}

// fillRest fills in what depends on nothing but the configuration.
func (m *environmentModel) fillRest(ctx context.Context, config environmentModel, diags *diag.Diagnostics) {
	if !config.Update.IsUnknown() {
		var update updateModel
		if !config.Update.IsNull() {
			diags.Append(config.Update.As(ctx, &update, basetypes.ObjectAsOptions{})...)
		}
		if update.Strategy.IsNull() {
			update.Strategy = types.StringValue(string(environment.Rolling))
		}
		for _, flag := range []*types.Bool{&update.WaitForHealthy, &update.Rollback} {
			if flag.IsNull() {
				*flag = types.BoolValue(true)
			}
		}
		m.Update, _ = types.ObjectValueFrom(ctx, updateTypes, update)
	}
	if !config.Log.IsUnknown() {
		var log logModel
		if !config.Log.IsNull() {
			diags.Append(config.Log.As(ctx, &log, basetypes.ObjectAsOptions{})...)
		}
		fillSize(&log.MaxSize, true, defaultLog.MaxSize)
		if log.MaxFiles.IsNull() {
			log.MaxFiles = types.Int64Value(int64(defaultLog.MaxFiles))
		}
		m.Log, _ = types.ObjectValueFrom(ctx, logTypes, log)
	}
	if config.Egress.IsNull() {
		m.Egress = types.BoolUnknown()
		if !config.Kind.IsUnknown() {
			m.Egress = types.BoolValue(lifecycle.Kind(config.Kind.ValueString()).Works())
		}
	}
}

func fillString(target *types.String, configured types.String, known bool, value string) {
	if !configured.IsNull() {
		return
	}
	*target = types.StringUnknown()
	if known {
		*target = types.StringValue(value)
	}
}

func fillSize(target *sizeValue, known bool, bytes int64) {
	if !target.IsNull() {
		return
	}
	*target = sizeValue{types.StringUnknown()}
	if known {
		*target = size(bytes)
	}
}

func fillDuration(target *timetypes.GoDuration, value time.Duration) {
	if target.IsNull() {
		*target = timetypes.NewGoDurationValue(value)
	}
}

// defaultLog bounds an environment's log to 30 MiB.
var defaultLog = engine.LogLimits{MaxSize: 10 * mebibyte, MaxFiles: 3}
