package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/environment"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
)

type environmentResource struct{ residents }

func newEnvironmentResource() kind {
	return &environmentResource{residents{
		noun: "environment", kinds: lifecycle.EnvironmentKinds(), model: func() resident { return &environmentModel{} },
	}}
}

func (m *containerModel) where() (types.Object, types.String) { return m.Project, m.Name }

// imported completes what the engine knows with the defaults of what it does not.
func (m *environmentModel) imported(ctx context.Context, found environment.Environment, project types.Object, own types.Map, diags *diag.Diagnostics) {
	m.Project, m.Labels, m.Timeouts = project, own, noTimeouts
	m.SecretsWO = types.MapNull(types.StringType)
	m.PullPolicy = types.StringValue(string(engine.PullMissing))
	m.Hibernation = hibernationOf(found)
	m.ActivePhases = types.SetNull(types.StringType)
	m.fillRest(ctx, environmentModel{}, diags)
	m.read(ctx, found, diags)
}

// hibernationOf is how what is imported sleeps, as far as it shows.
func hibernationOf(found environment.Environment) types.String {
	if found.Status == lifecycle.Frozen {
		return types.StringValue(string(lifecycle.Freeze))
	}
	return types.StringValue(string(lifecycle.Stop))
}
