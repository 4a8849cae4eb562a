# Starts nginx as process 1, with a loop beside it that makes it reload by itself: when a container behind an upstream has
# another address, is gone or is back (looked at every 2 seconds, and only what two looks agree on), and when file $1, if
# any, says something else: then another container has renewed a certificate. The loop ends with nginx.
set -eu
cd /etc/nginx/conf.d
read -r host </etc/hostname
run=run-$host.conf
base=
# A server that Docker started again goes on with what it had; a new one takes what was verified last.
if [ -e "$run" ]; then read -r _ _ base <"$run"; fi
if [ ! -e "${base:-none}" ]; then base=$(readlink live.conf); fi
rm -rf run-*.conf .lock
stay=
command -v getent >/dev/null || stay=1
put() {
  with_addresses "$base" "$1" "$stay" >.new-run
  mv -f .new-run "$run"
}
# shellcheck disable=SC2046 # names have no spaces
put "$(find_all $(names_in "$base"))"

certificate() { text=; [ -z "$1" ] || read -r text <"$1" || true; } 2>/dev/null
certificate "${1-}"
certified=$text

# Looks at the containers, and reloads when it has seen the same change twice; less and less often while it goes on.
look() {
  read -r _ _ now <"$run" || return 0
  if [ "$now" != "$base" ]; then
    base=$now quiet='' before=''
    names=$(names_in "$base")
  fi
  # shellcheck disable=SC2086 # names have no spaces
  found=$(find_all $names)
  # No name at all: then it is not the containers that are gone, but who tells of them.
  if [ -z "$found" ]; then return 0; fi
  if [ "$found" = "$quiet" ]; then before=''; return 0; fi
  seen=$(with_addresses "$base" "$found")
  if [ "$seen" = "$(cat "$run")" ]; then
    quiet=$found
  elif [ "$found" != "$before" ]; then
    before=$found
  elif [ "$clock" -ge "$next" ] && mkdir .lock 2>/dev/null; then
    read -r _ _ now <"$run"
    if [ "$now" = "$base" ]; then
      put "$found"
      kill -HUP 1
      # What lasts lives on in the workers of before; of those the oldest end, as after a deployment's reload.
      grep -lsa '^nginx: worker process is shutting down' /proc/[0-9]*/cmdline | tr -dc '0-9\n' | sort -nr |
        tail -n +17 | while read -r pid; do kill -TERM "$pid"; done
      echo "slipway: containers have other addresses, or are gone: nginx reloads" >&2
      quiet=$found
      if [ "$((clock - next))" -gt 300 ]; then pause=5; fi
      next=$((clock + pause)) pause=$((pause < 300 ? pause * 2 : 300))
    fi
    sleep 1
    rmdir .lock
  fi
}

set +e
names=$(names_in "$base") quiet='' before='' clock=0 next=0 pause=5
while sleep 1; do
  clock=$((clock + 1))
  certificate "${1-}"
  if [ "$text" != "$certified" ]; then
    certified=$text
    kill -HUP 1
  fi
  if [ "$((clock % 2))" = 0 ]; then look; fi
done &
exec nginx -c "/etc/nginx/conf.d/$run"
