package provider

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// workspace is a folder in which the real terraform runs with the provider as a program of its own, as users have it:
// for whole configurations, and for two runs at the same time.
type workspace struct {
	folder, settings string
}

// program builds the provider into a folder and answers with the command-line settings that make terraform use it.
func program(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if output, err := exec.Command("go", "build", "-o", filepath.Join(folder, "terraform-provider-isolab"), "../..").CombinedOutput(); err != nil {
		t.Fatalf("build the provider: %v\n%s", err, output)
	}
	settings := filepath.Join(folder, "terraform.tfrc")
	content := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"isolab/isolab\" = %q\n  }\n}\n", folder)
	if err := os.WriteFile(settings, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return settings
}

// copied is a workspace with a copy of a folder's files.
func copied(t *testing.T, settings, source string) workspace {
	t.Helper()
	made := workspace{folder: t.TempDir(), settings: settings}
	if err := os.CopyFS(made.folder, os.DirFS(source)); err != nil {
		t.Fatal(err)
	}
	return made
}

// required is what a configuration begins with that runs outside of the test framework.
const required = `
terraform {
  required_providers {
    isolab = { source = "isolab/isolab" }
  }
}
`

// write adds a file.
func (w workspace) write(name, content string) error {
	return os.WriteFile(filepath.Join(w.folder, name), []byte(content), 0o600)
}

// run runs terraform and answers with what it said; the error holds it too.
func (w workspace) run(args ...string) (string, error) {
	output, err := w.command(args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("terraform %v: %w\n%s", args, err, output)
	}
	return string(output), err
}

// command is terraform in the workspace's folder, not yet started.
func (w workspace) command(args ...string) *exec.Cmd {
	program := os.Getenv("TF_ACC_TERRAFORM_PATH")
	if program == "" {
		program = "terraform"
	}
	command := exec.Command(program, append([]string{"-chdir=" + w.folder}, args...)...)
	command.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+w.settings, "TF_IN_AUTOMATION=1", "TF_INPUT=0", "TF_CLI_ARGS=-no-color")
	return command
}

// output reads an output's value.
func (w workspace) output(name string, into any) error {
	text, err := w.run("output", "-json", name)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), into)
}
