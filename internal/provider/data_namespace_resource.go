package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/isolab/terraform-provider-isolab/internal/datanamespace"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/project"
)

type dataNamespaceResource struct{ configured }

func newDataNamespaceResource() kind { return &dataNamespaceResource{} }

type dataNamespaceModel struct {
	ID               types.String         `tfsdk:"id"`
	Project          types.Object         `tfsdk:"project"`
	Name             types.String         `tfsdk:"name"`
	Service          types.String         `tfsdk:"service"`
	Vector           types.Object         `tfsdk:"vector"`
	ConnectionLimit  types.Int64          `tfsdk:"connection_limit"`
	StatementTimeout timetypes.GoDuration `tfsdk:"statement_timeout"`
	PasswordVersion  types.Int64          `tfsdk:"password_version"`
	Status           types.String         `tfsdk:"status"`
	Username         types.String         `tfsdk:"username"`
	Database         types.String         `tfsdk:"database"`
	KeyPrefix        types.String         `tfsdk:"key_prefix"`
	Drift            types.List           `tfsdk:"drift"`
	Timeouts         timeouts.Value       `tfsdk:"timeouts"`
}

var vectorTypes = map[string]attr.Type{"dimensions": types.Int64Type, "distance": types.StringType}

type vectorModel struct {
	Dimensions types.Int64  `tfsdk:"dimensions"`
	Distance   types.String `tfsdk:"distance"`
}

// The statuses of a data namespace.
const (
	dataActive = "active"
	dataLocked = "locked"
	dataAbsent = "absent"
)

func (r *dataNamespaceResource) Metadata(_ context.Context, request resource.MetadataRequest, response *resource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_data_namespace"
}

func (r *dataNamespaceResource) Configure(_ context.Context, request resource.ConfigureRequest, response *resource.ConfigureResponse) {
	r.configure(request.ProviderData, &response.Diagnostics)
}

func (r *dataNamespaceResource) Schema(_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	response.Schema = schema.Schema{
		MarkdownDescription: "Data of a project in a shared PostgreSQL or Redis: an account that reaches nothing else. In PostgreSQL it has a database of its own, in Redis the keys and channels that begin with the project's namespace and a colon. " +
			"The project has to list the service in its `services`. Containers get at it by `bindings`. It is there from `development` on; entering `failed`, and its destruction, keep or remove the data by the project's `data_policy`.",
		Attributes: map[string]schema.Attribute{
			"id":      schema.StringAttribute{Computed: true, MarkdownDescription: "`<namespace>/<name>`, such as `shop/postgres`, for `bindings`."},
			"project": projectReferenceAttribute(),
			"name": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Name within the project, which no environment, agent or database has." + nameRule + " Default: `data`. Changing it forces a new one, with data of its own.",
				Default:             stringdefault.StaticString("data"),
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
				Validators:          []validator.String{validName{}},
			},
			"service": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of a shared service made from one of the presets " + listed(datanamespace.Presets()) + ", such as `isolab_shared_service.postgres.name`. Changing it forces a new data namespace, with data of its own.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
				Validators:          []validator.String{validName{}},
			},
			"vector": schema.SingleNestedAttribute{
				Optional: true,
				MarkdownDescription: "In PostgreSQL with pgvector: a table `chunks` (`id`, `document`, `content`, `metadata`, `embedding`) with an HNSW index of its embeddings, for semantic search in the project's own data. " +
					"Once made it is the project's: what it holds is not changed by a change of this. Default none.",
				Attributes: map[string]schema.Attribute{
					"dimensions": schema.Int64Attribute{
						Required: true, MarkdownDescription: "Dimensions of the embeddings, from 1 to 2000, such as `384`.",
						Validators: []validator.Int64{int64validator.Between(1, 2000)},
					},
					"distance": schema.StringAttribute{
						Optional: true, Computed: true, Default: stringdefault.StaticString("cosine"),
						MarkdownDescription: "How nearness is measured: " + listed(datanamespace.Distances()) + ". Default `cosine`.",
						Validators:          []validator.String{stringvalidator.OneOf(datanamespace.Distances()...)},
					},
				},
			},
			"connection_limit": schema.Int64Attribute{
				Optional: true, Computed: true, Default: int64default.StaticInt64(20),
				MarkdownDescription: "Connections at a time, in PostgreSQL. Default 20.",
				Validators:          []validator.Int64{int64validator.Between(1, 1000)},
			},
			"statement_timeout": schema.StringAttribute{
				Optional: true, Computed: true, CustomType: timetypes.GoDurationType{}, Default: stringdefault.StaticString("1m0s"),
				MarkdownDescription: "Time after which PostgreSQL ends a statement, unless a session asks for another. Default `\"1m\"`.",
				Validators:          []validator.String{validDuration},
			},
			"password_version": schema.Int64Attribute{
				Optional: true, Computed: true, Default: int64default.StaticInt64(1),
				MarkdownDescription: "Version of the password, from 1, which is derived from the project's key and stands in no plan and no state. Changing it changes the password at once and, in the same apply, replaces what has it in its `bindings`. Default 1.",
				Validators:          []validator.Int64{int64validator.AtLeast(1)},
			},
			"status":     schema.StringAttribute{Computed: true, MarkdownDescription: "`active`, `locked` while the project has entered `failed` and its data is kept, or `absent`."},
			"username":   schema.StringAttribute{Computed: true, MarkdownDescription: "The account: a random name, so that a listing of accounts tells nothing about projects."},
			"database":   schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the database in PostgreSQL; null in Redis."},
			"key_prefix": schema.StringAttribute{Computed: true, MarkdownDescription: "How every key and channel in Redis begins, such as `shop:`."},
			"drift":      driftAttribute(),
		},
	}
}

// ModifyPlan decides what the phase makes of the data, and tells those who bind to it which password it is going to have.
func (r *dataNamespaceResource) ModifyPlan(ctx context.Context, request resource.ModifyPlanRequest, response *resource.ModifyPlanResponse) {
	if request.Plan.Raw.IsNull() {
		return
	}
	var plan dataNamespaceModel
	diags := &response.Diagnostics
	diags.Append(request.Plan.Get(ctx, &plan)...)
	if diags.HasError() {
		return
	}
	known := projectOf(ctx, plan.Project, diags)
	plan.ID, plan.Drift = types.StringUnknown(), stringListValue(nil)
	plan.Status, plan.Username, plan.Database, plan.KeyPrefix = types.StringUnknown(), types.StringUnknown(), types.StringUnknown(), types.StringUnknown()
	if !known.Namespace.IsUnknown() {
		plan.KeyPrefix = types.StringValue(datanamespace.Prefix(known.Namespace.ValueString()))
		if !plan.Name.IsUnknown() {
			plan.ID = types.StringValue(known.Namespace.ValueString() + "/" + plan.Name.ValueString())
		}
	}
	active := (lifecycle.Life{Kind: lifecycle.KindDatabase}).Status(known.phase()) != lifecycle.Absent
	if !known.Phase.IsUnknown() && active {
		plan.Status = types.StringValue(dataActive)
	}
	if !request.State.Raw.IsNull() {
		var state dataNamespaceModel
		diags.Append(request.State.Get(ctx, &state)...)
		if state.Status.ValueString() != dataAbsent && active {
			plan.Username, plan.Database = state.Username, state.Database
		}
		if !known.Phase.IsUnknown() && !active && state.Status.ValueString() != dataActive {
			plan.Status, plan.Username, plan.Database = state.Status, state.Username, state.Database
		}
	}
	if r.data != nil && !plan.ID.IsUnknown() && !known.Phase.IsUnknown() && !plan.PasswordVersion.IsUnknown() {
		version := plan.PasswordVersion.ValueInt64()
		if !active {
			version = 0
		}
		r.data.versions.set(plan.ID.ValueString(), version)
	}
	diags.Append(response.Plan.Set(ctx, plan)...)
}

func (r *dataNamespaceResource) Create(ctx context.Context, request resource.CreateRequest, response *resource.CreateResponse) {
	var plan dataNamespaceModel
	response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...)
	if r.apply(ctx, &plan, "create", &response.Diagnostics) {
		response.Diagnostics.Append(response.State.Set(ctx, plan)...)
	}
}

func (r *dataNamespaceResource) Update(ctx context.Context, request resource.UpdateRequest, response *resource.UpdateResponse) {
	var plan dataNamespaceModel
	response.Diagnostics.Append(request.Plan.Get(ctx, &plan)...)
	if r.apply(ctx, &plan, "update", &response.Diagnostics) {
		response.Diagnostics.Append(response.State.Set(ctx, plan)...)
	}
}

// apply brings the data namespace to the plan; false when there is nothing to write to the state.
func (r *dataNamespaceResource) apply(ctx context.Context, plan *dataNamespaceModel, verb string, diags *diag.Diagnostics) bool {
	if diags.HasError() || !r.ready(diags) {
		return false
	}
	wanted := plan.wanted(ctx, diags)
	fate, err := r.fate(ctx, plan, diags)
	if diags.HasError() {
		return false
	}
	var now datanamespace.Namespace
	if err == nil {
		now, err = r.data.Namespaces.Apply(ctx, wanted, fate)
	}
	if fate != datanamespace.Use && gone(err) {
		plan.absent()
		return true
	}
	if err != nil {
		at := path.Empty()
		if errors.Is(err, datanamespace.ErrService) || errors.Is(err, datanamespace.ErrNotListed) {
			at = path.Root("service")
		}
		fail(diags, at, "Unable to "+verb+" data namespace "+wanted.ID(), err)
		if now.Revision == 0 {
			return false
		}
	}
	plan.read(now)
	return true
}

// fate is what the project's phase and policy make of the data.
func (r *dataNamespaceResource) fate(ctx context.Context, plan *dataNamespaceModel, diags *diag.Diagnostics) (datanamespace.Fate, error) {
	known := projectOf(ctx, plan.Project, diags)
	if (lifecycle.Life{Kind: lifecycle.KindDatabase}).Status(known.phase()) != lifecycle.Absent {
		return datanamespace.Use, nil
	}
	found, err := r.data.Projects.Read(ctx, known.Namespace.ValueString())
	if err == nil && known.phase() == lifecycle.Failed && found.DataPolicy == project.Delete {
		return datanamespace.Drop, nil
	}
	return datanamespace.Lock, err
}

func (m *dataNamespaceModel) wanted(ctx context.Context, diags *diag.Diagnostics) datanamespace.Spec {
	wanted := datanamespace.Spec{
		Namespace: projectOf(ctx, m.Project, diags).Namespace.ValueString(), Name: m.Name.ValueString(), Service: m.Service.ValueString(),
		Version: m.PasswordVersion.ValueInt64(), Limit: int(m.ConnectionLimit.ValueInt64()), Timeout: durationOf(m.StatementTimeout, diags),
	}
	if !m.Vector.IsNull() {
		var vector vectorModel
		diags.Append(m.Vector.As(ctx, &vector, basetypes.ObjectAsOptions{})...)
		wanted.Vector = &datanamespace.Vector{Dimensions: int(vector.Dimensions.ValueInt64()), Distance: vector.Distance.ValueString()}
	}
	return wanted
}

func (m *dataNamespaceModel) absent() {
	m.Status, m.Username, m.Database, m.Drift = types.StringValue(dataAbsent), types.StringNull(), types.StringNull(), stringListValue(nil)
}

func (m *dataNamespaceModel) read(found datanamespace.Namespace) {
	m.ID, m.Name, m.Service = types.StringValue(found.ID()), types.StringValue(found.Name), types.StringValue(found.Service)
	m.PasswordVersion, m.ConnectionLimit = types.Int64Value(found.Version), types.Int64Value(int64(found.Limit))
	m.StatementTimeout = timetypes.NewGoDurationValue(found.Timeout)
	m.Vector = types.ObjectNull(vectorTypes)
	if found.Vector != nil {
		m.Vector = types.ObjectValueMust(vectorTypes, map[string]attr.Value{
			"dimensions": types.Int64Value(int64(found.Vector.Dimensions)), "distance": types.StringValue(found.Vector.Distance),
		})
	}
	m.Status = types.StringValue(dataActive)
	if found.Locked {
		m.Status = types.StringValue(dataLocked)
	}
	m.Username, m.Database = types.StringValue(found.Account), types.StringNull()
	if found.Preset == "postgres" {
		m.Database = m.Username
	}
	m.KeyPrefix, m.Drift = types.StringValue(datanamespace.Prefix(found.Namespace)), stringListValue(found.Drift)
}

func (r *dataNamespaceResource) Read(ctx context.Context, request resource.ReadRequest, response *resource.ReadResponse) {
	var state dataNamespaceModel
	response.Diagnostics.Append(request.State.Get(ctx, &state)...)
	namespace := projectOf(ctx, state.Project, &response.Diagnostics).Namespace.ValueString()
	if response.Diagnostics.HasError() || !r.reachable() {
		return
	}
	found, err := r.data.Namespaces.Read(ctx, namespace, state.Name.ValueString())
	switch {
	case gone(err):
		if _, err := r.data.Projects.Read(ctx, namespace); gone(err) {
			response.State.RemoveResource(ctx)
			return
		}
		state.absent()
	case err != nil:
		fail(&response.Diagnostics, path.Empty(), "Unable to read data namespace "+state.ID.ValueString(), err)
		return
	default:
		state.read(found)
	}
	response.Diagnostics.Append(response.State.Set(ctx, state)...)
}

func (r *dataNamespaceResource) Delete(ctx context.Context, request resource.DeleteRequest, response *resource.DeleteResponse) {
	var state dataNamespaceModel
	response.Diagnostics.Append(request.State.Get(ctx, &state)...)
	namespace := projectOf(ctx, state.Project, &response.Diagnostics).Namespace.ValueString()
	if response.Diagnostics.HasError() || !r.ready(&response.Diagnostics) {
		return
	}
	found, err := r.data.Projects.Read(ctx, namespace)
	if err == nil || gone(err) {
		err = r.data.Namespaces.Delete(ctx, namespace, state.Name.ValueString(), found.DataPolicy != project.Delete)
	}
	if err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to remove data namespace "+state.ID.ValueString(), err)
	}
}

func (r *dataNamespaceResource) ImportState(ctx context.Context, request resource.ImportStateRequest, response *resource.ImportStateResponse) {
	namespace, name, ok := naming.SplitID(request.ID)
	if !ok {
		response.Diagnostics.AddError("Invalid import id", fmt.Sprintf("%q is not NAMESPACE/NAME. Import it as in: terraform import isolab_data_namespace.this shop/data.", request.ID))
		return
	}
	if !r.ready(&response.Diagnostics) {
		return
	}
	known, err := r.data.Projects.Read(ctx, namespace)
	var found datanamespace.Namespace
	if err == nil {
		found, err = r.data.Namespaces.Read(ctx, namespace, name)
	}
	if err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to import data namespace "+request.ID, err)
		return
	}
	model := dataNamespaceModel{Timeouts: noTimeouts}
	var d diag.Diagnostics
	model.Project, d = types.ObjectValueFrom(ctx, projectReferenceTypes, referenceTo(known))
	response.Diagnostics.Append(d...)
	model.read(found)
	response.Diagnostics.Append(response.State.Set(ctx, model)...)
}
