package gateway

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/go-crypt/crypt/algorithm/shacrypt"
)

// BasicAuth asks visitors for a name and a password (RFC 7617). The zero value asks for nothing.
type BasicAuth struct {
	Username string `json:"username,omitempty"`
	// Hash of the password in the form of crypt(3), SHA-512: the one strong form that nginx reads with every C library.
	Hash string `json:"hash,omitempty"`
	// Password is what a caller wants. It is nowhere kept; "" keeps the former one.
	Password string `json:"-"`
}

// MaxPassword is the length of a password that is hashed, in bytes: every request hashes what it brings.
const MaxPassword = 128

var (
	username = regexp.MustCompile(`^[A-Za-z0-9._@-]{1,64}$`)
	hash     = regexp.MustCompile(`^\$6\$[A-Za-z0-9./$=]{1,200}$`)
)

// ErrNoPassword means that a route asks for a password of which none is known.
var ErrNoPassword = errors.New("basic authentication needs a password")

// ValidUsername reports whether a text can be a name in a password file.
func ValidUsername(text string) bool { return username.MatchString(text) }

func (a BasicAuth) validate() error {
	if a.Username == "" {
		return nil
	}
	if !ValidUsername(a.Username) {
		return fmt.Errorf("the user name must match %s, not %q", username, a.Username)
	}
	if a.Hash != "" && !hash.MatchString(a.Hash) {
		return errors.New("the password's hash is not one of crypt(3) with SHA-512")
	}
	return nil
}

// hashed answers with the hash in place of the password. A password that former knows keeps its hash, so that the
// configuration stays the same.
func (a BasicAuth) hashed(former BasicAuth) (BasicAuth, error) {
	password := a.Password
	a.Password = ""
	if a.Username == "" {
		return BasicAuth{}, nil
	}
	known, err := shacrypt.Decode(former.Hash)
	if former.Hash != "" && (password == "" || err == nil && known.Match(password)) {
		a.Hash = former.Hash
		return a, nil
	}
	if password == "" {
		return a, ErrNoPassword
	}
	if len(password) > MaxPassword {
		return a, fmt.Errorf("the password must have no more than %d bytes", MaxPassword)
	}
	hasher, err := shacrypt.NewSHA512()
	if err == nil {
		err = hasher.WithOptions(shacrypt.WithIterations(hashRounds))
	}
	if err != nil {
		return a, err
	}
	digest, err := hasher.Hash(password)
	if err != nil {
		return a, err
	}
	a.Hash = digest.Encode()
	return a, nil
}

// hashRounds is crypt(3)'s own default: nginx computes a hash for every request, and serves nobody meanwhile.
const hashRounds = 5000

// file is nginx's password file.
func (a BasicAuth) file() []byte { return []byte(a.Username + ":" + a.Hash + "\n") }

// ValidateNetwork reports what is wrong with a network in CIDR notation.
func ValidateNetwork(text string) error {
	prefix, err := netip.ParsePrefix(text)
	if err != nil || prefix.Masked().String() != text || strings.Contains(text, "%") {
		return fmt.Errorf("a network must be written in CIDR notation without host bits, such as 192.0.2.0/24, not %q", text)
	}
	return nil
}

func validateNetworks(networks []string) error {
	for _, network := range networks {
		if err := ValidateNetwork(network); err != nil {
			return err
		}
	}
	return nil
}
