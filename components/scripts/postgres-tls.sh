# Gives the server a key that only it can read, in memory: PostgreSQL refuses one that others could, and volumes of files
# have no other mode (components/files.py).
(umask 077 && cat /run/secrets/server.key >/var/run/postgresql/server.key)
