package database

import (
	"slices"
	"strings"

	"github.com/isolab/terraform-provider-isolab/internal/environment"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/secret"
)

// The variables of a start script.
const (
	variableData     = "ISOLAB_DATA"
	variableVersion  = "ISOLAB_VERSION"
	variableVerifier = "ISOLAB_VERIFIER"
)

// Volume is what the database called name calls the project's volume with its data.
func Volume(name string) string { return name + "-data" }

// Host is the name by which a project's containers find its database.
func Host(namespace, name string) string { return naming.Alias(namespace, name) }

// Reads reports whether a server of one version can start on the data of another.
func (p Preset) Reads(version, data string) bool {
	if version == data {
		return true
	}
	return p.Upgrades && slices.Index(p.Versions, version) > slices.Index(p.Versions, data)
}

// Complete fills in what a preset decides of a database's containers: name, image and limits are the caller's.
func (p Preset) Complete(spec *environment.Spec, version string) {
	health := p.Health
	spec.Kind = lifecycle.KindDatabase
	spec.Preset, spec.Version = p.Name, version
	spec.Entrypoint, spec.Command = p.Program()
	spec.Port = p.Port
	spec.Health = &health
	spec.ReadOnly = true
	spec.Volumes = map[string]environment.Volume{Volume(spec.Name): {Path: p.Data}}
	spec.Variables = p.Variables(version)
}

// Program is what a container of the database runs.
func (p Preset) Program() (entrypoint, command []string) {
	return []string{"/bin/sh", "-c"}, []string{p.Start}
}

// Variables tell the start script where the data is and of which version.
func (p Preset) Variables(version string) map[string]string {
	return map[string]string{variableData: p.Data, variableVersion: version}
}

// Secrets are the variables that a database's container alone gets to know: not the password, but what checks it.
func (p Preset) Secrets(key secret.Key, spec environment.Spec) map[string]string {
	return map[string]string{variableVerifier: p.Verifier.Of(password(key, spec.Name, spec.SecretsVersion))}
}

// Credentials are what a program needs to use a database.
type Credentials struct {
	URL      string
	Host     string
	Port     int
	Username string
	Password string
	Database string
	Version  int64 // of the password
}

// Credentials derives those of a database from its project's key.
func (p Preset) Credentials(key secret.Key, spec environment.Spec) Credentials {
	made := Credentials{
		Host: Host(spec.Namespace, spec.Name), Port: p.Port, Username: User, Database: Name,
		Password: password(key, spec.Name, spec.SecretsVersion), Version: spec.SecretsVersion,
	}
	made.URL = strings.NewReplacer("{host}", made.Host, "{password}", made.Password).Replace(p.URL)
	return made
}

func password(key secret.Key, name string, version int64) string {
	return key.Password("database/"+name, version)
}
