package provider

import (
	"errors"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/isolab/terraform-provider-isolab/internal/datanamespace"
	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/environment"
	"github.com/isolab/terraform-provider-isolab/internal/gateway"
	"github.com/isolab/terraform-provider-isolab/internal/project"
	"github.com/isolab/terraform-provider-isolab/internal/service"
	"github.com/isolab/terraform-provider-isolab/internal/subnet"
)

// advice says what to do next about a failure that says nothing about it itself.
func advice(err error) string {
	var exhausted *subnet.ExhaustedError
	var listed *service.ListedError
	switch {
	case errors.Is(err, project.ErrExists):
		return "Choose another name, or bring the existing project under this configuration: terraform import ADDRESS NAMESPACE."
	case errors.Is(err, environment.ErrExists):
		return "Choose another name, or bring the existing environment under this configuration: terraform import ADDRESS NAMESPACE/NAME."
	case errors.Is(err, service.ErrExists):
		return "Choose another name, or bring the existing service under this configuration: terraform import ADDRESS NAME."
	case errors.Is(err, datanamespace.ErrNotListed):
		return "Add the service to the project's services."
	case errors.Is(err, datanamespace.ErrService):
		return "Make the service with isolab_shared_service and one of these presets, and refer to it, so that it is made first."
	case errors.Is(err, project.ErrNotOffered):
		return "Refer to the service's resource, so that it is made first, offer it to the project (offered_to), or take it out of services."
	case errors.Is(err, engine.ErrNoImage):
		return "Check the image's name, and that the engine reaches its registry. An engine that reaches none needs the image loaded (docker load), and pull_policy must not be \"always\"; the provider's images put other ones in place of the defaults."
	case errors.Is(err, gateway.ErrPortTaken):
		return "Choose another http_port or bind_address, or stop what listens there."
	case errors.As(err, &listed):
		return "If the service is only to get another name, add lifecycle { create_before_destroy = true } to it."
	case errors.As(err, &exhausted):
		return "Widen address_pool.cidr in the provider's configuration, choose a longer address_pool.prefix_length, or remove networks that are not needed any more."
	case errors.Is(err, engine.ErrUnavailable):
		return "Nothing was decided from this: check that the engine runs and that the provider's host is right, then run the command again."
	case errors.Is(err, engine.ErrDenied):
		return "Check the credentials in the provider's registry_auth."
	case errors.Is(err, engine.ErrNotFound):
		return "To see what the engine holds: docker ps -a --filter label=isolab.role, or the data source isolab_projects."
	case errors.Is(err, engine.ErrUnsupported):
		return "Upgrade the engine, or leave the feature out."
	}
	return ""
}

// fail adds one error for a failed operation: what was attempted on which object, why it failed, what to do next. at is
// the attribute that caused it; the empty path stands for the whole resource.
func fail(diags *diag.Diagnostics, at path.Path, summary string, err error) {
	detail := sentence(err.Error())
	if next := advice(err); next != "" {
		detail += "\n\n" + next
	}
	if at.Equal(path.Empty()) {
		diags.AddError(summary, detail)
		return
	}
	diags.AddAttributeError(at, summary, detail)
}

// sentence makes a Go error readable as prose.
func sentence(text string) string {
	if text == "" {
		return text
	}
	word, _, _ := strings.Cut(text, " ")
	if first := text[0]; first >= 'a' && first <= 'z' && !strings.ContainsAny(word, "/.=_") {
		text = string(first-'a'+'A') + text[1:]
	}
	return text
}
