package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"
	"github.com/hashicorp/go-hclog"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// MinimumAPIVersion is the oldest Docker API that has everything we ask for: the one of Docker 20.10.
const MinimumAPIVersion = "1.41"

// answerWithin bounds how long an engine may take to answer for the first time. An ssh connection through a few jump
// hosts needs seconds.
const answerWithin = 30 * time.Second

// Options says which engine to connect to. The zero value means the engine that Docker's own command would use: the
// one of DOCKER_HOST, else of DOCKER_CONTEXT, else of the configured current context, else behind the local socket.
type Options struct {
	Host     string // "unix:///run/docker.sock", "tcp://host:2376", "ssh://user@host"; overrides the environment
	Context  string // name of a Docker context; excludes Host
	CertPath string // folder with ca.pem, cert.pem, key.pem; excludes TLS
	TLS      *TLS
	SSH      *SSH
	Auth     map[string]Credentials // by registry host
	Log      hclog.Logger           // nil logs nothing
}

// The options that an [OptionError] can be about.
const (
	OptionHost     = "host"
	OptionContext  = "context"
	OptionTLS      = "tls"
	OptionCertPath = "cert_path"
	OptionSSH      = "ssh"
)

// OptionError says which of the options stands in the way of a connection. Its text never holds a credential.
type OptionError struct {
	Option string // one of the Option constants
	Err    error
}

func (e *OptionError) Error() string { return e.Err.Error() }

func (e *OptionError) Unwrap() error { return e.Err }

// Check reports every mistake that shows without connecting and without reading a file, at most one per option. What
// is left empty is not checked, so that a configuration that is known in part can be checked in part.
func (o Options) Check() []*OptionError {
	var found []*OptionError
	add := func(option string, err error) {
		if err != nil {
			found = append(found, &OptionError{option, err})
		}
	}
	if o.Host != "" {
		at, err := parseHost(o.Host)
		add(OptionHost, err)
		if err == nil {
			at.option = OptionHost
			found = append(found, o.mismatches(at)...)
		}
	}
	if o.TLS != nil {
		_, err := o.TLS.config()
		add(OptionTLS, err)
	}
	if o.SSH != nil {
		add(OptionSSH, o.SSH.check())
	}
	return found
}

// Connect finds the engine, connects, and agrees with it on an API version. Close the engine after use. Errors are of
// type [*OptionError]; one that wraps [engine.ErrUnavailable] means that nothing answered, one that wraps
// [engine.ErrUnsupported] that the engine is too old.
func Connect(ctx context.Context, options Options) (*Engine, error) {
	if options.Log == nil {
		options.Log = hclog.NewNullLogger()
	}
	if found := options.Check(); len(found) > 0 {
		return nil, found[0]
	}
	at, err := options.locate()
	if err != nil {
		return nil, err
	}
	if found := options.mismatches(at); len(found) > 0 {
		return nil, found[0]
	}
	options.Log.Debug("connecting", "host", at.String(), "from", at.origin)

	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	dialled, err := options.dial(ctx, at)
	if err != nil {
		return nil, err
	}
	if err := negotiate(ctx, dialled.client, at); err != nil {
		dialled.close()
		return nil, err
	}
	options.Log.Debug("connected", "host", at.String(), "api_version", dialled.client.ClientVersion())
	return newEngine(dialled.client, options.Log, options.Auth, dialled.release), nil
}

// dialled is a client together with what must be freed after it.
type dialled struct {
	client  *client.Client
	release func()
}

func (d dialled) close() {
	_ = d.client.Close()
	if d.release != nil {
		d.release()
	}
}

// dial makes a client for the engine at a location. Only ssh connects here already.
func (o Options) dial(ctx context.Context, at location) (dialled, error) {
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: answerWithin, KeepAlive: answerWithin}).DialContext,
		IdleConnTimeout:     90 * time.Second,
		MaxIdleConnsPerHost: 32, // above Terraform's parallelism of 10, so that no connection is made anew for each call
	}
	configure := []client.Opt{
		client.WithHTTPClient(&http.Client{Transport: transport, CheckRedirect: client.CheckRedirect}),
		client.WithVersionFromEnv(),
		client.WithAPIVersionNegotiation(),
	}
	var release func()
	if at.url.Scheme == "ssh" {
		shared, err := shareSSH(ctx, at, o.SSH, o.Log)
		if err != nil {
			return dialled{}, err
		}
		streams := shared.limit(transport)
		release = func() {
			streams.CloseIdleConnections()
			shared.close()
		}
		configure = append(configure, client.WithHost(shared.helper.Host), client.WithDialContext(shared.helper.Dialer))
	} else {
		// The configuration must be in place before the host: it is what turns tcp into https.
		config, err := at.tls.config()
		if err != nil {
			return dialled{}, &OptionError{at.tlsOption, err}
		}
		transport.TLSClientConfig = config
		configure = append(configure, client.WithHost(at.String()))
	}
	connected, err := client.NewClientWithOpts(configure...)
	if err != nil {
		if release != nil {
			release()
		}
		return dialled{}, &OptionError{at.option, fmt.Errorf("preparing a client for the engine at %s: %w", at, err)}
	}
	return dialled{connected, release}, nil
}

// negotiate lets the engine answer once and settles the API version for all later calls.
func negotiate(ctx context.Context, connected *client.Client, at location) error {
	answer, err := connected.Ping(ctx)
	if err != nil {
		option, advice := at.explain(err)
		return &OptionError{option, fmt.Errorf("%w: the engine at %s, from %s, does not answer (%w). %s",
			engine.ErrUnavailable, at, at.origin, err, advice)}
	}
	if answer.APIVersion == "" {
		return &OptionError{at.option, fmt.Errorf("%w: what answers at %s, from %s, does not name an API version, so it is no Docker engine. Check host and port",
			engine.ErrUnavailable, at, at.origin)}
	}
	if versions.LessThan(answer.APIVersion, MinimumAPIVersion) {
		return &OptionError{at.option, fmt.Errorf("%w: the engine at %s, from %s, speaks Docker API %s, but %s (Docker 20.10) or newer is needed. Upgrade the engine, or choose another one with host or context",
			engine.ErrUnsupported, at, at.origin, answer.APIVersion, MinimumAPIVersion)}
	}
	connected.NegotiateAPIVersionPing(answer)
	if chosen := connected.ClientVersion(); versions.LessThan(chosen, MinimumAPIVersion) {
		return &OptionError{at.option, fmt.Errorf("%w: DOCKER_API_VERSION=%s asks for Docker API %s, but %s or newer is needed. Unset it: the version is negotiated",
			engine.ErrUnsupported, os.Getenv(client.EnvOverrideAPIVersion), chosen, MinimumAPIVersion)}
	}
	return nil
}

// explain finds the option that a failed connection is about, and what to do.
func (at location) explain(err error) (option, advice string) {
	switch {
	case isCertificateError(err) && at.tlsOption != "":
		return at.tlsOption, "Give the certificate authority that signed the engine's certificate, and a client certificate that the engine trusts"
	case isCertificateError(err):
		return at.option, "Give the engine's certificate authority with tls or cert_path"
	case at.url.Scheme == "unix" && errors.Is(err, os.ErrPermission):
		return at.option, "Add the user that runs Terraform to the group that owns the socket (usually docker)"
	case at.url.Scheme == "ssh":
		return OptionSSH, "Check that the Docker command is installed on that machine and that the user may use the engine: `docker version` must work there"
	case client.IsErrConnectionFailed(err) || errors.Is(err, context.DeadlineExceeded):
		return at.option, "Check that the engine runs, that its address is right and that no firewall is between"
	}
	return at.option, "Check the engine's address, and whether it expects TLS"
}
