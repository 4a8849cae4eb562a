# Makes the staged configuration $1 (a file in this folder) the live one, if nginx accepts it: on the gateway's networks,
# so that the names in it resolve, and by a rename, so that the live name always leads to a whole file.
set -eu
cd /etc/nginx/conf.d
nginx -t -q -c "/etc/nginx/conf.d/$1"
ln -sf "$1" .live.new
mv -f .live.new live.conf
echo "live: $1"
