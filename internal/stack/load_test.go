package stack

import (
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/preset"
)

const minimal = `{
	"description": "Minimal",
	"image": "example.com/minimal:1",
	"port": 8080,
	"commands": {"development": ["run"], "testing": ["run"], "deployment": ["run"]},
	"health_check": {"test": ["CMD", "check"], "interval": "1m30s"}
}`

// folder is a tree that holds one stack called minimal.
func folder(definition string) fstest.MapFS {
	return fstest.MapFS{
		"minimal/stack.json":            {Data: []byte(definition)},
		"minimal/workspace/.gitignore":  {Data: []byte("*.log\n")},
		"minimal/workspace/src/main.sh": {Data: []byte("exit\n")},
	}
}

func TestLoad(t *testing.T) {
	loaded, err := preset.Folders(folder(minimal), read)
	if err != nil {
		t.Fatal(err)
	}
	got := loaded["minimal"]
	want := engine.HealthCheck{
		Test:          []string{"CMD", "check"},
		Interval:      90 * time.Second,
		Timeout:       5 * time.Second,
		StartPeriod:   30 * time.Second,
		StartInterval: time.Second,
		Retries:       3,
	}
	if !reflect.DeepEqual(got.Health, want) {
		t.Errorf("health check %+v, want %+v", got.Health, want)
	}
	files := map[string][]byte{".gitignore": []byte("*.log\n"), "src/main.sh": []byte("exit\n")}
	if !reflect.DeepEqual(got.Scaffold(), files) {
		t.Errorf("scaffold %q, want %q", got.Scaffold(), files)
	}
}

func TestLoadRefuses(t *testing.T) {
	replaced := func(part, by string) fs.FS {
		if !strings.Contains(minimal, part) {
			t.Fatalf("%q is not in the minimal definition", part)
		}
		return folder(strings.Replace(minimal, part, by, 1))
	}
	without := func(file string) fs.FS {
		tree := folder(minimal)
		delete(tree, file)
		return tree
	}
	empty := fstest.MapFS{
		"minimal/stack.json": {Data: []byte(minimal)},
		"minimal/workspace":  {Mode: fs.ModeDir},
	}
	for name, test := range map[string]struct {
		tree fs.FS
		want string
	}{
		"no JSON":             {folder("{"), "unexpected EOF"},
		"an unknown key":      {replaced(`"port"`, `"ports"`), `unknown field "ports"`},
		"a bad duration":      {replaced("1m30s", "soon"), `invalid duration "soon"`},
		"no description":      {replaced("Minimal", ""), "description is missing"},
		"no image":            {replaced("example.com/minimal:1", ""), "image is missing"},
		"a privileged port":   {replaced("8080", "80"), "port is 80"},
		"a port out of range": {replaced("8080", "80800"), "port is 80800"},
		"a misspelt kind":     {replaced("testing", "test"), "no command for kind testing"},
		"no health check":     {replaced(`"CMD", "check"`, ""), "health_check.test is missing"},
		"no stack.json":       {without("minimal/stack.json"), "stack.json: file does not exist"},
		"an empty workspace":  {empty, "workspace: folder is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := preset.Folders(test.tree, read)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "minimal") {
				t.Errorf("read %v, want an error about minimal with %q", err, test.want)
			}
		})
	}
}
