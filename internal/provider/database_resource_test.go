package provider

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

const (
	mainDatabase = "isolab_database.main"
	client       = "isolab_environment.client"
)

// server is what the tests need to know of a database engine.
type server struct {
	engine, version string
	// ask runs a line of its query language in the client: %s is the address, then the line.
	ask string
	// write adds a row, count tells how many there are.
	setUp, write, count string
}

var servers = []server{
	{
		"postgres", "17", `psql --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 "%s" --command="%s"`,
		"CREATE TABLE IF NOT EXISTS rows (a int)", "INSERT INTO rows VALUES (1)", "SELECT count(*) FROM rows",
	},
	{
		"mariadb", "11.8", `url="%s"; rest=${url#mysql://}; login=${rest%%%%@*}; place=${rest#*@}; ` +
			`MYSQL_PWD=${login#*:} mariadb --skip-ssl --batch --skip-column-names --user="${login%%%%:*}" --host="${place%%%%:*}" app --execute="%s"`,
		"CREATE TABLE IF NOT EXISTS counted (a int)", "INSERT INTO counted VALUES (1)", "SELECT count(*) FROM counted",
	},
	{"redis", "8", `redis-cli --no-auth-warning -u "%s" %s`, "PING", "RPUSH rows 1", "LLEN rows"},
}

// using is a project in a phase with a database and, from the same image, a client that is only healthy, and only stays,
// if it can use the database from its first try.
func (s server) using(phase, database, environment string) string {
	ask := strings.ReplaceAll(fmt.Sprintf(s.ask, "$DATABASE_URL", s.setUp), "${", "$${")
	return fmt.Sprintf(`
resource "isolab_project" "shop" {
  name        = "PREFIX-shop"
  phase       = %q
  data_policy = "delete"
}

resource "isolab_database" "main" {
  project = isolab_project.shop
  engine  = %q
  version = %q
%s
}

resource "isolab_environment" "client" {
  project  = isolab_project.shop
  name     = "client"
  kind     = "development"
  image    = "isolab-fixture/%[2]s:1"
  user     = "999:999"
  bindings = { DATABASE_URL = isolab_database.main.id }
  command  = ["sh", "-ec", <<-EOT
    %[5]s
    exec sleep 1000
  EOT
  ]
%[6]s
}
`, phase, s.engine, s.version, database, ask, environment)
}

// asks runs a line in the client's container.
func (b *bench) asks(s server, line string) string {
	return b.docker("exec", b.container("shop", "client"), "sh", "-ec", fmt.Sprintf(s.ask, "$DATABASE_URL", line))
}

// rows sees how many rows the database has.
func (b *bench) rows(s server, want string) seen {
	return func() error {
		if got := b.asks(s, s.count); got != want {
			return fmt.Errorf("the database has %q rows instead of %s", got, want)
		}
		return nil
	}
}

// TestAccDatabase takes every database through its life: made, used, imported, paused, resumed, killed, given another
// password, failed.
func TestAccDatabase(t *testing.T) {
	for _, one := range servers {
		t.Run(one.engine, func(t *testing.T) {
			b := onEngine(t)
			rotated := statecheck.CompareValue(compare.ValuesDiffer())
			kept := statecheck.CompareValue(compare.ValuesSame())
			address := ""
			b.test(
				b.planned(one.using("planning", "", ""),
					plancheck.ExpectKnownValue(mainDatabase, status, knownvalue.StringExact("absent")),
					plancheck.ExpectKnownValue(mainDatabase, tfjsonpath.New("host"), knownvalue.StringExact("main."+b.name("shop")+".isolab"))),
				resource.TestStep{
					Config: b.config(one.using("development", "", "")),
					ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
						turns(mainDatabase, "absent", "running"),
						plancheck.ExpectKnownValue(client, tfjsonpath.New("binding_versions").AtMapKey("DATABASE_URL"), knownvalue.Int64Exact(1)),
					}},
					ConfigStateChecks: []statecheck.StateCheck{rotated.AddStateValue(client, firstID), kept.AddStateValue(mainDatabase, firstID), seen(func() error {
						b.asks(one, one.write)
						address = b.docker("exec", b.container("shop", "client"), "printenv", "DATABASE_URL")
						return b.rows(one, "1")()
					})},
				},
				resource.TestStep{
					ResourceName: mainDatabase, ImportState: true, ImportStateId: b.name("shop/main"), ImportStateVerify: true,
				},
				resource.TestStep{
					ResourceName: client, ImportState: true, ImportStateId: b.name("shop/main"), ExpectError: regexp.MustCompile(`kind\s+database`),
				},
				b.planned(one.using("paused", "", ""), turns(mainDatabase, "running", "stopped")),
				b.applied(one.using("development", "", ""), kept.AddStateValue(mainDatabase, firstID), b.rows(one, "1")),
				b.repaired(func() { b.docker("kill", b.container("shop", "main")) }, one.using("development", "", ""), turns(mainDatabase, "stopped", "running")),
				b.applied(one.using("development", "", ""), b.rows(one, "1")),
				resource.TestStep{
					Config: b.config(one.using("development", "password_version = 2", "")),
					ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
						plancheck.ExpectResourceAction(mainDatabase, plancheck.ResourceActionUpdate),
						plancheck.ExpectKnownValue(client, tfjsonpath.New("binding_versions").AtMapKey("DATABASE_URL"), knownvalue.Int64Exact(2)),
					}},
					ConfigStateChecks: []statecheck.StateCheck{rotated.AddStateValue(client, firstID), b.rows(one, "1"), seen(func() error {
						line := fmt.Sprintf(one.ask, address, one.count)
						if output, ok := b.attempt("exec", b.container("shop", "client"), "sh", "-ec", line); ok && !strings.Contains(output, "WRONGPASS") {
							return fmt.Errorf("the former password still opens the database: %s", output)
						}
						return nil
					})},
				},
				resource.TestStep{Config: b.config(one.using("failed", "password_version = 2", "")), ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(mainDatabase, status, knownvalue.StringExact("absent")), seen(b.noVolume),
				}},
				b.applied(strings.ReplaceAll(one.using("planning", "password_version = 2", ""), `"delete"`, `"retain"`)),
				b.applied(strings.ReplaceAll(one.using("development", "password_version = 2", ""), `"delete"`, `"retain"`), b.rows(one, "0"), seen(func() error {
					b.asks(one, one.write)
					return nil
				})),
				b.applied(strings.ReplaceAll(one.using("failed", "password_version = 2", ""), `"delete"`, `"retain"`)),
				b.applied(one.using("planning", "password_version = 2", "")),
				b.applied(one.using("development", "password_version = 2", ""), b.rows(one, "1")),
				// The database goes alone, and its data with it.
				b.applied(strings.Split(one.using("development", "", ""), `resource "isolab_database"`)[0], seen(b.noVolume)),
			)
		})
	}
}

// noVolume sees that the engine does not hold the database's data.
func (b *bench) noVolume() error {
	if found := b.docker("volume", "ls", "--quiet", "--filter", "name=isolab_PREFIX-shop_volume_main-data"); found != "" {
		return errors.New("the data is still there")
	}
	return nil
}

func TestAccDatabaseRefused(t *testing.T) {
	b := onEngine(t)
	postgres := servers[0]
	fails := func(configuration, message string) resource.TestStep {
		return resource.TestStep{Config: b.config(configuration), PlanOnly: true, ExpectError: regexp.MustCompile(message)}
	}
	running := postgres.using("development", "", "")
	b.test(
		fails(strings.Replace(running, `"17"`, `"9.6"`, 1), `(?s)Unknown version.+14,\s+15,\s+16,\s+17,\s+18`),
		fails(strings.Replace(running, `isolab_database.main.id`, `"other/main"`, 1), `(?s)Unable to bind DATABASE_URL.+belongs to project other`),
		fails(strings.Replace(running, `isolab_database.main.id`, `"main"`, 1), `(?s)is\s+not\s+NAMESPACE/NAME`),
		fails(strings.Replace(running, `isolab_database.main.id`, `"${isolab_project.shop.name}/none"`, 1), `(?s)engine\s+does\s+not\s+hold.+/none`),
		fails(postgres.using("development", "", `variables = { DATABASE_URL = "mine" }`), `(?s)Two values for one variable.+DATABASE_URL\s+stands\s+in\s+variables`),
		b.applied(running),
		fails(strings.Replace(running, `"17"`, `"18"`, 1), `(?s)The data is of another version.+Leave\s+version = "17"`),
		fails(strings.Replace(running, `isolab_database.main.id`, `"${isolab_project.shop.name}/client"`, 1), `(?s)is\s+of\s+kind\s+development`),
	)
}

// TestAccDatabaseLosesNothing kills the server again and again while a client writes: what was acknowledged is there.
func TestAccDatabaseLosesNothing(t *testing.T) {
	b := onEngine(t)
	postgres := servers[0]
	b.test(b.applied(postgres.using("development", "", ""), seen(func() error {
		acknowledged := 0
		for range 3 {
			writing := make(chan struct{})
			ended := make(chan int)
			go func() {
				count := 0
				for {
					// Nobody tells a client that waits for an answer that the server's network is gone.
					line := "timeout 5 " + fmt.Sprintf(postgres.ask, "$DATABASE_URL", postgres.write)
					if _, ok := b.attempt("exec", b.container("shop", "client"), "sh", "-ec", line); !ok {
						ended <- count
						return
					}
					if count++; count == 5 {
						close(writing)
					}
				}
			}()
			<-writing
			b.docker("kill", b.container("shop", "main"))
			acknowledged += <-ended
			b.docker("start", b.container("shop", "main"))
			if err := b.healthy("shop", "main"); err != nil {
				return err
			}
		}
		var found int
		if _, err := fmt.Sscan(b.asks(postgres, postgres.count), &found); err != nil || found < acknowledged {
			return fmt.Errorf("%d rows were acknowledged, %d are there, %w", acknowledged, found, err)
		}
		t.Logf("%d rows acknowledged, %d found, after three kills", acknowledged, found)
		return nil
	})))
}

// healthy waits until the health check of an environment's first container passes.
func (b *bench) healthy(project, name string) error {
	ctx, stop := context.WithTimeout(b.Context(), time.Minute)
	defer stop()
	container := b.container(project, name)
	happened, failed := b.engine.Events(ctx, container)
	for {
		found, err := b.engine.Container(ctx, container)
		if err != nil || found.Health.Status == "healthy" {
			return err
		}
		select {
		case <-happened:
		case err := <-failed:
			return err
		}
	}
}

// TestAccDumps restores a dump of one project's database into another's, with the commands of the guide.
func TestAccDumps(t *testing.T) {
	guide, err := os.ReadFile("../../templates/guides/databases-and-secrets.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range servers[:2] {
		t.Run(one.engine, func(t *testing.T) {
			b := onEngine(t)
			folder := t.TempDir()
			var commands []string
			for line := range strings.Lines(string(guide)) {
				if strings.HasPrefix(line, "docker exec") && strings.Contains(line, map[string]string{"postgres": "pg_", "mariadb": "mariadb"}[one.engine]) {
					commands = append(commands, strings.NewReplacer("isolab_shop", "isolab_"+b.name("shop"), "isolab_other", "isolab_"+b.name("other")).Replace(line))
				}
			}
			if len(commands) != 2 {
				t.Fatalf("the guide has %q", commands)
			}
			source := one.using("development", "", "")
			target := strings.NewReplacer("PREFIX-shop", "PREFIX-other", ".shop", ".other", `"shop"`, `"other"`, ".main", ".second", `"main" {`, `"second" {`,
				`_environment" "client"`, `_environment" "other"`, one.setUp, "SELECT 1").Replace(source)
			b.test(b.applied(source+target, seen(func() error {
				for range 3 {
					b.asks(one, one.write)
				}
				for _, command := range commands {
					shell := exec.Command("sh", "-ec", command)
					shell.Dir = folder
					if output, err := shell.CombinedOutput(); err != nil {
						return fmt.Errorf("%s: %w\n%s", command, err, output)
					}
				}
				line := fmt.Sprintf(one.ask, "$DATABASE_URL", one.count)
				if got := b.docker("exec", b.container("other", "client"), "sh", "-ec", line); got != "3" {
					return fmt.Errorf("the restored database has %q rows", got)
				}
				return nil
			})))
		})
	}
}
