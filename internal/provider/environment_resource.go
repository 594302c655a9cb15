package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/environment"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/quota"
)

type environmentResource struct{ configured }

func newEnvironmentResource() kind { return &environmentResource{} }

func (r *environmentResource) Metadata(_ context.Context, request resource.MetadataRequest, response *resource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_environment"
}

func (r *environmentResource) Configure(_ context.Context, request resource.ConfigureRequest, response *resource.ConfigureResponse) {
	r.configure(request.ProviderData, &response.Diagnostics)
}

func (r *environmentResource) Create(ctx context.Context, request resource.CreateRequest, response *resource.CreateResponse) {
	var plan environmentModel
	response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...)
	wanted, ok := r.wanted(ctx, plan, &response.Diagnostics)
	if !ok {
		return
	}
	now, err := r.data.Environments.Create(ctx, wanted)
	if err != nil {
		complete := len(now.Containers) == wanted.Replicas && now.Status == wanted.Status
		switch {
		case complete && errors.Is(err, context.Canceled):
			// An error would taint what only has not been waited for.
			response.Diagnostics.AddWarning("Environment "+wanted.ID()+" was interrupted while it came up",
				"Its containers run, and nobody waited for their health check to pass. The next plan shows what they have become.")
		default:
			fail(&response.Diagnostics, failedAt(err), "Unable to create environment "+wanted.ID(), err)
		}
		if len(now.Containers) == 0 {
			return
		}
	}
	plan.read(ctx, now, &response.Diagnostics)
	response.Diagnostics.Append(response.State.Set(ctx, plan)...)
}

func (r *environmentResource) Update(ctx context.Context, request resource.UpdateRequest, response *resource.UpdateResponse) {
	var plan environmentModel
	response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...)
	wanted, ok := r.wanted(ctx, plan, &response.Diagnostics)
	if !ok {
		return
	}
	now, err := r.data.Environments.Apply(ctx, wanted)
	if err != nil {
		fail(&response.Diagnostics, failedAt(err), "Unable to update environment "+wanted.ID(), err)
		if now.Namespace == "" {
			return // Not even what is there could be read: the state stays as it was.
		}
	}
	plan.read(ctx, now, &response.Diagnostics)
	response.Diagnostics.Append(response.State.Set(ctx, plan)...)
}

// wanted is what a plan asks for; false when something stands in the way.
func (r *environmentResource) wanted(ctx context.Context, plan environmentModel, diags *diag.Diagnostics) (environment.Wanted, bool) {
	if diags.HasError() || !r.ready(diags) {
		return environment.Wanted{}, false
	}
	wanted := plan.wanted(ctx, diags)
	return wanted, !diags.HasError()
}

// failedAt is the attribute that a failure is about.
func failedAt(err error) path.Path {
	var unhealthy *environment.UnhealthyError
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

func (r *environmentResource) Read(ctx context.Context, request resource.ReadRequest, response *resource.ReadResponse) {
	var state environmentModel
	response.Diagnostics.Append(request.State.Get(ctx, &state)...)
	project := projectOf(ctx, state.Project, &response.Diagnostics)
	if response.Diagnostics.HasError() || !r.reachable() {
		return
	}
	found, err := r.data.Environments.Read(ctx, project.Namespace.ValueString(), state.Name.ValueString())
	if errors.Is(err, engine.ErrNotFound) {
		// An environment without containers is still one, as long as its project is there: the status tells.
		found = environment.Environment{
			Spec:   environment.Spec{Namespace: project.Namespace.ValueString(), Name: state.Name.ValueString()},
			Status: lifecycle.Absent,
		}
		_, err = r.data.Projects.Read(ctx, project.Namespace.ValueString())
		if errors.Is(err, engine.ErrNotFound) {
			response.State.RemoveResource(ctx)
			return
		}
	}
	if err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to read environment "+state.ID.ValueString(), err)
		return
	}
	state.read(ctx, found, &response.Diagnostics)
	response.Diagnostics.Append(response.State.Set(ctx, state)...)
}

func (r *environmentResource) Delete(ctx context.Context, request resource.DeleteRequest, response *resource.DeleteResponse) {
	var state environmentModel
	response.Diagnostics.Append(request.State.Get(ctx, &state)...)
	project := projectOf(ctx, state.Project, &response.Diagnostics)
	if response.Diagnostics.HasError() || !r.ready(&response.Diagnostics) {
		return
	}
	namespace, name := project.Namespace.ValueString(), state.Name.ValueString()
	if err := r.data.Environments.Delete(ctx, namespace, name); err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to remove environment "+state.ID.ValueString(), err)
		return
	}
}

func (r *environmentResource) ImportState(ctx context.Context, request resource.ImportStateRequest, response *resource.ImportStateResponse) {
	namespace, name, ok := naming.SplitID(request.ID)
	if !ok {
		response.Diagnostics.AddError("Invalid import id", fmt.Sprintf("%q is not NAMESPACE/NAME. Import an environment as in: terraform import isolab_environment.dev shop/dev.", request.ID))
		return
	}
	if !r.ready(&response.Diagnostics) {
		return
	}
	project, err := r.data.Projects.Read(ctx, namespace)
	if err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to import environment "+request.ID, err)
		return
	}
	found, err := r.data.Environments.Read(ctx, namespace, name)
	if err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to import environment "+request.ID, err)
		return
	}
	imported := importedEnvironment(ctx, found, referenceTo(project), r.data.ownLabels(found.Labels), &response.Diagnostics)
	response.Diagnostics.Append(response.State.Set(ctx, imported)...)
}

// importedEnvironment completes what the engine knows with the defaults of what it does not.
func importedEnvironment(ctx context.Context, found environment.Environment, project projectReference, own types.Map, diags *diag.Diagnostics) environmentModel {
	ref, d := types.ObjectValueFrom(ctx, projectReferenceTypes, project)
	diags.Append(d...)
	model := environmentModel{
		Project: ref, Labels: own, PullPolicy: types.StringValue(string(engine.PullMissing)),
		Hibernation: types.StringValue(string(lifecycle.Stop)), ActivePhases: types.SetNull(types.StringType), Timeouts: noTimeouts,
	}
	if found.Status == lifecycle.Frozen {
		model.Hibernation = types.StringValue(string(lifecycle.Freeze))
	}
	model.fillRest(ctx, environmentModel{}, diags)
	model.read(ctx, found, diags)
	return model
}
