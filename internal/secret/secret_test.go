package secret_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/isolab/terraform-provider-isolab/internal/secret"
)

var key = secret.Key(strings.Repeat("k", secret.KeySize))

func TestPassword(t *testing.T) {
	first := key.Password("database/main", 1)
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{32}$`).MatchString(first) {
		t.Errorf("password %q", first)
	}
	if key.Password("database/main", 1) != first {
		t.Error("the same password differs")
	}
	for _, other := range []string{
		key.Password("database/main", 2), key.Password("database/other", 1), secret.NewKey().Password("database/main", 1),
	} {
		if other == first {
			t.Errorf("password %q twice", other)
		}
	}
}

func TestKey(t *testing.T) {
	if a, b := secret.NewKey(), secret.NewKey(); len(a) != secret.KeySize || string(a) == string(b) {
		t.Error("keys are not random")
	}
	if parsed, err := secret.ParseKey(key); err != nil || string(parsed) != string(key) {
		t.Errorf("parsed %v", err)
	}
	if _, err := secret.ParseKey(key[1:]); !errors.Is(err, secret.ErrNoKey) {
		t.Errorf("a short key gives %v", err)
	}
	for _, verb := range []string{"%v", "%s", "%+v", "%#v"} {
		if shown := fmt.Sprintf(verb, key); strings.Contains(shown, "kkk") || strings.Contains(shown, "107") {
			t.Errorf("%s shows %q", verb, shown)
		}
	}
}

// TestVerifiers compares with what the servers themselves say: MariaDB's PASSWORD('secret'), and sha256sum. PostgreSQL
// salts, so that a real one judges in the tests of databases.
func TestVerifiers(t *testing.T) {
	for verifier, want := range map[secret.Verifier]string{
		secret.MySQLNative: "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7",
		secret.SHA256:      "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
	} {
		if got := verifier.Of("secret"); got != want {
			t.Errorf("%s: got %s, want %s", verifier, got, want)
		}
	}
	got := secret.SCRAM.Of("secret")
	if !regexp.MustCompile(`^SCRAM-SHA-256\$4096:[A-Za-z0-9+/]{22}==\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$`).MatchString(got) || got != secret.SCRAM.Of("secret") {
		t.Errorf("got %s", got)
	}
}
