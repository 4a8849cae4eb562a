# Starts nginx as process 1, with a loop beside it that makes it reload when file $1 says something else: then another
# container has renewed a certificate. The loop ends with nginx.
set -eu
seen() { text=; read -r text <"$1" || true; } 2>/dev/null
seen "$1"
last=$text
while sleep 1; do
  seen "$1"
  if [ "$text" != "$last" ]; then
    last=$text
    kill -HUP 1
  fi
done &
exec nginx -c /etc/nginx/conf.d/live.conf
