package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// sshHost is a real sshd on a port of its own, reached through a proxy that counts the connections.
type sshHost struct {
	url         string
	privateKey  string
	knownHosts  string
	connections atomic.Int64
}

// startSSH starts an sshd that lets one generated key in and reaches the engine under test.
func startSSH(t *testing.T) *sshHost {
	t.Helper()
	socket := realSocket(t)
	isolate(t)
	server, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil {
		t.Fatalf("this test needs an ssh server (Debian package openssh-server): %v", err)
	}
	who, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	hostKey, userKey := filepath.Join(folder, "host"), filepath.Join(folder, "user")
	for _, file := range []string{hostKey, userKey} {
		run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file)
	}
	// What sshd starts without its separation folder ends at once; Debian's service makes it.
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(folder, "sshd_config")
	write(t, config, strings.Join([]string{
		"HostKey " + hostKey, "AuthorizedKeysFile " + userKey + ".pub", "PidFile none", "StrictModes no",
		"UsePAM no", "PasswordAuthentication no", "PermitRootLogin prohibit-password",
	}, "\n")+"\n")

	// sshd -i serves one connection on its standard input, so that no port has to be guessed for it.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := &sshHost{privateKey: read(t, userKey)}
	var serving sync.WaitGroup
	t.Cleanup(func() {
		_ = listener.Close()
		serving.Wait()
	})
	serving.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			host.connections.Add(1)
			serving.Go(func() { serveSSH(server, config, connection) })
		}
	})
	port := listener.Addr().(*net.TCPAddr).Port
	host.url = fmt.Sprintf("ssh://%s@127.0.0.1:%d%s", who.Username, port, socket)
	host.knownHosts = fmt.Sprintf("[127.0.0.1]:%d %s", port, read(t, hostKey+".pub"))
	return host
}

// serveSSH lets an sshd have one connection.
func serveSSH(server, config string, connection net.Conn) {
	defer connection.Close()
	tcp, ok := connection.(*net.TCPConn)
	if !ok {
		return
	}
	file, err := tcp.File()
	if err != nil {
		return
	}
	defer file.Close()
	command := exec.Command(server, "-i", "-e", "-f", config)
	command.Stdin, command.Stdout = file, file
	_ = command.Run()
}

func (h *sshHost) options() Options {
	return Options{Host: h.url, SSH: &SSH{PrivateKey: h.privateKey, KnownHosts: h.knownHosts}}
}

func run(t *testing.T, name string, arguments ...string) {
	t.Helper()
	if output, err := exec.Command(name, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v: %s", name, arguments, err, output)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAccConnectSSHSharesOneConnection(t *testing.T) {
	host := startSSH(t)
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	on, err := Connect(t.Context(), host.options())
	if err != nil {
		t.Fatal(err)
	}

	var calls sync.WaitGroup
	failures := make(chan error, 30)
	for range 30 {
		calls.Go(func() {
			if _, err := on.Info(t.Context()); err != nil {
				failures <- err
			}
		})
	}
	calls.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	if count := host.connections.Load(); count != 1 {
		t.Errorf("30 parallel calls made %d ssh connections, want 1", count)
	}

	folders, err := filepath.Glob(filepath.Join(temporary, "isolab-*"))
	if err != nil || len(folders) != 1 {
		t.Fatalf("got private folders %v (%v), want one", folders, err)
	}
	for name, mode := range map[string]os.FileMode{"": 0o700 | os.ModeDir, "key": 0o600, "known_hosts": 0o600} {
		found, err := os.Stat(filepath.Join(folders[0], name))
		if err != nil {
			t.Error(err)
		} else if found.Mode() != mode {
			t.Errorf("%q has mode %s, want %s", name, found.Mode(), mode)
		}
	}
	on.Close()
	if _, err := os.Stat(folders[0]); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the private folder is still there after Close: %v", err)
	}
}

// A dozen waiters for events are more than the sessions that calls share, and more than sshd's ten.
func TestAccConnectSSHStreamsBlockNoCall(t *testing.T) {
	host := startSSH(t)
	on, err := Connect(t.Context(), host.options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(on.Close)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	var streams sync.WaitGroup
	for range 12 {
		streams.Go(func() {
			events, failed := on.Events(ctx, "isolab-no-such-container")
			go func() {
				for range events {
				}
			}()
			if err := <-failed; err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		})
	}
	for range 20 {
		if _, err := on.Info(t.Context()); err != nil {
			t.Error(err)
		}
	}
	cancel()
	streams.Wait()
}

func TestAccConnectSSHReconnectsOnce(t *testing.T) {
	host := startSSH(t)
	on, err := Connect(t.Context(), host.options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(on.Close)

	// The connection is lost while nothing is under way.
	at, err := parseHost(host.url)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := shareSSH(t.Context(), at, host.options().SSH, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(shared.close)
	before := host.connections.Load()
	if err := shared.control(t.Context(), "exit"); err != nil {
		t.Fatal(err)
	}
	var dials sync.WaitGroup
	for range 5 {
		dials.Go(func() {
			connection, err := shared.helper.Dialer(t.Context(), "tcp", "")
			if err != nil {
				t.Error(err)
				return
			}
			_ = connection.Close()
		})
	}
	dials.Wait()
	if made := host.connections.Load() - before; made != 1 {
		t.Errorf("five parallel calls after a lost connection made %d connections, want 1", made)
	}
}

func TestAccConnectSSHRefused(t *testing.T) {
	host := startSSH(t)

	unknown := host.options()
	unknown.SSH.KnownHosts = "other.example.com " + strings.SplitN(host.knownHosts, " ", 2)[1]
	wantOptionError(t, connect(t, unknown), OptionSSH, engine.ErrUnavailable, "host key", "ssh.known_hosts")

	stranger := filepath.Join(t.TempDir(), "stranger")
	run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger)
	refused := host.options()
	refused.SSH.PrivateKey = read(t, stranger)
	wantOptionError(t, connect(t, refused), OptionSSH, engine.ErrUnavailable, "Permission denied", "ssh.private_key")

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := listener.Addr().String()
	_ = listener.Close()
	wantOptionError(t, connect(t, Options{Host: "ssh://" + closed}), OptionHost, engine.ErrUnavailable, closed, "Check host and port")
}
