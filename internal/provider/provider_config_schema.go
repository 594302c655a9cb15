package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/providervalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/isolab/terraform-provider-isolab/internal/database"
	"github.com/isolab/terraform-provider-isolab/internal/service"
	"github.com/isolab/terraform-provider-isolab/internal/stack"
	"github.com/isolab/terraform-provider-isolab/internal/subnet"
)

// imageGateway is the key of images for the gateway's own image; the other keys are the stacks, the databases and the presets of shared services.
const imageGateway = "gateway"

func imageKeys() []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(stack.Names(), database.Presets(), service.Presets(), []string{imageGateway}))))
}

var validImageKey = check{"a stack, a database, a shared service or gateway", func(value string) string {
	if slices.Contains(imageKeys(), value) {
		return ""
	}
	return fmt.Sprintf("There is no image %q to override. The keys are: %s.", value, strings.Join(imageKeys(), ", "))
}}

var validRegistry = check{"a registry host", func(value string) string {
	named, err := reference.ParseNormalizedNamed(value + "/image")
	if err != nil || reference.Domain(named) != value || reference.Path(named) != "image" && value != "docker.io" {
		return fmt.Sprintf("%q is not a registry host. Write the part of the image's name before the first slash, such as \"registry.example.com:5000\", without scheme and path; Docker Hub is \"docker.io\".", value)
	}
	return ""
}}

// filled accepts any text but the empty one, which would silently mean the default.
var filled = stringvalidator.LengthAtLeast(1)

func (p *isolabProvider) Schema(_ context.Context, _ provider.SchemaRequest, response *provider.SchemaResponse) {
	attributes := connectionAttributes()
	attributes["address_pool"] = schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "The range out of which every project's network gets a subnet of its own. Choose one that nothing else uses " +
			"on the engine's host or behind it.",
		Attributes: map[string]schema.Attribute{
			"cidr": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: fmt.Sprintf("The IPv4 range in CIDR notation. Default: `%s`, which holds %d subnets of the default length.",
					subnet.DefaultPool.CIDR, subnet.DefaultPool.Size()),
			},
			"prefix_length": schema.Int64Attribute{
				Optional: true,
				MarkdownDescription: fmt.Sprintf("The prefix length of each subnet in bits, from 16 to 28. Default: `%d`, which is 64 addresses and room for %d containers.",
					subnet.DefaultPool.PrefixLength, subnet.Capacity(subnet.DefaultPool.Subnet(0))),
			},
		},
	}
	attributes["images"] = schema.MapAttribute{
		Optional: true, ElementType: types.StringType,
		MarkdownDescription: "Images to use instead of the built-in ones, for private and air-gapped registries. The keys are " + listed(imageKeys()) +
			". Example: `{ node = \"registry.example.com/node:22\" }`. Default: public images with a pinned tag.",
		Validators: []validator.Map{mapvalidator.KeysAre(validImageKey), mapvalidator.ValueStringsAre(validImage)},
	}
	attributes["registry_auth"] = schema.MapNestedAttribute{
		Optional: true,
		MarkdownDescription: "The credentials with which the engine pulls, by registry host. " +
			"Example: `{ \"registry.example.com\" = { username = \"ci\", password = var.token } }`. Default: images are pulled without credentials.",
		Validators: []validator.Map{mapvalidator.KeysAre(validRegistry)},
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"username": schema.StringAttribute{Required: true, MarkdownDescription: "The user name at the registry.", Validators: []validator.String{filled}},
			"password": schema.StringAttribute{Required: true, Sensitive: true, MarkdownDescription: "The password or access token at the registry. It is never logged.", Validators: []validator.String{filled}},
		}},
	}
	attributes["default_labels"] = schema.MapAttribute{
		Optional: true, ElementType: types.StringType,
		MarkdownDescription: "Labels that every object of this provider carries on the engine; a resource's own `labels` win. Keys must not start with `isolab.`. " +
			"Example: `{ team = \"platform\" }`. Default: none.",
		Validators: []validator.Map{mapvalidator.KeysAre(validLabel)},
	}
	response.Schema = schema.Schema{
		MarkdownDescription: "The isolab provider gives every project on a shared Docker engine its own sealed room: a network, volumes, " +
			"hardened and limited containers, and a route through a shared gateway.",
		Attributes: attributes,
	}
}

// connectionAttributes say which engine to use and how to reach it.
func connectionAttributes() map[string]schema.Attribute {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: description, Validators: []validator.String{filled}}
	}
	secret := func(description string) schema.StringAttribute {
		attribute := text(description)
		attribute.Sensitive = true
		return attribute
	}
	return map[string]schema.Attribute{
		"host": text("The engine's address: `unix:///run/docker.sock`, `tcp://build-1.example.com:2376` or `ssh://deploy@build-1.example.com`. " +
			"Default: `DOCKER_HOST`, then the context named by `DOCKER_CONTEXT`, then Docker's current context, then the local socket."),
		"context": text("The name of a Docker context, whose address and TLS material are used. Excludes `host`, `tls` and `cert_path`. " +
			"Example: `\"build-1\"`. Default: none."),
		"cert_path": text("A folder with `ca.pem`, `cert.pem` and `key.pem` for a `tcp://` host, of which each may be missing. Excludes `tls`. " +
			"Example: `\"/etc/isolab/tls\"`. Default: `DOCKER_CERT_PATH` if `DOCKER_TLS_VERIFY` is set."),
		"tls": schema.SingleNestedAttribute{
			Optional: true,
			MarkdownDescription: "TLS material for a `tcp://` host as PEM text, for where no files can be had. The engine's certificate is " +
				"always verified. Excludes `cert_path`. Default: none.",
			Attributes: map[string]schema.Attribute{
				"ca":          text("The certificate authority of the engine's certificate, as PEM text. Default: the system's roots."),
				"certificate": text("The client certificate, as PEM text. Needs `key`. Default: none."),
				"key":         secret("The client certificate's unencrypted key, as PEM text. Needs `certificate`. Default: none."),
			},
		},
		"ssh": schema.SingleNestedAttribute{
			Optional: true,
			MarkdownDescription: "Settings of an `ssh://` host, in addition to the user's ssh configuration. All calls share one connection, and " +
				"host keys are always checked.",
			Attributes: map[string]schema.Attribute{
				"private_key": secret("The text of an unencrypted private key. Default: the ssh agent and the keys of the ssh configuration."),
				"known_hosts": text("The host keys to trust, as text of a known_hosts file. Example: `\"build-1.example.com ssh-ed25519 AAAA…\"`. Default: the user's and the system's known_hosts files."),
				"options": schema.ListAttribute{
					Optional: true, ElementType: types.StringType,
					MarkdownDescription: "Further options as in ssh_config. Example: `[\"ProxyJump=bastion.example.com\"]`. Default: none.",
				},
			},
		},
	}
}

// ConfigValidators are the attributes that exclude each other.
func (p *isolabProvider) ConfigValidators(context.Context) []provider.ConfigValidator {
	conflict := func(first, second string) provider.ConfigValidator {
		return providervalidator.Conflicting(path.MatchRoot(first), path.MatchRoot(second))
	}
	return []provider.ConfigValidator{
		conflict("host", "context"), conflict("tls", "cert_path"), conflict("tls", "context"), conflict("cert_path", "context"),
	}
}
