# Starts MariaDB on the data directory below $ISOLAB_DATA. The user app has all rights in the database app; its password is
# the one whose verifier is $ISOLAB_VERIFIER, whatever it was before. root is locked.
set -eu
umask 077

data="$ISOLAB_DATA/mariadb"
version="$ISOLAB_DATA/mariadb.version"

if [ -s "$version" ] && [ "$(cat "$version")" != "$ISOLAB_VERSION" ]; then
	found=$(cat "$version")
	echo "The data is of MariaDB $found, and this is MariaDB $ISOLAB_VERSION. Nothing was changed." >&2
	echo "Go back to version = \"$found\", dump it, and restore the dump into a database of version $ISOLAB_VERSION." >&2
	exit 1
fi
if [ ! -d "$data/mysql" ]; then
	# Made beside its place and moved there, so that no start ever finds half of one.
	rm -rf "$data.new"
	mkdir -p "$data.new"
	mariadb-install-db --no-defaults --datadir="$data.new" --auth-root-authentication-method=normal --skip-test-db \
		--skip-name-resolve >/tmp/install.log 2>&1 || { cat /tmp/install.log >&2; exit 1; }
	mv "$data.new" "$data"
fi
printf %s "$ISOLAB_VERSION" >"$version"
mkdir -p "$ISOLAB_DATA/tmp" # not /tmp: what is sorted there may be larger than memory

# Run before anybody can connect; what is there already stays. The user isolab comes from this container only, and may do
# nothing but ask whether the server lives. mysql is whoever runs in this container, for dumps.
cat >/tmp/init.sql <<-END
	CREATE DATABASE IF NOT EXISTS app CHARACTER SET utf8mb4;
	CREATE USER IF NOT EXISTS app@'%';
	ALTER USER app@'%' IDENTIFIED BY PASSWORD '$ISOLAB_VERIFIER' ACCOUNT UNLOCK;
	REVOKE ALL PRIVILEGES, GRANT OPTION FROM app@'%';
	GRANT ALL PRIVILEGES ON app.* TO app@'%';
	CREATE USER IF NOT EXISTS isolab@localhost;
	CREATE USER IF NOT EXISTS mysql@localhost IDENTIFIED VIA unix_socket;
	GRANT ALL PRIVILEGES ON *.* TO mysql@localhost WITH GRANT OPTION;
	ALTER USER root@localhost ACCOUNT LOCK;
	DROP USER IF EXISTS root@'127.0.0.1', root@'::1', ''@localhost;
END
unset ISOLAB_VERIFIER

# Half of the memory limit for the buffer pool: the rest is for connections and the container's other needs.
memory=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || echo max)
case $memory in
*[!0-9]* | "") memory=1073741824 ;;
esac
[ "$memory" -lt 68719476736 ] || memory=1073741824

exec mariadbd --no-defaults --datadir="$data" --socket=/tmp/mysqld.sock --pid-file=/tmp/mysqld.pid \
	--tmpdir="$ISOLAB_DATA/tmp" --bind-address=0.0.0.0 --port=3306 --skip-name-resolve --init-file=/tmp/init.sql \
	--innodb-buffer-pool-size="$((memory / 2))" --innodb-flush-log-at-trx-commit=1 --local-infile=0 \
	--character-set-server=utf8mb4
