# Starts PostgreSQL on the data directory below $ISOLAB_DATA. Only processes of this container are postgres, over the socket.
# With $ISOLAB_VERIFIER it serves one project: the role app owns the database app, and its password is the one that has this
# verifier, whatever it was before. Without, it is shared: nobody comes in who was not given a role and a database.
set -eu
umask 077

# Debian keeps the programs of each version apart; the public images have theirs on the PATH.
PATH="$PATH:/usr/lib/postgresql/$ISOLAB_VERSION/bin"
export PGDATA="$ISOLAB_DATA/postgres"

# run DIRECTORY DATABASE executes the SQL on standard input, one statement a line, before anybody can connect.
run() {
	postgres --single -D "$1" "$2" >/tmp/roles.log 2>&1 || { cat /tmp/roles.log >&2; exit 1; }
}

if [ ! -s "$PGDATA/PG_VERSION" ]; then
	# Made beside its place and moved there, so that no start ever finds half of one.
	rm -rf "$PGDATA.new"
	initdb --pgdata="$PGDATA.new" --username=postgres --auth-local=peer --auth-host=reject \
		--encoding=UTF8 --locale=C.UTF-8 --data-checksums
	if [ "${ISOLAB_VERIFIER-}" ]; then
		run "$PGDATA.new" postgres <<-END
			CREATE ROLE app LOGIN;
			CREATE DATABASE app OWNER app TEMPLATE template0;
		END
		# Only a superuser may add the vector extension, where the image has it. Later, app could have laid traps for one.
		run "$PGDATA.new" app <<-'END'
			DO $$ BEGIN IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') THEN CREATE EXTENSION vector; END IF; END $$;
		END
	else
		for database in template1 postgres; do
			run "$PGDATA.new" $database <<-END
				REVOKE ALL ON DATABASE $database FROM PUBLIC;
				REVOKE ALL ON SCHEMA public FROM PUBLIC;
			END
		done
	fi
	mv "$PGDATA.new" "$PGDATA"
fi
found=$(cat "$PGDATA/PG_VERSION")
if [ "$found" != "$ISOLAB_VERSION" ]; then
	echo "The data is of PostgreSQL $found, which PostgreSQL $ISOLAB_VERSION cannot read. Nothing was changed." >&2
	echo "Go back to version = \"$found\", dump it, and restore the dump into a database of version $ISOLAB_VERSION." >&2
	exit 1
fi

if [ "${ISOLAB_VERIFIER-}" ]; then
	cat >/tmp/hba.conf <<-END
		local all postgres trust
		local app app      scram-sha-256
		host  app app all  scram-sha-256
	END
	run "$PGDATA" postgres <<-END
		ALTER ROLE app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD '$ISOLAB_VERIFIER';
	END
	unset ISOLAB_VERIFIER
else
	cat >/tmp/hba.conf <<-END
		local all postgres     trust
		host  all postgres all reject
		host  all all      all scram-sha-256
	END
fi

# A quarter of the memory limit for the shared buffers, as PostgreSQL's manual advises; what the kernel may cache of the
# rest is only an estimate for the planner.
memory=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || echo max)
case $memory in
*[!0-9]* | "") memory=1073741824 ;;
esac
[ "$memory" -lt 68719476736 ] || memory=1073741824
mib=$((memory / 1048576))

exec postgres -D "$PGDATA" \
	-c hba_file=/tmp/hba.conf \
	-c listen_addresses='*' \
	-c unix_socket_directories=/tmp \
	-c shared_buffers="$((mib / 4 > 16 ? mib / 4 : 16))MB" \
	-c effective_cache_size="$((mib * 5 / 8))MB" \
	-c maintenance_work_mem="$((mib / 16 > 16 ? mib / 16 : 16))MB" \
	-c password_encryption=scram-sha-256 \
	-c logging_collector=off
