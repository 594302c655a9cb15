package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// Route leads a path of a gateway to the containers of one environment.
type Route struct {
	Name        string `json:"name"`
	Namespace   string `json:"namespace"`
	Environment string `json:"environment"`
	// Path starts and ends with a slash and lies inside [naming.RoutePath]; "" means that very path.
	Path string `json:"path"`
	// Port of the environment's containers; 0 means the one they are labelled with.
	Port            int       `json:"port,omitempty"`
	StripPrefix     bool      `json:"strip_prefix"` // the backend sees paths without Path and X-Forwarded-Prefix
	WebSocket       bool      `json:"websocket"`
	SecurityHeaders bool      `json:"security_headers"`
	RateLimit       RateLimit `json:"rate_limit"`
	// LoadBalancing says which replica gets a request; "" means [RoundRobin].
	LoadBalancing LoadBalancing `json:"load_balancing,omitempty"`
	// ReadTimeout is how long the program may be silent; 0 means a minute, or an hour with WebSocket.
	ReadTimeout time.Duration `json:"read_timeout,omitempty"`
	// MaxBodySize of a request, in bytes; 0 means [DefaultMaxBodySize].
	MaxBodySize int64 `json:"max_body_size,omitempty"`
	// Buffering lets nginx take an answer off the program before the visitor has. Streams need it off.
	Buffering bool `json:"buffering,omitempty"`

	Phase lifecycle.Phase `json:"phase"`
	// Serving and Upstreams are found out on the engine at every commit: whether the phase serves and a container runs,
	// and the containers' addresses with port.
	Serving   bool     `json:"serving"`
	Upstreams []string `json:"upstreams,omitempty"`
}

// RateLimit bounds requests per second; bursts are requests above that which pass at once. 0 means unlimited.
type RateLimit struct {
	ProjectRate  int `json:"project_rate,omitempty"` // of all clients together
	ProjectBurst int `json:"project_burst,omitempty"`
	ClientRate   int `json:"client_rate,omitempty"` // of one client address
	ClientBurst  int `json:"client_burst,omitempty"`
}

// maxRate is far above what one nginx serves.
const maxRate = 1_000_000

// LoadBalancing is a way to spread requests over replicas.
type LoadBalancing string

// The ways that nginx has (ngx_http_upstream_module).
const (
	RoundRobin LoadBalancing = "round_robin"
	LeastConn  LoadBalancing = "least_conn"
	IPHash     LoadBalancing = "ip_hash" // a client address stays with one replica
)

// LoadBalancings are all ways.
func LoadBalancings() []LoadBalancing { return []LoadBalancing{RoundRobin, LeastConn, IPHash} }

const (
	// DefaultMaxBodySize is that of a request, in bytes.
	DefaultMaxBodySize = 100 * mebibyte
	maxMaxBodySize     = 1 << 40
	maxReadTimeout     = 24 * time.Hour
)

// DefaultReadTimeout is how long a program may be silent: longer where a websocket may be.
func DefaultReadTimeout(webSocket bool) time.Duration {
	if webSocket {
		return time.Hour
	}
	return time.Minute
}

// RouteError says which route a failure concerns.
type RouteError struct {
	Namespace, Name string
	Err             error
}

func (e *RouteError) Error() string {
	return fmt.Sprintf("route %s/%s: %v", e.Namespace, e.Name, e.Err)
}
func (e *RouteError) Unwrap() error { return e.Err }

// key tells the routes of one gateway apart.
type key struct{ namespace, name string }

// String is also the base name of the route's files: neither part can hold a dot.
func (k key) String() string { return k.namespace + "." + k.name }

func (k key) fail(err error) *RouteError {
	return &RouteError{Namespace: k.namespace, Name: k.name, Err: err}
}

func parseKey(text string) (key, bool) {
	namespace, name, ok := strings.Cut(text, ".")
	return key{namespace, name}, ok && naming.Valid(namespace) && naming.Valid(name)
}

func (r Route) key() key { return key{r.Namespace, r.Name} }

func (r Route) withDefaults() Route {
	if r.Path == "" {
		r.Path = naming.RoutePath(r.Namespace)
	}
	if r.LoadBalancing == "" {
		r.LoadBalancing = RoundRobin
	}
	if r.ReadTimeout == 0 {
		r.ReadTimeout = DefaultReadTimeout(r.WebSocket)
	}
	if r.MaxBodySize == 0 {
		r.MaxBodySize = DefaultMaxBodySize
	}
	return r
}

// segment is a part of a path that means the same to every browser, proxy and backend: nothing encoded, nothing that
// nginx's configuration gives a meaning to.
var segment = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)

// ValidatePath reports what is wrong with a route's path of a project.
func ValidatePath(namespace, path string) error {
	rest, ok := strings.CutPrefix(path, naming.RoutePath(namespace))
	if !ok {
		return fmt.Errorf("the path must start with %s, not %q", naming.RoutePath(namespace), path)
	}
	if rest == "" {
		return nil
	}
	inner, ok := strings.CutSuffix(rest, "/")
	if !ok {
		return fmt.Errorf("the path must end with a slash, not %q", path)
	}
	for part := range strings.SplitSeq(inner, "/") {
		if part == "." || part == ".." || !segment.MatchString(part) {
			return fmt.Errorf("each part of the path must consist of letters, digits and . _ ~ - and be neither empty nor . nor .., not %q", part)
		}
	}
	return nil
}

// validate checks every value that reaches nginx. It is called for what users ask for and again by the renderer, for
// what was read back from a volume that others could have written to.
func (r Route) validate() error {
	for what, name := range map[string]string{"namespace": r.Namespace, "name": r.Name, "environment": r.Environment} {
		if !naming.Valid(name) {
			return fmt.Errorf("the %s must be %s, not %q", what, naming.Rule, name)
		}
	}
	if err := ValidatePath(r.Namespace, r.Path); err != nil {
		return err
	}
	if !r.Phase.Valid() {
		return fmt.Errorf("%q is not a phase", r.Phase)
	}
	if r.Port < 0 || r.Port > 65535 {
		return fmt.Errorf("the port must be from 1 to 65535, not %d", r.Port)
	}
	limit := r.RateLimit
	for _, value := range []int{limit.ProjectRate, limit.ProjectBurst, limit.ClientRate, limit.ClientBurst} {
		if value < 0 || value > maxRate {
			return fmt.Errorf("rates and bursts must be from 0 to %d, not %d", maxRate, value)
		}
	}
	if !slices.Contains(LoadBalancings(), r.LoadBalancing) {
		return fmt.Errorf("%q is no way to balance load; choose one of %q", r.LoadBalancing, LoadBalancings())
	}
	if r.ReadTimeout < time.Millisecond || r.ReadTimeout > maxReadTimeout {
		return fmt.Errorf("the read timeout must be from 1ms to %s, not %s", maxReadTimeout, r.ReadTimeout)
	}
	if r.MaxBodySize < 1 || r.MaxBodySize > maxMaxBodySize {
		return fmt.Errorf("the size of a request's body must be from 1 byte to 1 TiB, not %d bytes", r.MaxBodySize)
	}
	for _, upstream := range r.Upstreams {
		if err := validateUpstream(upstream); err != nil {
			return err
		}
	}
	if r.Serving && len(r.Upstreams) == 0 {
		return errors.New("it serves and has no container to serve from")
	}
	return nil
}

// validateUpstream takes addresses only: nginx refuses its whole configuration for one name that does not resolve.
func validateUpstream(upstream string) error {
	address, err := netip.ParseAddrPort(upstream)
	if err != nil || !address.Addr().Is4() || address.Port() == 0 {
		return fmt.Errorf("a container's address must be an IPv4 address with port, not %q", upstream)
	}
	return nil
}

func (r Route) encode() []byte {
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	return append(content, '\n')
}

// serves reports whether a project may answer requests in a phase: whatever of it runs then does.
func serves(phase lifecycle.Phase) bool { return phase.Working() }

// unavailable is the sentence for visitors of a route that does not serve. Nothing in it comes from users.
func (r Route) unavailable() string {
	switch r.Phase {
	case lifecycle.Created, lifecycle.Planning, lifecycle.Paused, lifecycle.Failed:
		return "This project is in the phase " + strconv.Quote(string(r.Phase)) + " and does not serve now."
	case lifecycle.Development, lifecycle.Testing, lifecycle.Deployment:
		return "This project is in the phase " + strconv.Quote(string(r.Phase)) + ", but the environment behind this address is not running."
	}
	return "This project does not serve now."
}
