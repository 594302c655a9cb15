package datanamespace

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/isolab/terraform-provider-isolab/internal/database"
	"github.com/isolab/terraform-provider-isolab/internal/secret"
)

// postgres gives each data namespace a database of its own, with a role that may connect to no other. Schemas of one database
// would not do: whoever is connected reads the names of everything in it from the catalogs. The database belongs to the
// superuser, so that its role cannot raise its own limits; the schema public belongs to the role.
type postgres struct{}

// operators are pgvector's operator classes by distance.
var operators = map[string]string{"cosine": "vector_cosine_ops", "l2": "vector_l2_ops", "inner_product": "vector_ip_ops"}

// Distances lists how the nearness of two embeddings can be measured.
func Distances() []string { return slices.Sorted(maps.Keys(operators)) }

// own is the schema of the vector extension: nobody but the superuser can put anything there beforehand.
const own = "isolab"

func (postgres) verifier() secret.Verifier { return secret.SCRAM }

func (postgres) credentials(of Namespace) database.Credentials {
	return database.Credentials{
		URL:  fmt.Sprintf("postgres://%s:{password}@{host}:5432/%s?sslmode=disable", of.Account, of.Account),
		Port: 5432, Username: of.Account, Database: of.Account,
	}
}

// psql runs statements one by one, as the superuser, in a database.
func psql(ctx context.Context, run runner, hidden, database string, statements ...string) (string, error) {
	command := []string{"psql", "--host=/tmp", "--username=postgres", "--dbname=" + database, "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"}
	for _, statement := range statements {
		command = append(command, "--command="+statement)
	}
	return run(ctx, hidden, command...)
}

func (p postgres) grant(ctx context.Context, run runner, of Namespace, verifier string) error {
	name := of.Account // hexadecimal digits and an underscore, so it needs no quotes
	if _, err := psql(ctx, run, verifier, "postgres",
		fmt.Sprintf("DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '%s') THEN CREATE ROLE %s NOLOGIN; END IF; END $$", name, name),
		fmt.Sprintf("ALTER ROLE %s NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT CONNECTION LIMIT %d PASSWORD '%s'", name, of.Limit, verifier),
		fmt.Sprintf("ALTER ROLE %s SET statement_timeout = %d", name, of.Timeout.Milliseconds()),
	); err != nil {
		return err
	}
	there, err := psql(ctx, run, "", "postgres", fmt.Sprintf("SELECT 1 FROM pg_database WHERE datname = '%s'", name))
	if err != nil {
		return err
	}
	if there == "" {
		// Nobody connects before everybody's right to do so is gone.
		if _, err := psql(ctx, run, "", "postgres", fmt.Sprintf("CREATE DATABASE %s TEMPLATE template0 ALLOW_CONNECTIONS false", name)); err != nil {
			return err
		}
	}
	if _, err := psql(ctx, run, "", "postgres",
		fmt.Sprintf("REVOKE ALL ON DATABASE %s FROM PUBLIC", name),
		fmt.Sprintf("GRANT CONNECT, CREATE, TEMPORARY ON DATABASE %s TO %s", name, name),
		fmt.Sprintf("ALTER DATABASE %s ALLOW_CONNECTIONS true", name),
	); err != nil {
		return err
	}
	if _, err := psql(ctx, run, "", name,
		"REVOKE ALL ON SCHEMA public FROM PUBLIC",
		fmt.Sprintf("ALTER SCHEMA public OWNER TO %s", name),
	); err != nil {
		return err
	}
	if of.Vector != nil {
		if err := p.vector(ctx, run, name, *of.Vector); err != nil {
			return err
		}
	}
	_, err = psql(ctx, run, "", "postgres", fmt.Sprintf("ALTER ROLE %s LOGIN", name))
	return err
}

// vector makes the extension, a table of chunks and an index of their embeddings. The table is made by the role itself, so that
// nothing which the role has laid there runs as the superuser.
func (postgres) vector(ctx context.Context, run runner, name string, wanted Vector) error {
	if _, err := psql(ctx, run, "", name,
		fmt.Sprintf("DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = '%[1]s') THEN CREATE SCHEMA %[1]s; END IF; "+
			"IF (SELECT nspowner FROM pg_namespace WHERE nspname = '%[1]s') <> 'postgres'::regrole THEN RAISE 'schema %[1]s is not the superuser''s: drop it'; END IF; END $$", own),
		fmt.Sprintf("CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA %s", own),
		fmt.Sprintf("GRANT USAGE ON SCHEMA %s TO %s", own, name),
		fmt.Sprintf("ALTER ROLE %s IN DATABASE %s SET search_path = public, %s", name, name, own),
	); err != nil {
		return err
	}
	_, err := psql(ctx, run, "", name,
		fmt.Sprintf("SET ROLE %s", name),
		fmt.Sprintf("CREATE TABLE IF NOT EXISTS public.chunks (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, document text NOT NULL, content text NOT NULL, "+
			"metadata jsonb NOT NULL DEFAULT '{}', embedding %s.vector(%d) NOT NULL)", own, wanted.Dimensions),
		fmt.Sprintf("CREATE INDEX IF NOT EXISTS chunks_embedding ON public.chunks USING hnsw (embedding %s.%s)", own, operators[wanted.Distance]),
	)
	return err
}

func (postgres) lock(ctx context.Context, run runner, of Namespace) error {
	_, err := psql(ctx, run, "", "postgres",
		fmt.Sprintf("DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = '%s') THEN ALTER ROLE %s NOLOGIN; END IF; END $$", of.Account, of.Account),
		fmt.Sprintf("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '%s'", of.Account),
	)
	return err
}

func (postgres) drop(ctx context.Context, run runner, of Namespace) error {
	_, err := psql(ctx, run, "", "postgres",
		fmt.Sprintf("DROP DATABASE IF EXISTS %s WITH (FORCE)", of.Account),
		fmt.Sprintf("DROP ROLE IF EXISTS %s", of.Account),
	)
	return err
}
