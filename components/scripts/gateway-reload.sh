# Reloads the nginx that is process 1 here (its process namespace is shared), and waits, at most $1 seconds, until the
# workers of the old configuration have finished their requests: only then may what they talk to go away.
set -eu
workers() { grep -lsa "^nginx: $1" /proc/[0-9]*/cmdline | tr -dc '0-9\n' | sort; }
before=$(workers 'worker process')
limit=$(($(date +%s) + 20))
kill -HUP 1
until [ -n "$(workers 'worker process' | grep -vxF "${before:-none}" || true)" ]; do
  [ "$(date +%s)" -lt "$limit" ] || { echo "nginx did not take the new configuration; its log says why" >&2; exit 1; }
  sleep 0.1
done
limit=$(($(date +%s) + $1))
while [ -n "$(workers 'worker process is shutting down')" ]; do
  [ "$(date +%s)" -lt "$limit" ] || { echo "old workers are still busy after $1 s" >&2; exit 1; }
  sleep 0.1
done
cd /etc/nginx/conf.d
for file in ./*.conf; do
  case ${file#./} in live.conf | "$(readlink live.conf)") ;; *) rm -f "$file" ;; esac
done
for folder in files-*/ .staged-files-*; do
  name=${folder%/}
  case $name in .staged-*) name=${name#.staged-} && name=${name%-*} ;; esac
  if [ -e "$folder" ] && ! grep -qF "/$name/" live.conf; then rm -rf "$folder"; fi
done
echo "reloaded"
