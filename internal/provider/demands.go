package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/docker/go-units"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/quota"
)

// demands are what the environments planned in this run ask for. Only these count at plan: what others have on the engine
// may shrink in the same apply, and is looked at then.
type demands struct {
	lock    sync.Mutex
	planned map[string]map[string]quota.Demand // by namespace and environment
	running map[string]int64                   // bytes of memory, by environment
	warned  bool
}

// set notes what an environment is planned to ask for, and answers with what all of its project do.
func (d *demands) set(namespace string, one quota.Demand, runs bool) []quota.Demand {
	d.lock.Lock()
	defer d.lock.Unlock()
	if d.planned == nil {
		d.planned, d.running = map[string]map[string]quota.Demand{}, map[string]int64{}
	}
	if d.planned[namespace] == nil {
		d.planned[namespace] = map[string]quota.Demand{}
	}
	delete(d.planned[namespace], one.Environment)
	delete(d.running, one.Environment)
	if one.Containers > 0 {
		d.planned[namespace][one.Environment] = one
	}
	if runs {
		d.running[one.Environment] = one.Memory
	}
	return slices.Collect(maps.Values(d.planned[namespace]))
}

// overcommits reports, once, that more memory is promised to what runs than an engine has.
func (d *demands) overcommits(memory int64) (promised int64, yes bool) {
	d.lock.Lock()
	defer d.lock.Unlock()
	for _, bytes := range d.running {
		promised += bytes
	}
	if d.warned || memory == 0 || promised <= memory {
		return 0, false
	}
	d.warned = true
	return promised, true
}

// checkQuota compares what is planned of a project so far with its quota, and what is planned to run with the engine.
func (m *environmentModel) checkQuota(ctx context.Context, project projectReference, data *Data, diags *diag.Diagnostics) {
	demand, known := m.demand(ctx, diags)
	if data == nil || !known || project.Namespace.IsUnknown() {
		return
	}
	runs := m.Status.ValueString() == string(lifecycle.Running)
	planned := data.demands.set(project.Namespace.ValueString(), demand, runs)
	if err := quotaOf(ctx, project.Quota, diags).Check(project.Namespace.ValueString(), quota.All(), planned); err != nil && demand.Containers > 0 {
		fail(diags, quotaPath(err), "Quota exceeded by environment "+m.ID.ValueString(), err)
	}
	if promised, yes := data.demands.overcommits(data.engineMemory()); yes {
		diags.AddWarning("More memory is promised than the engine has",
			fmt.Sprintf("The environments that are planned to run may use %s of memory together, while engine %s has %s. If they all do, the kernel ends some of their processes. Lower limits.memory, or run less at a time.",
				units.BytesSize(float64(promised)), data.capacity().Name, units.BytesSize(float64(data.engineMemory()))))
	}
}

// demand is what the environment asks for, as far as that is known: nothing while it is absent.
func (m *environmentModel) demand(ctx context.Context, diags *diag.Diagnostics) (quota.Demand, bool) {
	if m.ID.IsUnknown() || m.Status.IsUnknown() || m.Replicas.IsUnknown() || m.Limits.IsUnknown() {
		return quota.Demand{}, false
	}
	var limits limitsModel
	diags.Append(m.Limits.As(ctx, &limits, basetypes.ObjectAsOptions{})...)
	if limits.CPUs.IsUnknown() || limits.Memory.IsUnknown() || limits.Pids.IsUnknown() {
		return quota.Demand{}, false
	}
	demand := quota.Demand{Environment: m.ID.ValueString()}
	if m.Status.ValueString() == string(lifecycle.Absent) {
		return demand, true
	}
	replicas := m.Replicas.ValueInt64()
	demand.Containers = int(replicas)
	demand.CPUs = limits.CPUs.ValueFloat64() * float64(replicas)
	demand.Memory, demand.Pids = limits.Memory.bytes()*replicas, limits.Pids.ValueInt64()*replicas
	return demand, true
}

// quotaPath is the attribute of an environment that exceeds its project's quota.
func quotaPath(err error) path.Path {
	var exceeded *quota.ExceededError
	if !errors.As(err, &exceeded) || len(exceeded.Exceeded) == 0 || exceeded.Exceeded[0] == quota.Environments {
		return path.Root("project")
	}
	return path.Root("limits").AtName(string(exceeded.Exceeded[0]))
}
