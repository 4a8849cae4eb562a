# Whether the certificates are well: the first line of what acme.py wrote is until when, in Unix seconds; the rest says it.
set -eu
{ read -r until; cat; } </tmp/health
[ "$(date +%s)" -lt "$until" ]
