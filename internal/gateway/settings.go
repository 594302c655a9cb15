package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// Settings are what a gateway does for all its routes. They lie beside these on its volume and change by a reload.
type Settings struct {
	// Hosts are the names under which the paths of projects answer; none means any.
	Hosts []string `json:"hosts,omitempty"`
	// Domain gives every project the names <namespace>.<Domain> and below. CustomHosts give further names, each to one
	// namespace.
	Domain      string            `json:"domain,omitempty"`
	CustomHosts map[string]string `json:"custom_hosts,omitempty"`
	// TrustedProxies are networks, or [TrustHost], whose X-Forwarded-For and X-Forwarded-Proto are believed.
	TrustedProxies []string    `json:"trusted_proxies,omitempty"`
	Client         ClientLimit `json:"client_limit"`
	AccessLog      bool        `json:"access_log"`
	// DrainTimeout is how long connections outlive the configuration that they began with; 0 means [DefaultDrainTimeout].
	DrainTimeout time.Duration `json:"drain_timeout,omitempty"`
	TLS          TLS           `json:"tls,omitzero"`
}

// DefaultDrainTimeout is how long a websocket may go on after a reload.
const DefaultDrainTimeout = 10 * time.Minute

// ClientLimit bounds what one client address may do on the whole gateway. 0 means unlimited.
type ClientLimit struct {
	Rate        int `json:"rate,omitempty"` // requests per second
	Burst       int `json:"burst,omitempty"`
	Connections int `json:"connections,omitempty"`
}

// TLS is how a gateway is reached over HTTPS. The zero value means not at all.
type TLS struct {
	Certificate string `json:"certificate,omitempty"` // PEM: the server's, then those that vouch for it
	PrivateKey  string `json:"private_key,omitempty"` // PEM; "" in a wish keeps the former one
	Redirect    bool   `json:"redirect,omitempty"`    // from HTTP
	Port        int    `json:"port,omitempty"`        // of the host, for redirects
	// StrictTransportSecurity is for how long browsers shall use TLS only for the gateway's own names; 0 means not at all.
	StrictTransportSecurity time.Duration `json:"strict_transport_security,omitempty"`
}

// Enabled reports whether there is a certificate to serve with.
func (t TLS) Enabled() bool { return t.Certificate != "" }

// ErrKeyPair means that a private key is missing or does not belong to the certificate.
var ErrKeyPair = errors.New("the private key does not fit the certificate")

// ValidateCertificate reads the first certificate of a PEM text.
func ValidateCertificate(text string) (*x509.Certificate, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("it is not a certificate in PEM, which begins with -----BEGIN CERTIFICATE-----")
	}
	return x509.ParseCertificate(block.Bytes)
}

// ValidateKeyPair reports whether a private key belongs to a certificate. The error quotes neither.
func ValidateKeyPair(certificate, key string) error {
	if _, err := tls.X509KeyPair([]byte(certificate), []byte(key)); err != nil {
		return fmt.Errorf("%w: %w", ErrKeyPair, err)
	}
	return nil
}

func (s Settings) withDefaults() Settings {
	if s.DrainTimeout == 0 {
		s.DrainTimeout = DefaultDrainTimeout
	}
	return s
}

// after takes over from the former settings what a wish leaves out.
func (s Settings) after(former Settings) Settings {
	if s.TLS.Enabled() && s.TLS.PrivateKey == "" {
		s.TLS.PrivateKey = former.TLS.PrivateKey
	}
	return s
}

// validate checks every value that reaches nginx.
func (s Settings) validate() error {
	for _, host := range s.Hosts {
		if err := ValidateOwnHost(host); err != nil {
			return err
		}
		if _, taken := s.CustomHosts[host]; taken {
			return fmt.Errorf("%s cannot be both the gateway's own and a project's", host)
		}
	}
	if s.Domain != "" {
		if err := ValidateHost(s.Domain); err != nil {
			return err
		}
	}
	for host, namespace := range s.CustomHosts {
		if err := ValidateHost(host); err != nil {
			return err
		}
		if !naming.Valid(namespace) {
			return fmt.Errorf("host %s: a namespace must be %s, not %q", host, naming.Rule, namespace)
		}
	}
	for _, proxy := range s.TrustedProxies {
		if err := ValidateProxy(proxy); err != nil {
			return err
		}
	}
	for _, value := range []int{s.Client.Rate, s.Client.Burst, s.Client.Connections} {
		if value < 0 || value > maxRate {
			return fmt.Errorf("a client's rate, burst and connections must be from 0 to %d, not %d", maxRate, value)
		}
	}
	if s.DrainTimeout < time.Millisecond || s.DrainTimeout > maxReadTimeout {
		return fmt.Errorf("the drain timeout must be from 1ms to %s, not %s", maxReadTimeout, s.DrainTimeout)
	}
	if !s.TLS.Enabled() {
		return nil
	}
	if s.TLS.Port < 1 || s.TLS.Port > 65535 {
		return fmt.Errorf("the HTTPS port must be from 1 to 65535, not %d", s.TLS.Port)
	}
	return errors.Join(validateHSTS(s.TLS.StrictTransportSecurity), ValidateKeyPair(s.TLS.Certificate, s.TLS.PrivateKey))
}

// admits reports why a route cannot be on a gateway with these settings.
func (s Settings) admits(route Route) error {
	if route.Host == "" {
		return nil
	}
	if slices.Contains(s.Hosts, route.Host) {
		return fmt.Errorf("%w: %s is the gateway's own", ErrHostNotGranted, route.Host)
	}
	return s.grants(route.Namespace, route.Host)
}

func (s Settings) encode() []byte {
	content, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic(err) // strings, numbers and truth values always encode
	}
	return append(content, '\n')
}
