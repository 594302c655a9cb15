package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
)

// definition is a stack.json.
type definition struct {
	Description string                      `json:"description"`
	Image       string                      `json:"image"`
	Port        int                         `json:"port"`
	Commands    map[lifecycle.Kind][]string `json:"commands"`
	Variables   map[string]string           `json:"variables"`
	Health      healthCheck                 `json:"health_check"`
	KeepPrefix  bool                        `json:"keep_prefix"`
	FixedPort   bool                        `json:"fixed_port"`
}

// healthCheck is an [engine.HealthCheck] in JSON. What is left out has the value of [defaultHealth].
type healthCheck struct {
	Test          []string `json:"test"`
	Interval      duration `json:"interval"`
	Timeout       duration `json:"timeout"`
	StartPeriod   duration `json:"start_period"`
	StartInterval duration `json:"start_interval"`
	Retries       int      `json:"retries"`
}

// defaultHealth looks often while a container starts, so that waiting for it is short, and rarely afterwards.
var defaultHealth = healthCheck{
	Interval:      duration(10 * time.Second),
	Timeout:       duration(5 * time.Second),
	StartPeriod:   duration(30 * time.Second),
	StartInterval: duration(time.Second),
	Retries:       3,
}

// duration is written as Go writes it: "10s", "1m30s".
type duration time.Duration

func (d *duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = duration(parsed)
	return err
}

// load reads one stack from every folder of root.
func load(root fs.FS) (map[string]Stack, error) {
	folders, err := fs.ReadDir(root, ".")
	if err != nil {
		return nil, fmt.Errorf("list stacks: %w", err)
	}
	loaded := map[string]Stack{}
	for _, folder := range folders {
		name := folder.Name()
		loaded[name], err = read(root, name)
		if err != nil {
			return nil, fmt.Errorf("read stack %s: %w", name, err)
		}
	}
	return loaded, nil
}

// read takes the stack called name from the folder of that name.
func read(root fs.FS, name string) (Stack, error) {
	folder, err := fs.Sub(root, name)
	if err != nil {
		return Stack{}, err
	}
	file, err := folder.Open("stack.json")
	if err != nil {
		return Stack{}, err
	}
	defer file.Close()

	from := definition{Health: defaultHealth}
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields() // a misspelt key would silently become a default
	if err := decoder.Decode(&from); err != nil {
		return Stack{}, fmt.Errorf("stack.json: %w", err)
	}
	if err := from.validate(); err != nil {
		return Stack{}, fmt.Errorf("stack.json: %w", err)
	}
	files, err := readFiles(folder, "workspace")
	if err != nil {
		return Stack{}, err
	}
	return Stack{
		Name:        name,
		Description: from.Description,
		Image:       from.Image,
		Port:        from.Port,
		Commands:    from.Commands,
		Variables:   from.Variables,
		KeepPrefix:  from.KeepPrefix,
		FixedPort:   from.FixedPort,
		Health: engine.HealthCheck{
			Test:          from.Health.Test,
			Interval:      time.Duration(from.Health.Interval),
			Timeout:       time.Duration(from.Health.Timeout),
			StartPeriod:   time.Duration(from.Health.StartPeriod),
			StartInterval: time.Duration(from.Health.StartInterval),
			Retries:       from.Health.Retries,
		},
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
