package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// prefix begins the names of all projects of a benchmark.
const prefix = "isolab-bench-"

// kinds are those of the environments of each project.
var kinds = []string{"development", "testing", "deployment"}

// configuration is what is applied: projects in the phase testing, in which two of their environments run.
const configuration = `
terraform {
  required_providers {
    isolab = { source = "isolab/isolab" }
  }
}

provider "isolab" {
  host         = %[1]q
  address_pool = { cidr = "10.160.0.0/13", prefix_length = 26 } # nobody else's, so that the bare client finds it free too
}

resource "isolab_project" "each" {
  for_each    = toset([for number in range(%[2]d) : format("` + prefix + `%%03d", number)])
  name        = each.key
  phase       = "testing"
  data_policy = "delete"
}

resource "isolab_environment" "each" {
  for_each = { for pair in setproduct(keys(isolab_project.each), ["development", "testing", "deployment"]) : join("/", pair) => pair }
  project  = isolab_project.each[each.value[0]]
  kind     = each.value[1]
  image    = "isolab-fixture/busybox:1"
  command  = ["sleep", "100000"]
}
`

// cost is what a run of terraform took.
type cost struct {
	Wall     time.Duration
	CPU      time.Duration // of terraform and its providers
	Provider time.Duration // the providers' part of it
}

// program is the built provider.
type program struct {
	folder, settings string
	size             int64 // bytes, without debug information
}

// build makes the provider as a release has it. Terraform starts it through a script that notes how much CPU it took.
func build(ctx context.Context, folder string) (program, error) {
	binary := filepath.Join(folder, "provider")
	if output, err := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, ".").CombinedOutput(); err != nil {
		return program{}, fmt.Errorf("build the provider: %w\n%s", err, output)
	}
	info, err := os.Stat(binary)
	if err != nil {
		return program{}, err
	}
	wrapper := filepath.Join(folder, "plugins", "terraform-provider-isolab")
	settings := filepath.Join(folder, "terraform.tfrc")
	script := fmt.Sprintf("#!/bin/sh\n%q \"$@\"\ntimes >>%q\n", binary, filepath.Join(folder, "times"))
	content := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"isolab/isolab\" = %q\n  }\n  direct {}\n}\n", filepath.Dir(wrapper))
	if err := os.Mkdir(filepath.Dir(wrapper), 0o700); err != nil {
		return program{}, err
	}
	if err := os.WriteFile(wrapper, []byte(script), 0o700); err != nil { //nolint:gosec // it is to be executed
		return program{}, err
	}
	return program{folder, settings, info.Size()}, os.WriteFile(settings, []byte(content), 0o600)
}

// workspace is a folder in which terraform runs.
type workspace struct {
	folder, settings, times string
}

func (p program) place(text string) (workspace, error) {
	folder, err := os.MkdirTemp(p.folder, "workspace")
	if err != nil {
		return workspace{}, err
	}
	return workspace{folder, p.settings, filepath.Join(p.folder, "times")}, os.WriteFile(filepath.Join(folder, "main.tf"), []byte(text), 0o600)
}

func (p program) workspace(host string, projects int) (workspace, error) {
	return p.place(fmt.Sprintf(configuration, host, projects))
}

// reference is Terraform's own plan of as many resources, which all exist and have not changed.
func (p program) reference(ctx context.Context, resources int) (cost, error) {
	place, err := p.place(fmt.Sprintf("resource \"terraform_data\" \"each\" {\n  count = %d\n  input = count.index\n}\n", resources))
	if err != nil {
		return cost{}, err
	}
	if _, err := place.run(ctx, "init"); err != nil {
		return cost{}, err
	}
	if _, err := place.run(ctx, "apply", "-auto-approve"); err != nil {
		return cost{}, err
	}
	return place.run(ctx, "plan", "-detailed-exitcode")
}

func (w workspace) run(ctx context.Context, args ...string) (cost, error) {
	if err := os.RemoveAll(w.times); err != nil {
		return cost{}, err
	}
	command := exec.CommandContext(ctx, "terraform", args...)
	command.Dir = w.folder
	command.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+w.settings, "TF_IN_AUTOMATION=1", "TF_INPUT=0", "TF_CLI_ARGS=-no-color")
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	begun := time.Now()
	output, err := command.CombinedOutput()
	took := cost{Wall: time.Since(begun)}
	if err != nil {
		return took, fmt.Errorf("terraform %s: %w\n%s", strings.Join(args, " "), err, output)
	}
	took.CPU = command.ProcessState.UserTime() + command.ProcessState.SystemTime()
	took.Provider, err = providers(w.times)
	return took, err
}

// providers sums up what the shell wrote down: a line for itself and one for the provider that it ran, each with user and
// system time as in "0m1.250s 0m0.310s".
func providers(file string) (time.Duration, error) {
	content, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return 0, nil // Terraform's own resources need none
	}
	if err != nil {
		return 0, err
	}
	var total time.Duration
	for word := range strings.FieldsSeq(string(content)) {
		minutes, seconds, ok := strings.Cut(strings.TrimSuffix(word, "s"), "m")
		whole, err := strconv.Atoi(minutes)
		rest, wrong := strconv.ParseFloat(seconds, 64)
		if !ok || err != nil || wrong != nil {
			return 0, fmt.Errorf("%q is not a time as a shell writes it", word)
		}
		total += time.Duration(whole)*time.Minute + time.Duration(rest*float64(time.Second))
	}
	return total, nil
}
