package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// kind is what a resource type brings by itself.
type kind interface {
	resource.ResourceWithConfigure
	resource.ResourceWithImportState
	resource.ResourceWithModifyPlan
}

// managed is a resource type as Terraform sees it: every one has timeouts, and an identity made of the parts of its id.
type managed struct {
	kind
	parts []string // what the parts of the id, between slashes, are called
}

var _ resource.ResourceWithIdentity = managed{}

// manage makes a factory of resources whose id has parts.
func manage(factory func() kind, parts ...string) func() resource.Resource {
	return func() resource.Resource { return managed{factory(), parts} }
}

// allowed is how long each operation may take unless the configuration says otherwise.
var allowed = struct{ create, read, update, remove time.Duration }{20 * time.Minute, 5 * time.Minute, 20 * time.Minute, 10 * time.Minute}

// timeoutTypes are the attributes of timeouts.
var timeoutTypes = map[string]attr.Type{
	"create": types.StringType, "read": types.StringType, "update": types.StringType, "delete": types.StringType,
}

// noTimeouts are those of a resource that was imported.
var noTimeouts = timeouts.Value{Object: types.ObjectNull(timeoutTypes)}

func (m managed) Schema(ctx context.Context, request resource.SchemaRequest, response *resource.SchemaResponse) {
	m.kind.Schema(ctx, request, response)
	bounded, ok := timeouts.Attributes(ctx, timeouts.Opts{
		Create: true, Read: true, Update: true, Delete: true,
		CreateDescription: "How long a creation may take. Default `20m`.",
		ReadDescription:   "How long a refresh may take. Default `5m`.",
		UpdateDescription: "How long an update may take, with all waiting for health checks. Default `20m`.",
		DeleteDescription: "How long a destruction may take. Default `10m`.",
	}).(schema.SingleNestedAttribute)
	if !ok {
		response.Diagnostics.AddError("Unexpected kind of attribute", "The timeouts are not a nested attribute. This is a bug in the provider: please report it.")
		return
	}
	for name, attribute := range bounded.Attributes {
		if text, ok := attribute.(schema.StringAttribute); ok {
			text.MarkdownDescription = text.Description
			text.Validators = []validator.String{validDuration} // no time at all is no time to do anything in
			bounded.Attributes[name] = text
		}
	}
	bounded.MarkdownDescription = "How long operations may take, such as `{ create = \"5m\" }`, in units of `s`, `m` and `h`. What has been made by then stays, and the next apply goes on from there."
	response.Schema.Attributes["timeouts"] = bounded
}

func (m managed) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, response *resource.IdentitySchemaResponse) {
	attributes := map[string]identityschema.Attribute{}
	for _, part := range m.parts {
		attributes[part] = identityschema.StringAttribute{RequiredForImport: true, Description: "The part of the id that is called " + part + "."}
	}
	response.IdentitySchema = identityschema.Schema{Attributes: attributes}
}

func (m managed) Create(ctx context.Context, request resource.CreateRequest, response *resource.CreateResponse) {
	limit := limitOf(ctx, request.Plan, timeouts.Value.Create, allowed.create, &response.Diagnostics)
	within(ctx, "create", limit, &response.Diagnostics, func(ctx context.Context) { m.kind.Create(ctx, request, response) })
	m.identify(ctx, response.State, response.Identity, &response.Diagnostics)
}

func (m managed) Read(ctx context.Context, request resource.ReadRequest, response *resource.ReadResponse) {
	limit := limitOf(ctx, request.State, timeouts.Value.Read, allowed.read, &response.Diagnostics)
	m.identify(ctx, request.State, response.Identity, &response.Diagnostics) // also of what turns out to be gone
	within(ctx, "read", limit, &response.Diagnostics, func(ctx context.Context) { m.kind.Read(ctx, request, response) })
	m.identify(ctx, response.State, response.Identity, &response.Diagnostics)
}

func (m managed) Update(ctx context.Context, request resource.UpdateRequest, response *resource.UpdateResponse) {
	limit := limitOf(ctx, request.Plan, timeouts.Value.Update, allowed.update, &response.Diagnostics)
	within(ctx, "update", limit, &response.Diagnostics, func(ctx context.Context) { m.kind.Update(ctx, request, response) })
	m.identify(ctx, response.State, response.Identity, &response.Diagnostics)
}

func (m managed) Delete(ctx context.Context, request resource.DeleteRequest, response *resource.DeleteResponse) {
	limit := limitOf(ctx, request.State, timeouts.Value.Delete, allowed.remove, &response.Diagnostics)
	within(ctx, "delete", limit, &response.Diagnostics, func(ctx context.Context) { m.kind.Delete(ctx, request, response) })
}

// ImportState takes an identity for the id that it stands for.
func (m managed) ImportState(ctx context.Context, request resource.ImportStateRequest, response *resource.ImportStateResponse) {
	if request.ID == "" && request.Identity != nil {
		values := make([]string, len(m.parts))
		for i, part := range m.parts {
			response.Diagnostics.Append(request.Identity.GetAttribute(ctx, path.Root(part), &values[i])...)
		}
		request.ID = strings.Join(values, "/")
	}
	if response.Diagnostics.HasError() {
		return
	}
	m.kind.ImportState(ctx, request, response)
	m.identify(ctx, response.State, response.Identity, &response.Diagnostics)
}

// identify takes the identity out of the id.
func (m managed) identify(ctx context.Context, state tfsdk.State, identity *tfsdk.ResourceIdentity, diags *diag.Diagnostics) {
	if identity == nil || state.Raw.IsNull() {
		return
	}
	var id types.String
	diags.Append(state.GetAttribute(ctx, path.Root("id"), &id)...)
	values := strings.Split(id.ValueString(), "/")
	if len(values) != len(m.parts) {
		return // nothing was made whose id could be known
	}
	for i, part := range m.parts {
		diags.Append(identity.SetAttribute(ctx, path.Root(part), values[i])...)
	}
}

// attributes is a plan or a state.
type attributes interface {
	GetAttribute(ctx context.Context, at path.Path, target any) diag.Diagnostics
}

// limitOf reads one of the timeouts.
func limitOf(ctx context.Context, from attributes, read func(timeouts.Value, context.Context, time.Duration) (time.Duration, diag.Diagnostics), otherwise time.Duration, diags *diag.Diagnostics) time.Duration {
	var configured timeouts.Value
	diags.Append(from.GetAttribute(ctx, path.Root("timeouts"), &configured)...)
	if configured.IsNull() || configured.IsUnknown() {
		return otherwise
	}
	limit, d := read(configured, ctx, otherwise)
	diags.Append(d...)
	return limit
}

// within does work that may take no longer than limit, and says so where it failed because it did.
func within(ctx context.Context, operation string, limit time.Duration, diags *diag.Diagnostics, work func(ctx context.Context)) {
	if diags.HasError() {
		return
	}
	over := fmt.Errorf("timeouts.%s = %q is over", operation, limit)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, over)
	defer cancel()
	work(ctx)
	if diags.HasError() && errors.Is(context.Cause(ctx), over) {
		diags.AddAttributeError(path.Root("timeouts").AtName(operation), "The operation took too long",
			fmt.Sprintf("It was given %s. What has been made by then is kept, and the next apply goes on from there. If it only needs more time, raise timeouts.%s.", limit, operation))
	}
}
