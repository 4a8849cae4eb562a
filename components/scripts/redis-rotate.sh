# Brings the passwords of a rotated Redis to one step: NEXT's is valid, and with STEP=close no other. Hashes go to the
# server, never a password, and it writes them beside its data.
set -eu
hash() { sha256sum <"/run/secrets/$1" | cut -c1-64; }
known=
ask() { REDISCLI_AUTH=$(cat "/run/secrets/$known") redis-cli -h "$HOST" --no-auth-warning "$@"; }
must() {
  answer=$(ask "$@")
  [ "$answer" = OK ] || {
    echo "$1 $2: $answer" >&2
    exit 1
  }
}
for known in next before first; do
  [ "$(ask PING 2>/dev/null)" != PONG ] || break
done
now=$(ask TIME | head -n 1)
if [ "$STEP" = open ]; then
  must ACL SETUSER default "#$(hash next)"
  # Since when there are two: whoever came before then has the old one.
  ask ACL USERS | grep -q '^slipway-opened-' || must ACL SETUSER "slipway-opened-$now" off
  must ACL SAVE
  exit 0
fi
must ACL SETUSER slipway-retired off resetpass "#$(hash first)"
must ACL SETUSER default resetpass "#$(hash next)"
known=next
opened=$(ask ACL USERS | sed -n 's/^slipway-opened-//p')
for moment in $opened; do
  ask CLIENT LIST | sed -n 's/^id=\([0-9]*\) .* age=\([0-9]*\) .* user=default .*/\1 \2/p' | while read -r id age; do
    [ "$age" -le $((now - moment)) ] || ask CLIENT KILL ID "$id" >/dev/null
  done
  ask ACL DELUSER "slipway-opened-$moment" >/dev/null
done
must ACL SAVE
