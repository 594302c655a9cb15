package gateway

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

// hostName is a name of the domain name system with at least one dot, in lower case: no address, no pattern.
var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// ErrHostNotGranted means that a project may not have a host name of a gateway.
var ErrHostNotGranted = errors.New("the host is not the project's")

// ValidateHost reports what is wrong with a host name.
func ValidateHost(host string) error {
	if len(host) > 253 || !hostName.MatchString(host) {
		return fmt.Errorf("a host must be a name in lower case letters with a dot, such as shop.example.com, not %q", host)
	}
	return nil
}

// ValidateOwnHost reports what is wrong with a name of the gateway itself, which an IPv4 address is too.
func ValidateOwnHost(host string) error {
	if address, err := netip.ParseAddr(host); err == nil && address.Is4() {
		return nil
	}
	return ValidateHost(host)
}

// grants reports whether a project may have a host name. Whoever owns the gateway decides: a name that any project could
// take would let one answer for another.
func (s Settings) grants(namespace, host string) error {
	if s.CustomHosts[host] == namespace {
		return nil
	}
	if other, ok := s.CustomHosts[host]; ok {
		return fmt.Errorf("%w: the gateway's custom_hosts give %s to project %s", ErrHostNotGranted, host, other)
	}
	if s.Domain == "" {
		return fmt.Errorf("%w: the gateway has no domain, and its custom_hosts do not give %s to project %s", ErrHostNotGranted, host, namespace)
	}
	own := namespace + "." + s.Domain
	if host == own || strings.HasSuffix(host, "."+own) {
		return nil
	}
	return fmt.Errorf("%w: project %s may have %s and names below it, and what the gateway's custom_hosts give it, which %s is not", ErrHostNotGranted, namespace, own, host)
}
