package provider

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"golang.org/x/crypto/bcrypt"
)

// The password has a letter that no message of anybody's has, so that a pattern can say that it is not in one.
const registryUser, registryPassword, wrongPassword = "ci", "right-Ж", "wrong-Ж"

// A private image is pulled with the provider's credentials, and once however many environments ask for it.
func TestAccEnvironmentRegistry(t *testing.T) {
	b := onEngine(t)
	registry := b.registry()
	image := registry + "/" + b.prefix + "/busybox:1"
	b.push(registry, image)
	t.Cleanup(func() { b.attempt("image", "rm", image) })

	many := func(password, extra string) string {
		return strings.Replace(b.config(plain+fmt.Sprintf(`
resource "isolab_environment" "dev" {
  count   = 10
  project = isolab_project.shop
  name    = "dev-${count.index}"
  kind    = "development"
  image   = %q
  command = ["sleep", "3600"]
  limits  = { cpus = 0.1, memory = "32MiB" }
  %s
}
`, image, extra)), "provider \"isolab\" {", fmt.Sprintf("provider \"isolab\" {\n  registry_auth = { %q = { username = %q, password = %q } }", registry, registryUser, password), 1)
	}
	fails := func(configuration, pattern string) resource.TestStep {
		return resource.TestStep{Config: configuration, ExpectError: regexp.MustCompile(pattern)}
	}
	b.test(
		b.applied(plain),
		fails(many(registryPassword, `pull_policy = "never"`), `(?s)`+b.prefix+`/busybox:1.+pull_policy\s+is\s+"never"`),
		fails(many(wrongPassword, ""), `(?is)^[^Ж]*pull\s+image[^Ж]*registry_auth[^Ж]*$`),
		resource.TestStep{Config: many(registryPassword, `pull_policy = "always"`)},
		resource.TestStep{Config: many(registryPassword, `pull_policy = "always"`), PlanOnly: true, PreConfig: func() {
			if pulls := b.pulls(); pulls != 1 {
				b.Errorf("ten environments pulled their image %d times; the registry's log:\n%s", pulls, b.docker("logs", b.name("registry")))
			}
			b.docker("rm", "--force", "--volumes", b.name("registry"))
		}},
	)
}

// registry runs an image registry that asks for credentials, and answers with its address on the engine's own host.
func (b *bench) registry() string {
	b.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(registryPassword), bcrypt.MinCost)
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(b.TempDir(), "htpasswd")
	if err := os.WriteFile(file, []byte(registryUser+":"+string(hash)+"\n"), 0o644); err != nil {
		b.Fatal(err)
	}
	name := b.name("registry")
	b.docker("create", "--name", name, "--publish", "127.0.0.1::5000", "isolab-fixture/registry:1")
	b.docker("cp", file, name+":/etc/docker/registry/htpasswd")
	started := time.Now().Add(-time.Minute)
	b.docker("start", name)
	// Followed until it says that it listens.
	log, err := b.engine.FollowLogs(b.Context(), name, started)
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	for lines := bufio.NewScanner(log); lines.Scan(); {
		if strings.Contains(lines.Text(), "listening on") {
			return b.docker("port", name, "5000/tcp")
		}
	}
	b.Fatal("the registry ended without listening")
	return ""
}

// push puts the test image into the registry under a name that the engine then no longer knows.
func (b *bench) push(registry, image string) {
	b.Helper()
	folder := b.TempDir()
	auth := base64.StdEncoding.EncodeToString([]byte(registryUser + ":" + registryPassword))
	if err := os.WriteFile(filepath.Join(folder, "config.json"), fmt.Appendf(nil, `{"auths": {%q: {"auth": %q}}}`, registry, auth), 0o600); err != nil {
		b.Fatal(err)
	}
	b.docker("tag", busybox, image)
	b.docker("--config", folder, "push", image)
	b.docker("image", "rm", image)
}

// pulls counts how often the registry was asked, with success, which image the tag means. Every pull begins with that;
// what follows the engine may hold already.
func (b *bench) pulls() int {
	b.Helper()
	granted := regexp.MustCompile(`"HEAD /v2/` + b.prefix + `/busybox/manifests/1 [^"]*" 200 `)
	return len(granted.FindAllString(b.docker("logs", b.name("registry")), -1))
}
