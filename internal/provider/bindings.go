package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/isolab/terraform-provider-isolab/internal/database"
	"github.com/isolab/terraform-provider-isolab/internal/datanamespace"
	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/environment"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// credentialVersions are those of the databases planned in this run, by id: what binds to them is planned after them, and
// gets the credentials that they are going to have.
type credentialVersions struct {
	lock    sync.Mutex
	planned map[string]int64
}

func (c *credentialVersions) set(id string, version int64) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.planned == nil {
		c.planned = map[string]int64{}
	}
	c.planned[id] = version
}

func (c *credentialVersions) get(id string) (version int64, ok bool) {
	c.lock.Lock()
	defer c.lock.Unlock()
	version, ok = c.planned[id]
	return version, ok
}

// errUnbound means that a binding leads nowhere.
var errUnbound = errors.New("there is no such database or data namespace")

// database finds a database on the engine, with its preset.
func (d *Data) database(ctx context.Context, id string) (environment.Environment, database.Preset, error) {
	namespace, name, ok := naming.SplitID(id)
	if !ok {
		return environment.Environment{}, database.Preset{}, fmt.Errorf("%q is not NAMESPACE/NAME: %w", id, errUnbound)
	}
	found, err := d.Environments.Read(ctx, namespace, name)
	if err != nil {
		return environment.Environment{}, database.Preset{}, err
	}
	preset, ok := database.Get(found.Preset)
	if found.Kind != lifecycle.KindDatabase || !ok {
		return environment.Environment{}, database.Preset{}, fmt.Errorf("%s is of kind %s: %w", id, found.Kind, errUnbound)
	}
	return found, preset, nil
}

// dataNamespace finds a data namespace on the engine that is open; [engine.ErrNotFound] for any other id.
func (d *Data) dataNamespace(ctx context.Context, id string) (datanamespace.Namespace, error) {
	namespace, name, ok := naming.SplitID(id)
	if !ok {
		return datanamespace.Namespace{}, engine.ErrNotFound
	}
	found, err := d.Namespaces.Read(ctx, namespace, name)
	if err == nil && found.Locked {
		return datanamespace.Namespace{}, engine.ErrNotFound
	}
	return found, err
}

// credentials derives those of a database, or data namespace, that is on the engine.
func (d *Data) credentials(ctx context.Context, id string) (database.Credentials, error) {
	if data, err := d.dataNamespace(ctx, id); !gone(err) {
		if err != nil {
			return database.Credentials{}, err
		}
		return d.Namespaces.Credentials(ctx, data)
	}
	found, preset, err := d.database(ctx, id)
	if err != nil {
		return database.Credentials{}, err
	}
	key, err := d.Projects.Key(ctx, found.Namespace)
	if err != nil {
		return database.Credentials{}, err
	}
	return preset.Credentials(key, found.Spec), nil
}

// planBindings finds out which version of its credentials each binding is going to have.
func (m *containerModel) planBindings(ctx context.Context, project projectReference, data *Data, diags *diag.Diagnostics) {
	m.BindingVersions = types.MapUnknown(types.Int64Type)
	if !known(m.Bindings) || project.Namespace.IsUnknown() || project.Phase.IsUnknown() {
		return
	}
	versions, complete := map[string]attr.Value{}, true
	for _, variable := range slices.Sorted(maps.Keys(m.Bindings.Elements())) {
		id, _ := m.Bindings.Elements()[variable].(types.String)
		if id.IsUnknown() || data == nil || data.Engine == nil {
			complete = false
			continue
		}
		version, err := data.bindingVersion(ctx, project, id.ValueString())
		if err != nil {
			fail(diags, path.Root("bindings").AtMapKey(variable), "Unable to bind "+variable+" to "+id.ValueString(), err)
		}
		versions[variable] = types.Int64Value(version)
	}
	if complete {
		m.BindingVersions = types.MapValueMust(types.Int64Type, versions)
	}
}

// bindingVersion is the version of a database's credentials after this run; 0 while it has none in the project's phase.
func (d *Data) bindingVersion(ctx context.Context, project projectReference, id string) (int64, error) {
	namespace, _, ok := naming.SplitID(id)
	switch {
	case !ok:
		return 0, fmt.Errorf("%q is not NAMESPACE/NAME, as the id of a database is; refer to it as in isolab_database.main.id: %w", id, errUnbound)
	case namespace != project.Namespace.ValueString():
		return 0, fmt.Errorf("%s belongs to project %s, and nothing of this one can reach it: %w in project %s", id, namespace, errUnbound, project.Namespace.ValueString())
	}
	if version, planned := d.versions.get(id); planned {
		return version, nil
	}
	if data, err := d.dataNamespace(ctx, id); !gone(err) {
		return data.Version, err
	}
	found, _, err := d.database(ctx, id)
	if errors.Is(err, engine.ErrNotFound) {
		if (lifecycle.Life{Kind: lifecycle.KindDatabase}).Status(project.phase()) == lifecycle.Absent {
			return 0, nil
		}
		return 0, fmt.Errorf("the engine does not hold %s; if this configuration makes it, refer to it as in isolab_database.main.id, so that it is made first: %w", id, errUnbound)
	}
	return found.SecretsVersion, err
}

// bindings are those of a plan.
func (m *containerModel) bindings() map[string]environment.Binding {
	bindings := map[string]environment.Binding{}
	for variable, id := range stringMap(m.Bindings) {
		version, _ := m.BindingVersions.Elements()[variable].(types.Int64)
		bindings[variable] = environment.Binding{ID: id, Version: version.ValueInt64()}
	}
	return bindings
}

func (m *containerModel) readBindings(bindings map[string]environment.Binding) {
	ids, versions := map[string]string{}, map[string]attr.Value{}
	for variable, binding := range bindings {
		ids[variable], versions[variable] = binding.ID, types.Int64Value(binding.Version)
	}
	m.Bindings, m.BindingVersions = stringMapValue(ids), types.MapValueMust(types.Int64Type, versions)
}

// secrets are the configuration's, which alone has them, and the addresses of what the plan binds to.
func (m *containerModel) secrets(ctx context.Context, data *Data, wanted *environment.Wanted, diags *diag.Diagnostics) {
	wanted.Secrets = stringMap(m.SecretsWO)
	for _, variable := range slices.Sorted(maps.Keys(wanted.Bindings)) {
		binding := wanted.Bindings[variable]
		if binding.Version == 0 {
			continue
		}
		found, err := data.credentials(ctx, binding.ID)
		if err == nil && found.Version != binding.Version {
			err = fmt.Errorf("its credentials are of version %d now, not %d as planned: somebody else changed them; run terraform apply again", found.Version, binding.Version)
		}
		if err != nil {
			fail(diags, path.Root("bindings").AtMapKey(variable), "Unable to bind "+variable+" to "+binding.ID, err)
			continue
		}
		wanted.Secrets[variable] = found.URL
	}
}

// checkVariables refuses two values for one variable.
func (m *containerModel) checkVariables(diags *diag.Diagnostics) {
	from := map[string]string{}
	for _, group := range []struct {
		attribute string
		values    types.Map
	}{{"variables", m.Variables}, {"secrets_wo", m.SecretsWO}, {"bindings", m.Bindings}} {
		for _, variable := range slices.Sorted(maps.Keys(group.values.Elements())) {
			if other, taken := from[variable]; taken {
				diags.AddAttributeError(path.Root(group.attribute).AtMapKey(variable), "Two values for one variable",
					fmt.Sprintf("%s stands in %s already. Take it out of one of them.", variable, other))
			}
			from[variable] = group.attribute
		}
	}
}
