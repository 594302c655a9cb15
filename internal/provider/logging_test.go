package provider

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/terraform-plugin-log/tflogtest"
)

func TestBridge(t *testing.T) {
	var output bytes.Buffer
	ctx, cancel := context.WithCancel(tflogtest.RootLogger(t.Context(), &output))
	log := bridge(ctx, []string{"s3cret"}).Named("docker").With("host", "build-1")
	cancel() // The request ends, the logger stays.

	log.Info("pulled with s3cret", "image", "node:22", "password", "s3cret", "error", &os.PathError{Op: "open", Path: "s3cret", Err: os.ErrNotExist})
	log.Warn("slow", "seconds", hclog.Fmt("%.1f", 2.5), "alone")

	lines, err := tflogtest.MultilineJSONDecode(&output)
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != 2 {
		t.Fatalf("got %d log lines, want 2: %v", len(lines), lines)
	}
	for i, want := range []map[string]string{
		{
			"@level": "info", "@module": "provider.engine", "@message": "pulled with ***", "component": "docker",
			"host": "build-1", "image": "node:22", "password": "***", "error": "open ***: file does not exist",
		},
		{"@level": "warn", "@message": "slow", "host": "build-1", "seconds": "2.5", hclog.MissingKey: "alone"},
	} {
		for key, value := range want {
			if lines[i][key] != value {
				t.Errorf("line %d: %s is %q, want %q", i+1, key, lines[i][key], value)
			}
		}
	}
}

// TestAccLog runs the provider as Terraform does, as a process of its own: only there does it show when something writes
// to standard error on its own.
func TestAccLog(t *testing.T) {
	if os.Getenv("TF_ACC") == "" {
		t.Skip("TF_ACC is not set")
	}
	terraform := os.Getenv("TF_ACC_TERRAFORM_PATH")
	if terraform == "" {
		terraform = "terraform"
	}
	folder := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(folder, "terraform-provider-isolab"), "../..")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the provider: %v: %s", err, output)
	}
	for name, text := range map[string]string{
		"terraformrc": `provider_installation {
  dev_overrides { "isolab/isolab" = "` + folder + `" }
  direct {}
}`,
		"main.tf": `terraform {
  required_providers {
    isolab = { source = "isolab/isolab" }
  }
}
provider "isolab" {
  registry_auth = { "registry.example.com" = { username = "ci", password = "s3cret-t0ken" } }
}
data "isolab_engine" "this" {}
`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	plan := exec.Command(terraform, "plan", "-no-color", "-input=false")
	plan.Dir = folder
	plan.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+filepath.Join(folder, "terraformrc"), "TF_LOG=TRACE")
	output, err := plan.CombinedOutput()
	if err != nil {
		t.Fatalf("terraform plan: %v: %s", err, output)
	}
	var connected string
	for line := range strings.Lines(string(output)) {
		switch {
		case strings.Contains(line, "unexpected data"):
			t.Errorf("something went past Terraform's log: %s", line)
		case strings.Contains(line, "s3cret-t0ken"):
			t.Errorf("a password is in the log: %s", line)
		case strings.Contains(line, ": connected:"):
			connected = line
		}
	}
	if !strings.Contains(connected, "[DEBUG]") || !strings.Contains(connected, "isolab.engine") || !strings.Contains(connected, "api_version=") {
		t.Errorf("the connection is not in Terraform's log as a debug line of isolab.engine: %q", connected)
	}
}
