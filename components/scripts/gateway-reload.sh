# Reloads the nginx that is process 1 here (its process namespace is shared), and waits, at most $1 seconds, until the
# workers of the old configuration have finished their requests: only then may what they talk to go away. What takes
# longer, websockets above all, lives on in them: a service that goes says good-bye through them itself, and those of a
# service that stays stay. Of workers that linger so, the oldest end where there are more than $2. A configuration that
# nginx can't load after all is told with its message, and is not what a later reload or start would read.
set -eu
cd /etc/nginx/conf.d
workers() { grep -lsa "^nginx: $1" /proc/[0-9]*/cmdline | tr -dc '0-9\n' | sort; }
file=$(readlink live.conf)
limit=$(($(date +%s) + 10))
# The server's own loop holds it for a second where it reloads; who was killed with it in hand must not stop all others.
until mkdir .lock 2>/dev/null || [ "$(date +%s)" -ge "$limit" ]; do sleep 0.1; done
trap 'rmdir .lock 2>/dev/null || true' EXIT
for run in run-*.conf; do :; done
cp -f "$run" .old-run
cp -f "${file%.conf}.run" .new-run
: >.errors
mv -f .new-run "$run"
before=$(workers 'worker process')
limit=$(($(date +%s) + 20))
kill -HUP 1
until [ -n "$(workers 'worker process' | grep -vxF "${before:-none}" || true)" ]; do
  if [ -s .errors ] || [ "$(date +%s)" -ge "$limit" ]; then
    mv -f .old-run "$run"
    echo "nginx can't load the new configuration, and serves the one before on" >&2
    cat .errors >&2
    exit 1
  fi
  sleep 0.1
done
rm -f .old-run
trap - EXIT
rmdir .lock
limit=$(($(date +%s) + $1))
while old=$(workers 'worker process is shutting down') && [ -n "$old" ] && [ "$(date +%s)" -lt "$limit" ]; do
  sleep 0.1
done
echo "$old" | sort -nr | tail -n "+$(($2 + 1))" | while read -r pid; do kill -TERM "$pid" || true; done
for each in ./*.conf ./*.run; do
  case ${each#./} in live.conf | "$run" | "$file" | "${file%.conf}.run") ;; *) rm -f "$each" ;; esac
done
for folder in files-*/ .staged-files-*; do
  name=${folder%/}
  case $name in .staged-*) name=${name#.staged-} && name=${name%-*} ;; esac
  if [ -e "$folder" ] && ! grep -qF "/$name/" live.conf; then rm -rf "$folder"; fi
done
echo "reloaded"
