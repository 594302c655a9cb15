package datanamespace

import (
	"context"
	"fmt"
	"strings"

	"github.com/isolab/terraform-provider-isolab/internal/database"
	"github.com/isolab/terraform-provider-isolab/internal/secret"
)

// redis gives each data namespace a user whose keys and channels begin with the project's namespace and a colon.
type redis struct{}

// forbidden are the commands that show, or change, what is not behind a key of one's own: those that Redis itself calls
// dangerous or administrative, and the others that look at all keys, at all clients or at the server's scripts.
var forbidden = []string{
	"-@admin", "-@dangerous", "-scan", "-randomkey", "-dbsize", "-pubsub", "-swapdb", "-function", "-fcall", "-fcall_ro",
	"-script|flush", "-script|kill", "-memory|stats", "-memory|doctor", "-memory|malloc-stats", "-memory|purge",
}

func (redis) verifier() secret.Verifier { return secret.SHA256 }

func (redis) credentials(of Namespace) database.Credentials {
	return database.Credentials{URL: fmt.Sprintf("redis://%s:{password}@{host}:6379/0", of.Account), Port: 6379, Username: of.Account}
}

// cli runs a script in which $cli is the client, as the server's administrator. The administrator's password does not leave the
// container.
func cli(ctx context.Context, run runner, hidden, script string) error {
	_, err := run(ctx, hidden, "sh", "-ec", `
cli() {
	output=$("$(command -v redis-cli || command -v valkey-cli)" -s /tmp/redis.sock --user isolab --pass "$(cat /tmp/admin)" --no-auth-warning "$@")
	case $output in ERR* | WRONGPASS* | NOPERM* | NOAUTH*) echo "$output" >&2; return 1 ;; esac
	[ -z "$output" ] || echo "$output"
}
`+script)
	return err
}

func (redis) grant(ctx context.Context, run runner, of Namespace, verifier string) error {
	prefix := Prefix(of.Namespace)
	return cli(ctx, run, verifier, fmt.Sprintf("cli ACL SETUSER %s reset on '#%s' '~%s*' '&%s*' +@all %s\ncli ACL SAVE",
		of.Account, verifier, prefix, prefix, strings.Join(quoted(forbidden), " ")))
}

func (redis) lock(ctx context.Context, run runner, of Namespace) error {
	return cli(ctx, run, "", fmt.Sprintf("cli ACL SETUSER %s off\ncli ACL SAVE\ncli CLIENT KILL USER %s", of.Account, of.Account))
}

func (redis) drop(ctx context.Context, run runner, of Namespace) error {
	return cli(ctx, run, "", fmt.Sprintf(`
cli ACL DELUSER %s
cli ACL SAVE
cli EVAL "local c='0' repeat local r=redis.call('SCAN',c,'MATCH',ARGV[1],'COUNT',1000) c=r[1] for _,k in ipairs(r[2]) do redis.call('UNLINK',k) end until c=='0'" 0 '%s*'`,
		of.Account, Prefix(of.Namespace)))
}

func quoted(words []string) []string {
	made := make([]string, len(words))
	for i, word := range words {
		made[i] = "'" + word + "'"
	}
	return made
}
