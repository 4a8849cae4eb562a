# Health probe: GET http://127.0.0.1:$1$2; 2xx and 3xx are healthy. Uses the first client that the image has.
url="http://127.0.0.1:$1$2"
if command -v curl >/dev/null 2>&1; then exec curl -fsS -o /dev/null --max-time 10 "$url"; fi
if command -v wget >/dev/null 2>&1; then exec wget -q -O /dev/null "$url"; fi
if command -v bash >/dev/null 2>&1; then
  exec bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && printf "GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n" "$2" >&3 &&
    read -r line <&3 && echo "$line" && case $line in HTTP/1.?\ [23]*) exit 0 ;; *) exit 1 ;; esac' probe "$1" "$2"
fi
if command -v python3 >/dev/null 2>&1; then
  exec python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=10)' "$url"
fi
echo "no curl, wget, bash or python3 in this image: give health.command instead of health.path" >&2
exit 1
