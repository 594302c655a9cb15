package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/gateway"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

type gatewayResource struct{ configured }

func newGatewayResource() kind { return &gatewayResource{} }

func (r *gatewayResource) Metadata(_ context.Context, request resource.MetadataRequest, response *resource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_gateway"
}

func (r *gatewayResource) Configure(_ context.Context, request resource.ConfigureRequest, response *resource.ConfigureResponse) {
	r.configure(request.ProviderData, &response.Diagnostics)
}

func (r *gatewayResource) Create(ctx context.Context, request resource.CreateRequest, response *resource.CreateResponse) {
	var plan, config gatewayModel
	response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...)
	response.Diagnostics.Append(request.Config.Get(ctx, &config)...)
	if r.apply(ctx, &plan, config, "create", &response.Diagnostics) {
		response.Diagnostics.Append(response.State.Set(ctx, plan)...)
	}
}

func (r *gatewayResource) Update(ctx context.Context, request resource.UpdateRequest, response *resource.UpdateResponse) {
	var plan, config gatewayModel
	response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...)
	response.Diagnostics.Append(request.Config.Get(ctx, &config)...)
	if r.apply(ctx, &plan, config, "update", &response.Diagnostics) {
		response.Diagnostics.Append(response.State.Set(ctx, plan)...)
	}
}

// apply brings the gateway to the plan and reads it back into it; false when there is nothing to write to the state.
func (r *gatewayResource) apply(ctx context.Context, plan *gatewayModel, config gatewayModel, verb string, diags *diag.Diagnostics) bool {
	if diags.HasError() || !r.ready(diags) {
		return false
	}
	name := plan.Name.ValueString()
	now, err := r.data.Gateways.Apply(ctx, plan.wanted(ctx, config, diags))
	if err != nil {
		at := path.Empty()
		switch {
		case errors.Is(err, gateway.ErrPortTaken):
			at = path.Root("http_port")
		case errors.Is(err, engine.ErrNoImage):
			at = path.Root("image")
		case errors.Is(err, gateway.ErrTrustsProjects):
			at = path.Root("trusted_proxies")
		case errors.Is(err, gateway.ErrKeyPair):
			at = path.Root("tls").AtName("private_key_wo")
		}
		fail(diags, at, "Unable to "+verb+" gateway "+name, err)
		if now.Spec.Name == "" {
			return false
		}
	}
	plan.read(now)
	return true
}

func (r *gatewayResource) Read(ctx context.Context, request resource.ReadRequest, response *resource.ReadResponse) {
	var state gatewayModel
	response.Diagnostics.Append(request.State.Get(ctx, &state)...)
	if response.Diagnostics.HasError() || !r.reachable() {
		return
	}
	found, err := r.data.Gateways.Read(ctx, state.Name.ValueString())
	switch {
	case errors.Is(err, engine.ErrNotFound):
		response.State.RemoveResource(ctx)
		return
	case err != nil:
		fail(&response.Diagnostics, path.Empty(), "Unable to read gateway "+state.Name.ValueString(), err)
		return
	}
	state.read(found)
	response.Diagnostics.Append(response.State.Set(ctx, state)...)
}

func (r *gatewayResource) Delete(ctx context.Context, request resource.DeleteRequest, response *resource.DeleteResponse) {
	var state gatewayModel
	response.Diagnostics.Append(request.State.Get(ctx, &state)...)
	if response.Diagnostics.HasError() || !r.ready(&response.Diagnostics) {
		return
	}
	if err := r.data.Gateways.Delete(ctx, state.Name.ValueString()); err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to remove gateway "+state.Name.ValueString(), err)
	}
}

func (r *gatewayResource) ImportState(ctx context.Context, request resource.ImportStateRequest, response *resource.ImportStateResponse) {
	if !naming.Valid(request.ID) {
		response.Diagnostics.AddError("Invalid import id", fmt.Sprintf("%q is not a name. Import a gateway by its name: terraform import isolab_gateway.edge edge.", request.ID))
		return
	}
	if !r.ready(&response.Diagnostics) {
		return
	}
	found, err := r.data.Gateways.Read(ctx, request.ID)
	if err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to import gateway "+request.ID, err)
		return
	}
	response.Diagnostics.Append(response.State.Set(ctx, importedGateway(found, r.data.ownLabels(found.Spec.Labels)))...)
}
