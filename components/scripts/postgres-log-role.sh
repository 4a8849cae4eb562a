# Makes the login that fetches the write-ahead log, or gives it its password, and lets it in: it may replicate, and has no
# right to any table. Comes after postgres-as-owner.sh.
as_owner <<SQL
BEGIN;
SELECT pg_advisory_xact_lock(8475039);
SELECT 'CREATE ROLE "$LOG_ROLE"' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$LOG_ROLE') \\gexec
ALTER ROLE "$LOG_ROLE" WITH LOGIN REPLICATION NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 10
  PASSWORD '$(secret log)';
GRANT CONNECT ON DATABASE "$PGDATABASE" TO "$LOG_ROLE";
COMMIT;
-- "all" in the file's other lines does not mean replication. A line that is there already is not added again.
SELECT format('COPY (SELECT %L UNION ALL SELECT %L) TO PROGRAM %L',
              '# Slipway: whoever fetches the write-ahead log.', 'host replication $LOG_ROLE all scram-sha-256',
              'cat >>pg_hba.conf')
  WHERE NOT EXISTS (SELECT FROM pg_hba_file_rules
                    WHERE 'replication' = ANY (database) AND '$LOG_ROLE' = ANY (user_name)) \\gexec
SELECT pg_reload_conf() AS reloaded \\gset
SQL
