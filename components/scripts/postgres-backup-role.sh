# Makes the role that backups read with, or gives it its password: it may read everything past row security, and write
# nothing. Comes after postgres-as-owner.sh.
as_owner <<SQL
BEGIN;
SELECT pg_advisory_xact_lock(8475039);
SELECT 'CREATE ROLE "$ROLE"' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$ROLE') \\gexec
ALTER ROLE "$ROLE" WITH LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE BYPASSRLS CONNECTION LIMIT 10
  PASSWORD '$(secret role)';
GRANT pg_read_all_data TO "$ROLE";
ALTER ROLE "$ROLE" SET default_transaction_read_only = on;
COMMIT;
SQL
