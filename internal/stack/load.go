package stack

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/preset"
)

// definition is a stack.json.
type definition struct {
	Description string                      `json:"description"`
	Image       string                      `json:"image"`
	Port        int                         `json:"port"`
	Commands    map[lifecycle.Kind][]string `json:"commands"`
	Variables   map[string]string           `json:"variables"`
	Health      preset.HealthCheck          `json:"health_check"`
	KeepPrefix  bool                        `json:"keep_prefix"`
	FixedPort   bool                        `json:"fixed_port"`
}

// read takes the stack called name from its folder.
func read(name string, folder fs.FS) (Stack, error) {
	var from definition
	if err := preset.Decode(folder, "stack.json", &from); err != nil {
		return Stack{}, err
	}
	if err := from.validate(); err != nil {
		return Stack{}, fmt.Errorf("stack.json: %w", err)
	}
	files, err := readFiles(folder, "workspace")
	if err != nil {
		return Stack{}, err
	}
	return Stack{
		Name: name, Description: from.Description, Image: from.Image, Port: from.Port, Commands: from.Commands,
		Variables: from.Variables, KeepPrefix: from.KeepPrefix, FixedPort: from.FixedPort, Health: from.Health.Check(),
		scaffold: files,
	}, nil
}

// validate reports everything that is wrong or missing.
func (d definition) validate() error {
	var problems []error
	if d.Description == "" {
		problems = append(problems, errors.New("description is missing"))
	}
	if d.Image == "" {
		problems = append(problems, errors.New("image is missing"))
	}
	// Without a capability nothing can listen below 1024.
	if d.Port < 1024 || d.Port > 65535 {
		problems = append(problems, fmt.Errorf("port is %d, not within 1024 and 65535", d.Port))
	}
	for _, kind := range lifecycle.EnvironmentKinds() {
		if len(d.Commands[kind]) == 0 {
			problems = append(problems, fmt.Errorf("no command for kind %s", kind))
		}
	}
	if len(d.Health.Test) == 0 {
		problems = append(problems, errors.New("health_check.test is missing"))
	}
	return errors.Join(problems...)
}

// readFiles is the content of every file below folder, by path relative to it.
func readFiles(root fs.FS, folder string) (map[string][]byte, error) {
	below, err := fs.Sub(root, folder)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	err = fs.WalkDir(below, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files[path], err = fs.ReadFile(below, path)
		return err
	})
	if err == nil && len(files) == 0 {
		err = errors.New("folder is empty")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", folder, err)
	}
	return files, nil
}
