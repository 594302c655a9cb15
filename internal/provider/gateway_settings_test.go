package provider

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

// keyPair is a certificate for gateway.example.com and its private key, both in PEM.
func keyPair(t *testing.T, until time.Duration) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "gateway.example.com"}, DNSNames: []string{"gateway.example.com"},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(until),
	}
	content, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, bytes []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}))
	}
	return encode("CERTIFICATE", content), encode("PRIVATE KEY", secret)
}

// secured asks over HTTPS whoever has a certificate.
func secured(url, certificate string, status int) seen {
	return func() error {
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM([]byte(certificate))
		client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
			DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "gateway.example.com", MinVersion: tls.VersionTLS12},
		}}
		response, err := client.Get(url)
		if err != nil {
			return err
		}
		response.Body.Close()
		if response.StatusCode != status {
			return fmt.Errorf("%s answers %d instead of %d", url, response.StatusCode, status)
		}
		return nil
	}
}

// A gateway with everything set, a route with everything set: made, changed live, imported, and none of their secrets in
// the state.
func TestAccGatewaySettings(t *testing.T) {
	b := onEngine(t)
	port, securePort := b.port(), b.port()
	first, firstKey := keyPair(t, time.Hour)
	second, secondKey := keyPair(t, time.Hour)
	const edgeAddress, routeAddress = "isolab_gateway.edge", "isolab_route.web"
	configured := func(certificate, key, password string, version int, more string) string {
		return edge(port, fmt.Sprintf(`
  https_port      = %[1]d
  domain          = "apps.example.com"
  hosts           = ["gateway.example.com", %[5]q]
  custom_hosts    = { "www.example.com" = "PREFIX-web" }
  trusted_proxies = ["192.0.2.0/24"]
  client_limit    = { requests = 1000, burst = 1000, connections = 500 }
  drain_timeout   = "1m0s"
  tls = {
    certificate               = <<-EOT
%[2]s
EOT
    private_key_wo            = <<-EOT
%[3]s
EOT
    private_key_wo_version    = %[4]d
    redirect                  = false
    strict_transport_security = "24h0m0s"
  }
`, securePort, certificate, key, version, b.host())) + fmt.Sprintf(`
resource "isolab_project" "web" {
  name        = "PREFIX-web"
  stack       = "static"
  phase       = "deployment"
  data_policy = "delete"
}

resource "isolab_environment" "web" {
  project = isolab_project.web
  name    = "web"
  kind    = "deployment"
}

resource "isolab_environment" "next" {
  project = isolab_project.web
  name    = "next"
  kind    = "deployment"
}

resource "isolab_route" "web" {
  gateway     = isolab_gateway.edge.name
  project     = isolab_project.web
  environment = isolab_environment.web.name
  canaries    = { (isolab_environment.next.name) = 25 }
  allow       = ["0.0.0.0/0"]
  basic_auth  = { username = "ann", password_wo = %q, password_wo_version = %d }
  rate_limit  = { client_key = "header:X-Api-Key" }
  connection_limit = { client = 50 }
  max_fails    = 3
  fail_timeout = "2s"
  security_headers = { content_security_policy = "default-src 'self'", frame_options = "DENY", permissions_policy = "" }
  unavailable_page = "<h1>Back soon</h1>"
%s
}

resource "isolab_route" "hosted" {
  gateway     = isolab_gateway.edge.name
  project     = isolab_project.web
  environment = isolab_environment.web.name
  name        = "hosted"
  host        = "www.example.com"
  security_headers = { strict_transport_security = "1h" }
}
`, password, version, more)
	}
	url, secureURL := b.at(port, "-web/"), fmt.Sprintf("https://%s:%d/projects/%s-web/", b.host(), securePort, b.prefix)
	authorized := func(password string, status int) seen {
		return func() error {
			request, err := http.NewRequest(http.MethodGet, url, nil)
			if err != nil {
				return err
			}
			request.SetBasicAuth("ann", password)
			response, err := visitor.Do(request)
			if err != nil {
				return err
			}
			response.Body.Close()
			if response.StatusCode != status {
				return fmt.Errorf("with %s: status %d instead of %d", password, response.StatusCode, status)
			}
			return nil
		}
	}
	hosted := seen(func() error {
		request, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://%s:%d/", b.host(), port), nil)
		if err != nil {
			return err
		}
		request.Host = "www.example.com"
		response, err := visitor.Do(request)
		if err != nil {
			return err
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("the host answers %d", response.StatusCode)
		}
		return nil
	})
	live := statecheck.CompareValue(compare.ValuesSame())
	same := func() statecheck.StateCheck { return live.AddStateValue(edgeAddress, tfjsonpath.New("container_id")) }
	secretless := seen(func() error {
		return b.unwritten("correct horse", "battery staple", strings.Split(firstKey, "\n")[1], strings.Split(secondKey, "\n")[1])
	})
	b.test(
		b.applied(configured(first, firstKey, "correct horse", 1, ""), same(), secretless,
			answers(url, 401), authorized("correct horse", 200), secured(secureURL, first, 401), hosted,
			statecheck.ExpectKnownValue(edgeAddress, tfjsonpath.New("tls").AtMapKey("private_key_wo"), knownvalue.Null()),
			statecheck.ExpectKnownValue(routeAddress, tfjsonpath.New("path"), knownvalue.StringExact("/projects/"+b.prefix+"-web/")),
			statecheck.ExpectKnownValue("isolab_route.hosted", tfjsonpath.New("path"), knownvalue.StringExact("/"))),
		resource.TestStep{
			Config: b.config(configured(second, secondKey, "battery staple", 2, "  maintenance = true")),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(edgeAddress, plancheck.ResourceActionUpdate), plancheck.ExpectResourceAction(routeAddress, plancheck.ResourceActionUpdate),
				plancheck.ExpectKnownValue(routeAddress, tfjsonpath.New("serving"), knownvalue.Bool(false)),
			}},
			ConfigStateChecks: []statecheck.StateCheck{same(), secretless, authorized("correct horse", 401), authorized("battery staple", 503), secured(secureURL, second, 401)},
		},
		resource.TestStep{
			ResourceName: edgeAddress, ImportState: true, ImportStateVerify: true, ImportStateId: b.name("edge"),
			ImportStateVerifyIgnore: []string{"tls.private_key_wo_version", "labels"},
		},
		resource.TestStep{
			ResourceName: routeAddress, ImportState: true, ImportStateVerify: true, ImportStateId: fmt.Sprintf("%[1]s-edge/%[1]s-web/web", b.prefix),
			ImportStateVerifyIgnore: []string{"basic_auth.password_wo_version"},
		},
		b.applied(edge(port, "")),
	)
}

// unwritten sees that none of some secrets is in what terraform keeps, nor in a label on the engine.
func (b *bench) unwritten(secrets ...string) error {
	folders, err := filepath.Glob(filepath.Join(os.TempDir(), "plugintest*"))
	if err != nil || len(folders) == 0 {
		return fmt.Errorf("no folder of terraform's was found: %w", err)
	}
	labels := b.docker("ps", "--all", "--no-trunc", "--format", "{{.Names}} {{.Labels}} {{.Command}}")
	var kept []string
	for _, folder := range folders {
		for _, pattern := range []string{"*tfstate*", "*/*tfstate*", "*tfplan*", "*/*tfplan*", "*.log", "*/*.log"} {
			found, _ := filepath.Glob(filepath.Join(folder, pattern)) // the patterns are right
			kept = append(kept, found...)
		}
	}
	states := 0
	for _, path := range kept {
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another test's, that is just going away
		}
		if err != nil {
			return err
		}
		states++
		for _, secret := range secrets {
			if strings.Contains(string(content), secret) {
				return fmt.Errorf("a secret is in %s", path)
			}
		}
	}
	for _, secret := range secrets {
		if strings.Contains(labels, secret) {
			return fmt.Errorf("a secret is in a label or a command: %s", labels)
		}
	}
	if states == 0 {
		return fmt.Errorf("no state was found in %v", folders)
	}
	return nil
}

func TestAccGatewaySettingsRefused(t *testing.T) {
	b := onEngine(t)
	port := b.port()
	certificate, key := keyPair(t, time.Hour)
	expired, expiredKey := keyPair(t, -time.Hour)
	tlsBlock := func(certificate, key string) string {
		if key != "" {
			key = "    private_key_wo = <<-EOT\n" + key + "\nEOT\n"
		}
		return "  tls = {\n    certificate = <<-EOT\n" + certificate + "\nEOT\n" + key + "  }\n"
	}
	route := func(arguments string) string {
		return edge(port, "") + `
resource "isolab_route" "web" {
  gateway     = isolab_gateway.edge.name
  project     = { namespace = "PREFIX-web", phase = "development", stack = "node" }
  environment = "web"
` + arguments + "\n}\n"
	}
	refused := func(configuration, pattern string) resource.TestStep {
		return resource.TestStep{Config: b.config(configuration), PlanOnly: true, ExpectError: regexp.MustCompile(`(?s)` + strings.ReplaceAll(pattern, " ", `\s+`))}
	}
	b.test(
		refused(edge(port, "  https_port = 8444"), "https_port.+without tls"),
		refused(edge(port, "  https_port = "+fmt.Sprint(port)+"\n"+tlsBlock(certificate, key)), "One port for both"),
		refused(edge(port, tlsBlock(certificate, "")), "Missing private key.+Set private_key_wo"),
		refused(edge(port, tlsBlock(certificate, expiredKey)), "does not fit the certificate"),
		refused(edge(port, tlsBlock("nonsense", key)), "not a certificate in PEM"),
		resource.TestStep{Config: b.config(edge(port, tlsBlock(expired, expiredKey))), PlanOnly: true, ExpectNonEmptyPlan: true},
		refused(edge(port, `  domain = "*.example.com"`), "shop.example.com"),
		refused(edge(port, `  hosts = []`), "at least 1"),
		refused(edge(port, `  custom_hosts = { "a.example.com" = "Not A Name" }`), "custom_hosts"),
		refused(edge(port, `  trusted_proxies = ["192.0.2.1/24"]`), "CIDR"),
		refused(edge(port, `  trusted_proxies = ["10.0.0.0/8"]`), "could pretend to be any visitor.+10.96.0.0/12"),
		refused(edge(port, `  client_limit = { requests = -1 }`), "between 0"),
		refused(edge(port, `  drain_timeout = "1w"`), "drain_timeout"),
		refused(route(`  host = "192.0.2.1"`), "shop.example.com"),
		refused(route("  host = \"a.example.com\"\n  path = \"/a\""), "end with a slash"),
		refused(route(`  path = "/projects/other/"`), "must start with /projects/"),
		refused(route(`  canaries = { web = 10 }`), "cannot be one of them"),
		refused(route(`  canaries = { a = 60, b = 60 }`), "leaves nothing"),
		refused(route(`  canaries = { a = 100 }`), "between 1 and 99"),
		refused(route(`  allow = ["localhost"]`), "CIDR"),
		refused(route(`  basic_auth = { username = "ann" }`), "Set password_wo"),
		refused(route(`  basic_auth = { username = "ann:", password_wo = "correct horse" }`), "user name"),
		refused(route(`  basic_auth = { username = "ann", password_wo = "short" }`), "at least 8|between 8"),
		refused(route(`  rate_limit = { client_key = "$host" }`), "X-Api-Key"),
		refused(route(`  connection_limit = { client = 0 }`), "between 1"),
		refused(route(`  security_headers = { frame_options = "ALLOWALL" }`), "frame_options"),
		refused(route(`  security_headers = { referrer_policy = "all" }`), "referrer_policy"),
		refused(route(`  security_headers = { content_security_policy = "a\"b" }`), "2000"),
		refused(route(`  security_headers = { strict_transport_security = "1h" }`), "host of its own"),
		refused(route("  host = \"a.example.com\"\n  security_headers = { strict_transport_security = \"5ms\" }"), "two years"),
		refused(route(`  max_fails = 0`), "between 1"),
		refused(route(`  fail_timeout = "1500ms"`), "whole seconds"),
		refused(route(`  unavailable_page = ""`), "between 1"),
	)
}
