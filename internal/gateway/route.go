package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// Route leads a path of a gateway, or of a host name that the gateway answers to, to the containers of one environment.
type Route struct {
	Name        string `json:"name"`
	Namespace   string `json:"namespace"`
	Environment string `json:"environment"`
	// Canaries are other environments of the project with the percentage of requests that they get, by name.
	Canaries map[string]int `json:"canaries,omitempty"`
	// Host is a name that the gateway's [Settings] grant to the project; "" means the gateway's own names.
	Host string `json:"host,omitempty"`
	// Path starts and ends with a slash. Without a host it lies inside [naming.RoutePath], which "" stands for; with one,
	// "" stands for "/".
	Path string `json:"path"`
	// Port of the environments' containers; 0 means the one they are labelled with.
	Port        int             `json:"port,omitempty"`
	StripPrefix bool            `json:"strip_prefix"` // the backend sees paths without Path and X-Forwarded-Prefix
	WebSocket   bool            `json:"websocket"`
	Headers     SecurityHeaders `json:"security_headers"`
	Allow       []string        `json:"allow,omitempty"` // networks of clients in CIDR notation; none means all
	BasicAuth   BasicAuth       `json:"basic_auth,omitzero"`
	RateLimit   RateLimit       `json:"rate_limit"`
	Connections ConnectionLimit `json:"connection_limit"`
	Balance
	// ReadTimeout is how long the program may be silent; 0 means a minute, or an hour with WebSocket.
	ReadTimeout time.Duration `json:"read_timeout,omitempty"`
	// MaxBodySize of a request, in bytes; 0 means [DefaultMaxBodySize].
	MaxBodySize int64 `json:"max_body_size,omitempty"`
	// Buffering lets nginx take an answer off the program before the visitor has. Streams need it off.
	Buffering bool `json:"buffering,omitempty"`
	// Maintenance answers 503 in place of the program. Page is the HTML of that and every other 503; "" means a line of text.
	Maintenance bool   `json:"maintenance,omitempty"`
	Page        string `json:"page,omitempty"`

	Phase lifecycle.Phase `json:"phase"`
	// Serving, Upstreams and Weights are found out on the engine at every commit: whether the phase serves and a container
	// runs, the containers' addresses with port, and their parts of the requests, 1 where an address is missing.
	Serving   bool           `json:"serving"`
	Upstreams []string       `json:"upstreams,omitempty"`
	Weights   map[string]int `json:"weights,omitempty"`
}

const (
	// DefaultMaxBodySize is that of a request, in bytes.
	DefaultMaxBodySize = 100 * mebibyte
	maxMaxBodySize     = 1 << 40
	maxReadTimeout     = 24 * time.Hour
	// MaxPage is the size of a page of a route's own, in bytes.
	MaxPage = 64 << 10
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
		if r.Path = naming.RoutePath(r.Namespace); r.Host != "" {
			r.Path = "/"
		}
	}
	r.Balance, r.Connections, r.RateLimit = r.Balance.withDefaults(), r.Connections.withDefaults(), r.RateLimit.withDefaults()
	if r.ReadTimeout == 0 {
		r.ReadTimeout = DefaultReadTimeout(r.WebSocket)
	}
	if r.MaxBodySize == 0 {
		r.MaxBodySize = DefaultMaxBodySize
	}
	return r
}

// leadsTo reports whether some of a route's requests get to an environment.
func (r Route) leadsTo(namespace, environment string) bool {
	_, canary := r.Canaries[environment]
	return r.Namespace == namespace && (canary || r.Environment == environment)
}

// leadsAs reports whether two states of a route lead to the same containers.
func (r Route) leadsAs(other Route) bool {
	return r.Serving == other.Serving && slices.Equal(r.Upstreams, other.Upstreams) && maps.Equal(r.Weights, other.Weights)
}

// segment is a part of a path that means the same to every browser, proxy and backend: nothing encoded, nothing that
// nginx's configuration gives a meaning to.
var segment = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)

// ValidatePath reports what is wrong with the path of a project's route on a host, "" being the gateway's own names. A
// project has a host to itself, but of the paths of the gateway's names only those below its own.
func ValidatePath(namespace, host, path string) error {
	root := "/"
	if host == "" {
		root = naming.RoutePath(namespace)
	}
	rest, ok := strings.CutPrefix(path, root)
	if !ok {
		return fmt.Errorf("the path must start with %s, not %q", root, path)
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
	if len(path) > maxPath || strings.HasPrefix(path, pagesPath) {
		return fmt.Errorf("the path must be no longer than %d characters and not begin with %s, not %q", maxPath, pagesPath, path)
	}
	return nil
}

// maxPath keeps a location within what nginx takes for one word.
const maxPath = 1000

// validate checks every value that reaches nginx. It is called for what users ask for and again by the renderer, for
// what was read back from a volume that others could have written to.
func (r Route) validate() error {
	for what, name := range map[string]string{"namespace": r.Namespace, "name": r.Name, "environment": r.Environment} {
		if !naming.Valid(name) {
			return fmt.Errorf("the %s must be %s, not %q", what, naming.Rule, name)
		}
	}
	if r.Host != "" {
		if err := ValidateHost(r.Host); err != nil {
			return err
		}
	}
	if err := ValidatePath(r.Namespace, r.Host, r.Path); err != nil {
		return err
	}
	if !r.Phase.Valid() {
		return fmt.Errorf("%q is not a phase", r.Phase)
	}
	if r.Port < 0 || r.Port > 65535 {
		return fmt.Errorf("the port must be from 1 to 65535, not %d", r.Port)
	}
	if r.ReadTimeout < time.Millisecond || r.ReadTimeout > maxReadTimeout {
		return fmt.Errorf("the read timeout must be from 1ms to %s, not %s", maxReadTimeout, r.ReadTimeout)
	}
	if r.MaxBodySize < 1 || r.MaxBodySize > maxMaxBodySize {
		return fmt.Errorf("the size of a request's body must be from 1 byte to 1 TiB, not %d bytes", r.MaxBodySize)
	}
	if len(r.Page) > MaxPage {
		return fmt.Errorf("the page must have no more than %d bytes, not %d", MaxPage, len(r.Page))
	}
	if err := errors.Join(r.RateLimit.validate(), r.Connections.validate(), r.Balance.validate(), ValidateCanaries(r.Environment, r.Canaries),
		r.Headers.validate(r.Host), r.BasicAuth.validate(), validateNetworks(r.Allow)); err != nil {
		return err
	}
	for _, upstream := range r.Upstreams {
		if err := validateUpstream(upstream); err != nil {
			return err
		}
		if weight, ok := r.Weights[upstream]; ok && (weight < 1 || weight > maxWeight) {
			return fmt.Errorf("a container's weight must be from 1 to %d, not %d", maxWeight, weight)
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
	if r.Maintenance {
		return "This service is under maintenance and will be back."
	}
	switch r.Phase {
	case lifecycle.Created, lifecycle.Planning, lifecycle.Paused, lifecycle.Failed:
		return "This project is in the phase " + strconv.Quote(string(r.Phase)) + " and does not serve now."
	case lifecycle.Development, lifecycle.Testing, lifecycle.Deployment:
		return "This project is in the phase " + strconv.Quote(string(r.Phase)) + ", but the environment behind this address is not running."
	}
	return "This project does not serve now."
}
