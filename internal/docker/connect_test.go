package docker

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// isolate hides the machine's own Docker settings from a test.
func isolate(t *testing.T) {
	t.Helper()
	for _, name := range []string{"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION"} {
		t.Setenv(name, "")
	}
	t.Setenv("DOCKER_CONFIG", t.TempDir())
}

// realSocket is the socket of the engine under test.
func realSocket(t *testing.T) string {
	t.Helper()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("TF_ACC is not set")
	}
	socket := "/var/run/docker.sock"
	if given := os.Getenv("DOCKER_HOST"); strings.HasPrefix(given, "unix://") {
		socket = strings.TrimPrefix(given, "unix://")
	}
	return socket
}

// connect connects and answers an API call, so that success means that the engine was really reached.
func connect(t *testing.T, options Options) error {
	t.Helper()
	on, err := Connect(t.Context(), options)
	if err != nil {
		return err
	}
	t.Cleanup(on.Close)
	info, err := on.Info(t.Context())
	if err == nil && info.ID == "" {
		return errors.New("the engine has no id")
	}
	return err
}

// wantOptionError checks which option is blamed, with which sentinel, in which words.
func wantOptionError(t *testing.T, err error, option string, kind error, words ...string) {
	t.Helper()
	var blamed *OptionError
	if !errors.As(err, &blamed) {
		t.Fatalf("got error %v (%T), want an *OptionError on %s", err, err, option)
	}
	if blamed.Option != option {
		t.Errorf("blamed %s, want %s: %v", blamed.Option, option, err)
	}
	if kind != nil && !errors.Is(err, kind) {
		t.Errorf("error %q does not wrap %q", err, kind)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not mention %q", err, word)
		}
	}
}

func TestConnectUnreachable(t *testing.T) {
	isolate(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := listener.Addr().String()
	_ = listener.Close()

	err = connect(t, Options{Host: "tcp://" + closed})
	wantOptionError(t, err, OptionHost, engine.ErrUnavailable, closed, "Check that the engine runs")

	missing := filepath.Join(t.TempDir(), "none.sock")
	t.Setenv("DOCKER_HOST", "unix://"+missing)
	err = connect(t, Options{})
	wantOptionError(t, err, OptionHost, engine.ErrUnavailable, missing, "DOCKER_HOST")
}

// serveSocket answers every request on a new unix socket.
func serveSocket(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "engine.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return socket
}

func TestConnectTooOld(t *testing.T) {
	isolate(t)
	socket := serveSocket(t, func(response http.ResponseWriter, _ *http.Request) {
		response.Header().Set("Api-Version", "1.24")
	})
	err := connect(t, Options{Host: "unix://" + socket})
	wantOptionError(t, err, OptionHost, engine.ErrUnsupported, "1.24", MinimumAPIVersion, "Upgrade the engine")
}

func TestConnectNoEngine(t *testing.T) {
	isolate(t)
	socket := serveSocket(t, func(http.ResponseWriter, *http.Request) {})
	err := connect(t, Options{Host: "unix://" + socket})
	wantOptionError(t, err, OptionHost, engine.ErrUnavailable, "no Docker engine")
}

func TestConnectOldVersionAsked(t *testing.T) {
	isolate(t)
	t.Setenv("DOCKER_API_VERSION", "1.30")
	socket := serveSocket(t, func(response http.ResponseWriter, _ *http.Request) {
		response.Header().Set("Api-Version", "1.45")
	})
	err := connect(t, Options{Host: "unix://" + socket})
	wantOptionError(t, err, OptionHost, engine.ErrUnsupported, "DOCKER_API_VERSION=1.30", MinimumAPIVersion)
}

func TestAccConnectSocket(t *testing.T) {
	socket := realSocket(t)
	isolate(t)
	t.Setenv("DOCKER_HOST", "unix:///nonexistent.sock")
	if err := connect(t, Options{Host: "unix://" + socket}); err != nil {
		t.Errorf("an explicit host must win over DOCKER_HOST: %v", err)
	}
	t.Setenv("DOCKER_HOST", "unix://"+socket)
	t.Setenv("DOCKER_CONTEXT", "nonexistent")
	if err := connect(t, Options{}); err != nil {
		t.Errorf("DOCKER_HOST must win over DOCKER_CONTEXT: %v", err)
	}
}

func TestConnectRespectsCancellation(t *testing.T) {
	isolate(t)
	started := make(chan struct{}, 8)
	socket := serveSocket(t, func(_ http.ResponseWriter, request *http.Request) {
		started <- struct{}{}
		<-request.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := Connect(ctx, Options{Host: "unix://" + socket})
		failed <- err
	}()
	<-started
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want a cancelled connection", err)
	}
}
