# Starts Redis with the passwords that it had when it stopped: a rotation keeps them beside the data, as hashes. What is
# in the file of the stack is valid on empty data, and when it is another one than the data have ever known; one that was
# rotated away stays refused, since its hash stands there under a user that nobody can be.
# $1 is the folder of the data, what follows goes to the server.
set -eu
umask 077
users=$1/users.acl
shift
first=$(sha256sum </run/secrets/password | cut -c1-64)
# For what asks from within, the health check among it: it must not depend on which password clients have.
head -c 32 /dev/urandom | sha256sum | cut -c1-64 | tr -d '\n' >/tmp/own-password
own=$(sha256sum </tmp/own-password | cut -c1-64)
{
  if [ -s "$users" ] && grep -q "#$first" "$users"; then
    grep -v '^user slipway ' "$users"
  else
    echo "user default on #$first ~* &* +@all"
  fi
  echo "user slipway on #$own ~* &* +@all"
} >"$users.new"
mv "$users.new" "$users"
exec redis-server /run/secrets/redis.conf --aclfile "$users" "$@"
