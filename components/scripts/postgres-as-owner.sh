# Comes before postgres-backup-role.sh and postgres-log-role.sh: what they are done with. They come as the role that clients
# log in as, which acts as the owner.
set -eu
secret() { cat "/run/secrets/$1"; }
export PGPASSFILE=/tmp/pgpass
(umask 077 && printf '*:*:*:*:%s\n' "$(secret owner | sed 's/[\\:]/\\&/g')" >"$PGPASSFILE")
trap 'rm "$PGPASSFILE"' EXIT
# Runs the statements that it is given; none of them, nor a password in it, is in the server's log.
as_owner() {
  {
    echo 'SET log_statement = none; SET log_min_error_statement = panic; SET log_min_duration_statement = -1;'
    cat
  } | psql -X -q -v ON_ERROR_STOP=1
}
