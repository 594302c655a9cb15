package provider

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/isolab/terraform-provider-isolab/internal/gateway"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// check makes a string validator out of a function that says what is wrong with a value, "" for nothing.
type check struct {
	description string
	wrong       func(value string) string
}

func (c check) Description(context.Context) string             { return c.description }
func (c check) MarkdownDescription(ctx context.Context) string { return c.Description(ctx) }

func (c check) ValidateString(_ context.Context, request validator.StringRequest, response *validator.StringResponse) {
	if request.ConfigValue.IsNull() || request.ConfigValue.IsUnknown() {
		return
	}
	if problem := c.wrong(request.ConfigValue.ValueString()); problem != "" {
		response.Diagnostics.Append(diag.NewAttributeErrorDiagnostic(request.Path, "Invalid value", problem))
	}
}

// validName accepts what [naming.Valid] accepts.
type validName struct{}

func (validName) Description(context.Context) string         { return naming.Rule }
func (validName) MarkdownDescription(context.Context) string { return naming.Rule }
func (v validName) ValidateString(ctx context.Context, request validator.StringRequest, response *validator.StringResponse) {
	check{naming.Rule, func(value string) string {
		if naming.Valid(value) {
			return ""
		}
		return fmt.Sprintf("%q is not a name here. A name has %s.", value, naming.Rule)
	}}.ValidateString(ctx, request, response)
}

// imageID is what an engine also takes for an image, whoever made it.
var imageID = regexp.MustCompile(`^[0-9a-f]{6,64}$`)

var validImage = check{"an image reference", func(value string) string {
	if imageID.MatchString(value) {
		return fmt.Sprintf("%q may be the id of an image, which means another one on every engine. Name the image, such as \"registry.example.com/team/app:1.2\".", value)
	}
	if _, err := reference.ParseNormalizedNamed(value); err != nil {
		return fmt.Sprintf("%q is not an image reference: %v. Write one such as \"registry.example.com/team/app:1.2\".", value, err)
	}
	return ""
}}

var validFilePath = check{"an absolute path of a file", func(value string) string {
	if problem := validMountPath.wrong(path.Dir(value)); problem != "" || path.Clean(value) != value {
		return fmt.Sprintf("%q cannot be a file here: its folder is mounted. Write an absolute path with a folder of the service's own, such as \"/etc/app/app.conf\".", value)
	}
	return ""
}}

// reserved paths are the engine's own or would hide what the container runs from.
var reserved = regexp.MustCompile(`^/(proc|sys|dev)?(/|$)`)

var validMountPath = check{"an absolute path of the container", func(value string) string {
	switch {
	case !strings.HasPrefix(value, "/") || path.Clean(value) != value || strings.ContainsAny(value, ":,\x00"):
		return fmt.Sprintf("%q is not a mount path. Write an absolute path without \"..\", colon, comma or trailing slash, such as \"/data\".", value)
	case value == "/" || reserved.MatchString(value) && value != "/dev/shm":
		return fmt.Sprintf("%q cannot be mounted over: the engine provides it.", value)
	}
	return ""
}}

var validVariable = check{"an environment variable name", func(value string) string {
	if value == "" || strings.ContainsAny(value, "=\x00") {
		return fmt.Sprintf("%q cannot name an environment variable: it must not be empty nor contain \"=\".", value)
	}
	return ""
}}

var validLabel = check{"a label key", func(value string) string {
	if value == "" || strings.HasPrefix(value, naming.LabelPrefix) {
		return fmt.Sprintf("%q cannot be a label: keys must not be empty nor start with %q, which is the provider's own.", value, naming.LabelPrefix)
	}
	return ""
}}

var validUser = check{"uid:gid", func(value string) string {
	if !regexp.MustCompile(`^[0-9]{1,9}:[0-9]{1,9}$`).MatchString(value) {
		return fmt.Sprintf("%q is not a user. Write numeric user and group ids such as \"1000:1000\".", value)
	}
	return ""
}}

// oneOf accepts the values of a string type.
func oneOf[T ~string](values []T) validator.String {
	return stringvalidator.OneOf(texts(values)...)
}

// listed writes values for a description: `a`, `b`, `c`.
func listed[T ~string](values []T) string {
	return "`" + strings.Join(texts(values), "`, `") + "`"
}

func texts[T ~string](values []T) []string {
	result := make([]string, len(values))
	for i, value := range values {
		result[i] = string(value)
	}
	return result
}

// maxDuration is far above any sensible health check and fits the engine's nanoseconds.
const maxDuration = 24 * time.Hour

var validDuration = check{"a duration", func(value string) string {
	duration, err := time.ParseDuration(value)
	if err != nil || duration < time.Millisecond || duration > maxDuration {
		return fmt.Sprintf("%q is not a duration from 1ms to 24h. Write one such as \"10s\" or \"1m30s\".", value)
	}
	return ""
}}

// minMemory is the least that the engine accepts, in bytes.
const minMemory = 6 * mebibyte

var validMemory = check{"at least 6 MiB", func(value string) string {
	if bytes := (sizeValue{types.StringValue(value)}).bytes(); bytes > 0 && bytes < minMemory {
		return fmt.Sprintf("%q is less than the 6 MiB that an engine accepts.", value)
	}
	return ""
}}

var validBodySize = check{"at most 1 TiB", func(value string) string {
	if bytes := (sizeValue{types.StringValue(value)}).bytes(); bytes > 1<<40 {
		return fmt.Sprintf("%q is more than 1 TiB.", value)
	}
	return ""
}}

var validLogSize = check{"64 KiB to 1 GiB", func(value string) string {
	if bytes := (sizeValue{types.StringValue(value)}).bytes(); bytes > 0 && (bytes < 64<<10 || bytes > 1<<30) {
		return fmt.Sprintf("%q is not from 64 KiB to 1 GiB.", value)
	}
	return ""
}}

// validCPUs accepts what an engine gives back as it was asked for.
type validCPUs struct{}

func (validCPUs) Description(context.Context) string         { return "at most three decimals" }
func (validCPUs) MarkdownDescription(context.Context) string { return "at most three decimals" }

func (validCPUs) ValidateFloat64(_ context.Context, request validator.Float64Request, response *validator.Float64Response) {
	cpus := request.ConfigValue.ValueFloat64()
	if rounded := math.Round(cpus*1000) / 1000; rounded != cpus {
		response.Diagnostics.AddAttributeError(request.Path, "Invalid number of CPUs", fmt.Sprintf("%v has more than three decimals. Write %v.", cpus, rounded))
	}
}

var validAddress = check{"an IP address", func(value string) string {
	if _, err := netip.ParseAddr(value); err != nil {
		return fmt.Sprintf("%q is not an IP address. Write one such as \"127.0.0.1\".", value)
	}
	return ""
}}

// validHealthTest accepts the engine's two forms of a health check, and none at all.
type validHealthTest struct{}

func (validHealthTest) Description(context.Context) string { return "a health check command" }

func (validHealthTest) MarkdownDescription(context.Context) string { return "a health check command" }

func (validHealthTest) ValidateList(_ context.Context, request validator.ListRequest, response *validator.ListResponse) {
	elements := request.ConfigValue.Elements()
	if len(elements) == 0 || elements[0].IsUnknown() {
		return
	}
	form, _ := elements[0].(types.String)
	if len(elements) < 2 || (form.ValueString() != "CMD" && form.ValueString() != "CMD-SHELL") {
		response.Diagnostics.AddAttributeError(request.Path, "Invalid health check",
			"A health check is [\"CMD\", \"program\", \"argument\", …], [\"CMD-SHELL\", \"a line for the shell\"], or [] for none.")
	}
}

// validBy makes a check of a function that says what is wrong with a value.
func validBy(description string, validate func(value string) error) check {
	return check{description, func(value string) string {
		if err := validate(value); err != nil {
			return sentence(err.Error()) + "."
		}
		return ""
	}}
}

var (
	validHost    = validBy("a host name", gateway.ValidateHost)
	validNetwork = validBy("a network in CIDR notation", gateway.ValidateNetwork)
)

var validPolicy = check{"a policy", func(value string) string {
	if value == "" || gateway.ValidPolicy(value) {
		return ""
	}
	return "A policy has at most 2000 letters, digits, spaces and ;:'*./_=(),@+?&%~- characters."
}}

var validHSTS = check{"1s to two years", func(value string) string {
	duration, err := time.ParseDuration(value)
	if err != nil || duration < time.Second || duration > gateway.MaxHSTS {
		return fmt.Sprintf("%q is not a duration from 1s to two years (17520h). Write one such as \"8760h\".", value)
	}
	return ""
}}

var wholeSeconds = check{"whole seconds", func(value string) string {
	if duration, err := time.ParseDuration(value); err == nil && duration%time.Second != 0 {
		return fmt.Sprintf("%q is not in whole seconds.", value)
	}
	return ""
}}
