# Starts PostgreSQL through the image's own entrypoint, after giving the role the password that stands in the file: an
# entrypoint reads it only for an empty data folder, so that otherwise a new password (or kept data under a newly
# generated one) would lock every client out. Single-user mode needs no password and listens on nothing.
# shellcheck disable=SC2016 # the dollars are those of SQL
set -eu
if [ -s "$PGDATA/PG_VERSION" ]; then
  password=$(sed "s/'/''/g" "$POSTGRES_PASSWORD_FILE")
  # One that was rotated away stays refused: the rotation left its hash as the role's comment.
  hash=$(sha256sum <"$POSTGRES_PASSWORD_FILE" | cut -c1-64)
  printf 'DO $do$ BEGIN IF shobj_description(%s::regrole, %s) IS DISTINCT FROM %s THEN ALTER ROLE "%s" WITH PASSWORD %s; END IF; END $do$;\n' \
    "'\"$POSTGRES_USER\"'" "'pg_authid'" "'slipway: retired $hash'" "$POSTGRES_USER" "'$password'" |
    postgres --single -D "$PGDATA" -c log_statement=none -c log_min_error_statement=panic postgres >/dev/null
fi
exec docker-entrypoint.sh "$@"
