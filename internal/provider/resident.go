package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/environment"
	"github.com/isolab/terraform-provider-isolab/internal/health"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/quota"
)

// resident is the model of what runs in a project: an environment, an agent or a database. To the engine all of them are
// environments.
type resident interface {
	// where is the project and the name in it.
	where() (project types.Object, name types.String)
	// wanted translates a plan without unknowns into the domain's words.
	wanted(ctx context.Context, diags *diag.Diagnostics) environment.Wanted
	// secrets completes what is wanted with what is neither in the plan nor in the state. It is asked of a configuration.
	secrets(ctx context.Context, data *Data, wanted *environment.Wanted, diags *diag.Diagnostics)
	// read takes over what the engine holds.
	read(ctx context.Context, found environment.Environment, diags *diag.Diagnostics)
	// imported takes over what the engine holds where nothing is known yet.
	imported(ctx context.Context, found environment.Environment, project types.Object, own types.Map, diags *diag.Diagnostics)
}

// residents is embedded by the resource type of a resident.
type residents struct {
	configured
	noun  string // "environment"
	kinds []lifecycle.Kind
	model func() resident // an empty one
}

func (r *residents) Metadata(_ context.Context, request resource.MetadataRequest, response *resource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_" + r.noun
}

func (r *residents) Configure(_ context.Context, request resource.ConfigureRequest, response *resource.ConfigureResponse) {
	r.configure(request.ProviderData, &response.Diagnostics)
}

func (r *residents) Create(ctx context.Context, request resource.CreateRequest, response *resource.CreateResponse) {
	plan, config := r.model(), r.model()
	response.Diagnostics.Append(request.Plan.Get(ctx, plan)...)
	response.Diagnostics.Append(request.Config.Get(ctx, config)...)
	wanted, ok := r.wanted(ctx, plan, config, &response.Diagnostics)
	if !ok {
		return
	}
	now, err := r.data.Environments.Create(ctx, wanted)
	if err != nil {
		complete := len(now.Containers) == wanted.Replicas && now.Status == wanted.Status
		switch {
		case complete && errors.Is(err, context.Canceled):
			// An error would taint what only has not been waited for.
			response.Diagnostics.AddWarning(sentence(r.noun+" "+wanted.ID()+" was interrupted while it came up"),
				"Its containers run, and nobody waited for their health check to pass. The next plan shows what they have become.")
		default:
			fail(&response.Diagnostics, failedAt(err), "Unable to create "+r.noun+" "+wanted.ID(), redact(err, wanted.Secrets))
		}
		if len(now.Containers) == 0 {
			return
		}
	}
	plan.read(ctx, now, &response.Diagnostics)
	response.Diagnostics.Append(response.State.Set(ctx, plan)...)
}

func (r *residents) Update(ctx context.Context, request resource.UpdateRequest, response *resource.UpdateResponse) {
	plan, config := r.model(), r.model()
	response.Diagnostics.Append(request.Plan.Get(ctx, plan)...)
	response.Diagnostics.Append(request.Config.Get(ctx, config)...)
	wanted, ok := r.wanted(ctx, plan, config, &response.Diagnostics)
	if !ok {
		return
	}
	now, err := r.data.Environments.Apply(ctx, wanted)
	if err != nil {
		fail(&response.Diagnostics, failedAt(err), "Unable to update "+r.noun+" "+wanted.ID(), redact(err, wanted.Secrets))
		if now.Namespace == "" {
			return // Not even what is there could be read: the state stays as it was.
		}
	}
	plan.read(ctx, now, &response.Diagnostics)
	response.Diagnostics.Append(response.State.Set(ctx, plan)...)
}

// wanted is what a plan asks for; false when something stands in the way.
func (r *residents) wanted(ctx context.Context, plan, config resident, diags *diag.Diagnostics) (environment.Wanted, bool) {
	if diags.HasError() || !r.ready(diags) {
		return environment.Wanted{}, false
	}
	wanted := plan.wanted(ctx, diags)
	if !diags.HasError() && wanted.Status != lifecycle.Absent {
		config.secrets(ctx, r.data, &wanted, diags)
	}
	return wanted, !diags.HasError()
}

// failedAt is the attribute that a failure is about.
func failedAt(err error) path.Path {
	var unhealthy *health.UnhealthyError
	if errors.As(err, &unhealthy) {
		return path.Root("health_check")
	}
	var exceeded *quota.ExceededError
	if errors.As(err, &exceeded) {
		return quotaPath(err)
	}
	var memory *environment.MemoryError
	if errors.As(err, &memory) {
		return path.Root("limits").AtName("memory")
	}
	if errors.Is(err, engine.ErrNoImage) {
		return path.Root("image")
	}
	return path.Empty()
}

func (r *residents) Read(ctx context.Context, request resource.ReadRequest, response *resource.ReadResponse) {
	state := r.model()
	response.Diagnostics.Append(request.State.Get(ctx, state)...)
	namespace, name := r.place(ctx, state, &response.Diagnostics)
	if response.Diagnostics.HasError() || !r.reachable() {
		return
	}
	found, err := r.data.Environments.Read(ctx, namespace, name)
	if errors.Is(err, engine.ErrNotFound) {
		// An environment without containers is still one, as long as its project is there: the status tells.
		found = environment.Environment{Spec: environment.Spec{Namespace: namespace, Name: name}, Status: lifecycle.Absent}
		_, err = r.data.Projects.Read(ctx, namespace)
		if errors.Is(err, engine.ErrNotFound) {
			response.State.RemoveResource(ctx)
			return
		}
	}
	if err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to read "+r.noun+" "+namespace+"/"+name, err)
		return
	}
	state.read(ctx, found, &response.Diagnostics)
	response.Diagnostics.Append(response.State.Set(ctx, state)...)
}

func (r *residents) Delete(ctx context.Context, request resource.DeleteRequest, response *resource.DeleteResponse) {
	state := r.model()
	response.Diagnostics.Append(request.State.Get(ctx, state)...)
	namespace, name := r.place(ctx, state, &response.Diagnostics)
	if response.Diagnostics.HasError() || !r.ready(&response.Diagnostics) {
		return
	}
	if err := r.data.Environments.Delete(ctx, namespace, name); err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to remove "+r.noun+" "+namespace+"/"+name, err)
		return
	}
}

func (r *residents) place(ctx context.Context, state resident, diags *diag.Diagnostics) (namespace, name string) {
	project, called := state.where()
	return projectOf(ctx, project, diags).Namespace.ValueString(), called.ValueString()
}

// planDestroy takes a resident out of what this run asks for.
func (r *residents) planDestroy(ctx context.Context, request resource.ModifyPlanRequest, response *resource.ModifyPlanResponse) {
	state := r.model()
	response.Diagnostics.Append(request.State.Get(ctx, state)...)
	namespace, name := r.place(ctx, state, &response.Diagnostics)
	if r.data != nil && !response.Diagnostics.HasError() {
		r.data.demands.set(namespace, quota.Demand{Environment: namespace + "/" + name}, false)
	}
}

func (r *residents) ImportState(ctx context.Context, request resource.ImportStateRequest, response *resource.ImportStateResponse) {
	namespace, name, ok := naming.SplitID(request.ID)
	if !ok {
		response.Diagnostics.AddError("Invalid import id", fmt.Sprintf("%q is not NAMESPACE/NAME. Import it as in: terraform import isolab_%s.this shop/main.", request.ID, r.noun))
		return
	}
	if !r.ready(&response.Diagnostics) {
		return
	}
	project, err := r.data.Projects.Read(ctx, namespace)
	if err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to import "+r.noun+" "+request.ID, err)
		return
	}
	found, err := r.data.Environments.Read(ctx, namespace, name)
	if err == nil && !slices.Contains(r.kinds, found.Kind) {
		err = fmt.Errorf("it is of kind %s: %w", found.Kind, errOtherKind)
	}
	if err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to import "+r.noun+" "+request.ID, err)
		return
	}
	ref, d := types.ObjectValueFrom(ctx, projectReferenceTypes, referenceTo(project))
	response.Diagnostics.Append(d...)
	imported := r.model()
	imported.imported(ctx, found, ref, r.data.ownLabels(found.Labels), &response.Diagnostics)
	response.Diagnostics.Append(response.State.Set(ctx, imported)...)
}

// errOtherKind means that what is to be imported belongs to another type of resource.
var errOtherKind = errors.New("environments, agents and databases are imported into resources of their own types")

// gone reports that the engine answered and does not hold what was asked for.
func gone(err error) bool { return errors.Is(err, engine.ErrNotFound) }
