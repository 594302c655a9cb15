package datanamespace

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/isolab/terraform-provider-isolab/internal/database"
	"github.com/isolab/terraform-provider-isolab/internal/secret"
)

// server is how one kind of shared database is divided. Every step may be repeated.
type server interface {
	// grant makes the account and its data, or opens them again, with the password that has the verifier.
	grant(ctx context.Context, run runner, of Namespace, verifier string) error
	// lock closes the account and ends its connections; the data stays.
	lock(ctx context.Context, run runner, of Namespace) error
	// drop removes the account and its data.
	drop(ctx context.Context, run runner, of Namespace) error
	verifier() secret.Verifier
	// credentials are all but host and password, which stand in the URL as {host} and {password}.
	credentials(of Namespace) database.Credentials
}

// servers are the presets of shared services that can be divided.
var servers = map[string]server{"postgres": postgres{}, "redis": redis{}}

// Presets lists the presets of shared services that can be divided, in alphabetical order.
func Presets() []string { return slices.Sorted(maps.Keys(servers)) }

// runner runs a command in the server's container and answers with its output. The error holds the output without hidden.
type runner func(ctx context.Context, hidden string, command ...string) (string, error)

func (n *Namespaces) runner(container string) runner {
	return func(ctx context.Context, hidden string, command ...string) (string, error) {
		result, err := n.on.Exec(ctx, container, command)
		if err != nil {
			return "", err
		}
		if result.ExitCode != 0 {
			output := result.Output
			if hidden != "" {
				output = strings.ReplaceAll(output, hidden, "…")
			}
			return "", fmt.Errorf("%s in container %s ended with exit code %d: %s", command[0], container, result.ExitCode, strings.TrimSpace(output))
		}
		return strings.TrimSpace(result.Output), nil
	}
}
