package secret

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// scramIterations is PostgreSQL's own default, scram_iterations. A password of 192 random bits needs no slower hash.
const scramIterations = 4096

// Verifier is a way to check a password, in the words of the server that does.
type Verifier string

const (
	SCRAM       Verifier = "scram-sha-256"         // PostgreSQL
	MySQLNative Verifier = "mysql_native_password" // MariaDB
	SHA256      Verifier = "sha256"                // Redis and Valkey
)

// Verifiers lists all ways.
func Verifiers() []Verifier { return []Verifier{SCRAM, MySQLNative, SHA256} }

// Of is what a server is told of a password, so that it can check it and yet not give it away.
func (v Verifier) Of(password string) string {
	switch v {
	case SCRAM:
		return scram(password)
	case MySQLNative:
		return mysqlNative(password)
	default:
		sum := sha256.Sum256([]byte(password))
		return hex.EncodeToString(sum[:])
	}
}

// scram is the secret of RFC 7677 as PostgreSQL writes it (pg_authid.rolpassword). The salt depends on the password, which
// is random and used nowhere else, so that the same password always has the same verifier.
func scram(password string) string {
	sum := sha256.Sum256([]byte("isolab salt " + password))
	salt := sum[:16]
	salted, err := pbkdf2.Key(sha256.New, password, salt, scramIterations, sha256.Size)
	if err != nil {
		panic(err) // only impossible lengths fail
	}
	sign := func(text string) []byte {
		mac := hmac.New(sha256.New, salted)
		mac.Write([]byte(text))
		return mac.Sum(nil)
	}
	stored := sha256.Sum256(sign("Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", scramIterations, encode(salt), encode(stored[:]), encode(sign("Server Key")))
}

// mysqlNative is "*" and the hexadecimal SHA-1 of the SHA-1 (MariaDB's PASSWORD()). Two rounds of SHA-1 would be weak for
// a password that somebody thought up; this one has 192 random bits.
func mysqlNative(password string) string {
	first := sha1.Sum([]byte(password))
	second := sha1.Sum(first[:])
	return "*" + strings.ToUpper(hex.EncodeToString(second[:]))
}
