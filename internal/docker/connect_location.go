package docker

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/docker/cli/cli/config"
	dockercontext "github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	"github.com/docker/cli/opts"
	"github.com/docker/docker/client"
)

// Environment variables of Docker's own command that its client library has no name for.
const (
	envContext = "DOCKER_CONTEXT"
	envConfig  = "DOCKER_CONFIG"
	envTLS     = "DOCKER_TLS"
)

// defaultContext is the name under which Docker's command knows "no context: the environment or the local socket".
const defaultContext = "default"

// location is where an engine is, and how we came to look there.
type location struct {
	url       *url.URL
	tls       *TLS
	option    string // that an unreachable engine is blamed on
	tlsOption string // that a refused certificate is blamed on; "" when there is no TLS material
	origin    string // for messages: "attribute host", "DOCKER_HOST", …
}

// String is the address as Docker writes it. It holds no password: parseHost refuses one.
func (at location) String() string { return at.url.String() }

// locate finds the engine's address and TLS material, in the order that [Options] describes.
func (o Options) locate() (location, error) {
	switch {
	case o.Host != "" && o.Context != "":
		return location{}, &OptionError{OptionContext, errors.New("host and context both say which engine to use: remove one of them")}
	case o.Host != "":
		return o.addressed(o.Host, "attribute host")
	case o.Context != "" && o.Context != defaultContext:
		return o.stored(o.Context, "attribute context")
	case os.Getenv(client.EnvOverrideHost) != "":
		return o.addressed(os.Getenv(client.EnvOverrideHost), client.EnvOverrideHost)
	case o.Context == defaultContext:
		return o.addressed(client.DefaultDockerHost, "the local socket")
	}
	name, origin := os.Getenv(envContext), envContext
	if name == "" {
		file, err := config.Load(configDir())
		if err != nil {
			return location{}, &OptionError{OptionContext, fmt.Errorf("looking for the current Docker context: %w. Correct the file, or set host or context", err)}
		}
		name, origin = file.CurrentContext, "current context of "+file.Filename
	}
	if name == "" || name == defaultContext {
		return o.addressed(client.DefaultDockerHost, "the local socket")
	}
	return o.stored(name, origin)
}

// addressed is a location known by its address, with the TLS material of the options or, as for Docker's own command,
// of the environment.
func (o Options) addressed(host, origin string) (location, error) {
	at, err := parseHost(host)
	if err != nil {
		return location{}, &OptionError{OptionHost, fmt.Errorf("%s: %w", origin, err)}
	}
	at.option, at.origin = OptionHost, origin
	switch {
	case o.TLS != nil:
		at.tls, at.tlsOption = o.TLS, OptionTLS
	case o.CertPath != "":
		at.tls, err = readTLS(o.CertPath)
		at.tlsOption = OptionCertPath
	case at.url.Scheme == "tcp" && (os.Getenv(client.EnvTLSVerify) != "" || os.Getenv(envTLS) != ""):
		at.tls, err = environmentTLS()
		at.tlsOption = OptionCertPath
	}
	if err != nil {
		return location{}, &OptionError{at.tlsOption, err}
	}
	return at, nil
}

// stored is the location of a context in Docker's context store, with the TLS material kept there.
func (o Options) stored(name, origin string) (location, error) {
	fail := func(err error) (location, error) {
		return location{}, &OptionError{OptionContext, fmt.Errorf("reading Docker context %q (%s): %w. `docker context ls` lists the contexts there are", name, origin, err)}
	}
	folder := filepath.Join(configDir(), "contexts")
	contexts := store.New(folder, store.NewConfig(
		func() any { return &map[string]any{} },
		store.EndpointTypeGetter(dockercontext.DockerEndpoint, func() any { return &dockercontext.EndpointMeta{} }),
	))
	metadata, err := contexts.GetMetadata(name)
	if err != nil {
		return fail(err)
	}
	described, err := dockercontext.EndpointFromContext(metadata)
	if err != nil {
		return fail(err)
	}
	loaded, err := dockercontext.WithTLSData(contexts, name, described)
	if err != nil {
		return fail(err)
	}
	if loaded.SkipTLSVerify {
		return fail(errors.New("it was created with skip-tls-verify, and isolab does not talk to an engine that it cannot tell from another. Give the context a CA, or use host with tls"))
	}
	at, err := parseHost(loaded.Host)
	if err != nil {
		return fail(err)
	}
	at.option, at.origin = OptionContext, fmt.Sprintf("Docker context %q, from %s", name, origin)
	if loaded.TLSData != nil && at.url.Scheme == "tcp" {
		at.tlsOption = OptionContext
		at.tls = &TLS{CA: string(loaded.TLSData.CA), Certificate: string(loaded.TLSData.Cert), Key: string(loaded.TLSData.Key)}
	}
	return at, nil
}

// mismatches reports the options that do not fit the kind of the location.
func (o Options) mismatches(at location) []*OptionError {
	var found []*OptionError
	scheme := at.url.Scheme
	for option, given := range map[string]bool{OptionTLS: o.TLS != nil, OptionCertPath: o.CertPath != ""} {
		switch {
		case !given:
		case scheme != "tcp":
			found = append(found, &OptionError{option, fmt.Errorf("TLS protects tcp:// connections only, but the engine is at %s. Remove %s, or set host to a tcp:// address", at, option)})
		case at.option == OptionContext:
			found = append(found, &OptionError{option, fmt.Errorf("the engine at %s comes from %s, which has TLS material of its own. Remove %s, or set host", at, at.origin, option)})
		}
	}
	if o.SSH != nil && scheme != "ssh" {
		found = append(found, &OptionError{OptionSSH, fmt.Errorf("the engine is at %s, which is not reached by ssh. Remove ssh, or set host to an ssh:// address", at)})
	}
	return found
}

// parseHost understands an engine's address as Docker's command does, ports and default paths included. No part of a
// password reaches its errors.
func parseHost(host string) (location, error) {
	const expected = "expected unix:///path, tcp://host:port or ssh://user@host"
	scheme, _, ok := strings.Cut(host, "://")
	if !ok {
		return location{}, fmt.Errorf("the engine's address has no scheme; %s", expected)
	}
	if scheme != "unix" && scheme != "tcp" && scheme != "ssh" && scheme != "npipe" {
		return location{}, fmt.Errorf("%s:// is no way to an engine; %s", scheme, expected)
	}
	given, err := url.Parse(host)
	if err != nil {
		var invalid *url.Error
		if errors.As(err, &invalid) { // its own text repeats the address with everything in it
			err = invalid.Err
		}
		return location{}, fmt.Errorf("the engine's address is not a URL: %w; %s", err, expected)
	}
	if _, secret := given.User.Password(); secret || (given.User != nil && scheme != "ssh") {
		return location{}, fmt.Errorf("the engine's address holds credentials, which would be shown in plans and logs: remove them; %s", expected)
	}
	if scheme == "ssh" && given.Hostname() == "" {
		return location{}, fmt.Errorf("the engine's address names no host; %s", expected)
	}
	normal, err := opts.ParseHost(false, host)
	if err != nil {
		return location{}, fmt.Errorf("the engine's address %s is not valid: %w; %s", given.Redacted(), err, expected)
	}
	parsed, err := url.Parse(normal)
	if err != nil {
		return location{}, fmt.Errorf("the engine's address %s is not valid; %s", given.Redacted(), expected)
	}
	return location{url: parsed}, nil
}

// configDir is the folder of Docker's own configuration.
func configDir() string {
	if folder := os.Getenv(envConfig); folder != "" {
		return folder
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "" // the client library then looks for itself
	}
	return filepath.Join(home, ".docker")
}
