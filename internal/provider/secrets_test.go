package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
)

// TestAccSecrets gives an environment secrets, changes one without and with a new version, and takes them away.
func TestAccSecrets(t *testing.T) {
	b := onEngine(t)
	has := func(want string) seen {
		return func() error {
			if got, _ := b.attempt("exec", b.container("shop", "dev"), "sh", "-c", "echo $API_KEY"); got != want {
				return fmt.Errorf("API_KEY is %q instead of %q", got, want)
			}
			return nil
		}
	}
	secret := func(value string, version int) string {
		return serving(fmt.Sprintf("secrets_wo = { API_KEY = %q }\nsecrets_wo_version = %d", value, version))
	}
	same, differ := statecheck.CompareValue(compare.ValuesSame()), statecheck.CompareValue(compare.ValuesDiffer())
	b.test(
		b.applied(secret("first", 1), has("first"), same.AddStateValue(dev, firstID), differ.AddStateValue(dev, firstID)),
		b.applied(secret("second", 1), has("first"), same.AddStateValue(dev, firstID)),
		b.applied(secret("second", 2), has("second"), differ.AddStateValue(dev, firstID)),
		resource.TestStep{ResourceName: dev, ImportState: true, ImportStateId: b.name("shop/dev"), ImportStateVerify: true},
		// A container that was removed by hand gets them again.
		b.repaired(func() { b.docker("rm", "--force", b.container("shop", "dev")) }, secret("second", 2), turns(dev, "absent", "running")),
		b.applied(secret("second", 2), has("second")),
		b.applied(serving(""), has("")),
		resource.TestStep{Config: b.config(serving(`secrets_wo = { API_KEY = "x" }`)), PlanOnly: true, ExpectError: regexp.MustCompile(`secrets_wo_version`)},
		resource.TestStep{
			Config: b.config(serving("variables = { API_KEY = \"x\" }\nsecrets_wo = { API_KEY = \"x\" }\nsecrets_wo_version = 1")), PlanOnly: true,
			ExpectError: regexp.MustCompile(`API_KEY\s+stands\s+in\s+variables`),
		},
	)
}

// TestAccSecretsInLastWords shows the log of a container that did not come up, without the secret that it printed.
func TestAccSecretsInLastWords(t *testing.T) {
	b := onEngine(t)
	place := workspace{folder: t.TempDir(), settings: program(t)}
	configuration := plain + fmt.Sprintf(`
resource "isolab_environment" "dev" {
  project            = isolab_project.shop
  name               = "dev"
  kind               = "development"
  image              = %q
  command            = ["sh", "-c", "echo the key is $API_KEY; exit 3"]
  health_check       = { test = ["CMD", "true"], interval = "1s" }
  secrets_wo         = { API_KEY = "never-to-be-shown" }
  secrets_wo_version = 1
}
`, busybox)
	if err := place.write("main.tf", required+b.config(configuration)); err != nil {
		t.Fatal(err)
	}
	output, err := place.run("apply", "-auto-approve")
	if said := strings.Join(strings.Fields(output), " "); err == nil || !strings.Contains(said, "the key is (secret)") || strings.Contains(said, "never-to-be-shown") {
		t.Errorf("terraform said %s", output)
	}
	if output, err := place.run("destroy", "-auto-approve"); err != nil {
		t.Error(tail(output))
	}
}

// TestAccNoSecretIsTold looks for every secret that exists in whatever Terraform writes down or says.
func TestAccNoSecretIsTold(t *testing.T) {
	b := onEngine(t)
	const written = "written-only-by-the-user"
	place := workspace{folder: t.TempDir(), settings: program(t)}
	configuration := servers[0].using("development", "", fmt.Sprintf("secrets_wo = { API_KEY = %q }\nsecrets_wo_version = 1", written)) + `
ephemeral "isolab_credentials" "main" {
  id = isolab_database.main.id
}

resource "isolab_environment" "worker" {
  project            = isolab_project.shop
  name               = "worker"
  kind               = "development"
  image              = "isolab-fixture/busybox:1"
  command            = ["sleep", "1000"]
  secrets_wo         = { COPY = ephemeral.isolab_credentials.main.password }
  secrets_wo_version = 1
  bindings           = { SHARED = isolab_data_namespace.shared.id }
}

resource "isolab_shared_service" "postgres" {
  name        = "PREFIX-postgres"
  preset      = "postgres"
  data_policy = "delete"
}

resource "isolab_data_namespace" "shared" {
  project = isolab_project.shop
  name    = "shared"
  service = isolab_shared_service.postgres.name
}
`
	configuration = strings.Replace(configuration, `data_policy = "delete"`, "data_policy = \"delete\"\n  services    = [isolab_shared_service.postgres.name]", 1)
	// The user's own file has the user's own secret: it comes in from the outside.
	configuration = strings.Replace(configuration, fmt.Sprintf("%q", written), "var.api_key", 1) + `
variable "api_key" {
  type      = string
  sensitive = true
  ephemeral = true # or Terraform itself would write it into its plans
}
`
	if err := place.write("main.tf", required+b.config(configuration)); err != nil {
		t.Fatal(err)
	}
	said := ""
	for _, args := range [][]string{
		{"plan", "-out=first.tfplan"}, {"apply", "first.tfplan"}, {"plan", "-out=second.tfplan"}, {"apply", "-auto-approve"}, {"show", "-json"},
	} {
		command := place.command(args...)
		command.Env = append(command.Env, "TF_LOG=TRACE", "TF_VAR_api_key="+written)
		output, err := command.CombinedOutput()
		if err != nil {
			t.Errorf("terraform %v: %v\n%s", args, err, tail(string(output)))
		}
		said += string(output)
	}
	password := b.docker("exec", b.container("shop", "worker"), "sh", "-c", "echo $COPY")
	if address := b.docker("exec", b.container("shop", "client"), "printenv", "DATABASE_URL"); len(password) != 32 || !strings.Contains(address, password) {
		t.Errorf("the password is %q, the address %q", password, address)
	}
	shared := regexp.MustCompile(`:([^:@]{32})@`).FindStringSubmatch(b.docker("exec", b.container("shop", "worker"), "sh", "-c", "echo $SHARED"))
	if len(shared) != 2 {
		t.Fatal("the shared database has no password")
	}
	secrets := map[string]string{"the password": password, "the shared database's password": shared[1], "the user's secret": written, "the verifier": "SCRAM-SHA-256$"}
	shown := map[string]string{"what terraform said": said, "the containers' labels": b.docker("ps", "--all", "--no-trunc", "--format", "{{.Labels}} {{.Command}}", "--filter", "name=PREFIX")}
	for _, name := range []string{"terraform.tfstate", "first.tfplan", "second.tfplan"} {
		content, err := os.ReadFile(filepath.Join(place.folder, name))
		if err != nil {
			t.Fatal(err)
		}
		shown[name] = string(content)
		if strings.HasSuffix(name, ".tfplan") {
			text, err := place.run("show", "-json", name) // the file itself is compressed
			if err != nil {
				t.Error(err)
			}
			shown[name] += text
		}
	}
	for what, secret := range secrets {
		for where, text := range shown {
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("%s holds %s: …%s…", where, what, text[max(0, at-200):min(len(text), at+50)])
			}
		}
	}
	if output, err := place.run("destroy", "-auto-approve", "-var=api_key=x"); err != nil {
		t.Errorf("%v", tail(output))
	}
}

// tail is the end of a text that may be long.
func tail(text string) string { return text[max(0, len(text)-4000):] }
