# Starts Redis, or Valkey, on the data directory below $ISOLAB_DATA. The user default is off, and isolab is whoever can read
# /tmp/admin in this container. With $ISOLAB_VERIFIER it serves one project: the user app may use all keys and channels,
# change nothing of the server, and has the password with this verifier. Without, it is shared: the users are those that
# were added and kept.
set -eu
umask 077

data="$ISOLAB_DATA/redis"
version="$ISOLAB_DATA/redis.version"
mkdir -p "$data"

# Newer ones read the files of older ones, not the other way round.
if [ -s "$version" ] && [ "$(cat "$version")" -gt "$ISOLAB_VERSION" ]; then
	found=$(cat "$version")
	echo "The data is of Redis $found, which Redis $ISOLAB_VERSION cannot read. Nothing was changed." >&2
	echo "Go back to version = \"$found\", or use a database of another name." >&2
	exit 1
fi
printf %s "$ISOLAB_VERSION" >"$version"

admin=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
printf %s "$admin" >/tmp/admin
users=$data/users.acl
touch "$users"
{
	if [ "${ISOLAB_VERIFIER-}" ]; then
		echo "user app on #$ISOLAB_VERIFIER ~* &* +@all -@admin -@dangerous +info +keys +flushdb +flushall +sort +sort_ro"
	else
		grep -v -e '^user default ' -e '^user isolab ' "$users" || true
	fi
	echo "user default off"
	echo "user isolab on #$(printf %s "$admin" | sha256sum | cut -d ' ' -f 1) ~* &* +@all"
} >"$users.new"
mv "$users.new" "$users"
unset ISOLAB_VERIFIER admin

# Three quarters of the memory limit for data: the rest is for the copy that a snapshot needs of what changes meanwhile.
memory=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || echo max)
case $memory in
*[!0-9]* | "") memory=1073741824 ;;
esac
[ "$memory" -lt 68719476736 ] || memory=1073741824

server=$(command -v redis-server || command -v valkey-server)
exec "$server" --dir "$data" --bind 0.0.0.0 --port 6379 --protected-mode no --unixsocket /tmp/redis.sock \
	--aclfile "$users" --appendonly yes --appendfsync everysec --daemonize no \
	--maxmemory "$((memory * 3 / 4))" --maxmemory-policy noeviction --logfile ''
