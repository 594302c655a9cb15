package provider

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

// divided is a shared service with data of two projects in it, each of which has a client that is only up if it can use it.
func divided(preset, phase, policy, data string) string {
	ask := `psql --quiet "$DATABASE_URL" --command="SELECT 1"`
	if preset == "redis" {
		ask = `redis-cli --no-auth-warning -u "$DATABASE_URL" PING`
	}
	text := fmt.Sprintf(`
resource "isolab_shared_service" "data" {
  name        = "PREFIX-data"
  preset      = %q
  data_policy = "delete"
}
`, preset)
	for _, name := range []string{"shop", "blog"} {
		text += fmt.Sprintf(`
resource "isolab_project" %[1]q {
  name        = "PREFIX-%[1]s"
  phase       = %[2]q
  data_policy = %[3]q
  services    = [isolab_shared_service.data.name]
}

resource "isolab_data_namespace" %[1]q {
  project = isolab_project.%[1]s
  service = isolab_shared_service.data.name
%[4]s
}

resource "isolab_environment" %[1]q {
  project  = isolab_project.%[1]s
  name     = "client"
  kind     = "development"
  image    = "isolab-fixture/%[5]s:1"
  user     = "999:999"
  bindings = { DATABASE_URL = isolab_data_namespace.%[1]s.id }
  command  = ["sh", "-ec", <<-EOT
    %[6]s
    exec sleep 1000
  EOT
  ]
}
`, name, phase, policy, data, preset, ask)
	}
	return text
}

// sql runs statements in a project's client, as its own account, and answers with the output and whether all succeeded.
func (b *bench) sql(project string, statements ...string) (string, bool) {
	command := []string{"exec", b.container(project, "client"), "sh", "-c", `exec psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 "$DATABASE_URL" "$@"`, "psql"}
	for _, statement := range statements {
		command = append(command, "--command="+statement)
	}
	return b.attempt(command...)
}

// accountOf is a project's account, and the address with its password.
func (b *bench) accountOf(project string) (account, address string) {
	address = b.docker("exec", b.container(project, "client"), "printenv", "DATABASE_URL")
	return regexp.MustCompile(`isolab_[0-9a-f]{16}`).FindString(address), address
}

func TestAccDataNamespacePostgres(t *testing.T) {
	b := onEngine(t)
	b.test(
		b.applied(divided("postgres", "development", "delete", ""), seen(func() error {
			if output, ok := b.sql("blog", "CREATE TABLE secret_of_blog (a text)", "INSERT INTO secret_of_blog VALUES ('hidden')"); !ok {
				return errors.New(output)
			}
			return b.escapes()
		})),
		resource.TestStep{ResourceName: "isolab_data_namespace.shop", ImportState: true, ImportStateId: b.name("shop/data"), ImportStateVerify: true},
	)
}

// escapes tries, as one project's account, to get at another's data and at the server.
func (b *bench) escapes() error {
	shop, address := b.accountOf("shop")
	blog, _ := b.accountOf("blog")
	b.docker("exec", "--detach", b.container("blog", "client"), "sh", "-c", `exec psql "$DATABASE_URL" --command="SELECT 'words of blog', pg_sleep(60)"`)
	pid := "(SELECT min(pid) FROM pg_stat_activity WHERE usename = '" + blog + "')"
	refused := map[string]string{
		"create a role":              "CREATE ROLE more",
		"create a database":          "CREATE DATABASE more",
		"become superuser":           "ALTER ROLE " + shop + " SUPERUSER",
		"raise the connection limit": "ALTER ROLE " + shop + " CONNECTION LIMIT -1",
		"pass row security":          "ALTER ROLE " + shop + " BYPASSRLS",
		"change the other password":  "ALTER ROLE " + blog + " PASSWORD 'mine'",
		"take the other role":        "SET ROLE " + blog,
		"take the superuser's role":  "SET SESSION AUTHORIZATION postgres",
		"grant the other role":       "GRANT " + blog + " TO " + shop,
		"grant what reads files":     "GRANT pg_read_server_files TO " + shop,
		"drop the other database":    "DROP DATABASE " + blog,
		"rename the other database":  "ALTER DATABASE " + blog + " RENAME TO mine",
		"own one's database":         "ALTER DATABASE " + shop + " OWNER TO " + shop,
		"copy to a program":          "COPY (SELECT 1) TO PROGRAM 'id'",
		"copy from a program":        "CREATE TABLE lines (l text); COPY lines FROM PROGRAM 'id'",
		"copy from a file":           "CREATE TABLE lines (l text); COPY lines FROM '/etc/passwd'",
		"read a file":                "SELECT pg_read_file('/etc/passwd')",
		"list a folder":              "SELECT pg_ls_dir('.')",
		"stat a file":                "SELECT pg_stat_file('postgresql.conf')",
		"import a large object":      "SELECT lo_import('/etc/passwd')",
		"export a large object":      "SELECT lo_export(lo_from_bytea(0, 'x'), '/tmp/x')",
		"change the server":          "ALTER SYSTEM SET log_statement = 'all'",
		"reload the server":          "SELECT pg_reload_conf()",
		"switch the log":             "SELECT pg_switch_wal()",
		"untrusted language":         "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'libc', 'system'",
		"internal language":          "CREATE FUNCTION f(text) RETURNS text LANGUAGE internal AS 'pg_read_file'",
		"load a library":             "LOAD '/tmp/library.so'",
		"another server":             "CREATE EXTENSION dblink",
		"a foreign server":           "CREATE EXTENSION postgres_fdw",
		"an event trigger":           "CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION e()",
		"a subscription":             "CREATE SUBSCRIPTION s CONNECTION 'host=/tmp user=postgres' PUBLICATION p",
		"a replication slot":         "SELECT pg_create_physical_replication_slot('s')",
		"read the passwords":         "SELECT rolpassword FROM pg_authid",
		"cancel the other's query":   "SELECT pg_cancel_backend(" + pid + ")",
		"end the other's connection": "SELECT pg_terminate_backend(" + pid + ")",
		"the superuser's settings":   "SET log_statement = 'all'",
		"own the catalogs":           "CREATE TABLE pg_catalog.mine (a int)",
		"write to the catalogs":      "UPDATE pg_database SET datname = 'mine'",
	}
	var problems []error
	for what, statement := range refused {
		if output, ok := b.sql("shop", statement); ok {
			problems = append(problems, fmt.Errorf("%s succeeded: %s: %s", what, statement, output))
		}
	}
	// What answers may say nothing of the other project.
	for what, statement := range map[string]string{
		"tables":      "SELECT relname FROM pg_class WHERE relname LIKE '%blog%'",
		"queries":     "SELECT query FROM pg_stat_activity WHERE query LIKE '%words of blog%' AND pid <> pg_backend_pid()",
		"roles":       "SELECT rolname FROM pg_roles WHERE rolname LIKE '%blog%'",
		"databases":   "SELECT datname FROM pg_database WHERE datname LIKE '%blog%'",
		"statistics":  "SELECT schemaname FROM pg_stat_all_tables WHERE relname LIKE '%blog%'",
		"the channel": "LISTEN x; SELECT pg_notify('x', 'y') WHERE false",
	} {
		if output, ok := b.sql("shop", statement); !ok || output != "" {
			problems = append(problems, fmt.Errorf("%s tell %q", what, output))
		}
	}
	// Nor is there another way in.
	for what, instead := range map[string]string{
		"the other's database":      strings.Replace(address, "/"+shop+"?", "/"+blog+"?", 1),
		"the database postgres":     strings.Replace(address, "/"+shop+"?", "/postgres?", 1),
		"the database template1":    strings.Replace(address, "/"+shop+"?", "/template1?", 1),
		"the other's account":       strings.Replace(address, "//"+shop+":", "//"+blog+":", 1),
		"the superuser":             strings.Replace(address, "//"+shop+":", "//postgres:", 1),
		"the superuser's own place": strings.NewReplacer("//"+shop+":", "//postgres:", "/"+shop+"?", "/postgres?").Replace(address),
	} {
		if output, ok := b.attempt("exec", b.container("shop", "client"), "psql", instead, "--command=SELECT 1"); ok {
			problems = append(problems, fmt.Errorf("came in as %s: %s", what, output))
		}
	}
	b.Logf("%d attempts", len(refused)+6+6)
	return errors.Join(problems...)
}

func TestAccDataNamespaceRedis(t *testing.T) {
	b := onEngine(t)
	redis := func(project string, words ...string) string {
		output, _ := b.attempt(append([]string{"exec", b.container(project, "client"), "sh", "-c", `exec redis-cli --no-auth-warning -u "$DATABASE_URL" "$@"`, "redis-cli"}, words...)...)
		return output
	}
	b.test(
		b.applied(divided("redis", "development", "delete", ""), seen(func() error {
			shop, blog := b.name("shop")+":", b.name("blog")+":"
			for _, words := range [][]string{{"SET", shop + "a", "mine"}, {"EXPIRE", shop + "a", "1000"}, {"EVAL", "return redis.call('SET', KEYS[1], 'x')", "1", shop + "b"}, {"PUBLISH", shop + "c", "x"}, {"XADD", shop + "s", "*", "k", "v"}} {
				if output := redis("shop", words...); strings.Contains(output, "NOPERM") {
					return fmt.Errorf("%q is refused: %s", words, output)
				}
			}
			if output := redis("blog", "SET", blog+"x", "hidden"); output != "OK" {
				return errors.New(output)
			}
			attempts := [][]string{
				{"GET", blog + "x"},
				{"SET", blog + "x", "1"},
				{"DEL", blog + "x"},
				{"EXISTS", blog + "x"},
				{"TYPE", blog + "x"},
				{"DUMP", blog + "x"},
				{"KEYS", "*"},
				{"SCAN", "0"},
				{"RANDOMKEY"},
				{"DBSIZE"},
				{"OBJECT", "ENCODING", blog + "x"},
				{"MEMORY", "USAGE", blog + "x"},
				{"EVAL", "return redis.call('GET', '" + blog + "x')", "0"},
				{"EVAL", "return redis.call('GET', KEYS[1])", "1", blog + "x"},
				{"EVAL", "return redis.call('KEYS', '*')", "0"},
				{"PUBLISH", blog + "c", "x"},
				{"SPUBLISH", blog + "c", "x"},
				{"PUBSUB", "CHANNELS"},
				{"RENAME", shop + "a", blog + "a"},
				{"COPY", shop + "a", blog + "a"},
				{"COPY", blog + "x", shop + "a"},
				{"MIGRATE", "127.0.0.1", "6379", shop + "a", "0", "10"},
				{"SORT", shop + "l", "BY", blog + "*"},
				{"SORT_RO", shop + "l", "GET", blog + "*"},
				{"MGET", shop + "a", blog + "x"},
				{"SINTERSTORE", shop + "d", blog + "x"},
				{"CONFIG", "GET", "*"},
				{"CONFIG", "SET", "dir", "/tmp"},
				{"ACL", "LIST"},
				{"ACL", "SETUSER", "more", "on", "nopass"},
				{"FLUSHALL"},
				{"FLUSHDB"},
				{"SWAPDB", "0", "1"},
				{"DEBUG", "SLEEP", "0"},
				{"MONITOR"},
				{"CLIENT", "LIST"},
				{"CLIENT", "KILL", "TYPE", "normal"},
				{"SHUTDOWN"},
				{"REPLICAOF", "127.0.0.1", "1"},
				{"SAVE"},
				{"BGREWRITEAOF"},
				{"SCRIPT", "FLUSH"},
				{"FUNCTION", "LIST"},
				{"FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('f', function() end)"},
				{"MODULE", "LIST"},
				{"INFO"},
				{"SLOWLOG", "GET"},
				{"LATENCY", "LATEST"},
			}
			refused := regexp.MustCompile(`NOPERM|ACL failure in script|DEBUG command not allowed`)
			var problems []error
			for _, words := range attempts {
				if output := redis("shop", words...); !refused.MatchString(output) {
					problems = append(problems, fmt.Errorf("%q is answered: %s", words, output))
				}
			}
			for _, words := range [][]string{{"SUBSCRIBE", blog + "c"}, {"PSUBSCRIBE", "*"}} {
				output, _ := b.attempt("exec", b.container("shop", "client"), "sh", "-c", `timeout 2 redis-cli --no-auth-warning -u "$DATABASE_URL" "$@"`, "redis-cli", words[0], words[1])
				if !strings.Contains(output, "NOPERM") {
					problems = append(problems, fmt.Errorf("%q is answered: %s", words, output))
				}
			}
			if output := redis("blog", "GET", blog+"x"); output != "hidden" {
				problems = append(problems, fmt.Errorf("the other project's key is now %q", output))
			}
			t.Logf("%d attempts", len(attempts)+2)
			return errors.Join(problems...)
		})),
	)
}

// TestAccDataNamespaceLife rotates a password, loses the service's container, fails and removes a project, with each policy.
func TestAccDataNamespaceLife(t *testing.T) {
	const data = "isolab_data_namespace.shop"
	for _, preset := range []string{"postgres", "redis"} {
		t.Run(preset, func(t *testing.T) {
			b := onEngine(t)
			one := map[string]server{"postgres": servers[0], "redis": servers[2]}[preset]
			key := strings.NewReplacer(" rows", " "+b.name("shop")+":rows")
			if preset == "redis" {
				one.setUp, one.write, one.count = key.Replace(one.setUp), key.Replace(one.write), key.Replace(one.count)
			}
			holds := func(want string) seen {
				return func() error {
					b.asks(one, one.setUp)
					return b.rows(one, want)()
				}
			}
			statusIs := func(want string) statecheck.StateCheck {
				return statecheck.ExpectKnownValue(data, status, knownvalue.StringExact(want))
			}
			b.test(
				resource.TestStep{Config: b.config(divided(preset, "planning", "retain", "")), ConfigStateChecks: []statecheck.StateCheck{statusIs("absent")}},
				b.applied(divided(preset, "development", "retain", ""), statusIs("active"), holds("0"), seen(func() error {
					b.asks(one, one.write)
					return nil
				})),
				b.planned(divided(preset, "development", "retain", "password_version = 2"),
					plancheck.ExpectKnownValue("isolab_environment.shop", tfjsonpath.New("binding_versions").AtMapKey("DATABASE_URL"), knownvalue.Int64Exact(2))),
				b.applied(divided(preset, "development", "retain", "password_version = 2"), holds("1")),
				b.repaired(func() { b.docker("rm", "--force", "isolab-service_PREFIX-data") }, divided(preset, "development", "retain", "password_version = 2")),
				b.applied(divided(preset, "development", "retain", "password_version = 2"), holds("1")),
				b.applied(divided(preset, "paused", "retain", "password_version = 2"), statusIs("active")),
				b.applied(divided(preset, "failed", "retain", "password_version = 2"), statusIs("locked")),
				b.applied(divided(preset, "planning", "retain", "password_version = 2")),
				b.applied(divided(preset, "development", "retain", "password_version = 2"), statusIs("active"), holds("1")),
				b.applied(divided(preset, "failed", "delete", "password_version = 2"), statusIs("absent")),
				b.applied(divided(preset, "planning", "delete", "password_version = 2")),
				b.applied(divided(preset, "development", "delete", "password_version = 2"), holds("0")),
			)
		})
	}
}

func TestAccDataNamespaceRefused(t *testing.T) {
	b := onEngine(t)
	fails := func(configuration, message string) resource.TestStep {
		return resource.TestStep{Config: b.config(configuration), ExpectError: regexp.MustCompile(message)}
	}
	good := divided("redis", "development", "delete", "")
	b.test(
		fails(strings.Replace(good, "services    = [isolab_shared_service.data.name]", "", 1), `(?s)does\s+not\s+list.+Add\s+the\s+service`),
		fails(strings.Replace(good, "service = isolab_shared_service.data.name", `service = "none"`, 1), `(?s)Shared\s+service\s+none.+not\s+found`),
		fails(strings.NewReplacer(`"redis"`, `"registry"`, "isolab-fixture/redis", "isolab-fixture/redis").Replace(good), `(?s)of\s+preset\s+"registry".+postgres,\s+redis`),
		fails(divided("redis", "development", "delete", "vector = { dimensions = 9999 }"), `2000`),
		b.applied(good),
	)
}

// TestAccSemanticSearch has 10,000 chunks in each of two projects and finds the nearest ones, of one's own alone, by the index.
func TestAccSemanticSearch(t *testing.T) {
	b := onEngine(t)
	b.test(b.applied(divided("postgres", "development", "delete", "vector = { dimensions = 384 }"), seen(func() error {
		embedding := "(SELECT array_agg(sin(%s * 0.37 * j + j * j))::real[] FROM generate_series(1, 384) j)::vector"
		for _, project := range []string{"shop", "blog"} {
			for from := 1; from < 10000; from += 2500 {
				statement := fmt.Sprintf("INSERT INTO chunks (document, content, embedding) SELECT 'handbook', '%s ' || i, "+embedding+" FROM generate_series(%d, %d) i", project, "i", from, from+2499)
				if output, ok := b.sql(project, statement); !ok {
					return errors.New(output)
				}
			}
		}
		for _, wanted := range []string{"1", "4242", "10000"} {
			search := fmt.Sprintf("SELECT content FROM chunks ORDER BY embedding <=> "+embedding+" LIMIT 3", wanted)
			found, ok := b.sql("shop", search)
			if lines := strings.Split(found, "\n"); !ok || lines[0] != "shop "+wanted || strings.Contains(found, "blog") {
				return fmt.Errorf("nearest to %s are %q", wanted, found)
			}
			if plan, _ := b.sql("shop", "EXPLAIN "+search); !strings.Contains(plan, "chunks_embedding") {
				return fmt.Errorf("the index is not used: %s", plan)
			}
		}
		for project, want := range map[string]string{"shop": "10000", "blog": "10000"} {
			if found, _ := b.sql(project, "SELECT count(*) FROM chunks WHERE content LIKE '"+project+" %'"); found != want {
				return fmt.Errorf("project %s has %s chunks", project, found)
			}
		}
		return nil
	})))
}
