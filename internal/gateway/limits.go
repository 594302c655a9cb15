package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// RateLimit bounds requests per second; bursts are requests above that which pass at once. 0 means unlimited.
type RateLimit struct {
	ProjectRate  int `json:"project_rate,omitempty"` // of all clients together
	ProjectBurst int `json:"project_burst,omitempty"`
	ClientRate   int `json:"client_rate,omitempty"` // of one client
	ClientBurst  int `json:"client_burst,omitempty"`
	// ClientKey says by what clients are told apart: [ClientAddress], which "" stands for, or "header:" and the name of a
	// request's header.
	ClientKey string `json:"client_key,omitempty"`
}

// ClientAddress tells clients apart by where they come from.
const ClientAddress = "address"

// maxRate is far above what one nginx serves.
const maxRate = 1_000_000

var clientHeader = regexp.MustCompile(`^header:[A-Za-z][A-Za-z0-9-]{0,62}$`)

// ValidateClientKey reports what is wrong with what clients shall be told apart by.
func ValidateClientKey(clientKey string) error {
	if clientKey != ClientAddress && !clientHeader.MatchString(clientKey) {
		return fmt.Errorf("clients are told apart by %q or by a header as in \"header:X-Api-Key\", not by %q", ClientAddress, clientKey)
	}
	return nil
}

func (l RateLimit) withDefaults() RateLimit {
	if l.ClientKey == "" {
		l.ClientKey = ClientAddress
	}
	return l
}

func (l RateLimit) validate() error {
	for _, value := range []int{l.ProjectRate, l.ProjectBurst, l.ClientRate, l.ClientBurst} {
		if value < 0 || value > maxRate {
			return fmt.Errorf("rates and bursts must be from 0 to %d, not %d", maxRate, value)
		}
	}
	return ValidateClientKey(l.ClientKey)
}

// ConnectionLimit bounds the requests that are under way at the same time, as nginx counts connections
// (ngx_http_limit_conn_module). 0 means the default.
type ConnectionLimit struct {
	Project int `json:"project,omitempty"` // of all clients together
	Client  int `json:"client,omitempty"`  // of one client address within the project
}

const (
	// MaxConnections is how many a project may hold: a quarter of the gateway's, so that none takes them away from the
	// others, whatever its backend holds open. A proxied one takes two of the workers' connections.
	MaxConnections = 1000
	// DefaultClientConnections are far above what a browser opens.
	DefaultClientConnections = 200
)

func (l ConnectionLimit) withDefaults() ConnectionLimit {
	if l.Project == 0 {
		l.Project = MaxConnections
	}
	if l.Client == 0 {
		l.Client = DefaultClientConnections
	}
	return l
}

func (l ConnectionLimit) validate() error {
	for _, value := range []int{l.Project, l.Client} {
		if value < 1 || value > MaxConnections {
			return fmt.Errorf("connections must be from 1 to %d, not %d", MaxConnections, value)
		}
	}
	return nil
}

// zone is the shared memory in which nginx counts requests by a key.
type zone struct {
	Key, Zone, Size string
	Rate            int // requests per second
}

// sharedConfig is what several routes refer to by name: zones, and the variables that a part of the request decides about.
type sharedConfig struct {
	zones map[string]zone
	// clients are the headers by which clients are told apart, by the name of the variable.
	clients map[string]string
	// durations of Strict-Transport-Security, in seconds.
	durations map[int64]bool
}

func newSharedConfig() sharedConfig {
	return sharedConfig{zones: map[string]zone{}, clients: map[string]string{}, durations: map[int64]bool{}}
}

// zone adds a zone, which the routes of one project with the same rate share, and answers with its name; none for a rate
// without limit. The name changes with the key and the rate: nginx keeps a zone whose name it knows and refuses the
// reload if its key differs.
func (c sharedConfig) zone(key string, rate int, size, name string) string {
	if rate == 0 {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %s", key, rate, size))
	name += "_" + hex.EncodeToString(sum[:4])
	c.zones[name] = zone{Key: key, Rate: rate, Size: size, Zone: name}
	return name
}

// client is the variable that tells clients apart. Those without the header are told apart by their address.
func (c sharedConfig) client(clientKey string) string {
	header, ok := strings.CutPrefix(clientKey, "header:")
	if !ok {
		return "$binary_remote_addr"
	}
	name := strings.ReplaceAll(strings.ToLower(header), "-", "_")
	c.clients["client_by_"+name] = "http_" + name
	return "$client_by_" + name
}

// sortedZones are the zones in an order that does not change.
func (c sharedConfig) sortedZones() []zone {
	sorted := make([]zone, 0, len(c.zones))
	for _, name := range slices.Sorted(maps.Keys(c.zones)) {
		sorted = append(sorted, c.zones[name])
	}
	return sorted
}

// strict is the variable that holds Strict-Transport-Security for requests over TLS; "" for no duration.
func (c sharedConfig) strict(duration time.Duration) string {
	if duration == 0 {
		return ""
	}
	seconds := int64(duration.Seconds())
	c.durations[seconds] = true
	return fmt.Sprintf("$strict_%d", seconds)
}

func (c sharedConfig) render() []byte {
	return execute("shared.conf.tmpl", map[string]any{
		"Zones": c.sortedZones(), "Clients": c.clients, "Durations": slices.Sorted(maps.Keys(c.durations)),
	})
}
