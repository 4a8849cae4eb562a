# Makes the role that only reads figures: what the exporter logs in as. Comes as the role that owns the database.
# shellcheck disable=SC2016 # the dollars are those of SQL
set -eu
secret() { cat "/run/secrets/$1"; }
PGPASSWORD=$(secret login) exec psql -X -q -v ON_ERROR_STOP=1 <<SQL
SET log_statement = none;
SET log_min_error_statement = panic;
SET log_min_duration_statement = -1;
BEGIN;
SELECT format('CREATE ROLE %I', '$ROLE') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$ROLE') \\gexec
ALTER ROLE "$ROLE" WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 5 PASSWORD '$(secret password)';
GRANT pg_monitor TO "$ROLE";
COMMIT;
SQL
