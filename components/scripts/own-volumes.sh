# Gives the folders $2… to user $1 where they are still root's: the state of a volume that nobody has used.
set -eu
user=$1
shift
for folder in "$@"; do
  if [ "$(stat -c %u "$folder")" = 0 ]; then chown "$user" "$folder"; fi
done
