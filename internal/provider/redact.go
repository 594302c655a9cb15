package provider

import (
	"net/url"
	"slices"
	"strings"
)

// redacted is an error that does not show the secrets of what it is about: a container's last words, which it quotes, may.
type redacted struct {
	error
	secrets []string
}

// redact hides the values of secret variables, and passwords in those that are addresses, from an error's text.
func redact(err error, variables map[string]string) error {
	if err == nil || len(variables) == 0 {
		return err
	}
	hidden := redacted{error: err}
	for _, value := range variables {
		hidden.secrets = append(hidden.secrets, value)
		if address, unparsed := url.Parse(value); unparsed == nil && address.User != nil {
			if password, there := address.User.Password(); there {
				hidden.secrets = append(hidden.secrets, password)
			}
		}
	}
	hidden.secrets = slices.DeleteFunc(hidden.secrets, func(secret string) bool { return secret == "" })
	// The longest first, so that none hides only a part of another.
	slices.SortFunc(hidden.secrets, func(a, b string) int { return len(b) - len(a) })
	return hidden
}

func (r redacted) Error() string {
	text := r.error.Error()
	for _, secret := range r.secrets {
		text = strings.ReplaceAll(text, secret, "(secret)")
	}
	return text
}

func (r redacted) Unwrap() error { return r.error }
