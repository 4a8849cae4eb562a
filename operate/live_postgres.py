"""The database server of a running platform, asked over its local socket as its owner: for what no client may do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from operate.errors import OperateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import docker

LOGIN: Final = "slipway_restore"
"""The role that restores log in as over the network; it lives as long as a restore does."""
_IMPORTER: Final = "slipway_import"
"""The one that loads files made elsewhere, as that container calls it; it can do nothing outside of its database."""
_LONGEST: Final = 63
_ROLES: Final = f"'{LOGIN}', '{_IMPORTER}'"
_BESIDE: Final = "__restoring"
_BEFORE: Final = "__before_"
_SWAPPING: Final = "slipway-swap"
_ATTEMPTS: Final = 5
_BUSY: Final = "is being accessed by other users"
_PSQL: Final = 'psql -XqAt -F "$(printf "\\t")" -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres'
_ASK: Final = f'printf "%s" "$STATEMENTS" | {_PSQL}'
# New sessions wait for the renaming's lock; those that came before it are ended until it has been had. Both names
# change in one transaction, so that there is no moment at which a crash would leave no live database. Nothing here may
# outlive the shell: the postmaster is process 1, and takes an orphan that ends badly for a server process that crashed.
_SWAP: Final = f"""
printf "%s" "$END" | {_PSQL} >/dev/null 2>&1 &
said=$(printf "%s" "$STATEMENTS" | PGAPPNAME={_SWAPPING} {_PSQL} 2>&1) && done=yes || done=no
wait
[ "$done" = yes ] || printf "%s\\n" "$said" >&2
[ "$done" = yes ]
"""
_END: Final = """
DO $do$ BEGIN
  FOR turn IN 1..300 LOOP
    PERFORM pg_stat_clear_snapshot();
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN ({names});
    EXIT WHEN turn > 20 AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = '{swapping}');
    PERFORM pg_sleep(0.03);
  END LOOP;
END $do$;
"""
_MOMENT: Final = re.compile(r"\d{8}T\d{6}Z$")


class ServerRefused(OperateError):  # noqa: N818 - named as what it reports
    """The database server could not do it."""


@dataclass(frozen=True)
class KeptDatabase:
    """A database that a restore has replaced."""

    name: str
    """Its name now."""
    live: str
    """The name that it had, at most its beginning."""
    replaced: str
    """When: ``20261129T020000Z``."""
    size: int
    """Bytes on disk."""


class LivePostgres:
    """One server.

    Args:
        client: Docker.
        container: Docker's id of its container.
        part: Its name in the description.
    """

    def __init__(self, client: docker.DockerClient, container: str, part: str) -> None:
        self._client = client
        self.container = container
        self.part = part

    def make_login(self, password: str) -> None:
        """Make the role that restores. It can do everything, for six hours at most."""
        self._ask(
            "SET log_statement = none; SET log_min_error_statement = panic; SET log_min_duration_statement = -1;\n"
            f"DROP ROLE IF EXISTS {LOGIN};\n"
            f"CREATE ROLE {LOGIN} LOGIN SUPERUSER PASSWORD {literal(password)};\n"
            f"SELECT format('ALTER ROLE {LOGIN} VALID UNTIL %L', now() + interval '6 hours') \\gexec"
        )

    def drop_login(self) -> None:
        """Remove that role and end its sessions; what it made belongs to others by then."""
        self._ask(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename IN ({_ROLES});\n"  # noqa: S608 - constants
            f"DROP ROLE IF EXISTS {LOGIN};\nDROP ROLE IF EXISTS {_IMPORTER};"
        )

    def leftovers(self) -> list[str]:
        """Return the databases that an interrupted restore has left half filled."""
        return self._ask("SELECT datname FROM pg_database WHERE datname LIKE '%\\_\\_restoring';").splitlines()

    def remove_leftovers(self) -> list[str]:
        """Remove what an interrupted restore has left, and return its names."""
        self._end_login()
        found = [name for name in self.leftovers() if name.endswith(_BESIDE)]
        for name in found:
            self._ask(f"DROP DATABASE IF EXISTS {_identifier(name)} WITH (FORCE);")
        self.drop_login()
        return found

    def _end_login(self) -> None:
        """See that nobody fills any further: what belongs to the roles would keep them from being dropped."""
        self._ask(
            f"SELECT format('ALTER ROLE %I NOLOGIN', rolname) FROM pg_roles WHERE rolname IN ({_ROLES}) \\gexec\n"  # noqa: S608 - constants
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename IN ({_ROLES});"
        )

    def swap(self, live: str, moment: str) -> str:
        """Let the database that was filled beside a live one take its place; return what the live one is called now.

        Sessions of the live database are ended. Either both names change or none.
        """
        before = f"{_short(live, _BEFORE + moment)}{_BEFORE}{moment}"
        names = f"{literal(live)}, {literal(beside(live))}"
        environment = {
            # Waits for their ends: a renaming waits five seconds for them, which is little on a busy machine.
            "STATEMENTS": "SET lock_timeout = '10s';\n"
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname IN ({names});\nBEGIN;\n"
            f"ALTER DATABASE {_identifier(live)} RENAME TO {_identifier(before)};\n"
            f"ALTER DATABASE {_identifier(beside(live))} RENAME TO {_identifier(live)};\nCOMMIT;\n",
            "END": _END.format(names=names, swapping=_SWAPPING),
        }
        for attempt in range(_ATTEMPTS):
            try:
                self._run(_SWAP, environment)
                break
            except ServerRefused as error:
                if _BUSY not in str(error) or attempt == _ATTEMPTS - 1:
                    raise
        return before

    def kept(self) -> list[KeptDatabase]:
        """Return the databases that restores have replaced, the oldest first."""
        text = self._ask("SELECT datname, pg_database_size(oid) FROM pg_database ORDER BY datname;")
        rows = (line.rsplit("\t", 1) for line in text.splitlines())
        found = [
            KeptDatabase(name, name[: name.rindex(_BEFORE)], name[name.rindex(_BEFORE) + len(_BEFORE) :], int(size))
            for name, size in rows
            if _BEFORE in name and _MOMENT.search(name)
        ]
        return sorted(found, key=lambda item: item.replaced)

    def forget(self, kept: KeptDatabase) -> None:
        """Remove a database that a restore has replaced, for good."""
        self._ask(f"DROP DATABASE {_identifier(kept.name)} WITH (FORCE);")

    def end_sessions(self, live: str) -> None:
        """End every client's session of a database, and return when they have ended.

        Raises:
            ServerRefused: One does not end within five seconds.
        """
        left = self._ask(
            "SELECT count(*) FROM (SELECT pg_terminate_backend(pid, 5000) AS ended FROM pg_stat_activity"  # noqa: S608 - quoted
            f" WHERE datname = {literal(live)} AND backend_type = 'client backend') AS asked WHERE NOT ended;"
        )
        if int(left):
            raise ServerRefused(f"{self.part}: {left} sessions of database {live} do not end")

    def written(self, live: str) -> int:
        """Return how many rows of a database's tables were written since its server started to count."""
        return int(
            self._ask(
                f"\\connect {_identifier(live)}\n"
                "SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_user_tables;"
            )
        )

    def size(self, live: str) -> int:
        """Return the bytes of a database on disk."""
        return int(
            self._ask(
                f"SELECT coalesce(max(pg_database_size(oid)), 0) FROM pg_database WHERE datname = {literal(live)};"  # noqa: S608 - quoted
            )
        )

    def major(self) -> int:
        """Return the server's major version."""
        return int(self._ask("SHOW server_version_num;")) // 10_000

    def free(self) -> int:
        """Return the bytes that are free where its data are."""
        return int(self._run("df -Pk \"$PGDATA\" | awk 'NR == 2 { print $4 }'", {})) * 1024

    def _ask(self, statements: str) -> str:
        return self._run(_ASK, {"STATEMENTS": statements})

    def _run(self, script: str, environment: Mapping[str, str]) -> str:
        made = self._client.api.exec_create(self.container, ["sh", "-c", script], environment=dict(environment))
        output = self._client.api.exec_start(made["Id"], demux=True)
        code = self._client.api.exec_inspect(made["Id"])["ExitCode"]
        out, err = ((part or b"").decode(errors="replace").strip() for part in output)
        if code:
            raise ServerRefused(f"{self.part}: the server did not do it (exit code {code}): {err[-1000:]}")
        return out


def beside(live: str) -> str:
    """Return the name of the database that is filled beside a live one, as the container that fills it calls it."""
    return _short(live, _BESIDE) + _BESIDE


def _short(name: str, suffix: str) -> str:
    return name.encode()[: _LONGEST - len(suffix)].decode(errors="ignore")


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"
