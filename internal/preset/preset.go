// Package preset reads the data files that say what the provider runs by default: stacks and databases are folders of
// such files, and adding one changes no Go file.
package preset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// Decode reads one JSON file of root. A key that into does not know is an error: a misspelt one would silently become a
// default.
func Decode(root fs.FS, name string, into any) error {
	file, err := root.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Folders reads one item from every folder of root, by the folder's name.
func Folders[T any](root fs.FS, read func(name string, folder fs.FS) (T, error)) (map[string]T, error) {
	entries, err := fs.ReadDir(root, ".")
	if err != nil {
		return nil, err
	}
	items := map[string]T{}
	var problems []error
	for _, entry := range entries {
		folder, err := fs.Sub(root, entry.Name())
		if err == nil {
			items[entry.Name()], err = read(entry.Name(), folder)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("read %s: %w", entry.Name(), err))
		}
	}
	return items, errors.Join(problems...)
}

// Embedded reads one item from every folder below a folder of embedded files, when it is first asked for. What is embedded
// was tested, so a failure here is a broken build.
func Embedded[T any](files fs.FS, below string, read func(name string, folder fs.FS) (T, error)) func() map[string]T {
	return sync.OnceValue(func() map[string]T {
		root, err := fs.Sub(files, below)
		if err != nil {
			panic(err)
		}
		items, err := Folders(root, read)
		if err != nil {
			panic(fmt.Errorf("%s: %w", below, err))
		}
		return items
	})
}

// HealthCheck is an [engine.HealthCheck] in JSON. What is left out has the value of [DefaultHealth].
type HealthCheck struct {
	Test          []string `json:"test"`
	Interval      duration `json:"interval"`
	Timeout       duration `json:"timeout"`
	StartPeriod   duration `json:"start_period"`
	StartInterval duration `json:"start_interval"`
	Retries       int      `json:"retries"`
}

// DefaultHealth looks often while a container starts, so that waiting for it is short, and rarely afterwards.
var DefaultHealth = engine.HealthCheck{
	Interval: 10 * time.Second, Timeout: 5 * time.Second, StartPeriod: 30 * time.Second, StartInterval: time.Second, Retries: 3,
}

// UnmarshalJSON fills in the defaults.
func (c *HealthCheck) UnmarshalJSON(text []byte) error {
	type plain HealthCheck
	filled := plain{
		Interval: duration(DefaultHealth.Interval), Timeout: duration(DefaultHealth.Timeout),
		StartPeriod: duration(DefaultHealth.StartPeriod), StartInterval: duration(DefaultHealth.StartInterval), Retries: DefaultHealth.Retries,
	}
	var keys map[string]json.RawMessage
	err := errors.Join(json.Unmarshal(text, &keys), json.Unmarshal(text, &filled))
	for key := range keys {
		switch key {
		case "test", "interval", "timeout", "start_period", "start_interval", "retries":
		default: // the outer decoder's strictness does not reach in here
			err = errors.Join(err, fmt.Errorf("unknown field %q", key))
		}
	}
	*c = HealthCheck(filled)
	return err
}

// Check is the health check in the engine's words.
func (c HealthCheck) Check() engine.HealthCheck {
	return engine.HealthCheck{
		Test: c.Test, Interval: time.Duration(c.Interval), Timeout: time.Duration(c.Timeout),
		StartPeriod: time.Duration(c.StartPeriod), StartInterval: time.Duration(c.StartInterval), Retries: c.Retries,
	}
}

// duration is written as Go writes it: "10s", "1m30s".
type duration time.Duration

func (d *duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = duration(parsed)
	return err
}
