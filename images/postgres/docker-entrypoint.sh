#!/bin/bash
# Initialise PGDATA once, then become the server. It runs as an ordinary user and never needs more.
#
# Variables, as in the official image: POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD, POSTGRES_INITDB_ARGS, each also as
# <NAME>_FILE, and POSTGRES_HOST_AUTH_METHOD. Scripts in /docker-entrypoint-initdb.d (*.sh, *.sql, *.sql.gz) run once.
#
# Unlike the official image, a kill at any moment of the initialisation leaves nothing half made: the cluster is built in
# a folder inside PGDATA and moved up afterwards, PG_VERSION (what says "initialised") last.
set -Eeuo pipefail

say() { printf 'slipway-postgres: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# The value of $1, from the file that $1_FILE names or from $1 itself; $2 where neither is set.
setting() {
  local file_name="${1}_FILE"
  if [ -n "${!file_name:-}" ]; then
    [ -z "${!1:-}" ] || die "both $1 and $file_name are set; set one"
    [ -r "${!file_name}" ] || die "$file_name names ${!file_name}, which user $(id -u) cannot read"
    cat "${!file_name}"
  else
    printf '%s' "${!1:-${2:-}}"
  fi
}

# Run one initialisation script against the temporary server.
run_script() {
  say "running $1"
  case "$1" in
    *.sh) if [ -x "$1" ]; then "$1"; else bash "$1"; fi ;;
    *.sql) psql -v ON_ERROR_STOP=1 --no-psqlrc --quiet --file "$1" ;;
    *.sql.gz) gunzip -c "$1" | psql -v ON_ERROR_STOP=1 --no-psqlrc --quiet ;;
    *) say "ignoring $1: not .sh, .sql or .sql.gz" ;;
  esac
}

initialise() {
  local user database password method staging=$PGDATA/.slipway-init script
  user=$(setting POSTGRES_USER postgres)
  database=$(setting POSTGRES_DB "$user")
  password=$(setting POSTGRES_PASSWORD)
  method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
  [ -n "$password" ] || [ "$method" = trust ] ||
    die "no password for the superuser '$user': set POSTGRES_PASSWORD_FILE to a file that holds it"

  if [ -e "$staging" ]; then
    say "an earlier initialisation was interrupted before it was complete; starting it again"
    find "$PGDATA" -mindepth 1 -maxdepth 1 ! -name lost+found -exec rm -rf {} +
  fi
  [ -z "$(find "$PGDATA" -mindepth 1 -maxdepth 1 ! -name lost+found -print -quit)" ] ||
    die "$PGDATA is not empty and holds no cluster; it is left as it is. Mount an empty volume, or one with a cluster."
  mkdir -m 0700 "$staging"

  local initdb=(initdb --pgdata "$staging" --username "$user" --encoding UTF8
    --auth-local trust --auth-host scram-sha-256 --no-sync)
  # Data checksums find silent corruption of the disk; pg_amcheck and backups rely on that.
  initdb+=(--data-checksums)
  local extra
  # As in the official image, the variable is a list of shell words.
  eval "extra=($(setting POSTGRES_INITDB_ARGS))"
  if [ -n "$password" ]; then
    "${initdb[@]}" --pwfile=<(printf '%s\n' "$password") "${extra[@]}" >&2
  else
    "${initdb[@]}" "${extra[@]}" >&2
  fi
  printf '\n# Every address of the container; which networks reach it is the platform'\''s decision.\nhost all all all %s\n' \
    "$method" >>"$staging/pg_hba.conf"

  # -w waits until it answers; no TCP, so that nothing outside this container can meet a half-made database.
  pg_ctl --pgdata "$staging" --wait --silent --options "-c listen_addresses='' -p 5432" start >&2
  export PGUSER=$user PGDATABASE=postgres PGHOST=/var/run/postgresql
  if [ "$database" != postgres ]; then
    # format %I quotes the name whatever it holds.
    psql -v ON_ERROR_STOP=1 --no-psqlrc --quiet -v name="$database" >&2 <<'SQL'
SELECT format('CREATE DATABASE %I', :'name') \gexec
SQL
  fi
  export PGDATABASE=$database
  for script in /docker-entrypoint-initdb.d/*; do
    [ -e "$script" ] && run_script "$script" >&2
  done
  unset PGUSER PGDATABASE PGHOST
  pg_ctl --pgdata "$staging" --wait --silent --mode fast stop >&2

  sync
  find "$staging" -mindepth 1 -maxdepth 1 ! -name PG_VERSION -exec mv -t "$PGDATA" {} +
  mv "$staging/PG_VERSION" "$PGDATA/"
  rmdir "$staging"
  sync
  say "initialised: user '$user', database '$database'"
}

prepare() {
  [ "$(id -u)" != 0 ] || die "refusing to run as root; run this image as its own user (70:70)"
  mkdir -p "$PGDATA"
  [ -w "$PGDATA" ] || die "$PGDATA is not writable for user $(id -u); the volume must belong to $(id -u):$(id -g)"
  chmod 0700 "$PGDATA"
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initialise
  else
    rmdir "$PGDATA/.slipway-init" 2>/dev/null || true
    local version
    version=$(cat "$PGDATA/PG_VERSION")
    [ "$version" = "$PG_MAJOR" ] ||
      die "$PGDATA holds a cluster of PostgreSQL $version and this is $PG_MAJOR; dump it with $version and restore it here"
  fi
}

[ "${1:0:1}" != - ] || set -- postgres "$@"
if [ "$1" = postgres ]; then
  # Asking for the version or the options needs no data.
  case " $* " in
    *' --help '* | *' -? '* | *' --version '* | *' -V '* | *' --describe-config '*) ;;
    *) prepare ;;
  esac
fi
exec "$@"
