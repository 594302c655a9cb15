package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/docker/cli/cli/connhelper"
	"github.com/docker/cli/cli/connhelper/ssh"
	"github.com/hashicorp/go-hclog"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// SSH adds to what the user's own ssh configuration says about a host.
type SSH struct {
	PrivateKey string   // text of an unencrypted key; "" leaves it to the agent and the configuration
	KnownHosts string   // text as in a known_hosts file, used instead of the user's; "" uses the user's
	Options    []string // as in ssh_config: "ProxyJump=bastion.example.com"
}

// Sessions of one ssh connection, of which sshd allows 10 (MaxSessions). Calls that end by themselves share
// sshCallSessions of them; the rest is for streams that stay open (events, logs) and for commands in containers. More
// streams than that get connections of their own from ssh, so nothing ever waits for a stream to end.
const sshCallSessions = 6

// sshReserved are the options that make the connection safe and shared; their names in lower case.
var sshReserved = []string{
	"stricthostkeychecking", "nohostauthenticationforlocalhost", "batchmode", "controlmaster", "controlpath", "controlpersist",
}

var sshOption = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9]*)(?:\s*=\s*|\s+)\S.*$`)

// check reports what is wrong with the settings, without naming any of their values that could be secret.
func (s *SSH) check() error {
	if s.PrivateKey != "" && !strings.Contains(s.PrivateKey, "PRIVATE KEY-----") {
		return errors.New("private_key is not the text of a private key (-----BEGIN OPENSSH PRIVATE KEY-----)")
	}
	for _, option := range s.Options {
		match := sshOption.FindStringSubmatch(option)
		switch {
		case match == nil:
			return fmt.Errorf("option %q is not of the form Name=value, as in ssh_config: ProxyJump=bastion.example.com", option)
		case slices.Contains(sshReserved, strings.ToLower(match[1])):
			return fmt.Errorf("option %s cannot be set: host keys are always checked and one connection is shared by all calls. To trust a host, give its key with known_hosts", match[1])
		case strings.EqualFold(match[1], "UserKnownHostsFile") && s.KnownHosts != "":
			return errors.New("known_hosts and option UserKnownHostsFile both say which host keys to trust: remove one of them")
		}
	}
	return nil
}

// sharedSSH is one authenticated ssh connection through which every connection to the engine runs. Docker's connection
// helper starts an ssh process for each connection; with a control socket, all but the first are sessions of one.
type sharedSSH struct {
	helper *connhelper.ConnectionHelper
	at     location
	folder string   // private: keys and the control socket
	flags  []string // of every ssh command
	target []string
	log    hclog.Logger

	opening sync.Mutex
}

// shareSSH logs in and leaves the connection open for the calls to come. Close it after use. Its errors are of type
// [*OptionError].
func shareSSH(ctx context.Context, at location, settings *SSH, log hclog.Logger) (*sharedSSH, error) {
	if settings == nil {
		settings = &SSH{}
	}
	folder, err := os.MkdirTemp("", "isolab-")
	if err != nil {
		return nil, &OptionError{OptionSSH, fmt.Errorf("making a private folder for the ssh connection to %s: %w", at, err)}
	}
	shared := &sharedSSH{at: at, folder: folder, log: log}
	if err := shared.prepare(settings); err != nil {
		shared.close()
		return nil, &OptionError{OptionSSH, fmt.Errorf("preparing the ssh connection to %s: %w", at, err)}
	}
	if err := shared.open(ctx); err != nil {
		shared.close()
		return nil, err
	}
	return shared, nil
}

// prepare writes the keys and composes the command lines.
func (s *sharedSSH) prepare(settings *SSH) error {
	flags := []string{
		"-o", "StrictHostKeyChecking=yes", "-o", "NoHostAuthenticationForLocalhost=no", "-o", "BatchMode=yes",
		"-o", "ConnectTimeout=20", "-o", "ControlPath=" + filepath.Join(s.folder, "control"),
	}
	if settings.PrivateKey != "" {
		file, err := s.write("key", settings.PrivateKey)
		if err != nil {
			return err
		}
		flags = append(flags, "-o", "IdentitiesOnly=yes", "-i", file)
	}
	if settings.KnownHosts != "" {
		file, err := s.write("known_hosts", settings.KnownHosts)
		if err != nil {
			return err
		}
		flags = append(flags, "-o", "UserKnownHostsFile="+file, "-o", "GlobalKnownHostsFile=none")
	}
	for _, option := range settings.Options {
		flags = append(flags, "-o", option)
	}
	helper, err := connhelper.GetConnectionHelperWithSSHOpts(s.at.String(), append(slices.Clone(flags), "-o", "ControlMaster=no"))
	if err != nil {
		return err
	}
	dial := helper.Dialer
	helper.Dialer = func(ctx context.Context, network, host string) (net.Conn, error) {
		if err := s.open(ctx); err != nil {
			return nil, err
		}
		return dial(ctx, network, host)
	}
	spec, err := ssh.NewSpec(s.at.url)
	if err != nil {
		return err
	}
	s.helper, s.flags = helper, flags
	s.target = (&ssh.Spec{User: spec.User, Host: spec.Host, Port: spec.Port}).Args()
	return nil
}

// write puts a secret into the private folder. OpenSSH refuses a key file without a newline at its end.
func (s *sharedSSH) write(name, text string) (string, error) {
	file := filepath.Join(s.folder, name)
	return file, os.WriteFile(file, []byte(strings.TrimRight(text, "\r\n")+"\n"), 0o600)
}

// open logs in unless the connection stands. Only one caller at a time does, so that parallel calls after a lost
// connection share the next one too.
func (s *sharedSSH) open(ctx context.Context) error {
	s.opening.Lock()
	defer s.opening.Unlock()
	if s.control(ctx, "check") == nil {
		return nil
	}
	// A file and not a pipe: some versions of ssh keep standard error open in the background, and a pipe would be waited for.
	report, err := os.Create(filepath.Join(s.folder, "report"))
	if err != nil {
		return &OptionError{OptionSSH, fmt.Errorf("opening the ssh connection to %s: %w", s.at, err)}
	}
	defer report.Close()
	// With a ControlPersist, ssh goes to the background as soon as it is logged in, and leaves by itself, a minute after the
	// last call, when the provider was killed before it could say goodbye.
	command := s.command(ctx, "-o", "ControlMaster=yes", "-o", "ControlPersist=60", "-N", "-T")
	command.Stderr = report
	if err := command.Run(); err != nil {
		said, _ := os.ReadFile(report.Name())
		option, advice := s.explain(string(said))
		return &OptionError{option, fmt.Errorf("%w: logging in at %s, from %s, failed (%w: %s). %s",
			engine.ErrUnavailable, s.at, s.at.origin, err, bytes.TrimSpace(said), advice)}
	}
	s.log.Debug("ssh connection is open")
	return nil
}

// control sends a command to the ssh process in the background.
func (s *sharedSSH) control(ctx context.Context, command string) error {
	if _, err := os.Stat(filepath.Join(s.folder, "control")); err != nil {
		return err
	}
	return s.command(ctx, "-o", "ControlMaster=no", "-O", command).Run()
}

func (s *sharedSSH) command(ctx context.Context, flags ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ssh", slices.Concat(s.flags, flags, s.target)...)
}

// limit keeps the calls through transport within one ssh connection, and gives the requests whose answer stays open a
// transport of their own, which it returns: held up behind the limit, a dozen waiters for events would block every call
// for good.
func (s *sharedSSH) limit(transport *http.Transport) (streams *http.Transport) {
	streams = transport.Clone()
	streams.DialContext = s.helper.Dialer
	streams.DisableKeepAlives = true
	transport.MaxConnsPerHost = sshCallSessions
	transport.MaxIdleConnsPerHost = sshCallSessions
	transport.RegisterProtocol("http", streamsOnly{streams})
	return streams
}

// streamsOnly takes the requests that stay open and leaves all others to the transport it is registered with.
type streamsOnly struct{ transport *http.Transport }

func (s streamsOnly) RoundTrip(request *http.Request) (*http.Response, error) {
	path, query := request.URL.Path, request.URL.Query()
	if strings.HasSuffix(path, "/events") || strings.HasSuffix(path, "/wait") || query.Get("follow") == "1" {
		return s.transport.RoundTrip(request)
	}
	return nil, http.ErrSkipAltProtocol
}

// close ends the connection and removes the keys.
func (s *sharedSSH) close() {
	_ = s.control(context.Background(), "exit") // fails when there is nothing to end
	if err := os.RemoveAll(s.folder); err != nil {
		s.log.Warn("the private folder of the ssh connection stays behind", "folder", s.folder, "error", err)
	}
}

// explain finds, from what ssh said, the option that a failed login is about and what to do.
func (s *sharedSSH) explain(said string) (option, advice string) {
	says := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(said, part) })
	}
	switch {
	case says("Host key verification failed", "host key is known"):
		return OptionSSH, "Give the host's key with ssh.known_hosts (`ssh-keyscan` prints it; compare it with the host's own), or add it to the user's known_hosts file"
	case says("Permission denied"):
		return OptionSSH, "Give a key that the host accepts with ssh.private_key, or load one into the ssh agent; keys with a passphrase work through the agent only"
	case says("Could not resolve", "refused", "timed out", "No route", "unreachable"):
		return s.at.option, "Check host and port, and that the machine can be reached from here"
	}
	return OptionSSH, "The same connection must work with the ssh command, without asking for anything"
}
