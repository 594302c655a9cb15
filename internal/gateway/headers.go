package gateway

import (
	"errors"
	"fmt"
	"regexp"
	"time"
)

// SecurityHeaders are headers of answers that the gateway sets in place of the program's; an empty value leaves the
// program's own. Their meaning is that of the standards of the same names (https://owasp.org/www-project-secure-headers/).
type SecurityHeaders struct {
	NoSniff               bool   `json:"no_sniff,omitempty"` // X-Content-Type-Options: nosniff
	FrameOptions          string `json:"frame_options,omitempty"`
	ReferrerPolicy        string `json:"referrer_policy,omitempty"`
	PermissionsPolicy     string `json:"permissions_policy,omitempty"`
	ContentSecurityPolicy string `json:"content_security_policy,omitempty"`
	// StrictTransportSecurity is for how long browsers shall use TLS only. It holds for the whole host name.
	StrictTransportSecurity time.Duration `json:"strict_transport_security,omitempty"`
}

// DefaultSecurityHeaders are safe for programs that do not know of them.
var DefaultSecurityHeaders = SecurityHeaders{
	NoSniff: true, FrameOptions: "SAMEORIGIN", ReferrerPolicy: "strict-origin-when-cross-origin",
	PermissionsPolicy: "camera=(), geolocation=(), microphone=()",
}

// MaxHSTS are the two years that browsers' preload lists ask for.
const MaxHSTS = 2 * 365 * 24 * time.Hour

var (
	frameOptions = regexp.MustCompile(`^(DENY|SAMEORIGIN)$`)
	// referrerPolicies are those of https://www.w3.org/TR/referrer-policy/.
	referrerPolicies = regexp.MustCompile(`^(no-referrer|no-referrer-when-downgrade|same-origin|origin|strict-origin|origin-when-cross-origin|strict-origin-when-cross-origin|unsafe-url)$`)
	// policy has nothing that means anything to nginx inside quotes.
	policy = regexp.MustCompile(`^[A-Za-z0-9 ;:'*./_=(),@+?&%~-]+$`)
)

// maxPolicy fits into one word of nginx's configuration, in bytes.
const maxPolicy = 2000

// ErrHSTSNeedsHost means that a route would speak for the other projects behind the gateway's names.
var ErrHSTSNeedsHost = errors.New("strict transport security holds for all projects behind a host name; give the route a host of its own")

func (h SecurityHeaders) validate(host string) error {
	for _, one := range []struct {
		name, value string
		valid       *regexp.Regexp
	}{
		{"frame options", h.FrameOptions, frameOptions},
		{"referrer policy", h.ReferrerPolicy, referrerPolicies},
		{"permissions policy", h.PermissionsPolicy, policy},
		{"content security policy", h.ContentSecurityPolicy, policy},
	} {
		if len(one.value) > maxPolicy {
			return fmt.Errorf("the %s must have no more than %d bytes, not %d", one.name, maxPolicy, len(one.value))
		}
		if one.value != "" && !one.valid.MatchString(one.value) {
			return fmt.Errorf("the %s must match %s, not %q", one.name, one.valid, one.value)
		}
	}
	if h.StrictTransportSecurity != 0 && host == "" {
		return ErrHSTSNeedsHost
	}
	return validateHSTS(h.StrictTransportSecurity)
}

func validateHSTS(duration time.Duration) error {
	if duration != 0 && (duration < time.Second || duration > MaxHSTS) {
		return fmt.Errorf("strict transport security must be from 1s to %s, not %s", MaxHSTS, duration)
	}
	return nil
}

// ValidPolicy reports whether a text can be a policy in a header.
func ValidPolicy(text string) bool { return len(text) <= maxPolicy && policy.MatchString(text) }

type header struct{ Name, Value string }

// headers are those that are set.
func (h SecurityHeaders) headers() []header {
	var set []header
	if h.NoSniff {
		set = append(set, header{"X-Content-Type-Options", "nosniff"})
	}
	for _, one := range []header{
		{"X-Frame-Options", h.FrameOptions},
		{"Referrer-Policy", h.ReferrerPolicy},
		{"Permissions-Policy", h.PermissionsPolicy},
		{"Content-Security-Policy", h.ContentSecurityPolicy},
	} {
		if one.Value != "" {
			set = append(set, one)
		}
	}
	return set
}
