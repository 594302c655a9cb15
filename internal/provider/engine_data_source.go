package provider

import (
	"context"
	"net/netip"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

type engineDataSource struct{ configured }

func newEngineDataSource() datasource.DataSource { return &engineDataSource{} }

type engineModel struct {
	ID              types.String `tfsdk:"id"`
	Name            types.String `tfsdk:"name"`
	Version         types.String `tfsdk:"version"`
	APIVersion      types.String `tfsdk:"api_version"`
	OperatingSystem types.String `tfsdk:"operating_system"`
	KernelVersion   types.String `tfsdk:"kernel_version"`
	Architecture    types.String `tfsdk:"architecture"`
	CgroupVersion   types.String `tfsdk:"cgroup_version"`
	StorageDriver   types.String `tfsdk:"storage_driver"`
	CPUs            types.Int64  `tfsdk:"cpus"`
	Memory          types.Int64  `tfsdk:"memory"`
	SecurityOptions types.List   `tfsdk:"security_options"`
	Warnings        types.List   `tfsdk:"warnings"`
	Enforces        types.Object `tfsdk:"enforces"`
	Subnets         types.Int64  `tfsdk:"subnets"`
	FreeSubnets     types.Int64  `tfsdk:"free_subnets"`
	Committed       types.Object `tfsdk:"committed"`
}

var committedTypes = map[string]attr.Type{
	"cpus": types.Float64Type, "memory": types.Int64Type, "pids": types.Int64Type, "containers": types.Int64Type,
}

var enforcesTypes = map[string]attr.Type{
	"memory": types.BoolType, "swap": types.BoolType, "cpus": types.BoolType, "pids": types.BoolType,
	"storage": types.BoolType, "seccomp": types.BoolType, "apparmor": types.BoolType, "user_namespaces": types.BoolType,
}

func (d *engineDataSource) Metadata(_ context.Context, request datasource.MetadataRequest, response *datasource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_engine"
}

func (d *engineDataSource) Configure(_ context.Context, request datasource.ConfigureRequest, response *datasource.ConfigureResponse) {
	d.configure(request.ProviderData, &response.Diagnostics)
}

func (d *engineDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, response *datasource.SchemaResponse) {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	yes := func(description string) schema.BoolAttribute {
		return schema.BoolAttribute{Computed: true, MarkdownDescription: description}
	}
	response.Schema = schema.Schema{
		MarkdownDescription: "The engine that the provider works on: its versions, its capacity, what it can enforce, and how many subnets are left in the provider's pool.",
		Attributes: map[string]schema.Attribute{
			"id": text("Id of the engine."), "name": text("Host name of the engine."), "version": text("Version of the engine, such as `26.1.5`."),
			"api_version": text("Version of the API that provider and engine agreed on, such as `1.45`."), "operating_system": text("Operating system of the host."),
			"kernel_version": text("Kernel of the host."), "architecture": text("Architecture of the host, such as `x86_64`."),
			"cgroup_version": text("Version of the control groups, `1` or `2`."), "storage_driver": text("Storage driver, such as `overlay2`."),
			"cpus":             schema.Int64Attribute{Computed: true, MarkdownDescription: "Number of CPUs."},
			"memory":           schema.Int64Attribute{Computed: true, MarkdownDescription: "Memory in bytes."},
			"security_options": schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Security features that are on, such as `seccomp`, `apparmor`, `userns`, `rootless`."},
			"warnings":         schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "What the engine itself warns of."},
			"enforces": schema.SingleNestedAttribute{
				Computed: true, MarkdownDescription: "What the engine can enforce.",
				Attributes: map[string]schema.Attribute{
					"memory": yes("Memory limits."), "swap": yes("Limits of memory and swap together."), "cpus": yes("CPU limits."), "pids": yes("Limits of processes and threads."),
					"storage": yes("Size limits of containers' writable layers: overlay2 on xfs, zfs or btrfs. On xfs it takes the mount option `pquota` as well, which the engine does not report."),
					"seccomp": yes("System call filters."), "apparmor": yes("AppArmor profiles."), "user_namespaces": yes("User namespaces: root inside is nobody outside."),
				},
			},
			"committed": schema.SingleNestedAttribute{
				Computed:            true,
				MarkdownDescription: "What is promised to the environments of all projects together: the limits of their containers, whether they run or not. More memory than the engine has means that the kernel ends processes if all is used; more CPUs, that all get slower.",
				Attributes: map[string]schema.Attribute{
					"cpus":       schema.Float64Attribute{Computed: true, MarkdownDescription: "CPUs."},
					"memory":     schema.Int64Attribute{Computed: true, MarkdownDescription: "Memory in bytes."},
					"pids":       schema.Int64Attribute{Computed: true, MarkdownDescription: "Processes and threads."},
					"containers": schema.Int64Attribute{Computed: true, MarkdownDescription: "Number of containers."},
				},
			},
			"subnets":      schema.Int64Attribute{Computed: true, MarkdownDescription: "Number of subnets in the provider's `address_pool`."},
			"free_subnets": schema.Int64Attribute{Computed: true, MarkdownDescription: "Number of them that no network of the engine uses. A project takes one, and one more for egress."},
		},
	}
}

func (d *engineDataSource) Read(ctx context.Context, _ datasource.ReadRequest, response *datasource.ReadResponse) {
	if !d.ready(&response.Diagnostics) {
		return
	}
	info, err := d.data.info()
	if err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to read the engine", err)
		return
	}
	snapshot, err := d.data.Engine.Snapshot(ctx)
	if err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to read the engine's networks", err)
		return
	}
	committed, err := d.data.Environments.Committed(ctx)
	if err != nil {
		fail(&response.Diagnostics, path.Empty(), "Unable to read what is promised to containers", err)
		return
	}
	var taken []netip.Prefix
	for _, network := range snapshot.Networks {
		taken = append(taken, network.Subnets...)
	}
	response.Diagnostics.Append(response.State.Set(ctx, engineModel{
		ID: types.StringValue(info.ID), Name: types.StringValue(info.Name), Version: types.StringValue(info.Version), APIVersion: types.StringValue(info.APIVersion),
		OperatingSystem: types.StringValue(info.OperatingSystem), KernelVersion: types.StringValue(info.KernelVersion), Architecture: types.StringValue(info.Architecture),
		CgroupVersion: types.StringValue(info.CgroupVersion), StorageDriver: types.StringValue(info.StorageDriver),
		CPUs: types.Int64Value(int64(info.CPUs)), Memory: types.Int64Value(info.Memory),
		SecurityOptions: stringListValue(info.SecurityOptions), Warnings: stringListValue(info.Warnings), Enforces: enforces(info),
		Subnets: types.Int64Value(int64(d.data.Pool.Size())), FreeSubnets: types.Int64Value(int64(d.data.Pool.Free(taken))),
		Committed: types.ObjectValueMust(committedTypes, map[string]attr.Value{
			"cpus": types.Float64Value(committed.CPUs), "memory": types.Int64Value(committed.Memory),
			"pids": types.Int64Value(committed.Pids), "containers": types.Int64Value(int64(committed.Containers)),
		}),
	})...)
}

func enforces(info engine.Info) types.Object {
	return types.ObjectValueMust(enforcesTypes, map[string]attr.Value{
		"memory": types.BoolValue(info.MemoryLimit), "swap": types.BoolValue(info.SwapLimit),
		"cpus": types.BoolValue(info.CPULimit), "pids": types.BoolValue(info.PidsLimit),
		"storage": types.BoolValue(info.LimitsStorage()), "seccomp": types.BoolValue(info.Secures("seccomp")),
		"apparmor": types.BoolValue(info.Secures("apparmor")), "user_namespaces": types.BoolValue(info.Secures("userns")),
	})
}
