package service

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/isolab/terraform-provider-isolab/internal/database"
	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/preset"
)

// Preset is a shared service's defaults. A preset is data: adding one takes a folder presets/<name> with a preset.json.
// Every caller gets the same maps and slices, so copy them before changing any.
type Preset struct {
	Name         string
	Description  string
	Image        string // a public image with a pinned tag
	Entrypoint   []string
	Command      []string
	Port         int
	User         string
	Variables    map[string]string
	Volumes      map[string]string // name to path
	Files        map[string]string // path to content
	Tmpfs        map[string]int64  // path to size in bytes
	ReloadSignal string
	Health       engine.HealthCheck
}

//go:embed presets
var embedded embed.FS

var presets = preset.Embedded(embedded, "presets", read)

// Presets lists the presets that there are, in alphabetical order.
func Presets() []string { return slices.Sorted(maps.Keys(presets())) }

// Get is the preset of that name; false when there is none.
func Get(name string) (Preset, bool) {
	found, ok := presets()[name]
	return found, ok
}

// definition is a preset.json.
type definition struct {
	Description string `json:"description"`
	// Database is a database to be shared; all but the description comes from its preset.
	Database     string             `json:"database"`
	Image        string             `json:"image"`
	Entrypoint   []string           `json:"entrypoint"`
	Command      []string           `json:"command"`
	Port         int                `json:"port"`
	User         string             `json:"user"`
	Variables    map[string]string  `json:"variables"`
	Volumes      map[string]string  `json:"volumes"`
	Files        map[string]string  `json:"files"` // path to the file's name in the preset's folder
	Tmpfs        map[string]int64   `json:"tmpfs"`
	ReloadSignal string             `json:"reload_signal"`
	Health       preset.HealthCheck `json:"health_check"`
}

func read(name string, folder fs.FS) (Preset, error) {
	var from definition
	if err := preset.Decode(folder, "preset.json", &from); err != nil {
		return Preset{}, err
	}
	if from.Database != "" {
		return shared(name, from)
	}
	made := Preset{
		Name: name, Description: from.Description, Image: from.Image, Entrypoint: from.Entrypoint, Command: from.Command, Port: from.Port, User: from.User,
		Variables: from.Variables, Volumes: from.Volumes, Files: map[string]string{}, Tmpfs: from.Tmpfs,
		ReloadSignal: from.ReloadSignal, Health: from.Health.Check(),
	}
	var problems []error
	for path, file := range from.Files {
		content, err := fs.ReadFile(folder, file)
		problems = append(problems, err)
		made.Files[path] = string(content)
	}
	return made, errors.Join(append(problems, made.validate())...)
}

// shared is a database that serves many projects.
func shared(name string, from definition) (Preset, error) {
	base, ok := database.Get(from.Database)
	if !ok {
		return Preset{}, fmt.Errorf("there is no database %q", from.Database)
	}
	made := Preset{
		Name: name, Description: from.Description, Image: base.Image + ":" + base.Version, Port: base.Port, User: base.User,
		Variables: base.Variables(base.Version), Volumes: map[string]string{"data": base.Data}, Health: base.Health,
	}
	made.Entrypoint, made.Command = base.Program()
	return made, made.validate()
}

// validate reports everything that is wrong or missing.
func (p Preset) validate() error {
	var problems []error
	need := func(ok bool, problem string) {
		if !ok {
			problems = append(problems, errors.New(problem))
		}
	}
	need(p.Description != "", "description is missing")
	need(strings.Contains(p.Image, ":"), "image is missing, or its tag")
	need(p.Port > 0, "port is missing")
	need(p.User != "", "user is missing")
	need(len(p.Health.Test) > 0, "health_check.test is missing")
	return errors.Join(problems...)
}
