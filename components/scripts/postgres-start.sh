# Starts PostgreSQL through the image's own entrypoint, after giving the role the password that stands in the file: an
# entrypoint reads it only for an empty data folder, so that otherwise a new password (or kept data under a newly
# generated one) would lock every client out. Single-user mode needs no password and listens on nothing.
set -eu
if [ -s "$PGDATA/PG_VERSION" ]; then
  password=$(sed "s/'/''/g" "$POSTGRES_PASSWORD_FILE")
  printf "ALTER ROLE \"%s\" WITH PASSWORD '%s';\n" "$POSTGRES_USER" "$password" |
    postgres --single -D "$PGDATA" -c log_statement=none -c log_min_error_statement=panic postgres >/dev/null
fi
exec docker-entrypoint.sh "$@"
