# Brings the login roles of a rotated database to one step: NEXT may log in, and with STEP=close nobody else of its line.
# It comes as the role that only rotations use; where that is not there yet (or the server is a new one), as the owner.
set -eu
secret() { cat "/run/secrets/$1"; }
say() { PGPASSWORD=$(secret "$2") psql -X -q -v ON_ERROR_STOP=1 -U "$1"; }
user=$ADMIN password=admin
say "$user" "$password" </dev/null 2>/dev/null || user=$OWNER password=owner
say "$user" "$password" <<SQL
SET log_statement = none;
SET log_min_error_statement = panic;
SET log_min_duration_statement = -1;
BEGIN;
SELECT format('CREATE ROLE %I', name) FROM (VALUES ('$ADMIN'), ('$NEXT')) AS wanted (name)
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \\gexec
ALTER ROLE "$ADMIN" WITH LOGIN SUPERUSER PASSWORD '$(secret admin)';
ALTER ROLE "$NEXT" WITH LOGIN PASSWORD '$(secret next)';
GRANT "$OWNER" TO "$NEXT";
ALTER ROLE "$NEXT" SET role = '$OWNER';
COMMIT;
SQL
[ "$STEP" = close ] || exit 0
say "$ADMIN" admin <<SQL
SET log_statement = none;
BEGIN;
ALTER ROLE "$OWNER" WITH PASSWORD NULL;
COMMENT ON ROLE "$OWNER" IS 'slipway: retired $(sha256sum </run/secrets/owner | cut -c1-64)';
SELECT format('ALTER ROLE %I WITH PASSWORD NULL', rolname) FROM pg_roles WHERE rolname = '$OTHER' \\gexec
COMMIT;
SELECT count(pg_terminate_backend(pid)) AS ended FROM pg_stat_activity
  WHERE usename IN ('$OWNER', '$OTHER') AND client_addr IS NOT NULL;
SQL
