#!/bin/sh
# As the official image: options or a configuration file alone mean redis-server with them.
set -eu
[ "$(id -u)" != 0 ] || {
  echo "slipway-redis: refusing to run as root; run this image as its own user (999:1000)" >&2
  exit 1
}
case "${1:-}" in
  -* | *.conf) set -- redis-server "$@" ;;
esac
# What Redis writes (dumps, append-only files) is for its own user alone.
umask 0077
exec "$@"
