package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/gateway"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

type routeResource struct{ configured }

func newRouteResource() kind { return &routeResource{} }

func (r *routeResource) Metadata(_ context.Context, request resource.MetadataRequest, response *resource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_route"
}

func (r *routeResource) Configure(_ context.Context, request resource.ConfigureRequest, response *resource.ConfigureResponse) {
	r.configure(request.ProviderData, &response.Diagnostics)
}

func (r *routeResource) Create(ctx context.Context, request resource.CreateRequest, response *resource.CreateResponse) {
	var plan, config routeModel
	response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...)
	response.Diagnostics.Append(request.Config.Get(ctx, &config)...)
	if r.set(ctx, &plan, config, "create", &response.Diagnostics) {
		response.Diagnostics.Append(response.State.Set(ctx, plan)...)
	}
}

func (r *routeResource) Update(ctx context.Context, request resource.UpdateRequest, response *resource.UpdateResponse) {
	var plan, config routeModel
	response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...)
	response.Diagnostics.Append(request.Config.Get(ctx, &config)...)
	if r.set(ctx, &plan, config, "update", &response.Diagnostics) {
		response.Diagnostics.Append(response.State.Set(ctx, plan)...)
	}
}

func (r *routeResource) set(ctx context.Context, plan *routeModel, config routeModel, verb string, diags *diag.Diagnostics) bool {
	if diags.HasError() || !r.ready(diags) {
		return false
	}
	wanted := plan.wanted(ctx, config, diags)
	if diags.HasError() {
		return false
	}
	made, err := r.data.Gateways.SetRoute(ctx, plan.Gateway.ValueString(), wanted)
	if err != nil {
		at := path.Empty()
		switch {
		case errors.Is(err, gateway.ErrAbsent):
			at = path.Root("gateway")
		case errors.Is(err, gateway.ErrPathTaken):
			at = path.Root("path")
		case errors.Is(err, gateway.ErrHostNotGranted):
			at = path.Root("host")
		case errors.Is(err, gateway.ErrNoPassword):
			at = path.Root("basic_auth").AtName("password_wo")
		}
		fail(diags, at, fmt.Sprintf("Unable to %s route %s/%s on gateway %s", verb, wanted.Namespace, wanted.Name, plan.Gateway.ValueString()), err)
		return false
	}
	if len(made.Upstreams) == 0 && !made.Maintenance && made.Phase.AtLeast(lifecycle.Development) {
		diags.AddAttributeWarning(path.Root("environment"), "The route leads nowhere yet",
			fmt.Sprintf("The engine holds no container of environment %s/%s, so route %s answers 503 until it does. If the name is right and its phase is still to come, nothing has to be done.",
				made.Namespace, made.Environment, plan.ID.ValueString()))
	}
	plan.read(made, nil)
	return true
}

func (r *routeResource) Read(ctx context.Context, request resource.ReadRequest, response *resource.ReadResponse) {
	var state routeModel
	response.Diagnostics.Append(request.State.Get(ctx, &state)...)
	project := projectOf(ctx, state.Project, &response.Diagnostics)
	if response.Diagnostics.HasError() || !r.reachable() {
		return
	}
	found, drift, err := r.data.Gateways.Route(ctx, state.Gateway.ValueString(), project.Namespace.ValueString(), state.Name.ValueString())
	switch {
	case errors.Is(err, engine.ErrNotFound):
		response.State.RemoveResource(ctx)
		return
	case err != nil:
		fail(&response.Diagnostics, path.Empty(), "Unable to read route "+state.ID.ValueString(), err)
		return
	}
	state.read(found, drift)
	response.Diagnostics.Append(response.State.Set(ctx, state)...)
}

func (r *routeResource) Delete(ctx context.Context, request resource.DeleteRequest, response *resource.DeleteResponse) {
	var state routeModel
	response.Diagnostics.Append(request.State.Get(ctx, &state)...)
	project := projectOf(ctx, state.Project, &response.Diagnostics)
	if response.Diagnostics.HasError() || !r.ready(&response.Diagnostics) {
		return
	}
	if err := r.data.Gateways.RemoveRoute(ctx, state.Gateway.ValueString(), project.Namespace.ValueString(), state.Name.ValueString()); err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to remove route "+state.ID.ValueString(), err)
	}
}

func (r *routeResource) ImportState(ctx context.Context, request resource.ImportStateRequest, response *resource.ImportStateResponse) {
	on, rest, _ := strings.Cut(request.ID, "/")
	namespace, name, ok := naming.SplitID(rest)
	if !ok || !naming.Valid(on) {
		response.Diagnostics.AddError("Invalid import id", fmt.Sprintf("%q is not GATEWAY/NAMESPACE/NAME. Import a route as in: terraform import isolab_route.dev edge/shop/development.", request.ID))
		return
	}
	if !r.ready(&response.Diagnostics) {
		return
	}
	project, err := r.data.Projects.Read(ctx, namespace)
	if err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to import route "+request.ID, err)
		return
	}
	found, drift, err := r.data.Gateways.Route(ctx, on, namespace, name)
	if err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to import route "+request.ID, err)
		return
	}
	ref, d := types.ObjectValueFrom(ctx, projectReferenceTypes, referenceTo(project))
	response.Diagnostics.Append(d...)
	imported := routeModel{Gateway: types.StringValue(on), Project: ref, Timeouts: noTimeouts}
	imported.read(found, drift)
	response.Diagnostics.Append(response.State.Set(ctx, imported)...)
}
