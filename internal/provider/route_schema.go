package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/isolab/terraform-provider-isolab/internal/gateway"
)

// The defaults let a page with hundreds of modules load at once and stop a client that keeps on.
var rateLimitAttributes = map[string]schema.Attribute{
	"project":       bounded(0, 100000, 500, "Requests per second for the route's project, of all clients together."),
	"project_burst": bounded(0, 100000, 1000, "Requests above `project` that pass at once."),
	"client":        bounded(0, 100000, 100, "Requests per second of one client."),
	"client_burst":  bounded(0, 100000, 400, "Requests above `client` that pass at once."),
	"client_key": schema.StringAttribute{
		Optional: true, Computed: true, Default: stringdefault.StaticString(gateway.ClientAddress),
		MarkdownDescription: "What tells clients apart: `address`, or a header of the request as in `header:X-Api-Key`, without which the address does. A header is the visitor's to choose; the limit of the project holds all the same. Default `address`.",
		Validators:          []validator.String{validBy("`address` or `header:<name>`", gateway.ValidateClientKey)},
	},
}

var connectionLimitAttributes = map[string]schema.Attribute{
	"project": bounded(1, gateway.MaxConnections, gateway.MaxConnections, "Requests of all clients together."),
	"client":  bounded(1, gateway.MaxConnections, gateway.DefaultClientConnections, "Requests of one client address."),
}

var securityHeadersAttributes = map[string]schema.Attribute{
	"content_type_options": schema.BoolAttribute{
		Optional: true, Computed: true, Default: booldefault.StaticBool(gateway.DefaultSecurityHeaders.NoSniff),
		MarkdownDescription: "Whether to send `X-Content-Type-Options: nosniff`. Default `true`.",
	},
	"frame_options":           headerAttribute(gateway.DefaultSecurityHeaders.FrameOptions, "`X-Frame-Options`: `DENY` or `SAMEORIGIN`.", stringvalidator.OneOf("", "DENY", "SAMEORIGIN")),
	"referrer_policy":         headerAttribute(gateway.DefaultSecurityHeaders.ReferrerPolicy, "`Referrer-Policy`, such as `no-referrer`.", stringvalidator.OneOf("", "no-referrer", "no-referrer-when-downgrade", "same-origin", "origin", "strict-origin", "origin-when-cross-origin", "strict-origin-when-cross-origin", "unsafe-url")),
	"permissions_policy":      headerAttribute(gateway.DefaultSecurityHeaders.PermissionsPolicy, "`Permissions-Policy`, such as `camera=(self)`. Letters, digits, spaces and `;:'*./_=(),@+?&%~-`.", validPolicy),
	"content_security_policy": headerAttribute("", "`Content-Security-Policy`, such as `default-src 'self'`. Letters, digits, spaces and `;:'*./_=(),@+?&%~-`.", validPolicy),
	"strict_transport_security": schema.StringAttribute{
		CustomType: timetypes.GoDurationType{}, Optional: true,
		MarkdownDescription: "For how long browsers shall come over HTTPS only, such as `\"8760h\"`: `Strict-Transport-Security`, sent over HTTPS. Only with a `host`, since it holds for all that a host name leads to. Default: the program's own with a `host`, none without.",
		Validators:          []validator.String{validHSTS},
	},
}

func headerAttribute(value, description string, valid validator.String) schema.StringAttribute {
	description += " `\"\"` leaves it to the program. Default "
	if value == "" {
		description += "`\"\"`."
	} else {
		description += "`" + value + "`."
	}
	return schema.StringAttribute{
		Optional: true, Computed: true, Default: stringdefault.StaticString(value), MarkdownDescription: description, Validators: []validator.String{valid},
	}
}

var basicAuthAttributes = map[string]schema.Attribute{
	"username": schema.StringAttribute{
		Required: true, MarkdownDescription: "The name, of letters, digits and `._@-`.",
		Validators: []validator.String{check{"a user name", func(value string) string {
			if gateway.ValidUsername(value) {
				return ""
			}
			return "A user name has 1 to 64 letters, digits and . _ @ -."
		}}},
	},
	"password_wo": schema.StringAttribute{
		Optional: true, WriteOnly: true, Sensitive: true,
		MarkdownDescription: "The password. It is never in the plan or the state; the gateway keeps a salted hash. Needs Terraform 1.11. Changes count with `password_wo_version`.",
		Validators:          []validator.String{stringvalidator.LengthBetween(8, gateway.MaxPassword)},
	},
	"password_wo_version": schema.Int64Attribute{Optional: true, MarkdownDescription: "A number to change whenever the password does, such as `1`, then `2`."},
}

func (r *routeResource) Schema(_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	response.Schema = schema.Schema{
		MarkdownDescription: "A route: leads a path of a gateway to the containers of one environment. Routes that are applied together share nginx's reloads; one that nginx refuses is taken back and named. " +
			"While the project does not serve, the route answers 503 with `Retry-After` and a page that names the phase.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{Computed: true, MarkdownDescription: "`<gateway>/<namespace>/<name>`, such as `edge/shop/development`."},
			"gateway": schema.StringAttribute{
				Required: true, MarkdownDescription: "Name of the gateway: `isolab_gateway.edge.name`. Changing it forces a new route.",
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()}, Validators: []validator.String{validName{}},
			},
			"project": projectReferenceAttribute(),
			"environment": schema.StringAttribute{
				Required: true, MarkdownDescription: "Name of the project's environment to lead to: `isolab_environment.dev.name`.",
				Validators: []validator.String{validName{}},
			},
			"canaries": schema.MapAttribute{
				Optional: true, ElementType: types.Int64Type,
				MarkdownDescription: "Other environments of the project that get a part of the requests, with the percentage, such as `{ (isolab_environment.next.name) = 10 }`. `environment` gets the rest, and all of it while no canary runs. Default: none.",
				Validators:          []validator.Map{mapvalidator.SizeAtLeast(1), mapvalidator.KeysAre(validName{}), mapvalidator.ValueInt64sAre(int64validator.Between(1, 99))},
			},
			"name": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Name of the route within the project." + nameRule + " Default: the environment's name when the route is made. Changing it forces a new route.",
				PlanModifiers:       []planmodifier.String{stringplanmodifier.UseStateForUnknown(), stringplanmodifier.RequiresReplace()}, Validators: []validator.String{validName{}},
			},
			"host": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Host name of the project's own to answer to, such as `shop.apps.example.com`, which also keeps browsers from letting projects at each other's cookies and storage. The gateway's `domain` and `custom_hosts` decide which names a project may have. Default: any name of the gateway, below `path`.",
				Validators:          []validator.String{validHost},
			},
			"path": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Path on the gateway, with a slash at both ends, inside the project's own: `/projects/<namespace>/`, which is the default, or one below it such as `/projects/shop/api/`. With a `host`, any path; default `/`.",
			},
			"port": schema.Int64Attribute{
				Optional:            true,
				MarkdownDescription: "Port of the containers. Default: the environment's `port`.",
				Validators:          []validator.Int64{int64validator.Between(1, 65535)},
			},
			"strip_prefix": schema.BoolAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Whether the program sees paths without the route's, which it then finds in `X-Forwarded-Prefix`. Default by the project's stack: `false` for `react`, whose dev servers need the full path, `true` otherwise.",
			},
			"websocket": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Whether connections may be upgraded to websockets. Default `true`.",
			},
			"security_headers": defaulted(securityHeadersAttributes, "Headers that the gateway sets in place of the program's."),
			"allow": schema.ListAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Networks that visitors may come from, in CIDR notation, such as `[\"192.0.2.0/24\"]`; others get 403. Default: all.",
				Validators:          []validator.List{listvalidator.SizeAtLeast(1), listvalidator.ValueStringsAre(validNetwork)},
			},
			"basic_auth": schema.SingleNestedAttribute{
				Optional: true, Attributes: basicAuthAttributes,
				MarkdownDescription: "Name and password that visitors are asked for. The program does not get to see them. Without HTTPS they travel in the open.",
			},
			"rate_limit":       defaulted(rateLimitAttributes, "Requests per second that pass; more of them wait for nothing and get 429 with `Retry-After`. 0 is unlimited."),
			"connection_limit": defaulted(connectionLimitAttributes, "Requests that may be under way at the same time, open websockets among them; more get 429."),
			"load_balancing": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(string(gateway.RoundRobin)),
				MarkdownDescription: "Which replica gets a request: `round_robin`, one after the other; `least_conn`, the one with the fewest connections; `ip_hash`, always the same for a client address. Default `round_robin`.",
				Validators:          []validator.String{oneOf(gateway.LoadBalancings())},
			},
			"max_fails": bounded(1, gateway.MaxMaxFails, gateway.DefaultMaxFails, "Failed attempts to reach a container within `fail_timeout` after which it gets no requests for as long. It holds for a single container too, whose visitors then get 503 at once in place of a wait."),
			"fail_timeout": schema.StringAttribute{
				CustomType: timetypes.GoDurationType{}, Optional: true, Computed: true, Default: stringdefault.StaticString(gateway.DefaultFailTimeout.String()),
				MarkdownDescription: "How long a container that failed is left alone, in whole seconds such as `\"10s\"`. Default `\"1s\"`.",
				Validators:          []validator.String{validDuration, wholeSeconds},
			},
			"read_timeout": schema.StringAttribute{
				CustomType: timetypes.GoDurationType{}, Optional: true, Computed: true,
				MarkdownDescription: "How long the program may be silent before the gateway gives up, such as `\"30s\"`. It holds for websockets too. Default `\"1h\"` with `websocket`, `\"1m\"` without.",
				Validators:          []validator.String{validDuration},
			},
			"max_body_size": schema.StringAttribute{
				CustomType: sizeType{}, Optional: true, Computed: true, Default: stringdefault.StaticString("100MiB"),
				MarkdownDescription: "The largest body of a request, such as `\"1GiB\"`; larger ones get 413. Default `\"100MiB\"`.",
				Validators:          []validator.String{validBodySize},
			},
			"buffering": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Whether the gateway takes an answer off the program before the visitor has read it, which frees the program of slow visitors but holds back streams such as server-sent events. Default `false`.",
			},
			"maintenance": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Whether visitors get 503 and a page that says so, whatever runs. Default `false`.",
			},
			"unavailable_page": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "HTML for visitors while the route does not serve: in phases that do not, under maintenance, and when the program does not answer. At most 64 KiB. Default: a line that names the phase.",
				Validators:          []validator.String{stringvalidator.LengthBetween(1, gateway.MaxPage)},
			},
			"serving": schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether the route leads to a running container, rather than to the 503 page."},
			"drift":   driftAttribute(),
		},
	}
}
