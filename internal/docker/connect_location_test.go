package docker

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/cli/cli/context"
	dockercontext "github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
)

// writeContext puts a Docker context into DOCKER_CONFIG.
func writeContext(t *testing.T, name string, meta dockercontext.EndpointMeta, material *context.TLSData) {
	t.Helper()
	contexts := store.New(filepath.Join(configDir(), "contexts"), store.NewConfig(
		func() any { return &map[string]any{} },
		store.EndpointTypeGetter(dockercontext.DockerEndpoint, func() any { return &dockercontext.EndpointMeta{} }),
	))
	if err := contexts.CreateOrUpdate(store.Metadata{Name: name, Endpoints: map[string]any{dockercontext.DockerEndpoint: meta}}); err != nil {
		t.Fatal(err)
	}
	if material == nil {
		return
	}
	if err := contexts.ResetEndpointTLSMaterial(name, dockercontext.DockerEndpoint, material.ToStoreTLSData()); err != nil {
		t.Fatal(err)
	}
}

func TestLocatePrecedence(t *testing.T) {
	isolate(t)
	for _, name := range []string{"explicit", "variable", "current"} {
		writeContext(t, name, dockercontext.EndpointMeta{Host: "tcp://" + name + ":2375"}, nil)
	}
	settings, err := json.Marshal(map[string]string{"currentContext": "current"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(configDir(), "config.json"), settings, 0o600); err != nil {
		t.Fatal(err)
	}

	for _, test := range []struct {
		name          string
		options       Options
		host, context string // of the environment
		want          string
		blamed        string
	}{
		{"explicit host", Options{Host: "tcp://given:1"}, "tcp://env:1", "variable", "tcp://given:1", OptionHost},
		{"explicit context", Options{Context: "explicit"}, "tcp://env:1", "variable", "tcp://explicit:2375", OptionContext},
		{"DOCKER_HOST", Options{}, "tcp://env:1", "variable", "tcp://env:1", OptionHost},
		{"DOCKER_CONTEXT", Options{}, "", "variable", "tcp://variable:2375", OptionContext},
		{"current context", Options{}, "", "", "tcp://current:2375", OptionContext},
		{"DOCKER_CONTEXT says default", Options{}, "", "default", "unix:///var/run/docker.sock", OptionHost},
		{"explicit default context", Options{Context: "default"}, "", "variable", "unix:///var/run/docker.sock", OptionHost},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("DOCKER_HOST", test.host)
			t.Setenv("DOCKER_CONTEXT", test.context)
			at, err := test.options.locate()
			if err != nil {
				t.Fatal(err)
			}
			if at.String() != test.want || at.option != test.blamed {
				t.Errorf("got %s (blaming %s), want %s (blaming %s)", at, at.option, test.want, test.blamed)
			}
		})
	}
}

func TestLocateRefusesContexts(t *testing.T) {
	isolate(t)
	_, err := Options{Context: "missing"}.locate()
	wantOptionError(t, err, OptionContext, nil, `"missing"`, "docker context ls")

	writeContext(t, "blind", dockercontext.EndpointMeta{Host: "tcp://blind:2376", SkipTLSVerify: true}, nil)
	_, err = Options{Context: "blind"}.locate()
	wantOptionError(t, err, OptionContext, nil, "skip-tls-verify")
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		name    string
		options Options
		option  string
		words   string
	}{
		{"no scheme", Options{Host: "build-1:2375"}, OptionHost, "no scheme"},
		{"unknown scheme", Options{Host: "http://build-1"}, OptionHost, "http://"},
		{"bad port", Options{Host: "tcp://build-1:x"}, OptionHost, "not a URL"},
		{"ssh without host", Options{Host: "ssh://"}, OptionHost, "names no host"},
		{"TLS on a socket", Options{Host: "unix:///run/docker.sock", TLS: &TLS{}}, OptionTLS, "tcp:// connections only"},
		{"TLS over ssh", Options{Host: "ssh://build-1", TLS: &TLS{}}, OptionTLS, "tcp:// connections only"},
		{"certificates on a socket", Options{Host: "unix:///run/docker.sock", CertPath: "/tmp"}, OptionCertPath, "tcp:// connections only"},
		{"ssh settings on tcp", Options{Host: "tcp://build-1:1", SSH: &SSH{}}, OptionSSH, "not reached by ssh"},
		{"certificate alone", Options{TLS: &TLS{Certificate: "x"}}, OptionTLS, "without its key"},
		{"key alone", Options{TLS: &TLS{Key: "x"}}, OptionTLS, "without its certificate"},
		{"CA is no PEM", Options{TLS: &TLS{CA: "x"}}, OptionTLS, "PEM"},
		{"pair is no PEM", Options{TLS: &TLS{Certificate: "x", Key: "y"}}, OptionTLS, "cannot be used together"},
		{"ssh key is no key", Options{SSH: &SSH{PrivateKey: "x"}}, OptionSSH, "private_key"},
		{"ssh option malformed", Options{SSH: &SSH{Options: []string{"-v"}}}, OptionSSH, "Name=value"},
		{"host keys unchecked", Options{SSH: &SSH{Options: []string{"stricthostkeychecking = no"}}}, OptionSSH, "always checked"},
		{"known hosts twice", Options{SSH: &SSH{KnownHosts: "x", Options: []string{"UserKnownHostsFile /x"}}}, OptionSSH, "both say"},
	} {
		t.Run(test.name, func(t *testing.T) {
			found := test.options.Check()
			if len(found) != 1 {
				t.Fatalf("got %d mistakes, want 1: %v", len(found), found)
			}
			wantOptionError(t, found[0], test.option, nil, test.words)
		})
	}
	if found := (Options{Host: "ssh://deploy@build-1:22/run/docker.sock", SSH: &SSH{Options: []string{"ProxyJump=bastion"}}}).Check(); len(found) > 0 {
		t.Errorf("valid options are refused: %v", found)
	}
}

func TestErrorsHoldNoCredentials(t *testing.T) {
	isolate(t)
	for _, host := range []string{"tcp://user:s3cret@build-1:1", "ssh://user:s3cret@build-1", "unix://user:s3cret@/x", "ssh://user:s3cret@build-1:port", "tcp://us er:s3cret@build-1"} {
		found := Options{Host: host}.Check()
		if len(found) == 0 {
			t.Errorf("an address with a password is accepted")
			continue
		}
		if text := found[0].Error(); strings.Contains(text, "s3cret") {
			t.Errorf("a password reached an error: %s", text)
		}
	}
}
