// Package database knows the databases that a project can have: what each of them runs as, where it keeps its data, and
// how its address and credentials are written. A database is an environment of its own kind, made from a preset, and a
// preset is data: adding one takes a folder presets/<name> with a preset.json and a start.sh.
package database

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/preset"
	"github.com/isolab/terraform-provider-isolab/internal/secret"
)

// Preset is a database server's defaults. Every caller gets the same maps and slices, so copy them before changing any.
type Preset struct {
	Name        string
	Description string
	// Image is a public image without its tag, which is the version.
	Image string
	// Versions are those of the data's format, the oldest first.
	Versions []string
	Version  string // the default
	// Upgrades is true where newer servers take over the data of older ones. Otherwise that takes a dump.
	Upgrades bool
	Port     int
	// Data is where the database's volume is mounted.
	Data     string
	User     string // "uid:gid" of the server's user in the image
	Verifier secret.Verifier
	// URL has the places {host} and {password}.
	URL    string
	Health engine.HealthCheck
	// Start is the shell script that makes the data where there is none, sets the password and becomes the server. It
	// finds the variables ISOLAB_DATA, ISOLAB_VERSION and ISOLAB_VERIFIER.
	Start string
}

// User and Name are what every database calls the project's own user and the database that belongs to it.
const (
	User = "app"
	Name = "app"
)

//go:embed presets
var embedded embed.FS

var presets = preset.Embedded(embedded, "presets", read)

// Presets lists the databases that there are, in alphabetical order.
func Presets() []string { return slices.Sorted(maps.Keys(presets())) }

// Get is the preset of that name; false when there is none.
func Get(name string) (Preset, bool) {
	found, ok := presets()[name]
	return found, ok
}

// definition is a preset.json.
type definition struct {
	Description string             `json:"description"`
	Image       string             `json:"image"`
	Versions    []string           `json:"versions"`
	Version     string             `json:"version"`
	Upgrades    bool               `json:"upgrades"`
	Port        int                `json:"port"`
	Data        string             `json:"data"`
	User        string             `json:"user"`
	Verifier    secret.Verifier    `json:"verifier"`
	URL         string             `json:"url"`
	Health      preset.HealthCheck `json:"health_check"`
}

func read(name string, folder fs.FS) (Preset, error) {
	var from definition
	if err := preset.Decode(folder, "preset.json", &from); err != nil {
		return Preset{}, err
	}
	start, err := fs.ReadFile(folder, "start.sh")
	if err := errors.Join(err, from.validate()); err != nil {
		return Preset{}, err
	}
	return Preset{
		Name: name, Description: from.Description, Image: from.Image, Versions: from.Versions, Version: from.Version, Upgrades: from.Upgrades,
		Port: from.Port, Data: from.Data, User: from.User, Verifier: from.Verifier, URL: from.URL,
		Health: from.Health.Check(), Start: string(start),
	}, nil
}

// validate reports everything that is wrong or missing.
func (d definition) validate() error {
	var problems []error
	need := func(ok bool, problem string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(problem, args...))
		}
	}
	need(d.Description != "", "description is missing")
	need(d.Image != "", "image is missing")
	need(slices.Contains(d.Versions, d.Version), "version %q is none of the versions %q", d.Version, d.Versions)
	need(d.Port >= 1024 && d.Port <= 65535, "port is %d, not within 1024 and 65535", d.Port)
	need(strings.HasPrefix(d.Data, "/"), "data %q is no absolute path", d.Data)
	need(d.User != "", "user is missing")
	need(slices.Contains(secret.Verifiers(), d.Verifier), "verifier %q is none of %q", d.Verifier, secret.Verifiers())
	need(strings.Contains(d.URL, "{host}") && strings.Contains(d.URL, "{password}"), "url %q lacks {host} or {password}", d.URL)
	need(len(d.Health.Test) > 0, "health_check.test is missing")
	return errors.Join(problems...)
}
