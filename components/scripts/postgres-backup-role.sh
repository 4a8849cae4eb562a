# Makes the role that backups read with, or gives it its password: it may read everything past row security, and write
# nothing. It comes as the role that clients log in as, which acts as the owner.
set -eu
secret() { cat "/run/secrets/$1"; }
export PGPASSFILE=/tmp/pgpass
(umask 077 && printf '*:*:*:*:%s\n' "$(secret owner | sed 's/[\\:]/\\&/g')" >"$PGPASSFILE")
psql -X -q -v ON_ERROR_STOP=1 <<SQL
SET log_statement = none;
SET log_min_error_statement = panic;
SET log_min_duration_statement = -1;
BEGIN;
SELECT pg_advisory_xact_lock(8475039);
SELECT 'CREATE ROLE "$ROLE"' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$ROLE') \\gexec
ALTER ROLE "$ROLE" WITH LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE BYPASSRLS CONNECTION LIMIT 10
  PASSWORD '$(secret role)';
GRANT pg_read_all_data TO "$ROLE";
ALTER ROLE "$ROLE" SET default_transaction_read_only = on;
COMMIT;
SQL
rm "$PGPASSFILE"
