package provider

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/float64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/listdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/mapdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/environment"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
)

func (r *environmentResource) Schema(_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	attributes := containerAttributes()
	for name, attribute := range environmentAttributes() {
		attributes[name] = attribute
	}
	response.Schema = schema.Schema{
		MarkdownDescription: "An environment of a project: one or more hardened, limited containers of one kind, on the project's internal network alone. " +
			"They run as user 1000 without any capability, on a read-only root, with a `noexec` `/tmp`, and cannot gain privileges. " +
			"What runs in which phase is planned exactly: pausing the project shows `status = \"running\" -> \"stopped\"`.",
		Attributes: attributes,
	}
}

// environmentAttributes are those that agents do not have, who serve nobody.
func environmentAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"name": schema.StringAttribute{
			Optional: true, Computed: true,
			MarkdownDescription: "Name within the project, such as `api`." + nameRule + " Default: the kind. Changing it forces a new environment. Other containers of the project find it as `<name>.<namespace>.isolab`.",
			PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
			Validators:          []validator.String{validName{}},
		},
		"kind": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "What the containers are for: " + listed(lifecycle.EnvironmentKinds()) + ". Together with the project's phase it decides their status. Changing it forces a new environment.",
			PlanModifiers:       []planmodifier.String{stringplanmodifier.RequiresReplace()},
			Validators:          []validator.String{oneOf(lifecycle.EnvironmentKinds())},
		},
		"replicas": schema.Int64Attribute{
			Optional: true, Computed: true, Default: int64default.StaticInt64(1),
			MarkdownDescription: "Number of containers, from 1 to 32. Default 1.",
			Validators:          []validator.Int64{int64validator.Between(1, 32)},
		},
		"port": schema.Int64Attribute{
			Optional: true, Computed: true,
			MarkdownDescription: "TCP port on which the program serves, also in its variable `PORT`. Routes lead to it. Default: the stack's.",
			Validators:          []validator.Int64{int64validator.Between(1, 65535)},
		},
		"publish": schema.MapNestedAttribute{
			Optional: true, Computed: true,
			Default: mapdefault.StaticValue(types.MapValueMust(types.ObjectType{AttrTypes: publishTypes}, map[string]attr.Value{})),
			MarkdownDescription: "TCP ports to publish on the host, by a name of your choice, such as `{ debug = { port = 9229 } }`. The engine chooses the host's port: see `published_ports`. " +
				"Needs `egress = true`, since internal networks cannot publish, and a single replica per port is shown. Default none.",
			Validators: []validator.Map{mapvalidator.KeysAre(validName{})},
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"port": schema.Int64Attribute{Required: true, MarkdownDescription: "Port of the container.", Validators: []validator.Int64{int64validator.Between(1, 65535)}},
				"address": schema.StringAttribute{
					Optional: true, Computed: true, Default: stringdefault.StaticString("127.0.0.1"),
					MarkdownDescription: "Address of the host. Default `127.0.0.1`; `0.0.0.0` publishes to everybody who reaches the host.",
					Validators:          []validator.String{validAddress},
				},
			}},
		},
		"published_ports": schema.MapAttribute{Computed: true, ElementType: types.Int64Type, MarkdownDescription: "The host's port of each entry of `publish`, of the first replica, while it is up."},
	}
}

// containerAttributes are those that environments and agents have in common.
func containerAttributes() map[string]schema.Attribute {
	attributes := map[string]schema.Attribute{
		"id":         schema.StringAttribute{Computed: true, MarkdownDescription: "`<namespace>/<name>`, such as `shop/development`."},
		"project":    projectReferenceAttribute(),
		"labels":     labelsAttribute(),
		"all_labels": allLabelsAttribute(),
		"drift":      driftAttribute(),
	}
	for _, group := range []map[string]schema.Attribute{
		environmentProgram(), environmentStorage(), environmentHardening(), environmentLife(), environmentOutputs(),
	} {
		for name, attribute := range group {
			attributes[name] = attribute
		}
	}
	return attributes
}

// environmentProgram is what the containers run.
func environmentProgram() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"image": schema.StringAttribute{
			Optional: true, Computed: true,
			MarkdownDescription: "Image to run, such as `registry.example.com/team/app:1.2`. Default: the stack's, or what the provider's `images` put in its place. " +
				"An image named here brings its own command, working directory and health check.",
			Validators: []validator.String{validImage},
		},
		"entrypoint": schema.ListAttribute{
			Optional: true, Computed: true, ElementType: types.StringType,
			Default:             listdefault.StaticValue(stringListValue(nil)),
			MarkdownDescription: "Entrypoint in place of the image's, such as `[\"/usr/bin/env\"]`. Default `[]`: the image's.",
			Validators:          []validator.List{listvalidator.NoNullValues()},
		},
		"command": schema.ListAttribute{
			Optional: true, Computed: true, ElementType: types.StringType,
			MarkdownDescription: "Command in place of the image's, such as `[\"node\", \"server.js\"]`. Default: the stack's for this kind; with an `image` of your own `[]`, the image's.",
			Validators:          []validator.List{listvalidator.NoNullValues()},
		},
		"working_dir": schema.StringAttribute{
			Optional: true, Computed: true,
			MarkdownDescription: "Working directory. Default `/workspace`; with an `image` of your own the image's.",
		},
		"variables": schema.MapAttribute{
			Optional: true, Computed: true, ElementType: types.StringType,
			Default: mapdefault.StaticValue(emptyStringMap),
			MarkdownDescription: "Environment variables, such as `{ LOG_LEVEL = \"debug\" }`. They are readable in the state and on the engine, so no secrets. " +
				"The provider sets `ISOLAB_PROJECT`, `ISOLAB_ENVIRONMENT`, `ISOLAB_KIND`, `ISOLAB_BASE_PATH` and `PORT` unless they are given here. Default none.",
			Validators: []validator.Map{mapvalidator.KeysAre(validVariable), mapvalidator.NoNullValues()},
		},
		"secrets_wo": schema.MapAttribute{
			Optional: true, WriteOnly: true, Sensitive: true, ElementType: types.StringType,
			MarkdownDescription: "Environment variables that are secret, such as `{ API_KEY = var.api_key }`. They reach the containers and nothing else: no plan, no state, no label. " +
				"Terraform cannot tell that one changed, so raise `secrets_wo_version` then. Who may inspect containers on the engine can read them. Default none.",
			Validators: []validator.Map{
				mapvalidator.KeysAre(validVariable), mapvalidator.NoNullValues(), mapvalidator.AlsoRequires(path.MatchRoot("secrets_wo_version")),
			},
		},
		"secrets_wo_version": schema.Int64Attribute{
			Optional:            true,
			MarkdownDescription: "Number of your choice, from 1, to be changed with the content of `secrets_wo`: the containers are then replaced by ones with the new secrets, one at a time.",
			Validators:          []validator.Int64{int64validator.AtLeast(1), int64validator.AlsoRequires(path.MatchRoot("secrets_wo"))},
		},
		"bindings": schema.MapAttribute{
			Optional: true, Computed: true, ElementType: types.StringType,
			Default: mapdefault.StaticValue(emptyStringMap),
			MarkdownDescription: "Environment variables that get the URL, with credentials, of one of the project's databases or data namespaces, such as `{ DATABASE_URL = isolab_database.main.id }`. " +
				"The password is derived on the way to the container: no plan, no state and no label has it. While the database is absent in the project's phase, so is the variable. Default none.",
			Validators: []validator.Map{mapvalidator.KeysAre(validVariable), mapvalidator.NoNullValues()},
		},
		"binding_versions": schema.MapAttribute{
			Computed: true, ElementType: types.Int64Type,
			MarkdownDescription: "Version of the credentials behind each of the `bindings`, 0 while there are none. When it changes, the containers are replaced by ones with the new credentials.",
		},
		"health_check": schema.SingleNestedAttribute{
			Optional: true, Computed: true,
			MarkdownDescription: "Command that tells whether a container is healthy. Default: the stack's; with an `image` of your own the image's.",
			Attributes: map[string]schema.Attribute{
				"test": schema.ListAttribute{
					Required: true, ElementType: types.StringType,
					MarkdownDescription: "The command: `[\"CMD\", \"program\", \"argument\"]`, or `[\"CMD-SHELL\", \"line\"]` for a shell. `[]` switches the image's own check off.",
					Validators:          []validator.List{validHealthTest{}, listvalidator.NoNullValues()},
				},
				"interval":       durationAttribute("Time between two checks. Default `\"10s\"`."),
				"timeout":        durationAttribute("Time after which one check counts as failed. Default `\"5s\"`."),
				"start_period":   durationAttribute("Time after the start in which failures do not count. Default `\"30s\"`."),
				"start_interval": durationAttribute("Time between two checks during the start period, on engines with API 1.44 or newer; older ones use `interval`. Default `\"1s\"`."),
				"retries": schema.Int64Attribute{
					Optional: true, Computed: true,
					MarkdownDescription: "Number of failures in a row that make the container unhealthy. Default 3.",
					Validators:          []validator.Int64{int64validator.Between(1, 100)},
				},
			},
		},
	}
}

func durationAttribute(description string) schema.StringAttribute {
	return schema.StringAttribute{
		Optional: true, Computed: true, CustomType: timetypes.GoDurationType{}, MarkdownDescription: description,
		Validators: []validator.String{validDuration},
	}
}

// environmentStorage is what the containers keep, and for how long.
func environmentStorage() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"workspace": schema.StringAttribute{
			Optional: true, Computed: true,
			MarkdownDescription: "Path at which the project's workspace is mounted: writable in `development` and for agents, read-only in `testing` and `deployment`. `\"\"` mounts none. " +
				"Default `/workspace`; in `testing` and `deployment` with an `image` of your own none.",
			Validators: []validator.String{stringvalidator.Any(stringvalidator.OneOf(""), validMountPath)},
		},
		"volumes": schema.MapNestedAttribute{
			Optional: true, Computed: true,
			Default:             mapdefault.StaticValue(types.MapValueMust(types.ObjectType{AttrTypes: volumeTypes}, map[string]attr.Value{})),
			MarkdownDescription: "Volumes of the project to mount, by name, such as `{ data = { path = \"/data\" } }`. Environments of one project that use the same name share the volume; no other project can. They belong to `user` and stay when the environment goes. Default none.",
			Validators:          []validator.Map{mapvalidator.KeysAre(validName{})},
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"path": schema.StringAttribute{Required: true, MarkdownDescription: "Absolute path at which the volume is mounted.", Validators: []validator.String{validMountPath}},
				"read_only": schema.BoolAttribute{
					Optional: true, Computed: true, Default: booldefault.StaticBool(false),
					MarkdownDescription: "Whether the containers may only read it. Default `false`.",
				},
			}},
		},
		"tmpfs": schema.MapAttribute{
			Optional: true, Computed: true, ElementType: sizeType{},
			Default:             mapdefault.StaticValue(types.MapValueMust(sizeType{}, map[string]attr.Value{})),
			MarkdownDescription: "Memory file systems by path with their size, such as `{ \"/run\" = \"16MiB\" }`, all `noexec`, `nosuid` and `nodev`. `/tmp` always is one, of 64 MiB unless given here. Default none more.",
			// A map's elements are not asked to validate themselves.
			Validators: []validator.Map{mapvalidator.KeysAre(validMountPath), mapvalidator.ValueStringsAre(validSize)},
		},
		"log": schema.SingleNestedAttribute{
			Optional: true, Computed: true,
			MarkdownDescription: "Bounds of a container's log on the engine.",
			Attributes: map[string]schema.Attribute{
				"max_size": schema.StringAttribute{Optional: true, Computed: true, CustomType: sizeType{}, MarkdownDescription: "Size of one log file, from 64 KiB to 1 GiB. Default `\"10MiB\"`.", Validators: []validator.String{validLogSize}},
				"max_files": schema.Int64Attribute{
					Optional: true, Computed: true, MarkdownDescription: "Number of files kept, from 1 to 10. Default 3.",
					Validators: []validator.Int64{int64validator.Between(1, 10)},
				},
			},
		},
	}
}

// validSize accepts what [sizeValue.ValidateAttribute] accepts.
var validSize = check{"a size", func(value string) string {
	if (sizeValue{types.StringValue(value)}).bytes() > 0 {
		return ""
	}
	return fmt.Sprintf("%q is not a size. Write a positive number with a unit, such as \"512MiB\" or \"2GiB\".", value)
}}

// environmentHardening bounds what the containers can do. Every attribute can weaken a default, none can switch
// isolation between projects off.
func environmentHardening() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"limits": schema.SingleNestedAttribute{
			Optional: true, Computed: true,
			MarkdownDescription: "What each container may use at most. CPU, memory and process limits change on the running container.",
			Attributes: map[string]schema.Attribute{
				"cpus": schema.Float64Attribute{
					Optional: true, Computed: true,
					MarkdownDescription: "CPUs, such as `1.5`, to at most three decimals. Default 2 for `development`, 1 otherwise; never more than the engine has.",
					Validators:          []validator.Float64{float64validator.AtLeast(0.01), validCPUs{}},
				},
				"memory": schema.StringAttribute{
					Optional: true, Computed: true, CustomType: sizeType{},
					MarkdownDescription: "Memory, such as `\"512MiB\"`; no swap is added to it. At least 6 MiB. Default `\"2GiB\"` for `development`, `\"1GiB\"` otherwise.",
					Validators:          []validator.String{validMemory},
				},
				"pids": schema.Int64Attribute{
					Optional: true, Computed: true,
					MarkdownDescription: "Processes and threads, at most 32768. Default 512 for `development`, 256 otherwise.",
					Validators:          []validator.Int64{int64validator.Between(2, 32768)},
				},
				"shm": schema.StringAttribute{
					Optional: true, Computed: true, CustomType: sizeType{},
					MarkdownDescription: "Size of `/dev/shm`. Default `\"64MiB\"`.",
				},
			},
		},
		"user": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString("1000:1000"),
			MarkdownDescription: "Numeric user and group, `uid:gid`. Default `1000:1000`, to whom the workspace belongs.",
			Validators:          []validator.String{validUser},
		},
		"read_only": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(true),
			MarkdownDescription: "Whether the root file system is read-only. Default `true`.",
		},
		"capabilities": schema.SetAttribute{
			Optional: true, Computed: true, ElementType: types.StringType,
			Default:             setdefault.StaticValue(stringSetValue(nil)),
			MarkdownDescription: "Linux capabilities to grant, of " + listed(grantable) + ". All others stay dropped. Default none.",
			Validators:          []validator.Set{setvalidator.ValueStringsAre(stringvalidator.OneOf(grantable...))},
		},
		"egress": schema.BoolAttribute{
			Optional: true, Computed: true,
			MarkdownDescription: "Whether the containers reach the outside, through a network that only the project's containers with `egress` join. Default `true` for `development` and agents, `false` otherwise.",
		},
	}
}

// environmentLife is how containers come and go.
func environmentLife() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"update": schema.SingleNestedAttribute{
			Optional: true, Computed: true,
			MarkdownDescription: "How containers are brought up and replaced. A change of what a container keeps for life (image, command, variables, health check, mounts, labels and the like) replaces one container at a time.",
			Attributes: map[string]schema.Attribute{
				"strategy": schema.StringAttribute{
					Optional: true, Computed: true,
					MarkdownDescription: "How a container that serves is replaced. `rolling` starts the new one beside it and, once its health check passes, leads the routes to it; the old one goes when its requests have ended, at most 10 seconds later. " +
						"`recreate` stops the old one first, for programs that cannot run twice on the same data: nothing answers meanwhile. Default `rolling`.",
					Validators: []validator.String{oneOf(environment.Strategies())},
				},
				"rollback": schema.BoolAttribute{
					Optional: true, Computed: true,
					MarkdownDescription: "Whether a new container that does not come up is removed again, so that the old one keeps serving; the apply fails with the reason either way. With `false` the new one takes its place all the same, to be looked at. Default `true`.",
				},
				"wait_for_healthy": schema.BoolAttribute{
					Optional: true, Computed: true,
					MarkdownDescription: "Whether the apply waits until the health check passes, and fails with its last output and the container's last log lines when it does not. Default `true`.",
				},
			},
		},
		"active_phases": schema.SetAttribute{
			Optional: true, ElementType: types.StringType,
			MarkdownDescription: "Phases of the project in which the containers run, of " + listed(workingPhases()) + ", such as `[\"development\"]` for a development environment that is not needed while the project is tested. " +
				"In the other phases in which their `kind` would run they are stopped. Changing it starts or stops containers and makes none anew. Default: the phases of the `kind`.",
			Validators: []validator.Set{setvalidator.ValueStringsAre(oneOf(workingPhases())), setvalidator.NoNullValues()},
		},
		"hibernation": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(string(lifecycle.Stop)),
			MarkdownDescription: "How the containers sleep while the project is `paused`: `stop` frees their memory, `freeze` keeps it for an instant resume. Default `stop`.",
			Validators:          []validator.String{oneOf([]lifecycle.Hibernation{lifecycle.Stop, lifecycle.Freeze})},
		},
		"pull_policy": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(string(engine.PullMissing)),
			MarkdownDescription: "When the image is pulled: `missing` if the engine does not hold it, `always` whenever containers are made or changed, `never`. Default `missing`. In one run an image is pulled once.",
			Validators:          []validator.String{oneOf([]engine.PullPolicy{engine.PullMissing, engine.PullAlways, engine.PullNever})},
		},
	}
}

func environmentOutputs() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"status": schema.StringAttribute{Computed: true, MarkdownDescription: "What the containers do: `absent`, `stopped`, `frozen` or `running`. The plan says what they will do in the project's phase."},
		"containers": schema.ListNestedAttribute{
			Computed: true, MarkdownDescription: "The containers, by replica.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"id":      schema.StringAttribute{Computed: true, MarkdownDescription: "Id on the engine."},
				"name":    schema.StringAttribute{Computed: true, MarkdownDescription: "Name on the engine."},
				"address": schema.StringAttribute{Computed: true, MarkdownDescription: "IPv4 address on the project's internal network, fixed for the container's life."},
			}},
		},
		"image_digest": schema.StringAttribute{Computed: true, MarkdownDescription: "Content address of the image that the containers were made from: its digest in the registry, or its id on the engine."},
	}
}

// workingPhases are those in which anything can run.
func workingPhases() []lifecycle.Phase {
	return slices.DeleteFunc(lifecycle.Phases(), func(phase lifecycle.Phase) bool { return !phase.Working() })
}

// grantable are the capabilities that do not reach beyond the container's own namespaces.
var grantable = []string{"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETUID"}
