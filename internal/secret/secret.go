// Package secret derives the passwords of a project from its one key, so that the key alone has to be kept, and turns a
// password into what a server needs to check it without knowing it.
package secret

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// passwordSize is how many bytes a password is worth; it is written with four characters for three of them.
const passwordSize = 24

// Key is the secret of a project from which its passwords are derived.
type Key []byte

// ErrNoKey means that what should hold a key holds something else.
var ErrNoKey = errors.New("not a key")

// NewKey is a random key.
func NewKey() Key {
	key := make(Key, KeySize)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the program instead
	return key
}

// ParseKey takes what was stored for a key; [ErrNoKey] when it has another length.
func ParseKey(stored []byte) (Key, error) {
	if len(stored) != KeySize {
		return nil, fmt.Errorf("%w: %d bytes instead of %d", ErrNoKey, len(stored), KeySize)
	}
	return Key(stored), nil
}

// String keeps a key out of logs and messages.
func (Key) String() string { return "(a key)" }

// GoString keeps a key out of %#v.
func (Key) GoString() string { return "(a key)" }

// Password is the version-th password for a purpose, such as "database/main": 32 characters of those that need no
// escaping in a URL (RFC 3986 calls them unreserved). It is HKDF-SHA256 (RFC 5869) of the key with the purpose and the
// version as its info, so that no password tells anything of another.
func (k Key) Password(purpose string, version int64) string {
	derived, err := hkdf.Key(sha256.New, k, nil, fmt.Sprintf("isolab %s version %d", purpose, version), passwordSize)
	if err != nil {
		panic(err) // only a length beyond 255 hashes fails
	}
	return base64.RawURLEncoding.EncodeToString(derived)
}
