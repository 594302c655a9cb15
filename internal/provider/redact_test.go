package provider

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestRedact(t *testing.T) {
	cause := errors.Join(io.EOF, errors.New("log: connecting to postgres://app:pa55@main/app with pa55 and key-1"))
	hidden := redact(cause, map[string]string{"URL": "postgres://app:pa55@main/app", "KEY": "key-1", "NONE": ""})
	if !errors.Is(hidden, io.EOF) || strings.Contains(hidden.Error(), "pa55") || strings.Contains(hidden.Error(), "key-1") || !strings.Contains(hidden.Error(), "connecting to (secret) with (secret) and (secret)") {
		t.Errorf("got %q", hidden)
	}
	if redact(nil, map[string]string{"KEY": "key"}) != nil || !errors.Is(redact(cause, nil), cause) {
		t.Error("what needs nothing hidden is changed")
	}
}
