# Health probe: a connection to port $1 is accepted. Uses the first client that the image has.
if command -v nc >/dev/null 2>&1; then exec nc -z -w 5 127.0.0.1 "$1"; fi
if command -v bash >/dev/null 2>&1; then exec bash -c ': <>"/dev/tcp/127.0.0.1/$1"' probe "$1"; fi
if command -v python3 >/dev/null 2>&1; then
  exec python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)' "$1"
fi
echo "no nc, bash or python3 in this image: give health.command instead of health.tcp" >&2
exit 1
