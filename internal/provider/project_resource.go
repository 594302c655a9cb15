package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/project"
)

type projectResource struct{ configured }

func newProjectResource() kind { return &projectResource{} }

func (r *projectResource) Metadata(_ context.Context, request resource.MetadataRequest, response *resource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_project"
}

func (r *projectResource) Configure(_ context.Context, request resource.ConfigureRequest, response *resource.ConfigureResponse) {
	r.configure(request.ProviderData, &response.Diagnostics)
}

func (r *projectResource) Create(ctx context.Context, request resource.CreateRequest, response *resource.CreateResponse) {
	var plan projectModel
	response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...)
	if response.Diagnostics.HasError() || !r.ready(&response.Diagnostics) {
		return
	}
	wanted := plan.wanted(ctx, &response.Diagnostics)
	wanted.Creator = creator()
	if wanted.Namespace == "" {
		wanted.Namespace = naming.Unique(plan.NamePrefix.ValueString())
	}
	made, err := r.data.Projects.Create(ctx, wanted)
	if err != nil {
		at := path.Empty()
		if errors.Is(err, project.ErrNotOffered) {
			at = path.Root("services")
		}
		fail(&response.Diagnostics, at, "Unable to create project "+wanted.Namespace, err)
		// Nothing of ours is on the engine before the record is.
		if made.Revision == 0 {
			return
		}
	}
	plan.read(made)
	response.Diagnostics.Append(response.State.Set(ctx, plan)...)
}

func (r *projectResource) Read(ctx context.Context, request resource.ReadRequest, response *resource.ReadResponse) {
	var state projectModel
	response.Diagnostics.Append(request.State.Get(ctx, &state)...)
	if response.Diagnostics.HasError() || !r.reachable() {
		return
	}
	found, err := r.data.Projects.Read(ctx, state.ID.ValueString())
	switch {
	case errors.Is(err, engine.ErrNotFound):
		response.State.RemoveResource(ctx)
		return
	case err != nil:
		fail(&response.Diagnostics, path.Empty(), "Unable to read project "+state.ID.ValueString(), err)
		return
	}
	state.read(found)
	response.Diagnostics.Append(response.State.Set(ctx, state)...)
}

func (r *projectResource) Update(ctx context.Context, request resource.UpdateRequest, response *resource.UpdateResponse) {
	var plan, state projectModel
	response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...)
	response.Diagnostics.Append(request.State.Get(ctx, &state)...)
	if response.Diagnostics.HasError() || !r.ready(&response.Diagnostics) {
		return
	}
	updated, err := r.data.Projects.Update(ctx, int(state.Revision.ValueInt64()), plan.wanted(ctx, &response.Diagnostics))
	if err != nil {
		at := path.Empty()
		if !plan.Phase.Equal(state.Phase) {
			at = path.Root("phase")
		}
		if errors.Is(err, project.ErrNotOffered) {
			at = path.Root("services")
		}
		fail(&response.Diagnostics, at, "Unable to update project "+state.ID.ValueString(), err)
		return
	}
	plan.read(updated)
	response.Diagnostics.Append(response.State.Set(ctx, plan)...)
}

func (r *projectResource) Delete(ctx context.Context, request resource.DeleteRequest, response *resource.DeleteResponse) {
	var state projectModel
	response.Diagnostics.Append(request.State.Get(ctx, &state)...)
	if response.Diagnostics.HasError() || !r.ready(&response.Diagnostics) {
		return
	}
	namespace := state.ID.ValueString()
	retained, err := r.data.Projects.Delete(ctx, namespace, project.DataPolicy(state.DataPolicy.ValueString()))
	if err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to remove project "+namespace, err)
		return
	}
	if len(retained) > 0 {
		response.Diagnostics.AddWarning("Data of project "+namespace+" was retained",
			fmt.Sprintf("Its data_policy is \"retain\", so these volumes stay on the engine: %v. A project of the same namespace finds them again; docker volume rm removes them for good.", retained))
	}
}

func (r *projectResource) ImportState(ctx context.Context, request resource.ImportStateRequest, response *resource.ImportStateResponse) {
	if !naming.Valid(request.ID) {
		response.Diagnostics.AddError("Invalid import id", fmt.Sprintf("%q is not a namespace. Import a project by its namespace: terraform import isolab_project.shop shop.", request.ID))
		return
	}
	if !r.ready(&response.Diagnostics) {
		return
	}
	found, err := r.data.Projects.Read(ctx, request.ID)
	if err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to import project "+request.ID, err)
		return
	}
	response.Diagnostics.Append(response.State.Set(ctx, importedProject(found, r.data.ownLabels(found.Labels)))...)
}
