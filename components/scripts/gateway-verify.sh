# Makes the staged configuration $1 (a file in this folder) the live one, if nginx accepts it: on the gateway's networks,
# so that the names in it resolve, and by a rename, so that the live name always leads to a whole file. The files that it
# names (folder $2, if any) are put in their places first, as nginx's own, for nobody else to read.
set -eu
umask 077
cd /etc/nginx/conf.d
if [ -n "${2-}" ] && [ ! -d "$2" ]; then
  rm -rf ".new-$2"
  number=0
  while IFS= read -r name; do
    number=$((number + 1))
    mkdir -p ".new-$2/$(dirname "$name")"
    cat ".staged-$2-$number" >".new-$2/$name"
  done <".staged-$2-list"
  mv ".new-$2" "$2"
  rm -f ".staged-$2-"*
fi
nginx -t -q -c "/etc/nginx/conf.d/$1"
# shellcheck disable=SC2046 # names have no spaces
with_addresses "$1" "$(find_all $(names_in "$1"))" stay >"${1%.conf}.run"
ln -sf "$1" .live.new
mv -f .live.new live.conf
echo "live: $1"
