#!/bin/sh
# Make pgAdmin's own database once, then serve. It runs as an ordinary user and never needs more.
#
# Variables, as in dpage/pgadmin4: PGADMIN_DEFAULT_EMAIL, PGADMIN_DEFAULT_PASSWORD (each also as <NAME>_FILE),
# PGADMIN_LISTEN_ADDRESS, PGADMIN_LISTEN_PORT, PGADMIN_SERVER_JSON_FILE, PGADMIN_PREFERENCES_JSON_FILE, PGADMIN_CONFIG_*,
# GUNICORN_THREADS, GUNICORN_ACCESS_LOGFILE.
#
# Unlike the official image it writes to /var/lib/pgadmin and /tmp alone, and a kill in the midst of the first start
# leaves nothing half made: the next start begins anew.
set -eu

home=/var/lib/pgadmin
half=$home/.slipway-init

die() {
  printf 'slipway-pgadmin: %s\n' "$*" >&2
  exit 1
}

# The value of $1, from the file that $1_FILE names or from $1 itself.
setting() {
  eval "value=\${$1:-} file=\${${1}_FILE:-}"
  # shellcheck disable=SC2154  # by the line above
  if [ -n "$file" ]; then
    [ -z "$value" ] || die "both $1 and $1_FILE are set; set one"
    [ -r "$file" ] || die "$1_FILE names $file, which user $(id -u) cannot read"
    value=$(cat "$file")
  fi
  [ -n "$value" ] || die "$1 is not set: set it, or $1_FILE to a file that holds it"
}

[ -z "${PGADMIN_ENABLE_TLS:-}" ] || die "PGADMIN_ENABLE_TLS: this image serves HTTP alone; end TLS at the gateway before it"
[ -w "$home" ] || die "user $(id -u) cannot write to $home; mount a volume that belongs to 5050:5050, or none"

if [ -e "$half" ] || [ ! -f "$home/pgadmin4.db" ]; then
  setting PGADMIN_DEFAULT_EMAIL && email=$value
  setting PGADMIN_DEFAULT_PASSWORD && password=$value
  rm -f "$home/pgadmin4.db"
  touch "$half"
  PGADMIN_SETUP_EMAIL=$email PGADMIN_SETUP_PASSWORD=$password /venv/bin/python3 run_pgadmin.py
  servers=${PGADMIN_SERVER_JSON_FILE:-/pgadmin4/servers.json}
  if [ -f "$servers" ]; then /venv/bin/python3 setup.py load-servers "$servers" --user "$email"; fi
  preferences=${PGADMIN_PREFERENCES_JSON_FILE:-/pgadmin4/preferences.json}
  if [ -f "$preferences" ]; then /venv/bin/python3 setup.py set-prefs "$email" --input-file "$preferences"; fi
  rm "$half"
fi
unset PGADMIN_DEFAULT_PASSWORD password value

# One process: its sessions and connections are in memory. A request of it may take hours, such as a long query.
exec /venv/bin/gunicorn --workers 1 --threads "${GUNICORN_THREADS:-25}" --timeout 86400 --worker-tmp-dir /tmp \
  --bind "${PGADMIN_LISTEN_ADDRESS:-0.0.0.0}:${PGADMIN_LISTEN_PORT:-80}" \
  --access-logfile "${GUNICORN_ACCESS_LOGFILE:--}" run_pgadmin:app
