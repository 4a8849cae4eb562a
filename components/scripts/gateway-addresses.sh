# Comes before gateway-start.sh and gateway-verify.sh. nginx asks for the address of a name once, when it reads its
# configuration, and does not start where one name has none. So it reads the addresses that there are, and a container
# that is gone is marked down.

# The names behind the upstreams of configuration $1.
names_in() {
  sed -n -e '/^ *server [0-9.]*:/d' -e 's/^ *server \([^ :;[]*\):[0-9][0-9]*[ ;].*/\1/p' "$1" | sort -u
}

# "address name" for each of the names that has an address. All at once, and if that takes long, since somebody is asked
# for what is gone and does not answer, each for itself.
find_all() {
  [ "$#" -gt 0 ] || return 0
  export RES_OPTIONS='timeout:1 attempts:1'
  code=0
  answer=$(timeout 3 getent hosts "$@") || code=$?
  if [ "$code" -ge 124 ]; then
    answer=$(for name in "$@"; do timeout 3 getent hosts "$name" & done; wait)
  fi
  printf '%s\n' "$answer" | sort -u
}

# Configuration $1 with the addresses of $2. A name that has none is down; or stays, if $3 says so: where nginx itself has
# just found it, or nobody can be asked.
with_addresses() {
  base=$1 found=$2 stay=${3-} awk '
    BEGIN {
      print "# of " ENVIRON["base"]
      count = split(ENVIRON["found"], lines, "\n")
      for (i = 1; i <= count; i++)
        if (split(lines[i], word, /[ \t]+/) >= 2)
          at[word[2]] = at[word[2]] " " (word[1] ~ /:/ ? "[" word[1] "]" : word[1])
    }
    /^ *server [^ :;[]+:[0-9]+[ ;]/ && $2 !~ /^[0-9.]+:/ {
      start = index($0, "server ") + 7
      name = substr($2, 1, index($2, ":") - 1)
      if (!(name in at) && ENVIRON["stay"]) { print; next }
      if (!(name in at)) { print substr($0, 1, start - 1) "127.0.0.1:9 down;  # " name; next }
      count = split(at[name], all, " ")
      for (i = 1; i <= count; i++) print substr($0, 1, start - 1) all[i] substr($0, start + length(name))
      next
    }
    { print }' "$1"
}
