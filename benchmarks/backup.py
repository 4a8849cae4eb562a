"""Backups beside plain ``pg_dump -Fc`` and pgBackRest, on the same server with the same data, and a table of ratios.

``python -m benchmarks.backup [--rows 2000000] [--rounds 2]``. pgBackRest is Debian's, in an image on Slipway's own
PostgreSQL. Both encrypt with AES-256 and compress with zstd into a folder of this machine. Everything is labelled, and
removed at the end.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import secrets
import statistics
import sys
import tarfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

import docker

from operate.image_lock import own_reference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docker.models.containers import Container
    from docker.models.networks import Network

TABLES: Final = 20
ROWS: Final = 2_000_000
ROUNDS: Final = 2
BUDGET: Final = 1.15
_LABEL: Final = "slipway.bench"
_DATA: Final = "/var/lib/postgresql/data"
_REPOSITORY: Final = "/repository"
_WAIT_S: Final = 120.0
_MIB: Final = 1 << 20
_DOCKERFILE: Final = (
    "FROM {base}\nUSER 0\nRUN install-packages pgbackrest && install -d -o 70 -g 70 {repository}\nUSER 70:70\n"
)
_PGBACKREST: Final = f"""\
[global]
repo1-path={_REPOSITORY}
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=bench-of-no-worth
repo1-retention-full=9
compress-type=zst
process-max=2
start-fast=y
log-path=/tmp
lock-path=/tmp
log-level-console=error
[main]
pg1-path={_DATA}
pg1-user=main
pg1-database=main
"""
_TABLE: Final = """
CREATE TABLE t{number} (
  id bigint PRIMARY KEY, customer int NOT NULL, at timestamptz NOT NULL, amount numeric(12, 2) NOT NULL, note text);
INSERT INTO t{number} SELECT n, (random() * 50000)::int, timestamptz '2026-01-01' + n * interval '1 second',
  (random() * 100000)::numeric(12, 2), md5(random()::text) || ' ' || md5((n % 1000)::text)
  FROM generate_series(1, {rows}) n;
CREATE INDEX ON t{number} (customer);
"""


@dataclass
class Figures:
    """Seconds of each run, by what was done."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    sizes: dict[str, float] = field(default_factory=dict)
    """MiB, by what it is of."""

    def add(self, what: str, seconds: float) -> None:
        """Note one run."""
        self.seconds.setdefault(what, []).append(seconds)

    def middle(self, what: str) -> float:
        """Return the median of the runs."""
        return statistics.median(self.seconds[what])


class Lab:
    """The servers and their networks; all of it goes at the end of the context."""

    def __init__(self) -> None:
        self.client = docker.from_env(timeout=600)
        self._name = f"slipway-bench-{secrets.token_hex(4)}"
        self._cleanup = ExitStack()
        self.network: Network | None = None

    def __enter__(self) -> Self:
        """Make the network."""
        self.network = self.client.networks.create(self._name, labels={_LABEL: self._name})
        self._cleanup.callback(self.network.remove)
        return self

    def __exit__(self, *_: object) -> None:
        """Remove everything."""
        self._cleanup.close()

    def volume(self, what: str) -> str:
        """Make a volume."""
        made = self.client.volumes.create(f"{self._name}-{what}", labels={_LABEL: self._name})
        self._cleanup.callback(made.remove, force=True)
        return str(made.name)

    def image(self) -> str:
        """Build PostgreSQL's image with pgBackRest in it."""
        text = _DOCKERFILE.format(base=own_reference("postgres"), repository=_REPOSITORY).encode()
        image, _ = self.client.images.build(
            fileobj=io.BytesIO(text), tag=f"{self._name}:pgbackrest", network_mode="host", rm=True, forcerm=True
        )
        self._cleanup.callback(self.client.images.remove, str(image.id), force=True)
        return str(image.id)

    def run(self, image: str, command: Sequence[str], alias: str, **options: Any) -> Container:
        """Run a container on the network."""
        assert self.network is not None  # noqa: S101 - made by the context
        made = self.client.containers.create(
            image, list(command), labels={_LABEL: self._name}, network=self.network.id, shm_size="256m", **options
        )
        self._cleanup.callback(made.remove, force=True, v=True)
        self.network.disconnect(made)
        self.network.connect(made, aliases=[alias])
        return made


def put(container: Container, folder: str, files: dict[str, str]) -> None:
    """Write files of PostgreSQL's user into a container."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.uid, entry.gid = len(text), 0o600, 70, 70
            archive.addfile(entry, io.BytesIO(text.encode()))
    container.put_archive(folder, buffer.getvalue())


def ask(container: Container, *command: str, **environment: str) -> str:
    """Run a command in a container and return what it says.

    Raises:
        SystemExit: It failed: a measurement of a failure is none.
    """
    code, output = container.exec_run(list(command), environment=environment)
    text = output.decode(errors="replace") if isinstance(output, bytes) else ""
    if code:
        raise SystemExit(f"{' '.join(command)} failed with {code}:\n{text[-3000:]}")
    return text


def timed(container: Container, *command: str, **environment: str) -> float:
    """Run a command in a container and return the seconds that it took."""
    started = time.perf_counter()
    ask(container, *command, **environment)
    return time.perf_counter() - started


def until_it_answers(server: Container) -> None:
    """Wait for a server.

    Raises:
        SystemExit: It does not answer.
    """
    deadline = time.monotonic() + _WAIT_S
    while server.exec_run(["pg_isready", "-q", "-h", "127.0.0.1"])[0]:
        if time.monotonic() > deadline:
            raise SystemExit(f"the server does not answer: {server.logs(tail=20).decode(errors='replace')}")
        time.sleep(0.05)


def sql(server: Container, statements: str) -> str:
    """Run statements over the server's own socket."""
    return ask(server, "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-U", "main", "-d", "main", "-c", statements).strip()


def measure(rows: int, rounds: int) -> Figures:
    """Fill a server and measure on it."""
    found = Figures()
    with Lab() as lab:
        image, repository = lab.image(), lab.volume("repository")
        server = _server(lab, image, "main", repository)
        server.start()
        until_it_answers(server)
        _archive_by(server, "/bin/true")
        for number in range(TABLES):
            sql(server, _TABLE.format(number=number, rows=rows // TABLES))
        sql(server, "VACUUM ANALYZE")
        sql(server, "CHECKPOINT")
        found.sizes["the database"] = int(sql(server, "SELECT pg_database_size('main')")) / _MIB
        backups = _backups(lab, server)
        for turn in range(rounds):
            jobs = (_plain, _ours, _pgbackrest)
            for job in jobs if turn % 2 == 0 else jobs[::-1]:
                say(f"round {turn + 1}: {job.__name__.removeprefix('_')}")
                job(server, backups, found)
        say("restores")
        _restore_ours(server, backups, found)
        _restore_pgbackrest(lab, image, repository, found)
        found.sizes["slipway's repository"] = _size(backups, "/backups")
        found.sizes["pgBackRest's repository"] = _size(server, _REPOSITORY)
    return found


def _server(lab: Lab, image: str, alias: str, repository: str) -> Container:
    made = lab.run(
        image,
        ["postgres", "-c", "shared_buffers=256MB", "-c", "max_wal_size=4GB", "-c", "archive_mode=on"],
        alias,
        environment={"POSTGRES_USER": "main", "POSTGRES_PASSWORD": "main"},
        volumes={
            lab.volume(f"{alias}-data"): {"bind": _DATA, "mode": "rw"},
            repository: {"bind": _REPOSITORY, "mode": "rw"},
        },
    )  # fmt: skip
    put(made, "/etc", {"pgbackrest.conf": _PGBACKREST})
    return made


def _archive_by(server: Container, command: str) -> None:
    sql(server, f"ALTER SYSTEM SET archive_command = '{command}'")
    sql(server, "SELECT pg_reload_conf()")


def _backups(lab: Lab, server: Container) -> Container:
    """Run what makes Slipway's backups, with the role that it has on a platform."""
    sql(
        server,
        "CREATE ROLE slipway_backup LOGIN PASSWORD 'backup' BYPASSRLS IN ROLE pg_read_all_data;"
        " CREATE ROLE slipway_restore LOGIN SUPERUSER PASSWORD 'restore'",
    )
    made = lab.run(
        own_reference("backup"),
        ["serve"],
        "backups",
        volumes={
            lab.volume("work"): {"bind": "/work", "mode": "rw"},
            lab.volume("backups"): {"bind": "/backups", "mode": "rw"},
        },
    )
    configuration = {
        "format": 1, "project": "bench", "stack": "bench", "platform": "bench", "schedule": None, "keep": {"days": 30},
        "stores": [{"name": "main", "kind": "postgres", "host": "main", "port": 5432, "database": "main",
                    "user": "slipway_backup", "password_file": "/etc/password"}],
        "destinations": [{"name": "local", "kind": "local", "path": "/backups/repository"}],
        "passphrase_file": "/etc/passphrase",
    }  # fmt: skip
    files = {"password": "backup", "passphrase": "bench-of-no-worth"}
    put(made, "/etc", {**files, "slipway-backup/config.json": json.dumps(configuration)})
    made.start()
    return made


def _slipway(*words: str) -> tuple[str, ...]:
    return ("slipway-backup", *words, "--json")


def _plain(_: Container, backups: Container, found: Figures) -> None:
    """``pg_dump -Fc`` as anybody would call it, from where Slipway's runs."""
    environment = {"PGHOST": "main", "PGUSER": "slipway_backup", "PGPASSWORD": "backup"}
    found.add("pg_dump -Fc", timed(backups, "pg_dump", "-Fc", "-d", "main", "-f", "/work/plain.dump", **environment))
    found.sizes["pg_dump -Fc"] = _size(backups, "/work/plain.dump")
    ask(backups, "rm", "/work/plain.dump")


def _ours(_: Container, backups: Container, found: Figures) -> None:
    started = time.perf_counter()
    lines = ask(backups, *_slipway("run")).splitlines()
    whole = time.perf_counter() - started
    result = next(event for line in lines if (event := json.loads(line))["event"] == "result")
    if not result["verified"]:
        raise SystemExit("the backup was not verified")
    for phase, seconds in result["seconds"].items():
        found.add(f"slipway: {phase}", float(seconds))
    found.add("slipway: verified backup", whole)


def _pgbackrest(server: Container, _: Container, found: Figures) -> None:
    command = ("pgbackrest", "--stanza=main")
    if server.exec_run(["test", "-d", f"{_REPOSITORY}/archive"])[0]:
        ask(server, *command, "stanza-create")
        _archive_by(server, "pgbackrest --stanza=main archive-push %p")
    backup = timed(server, *command, "--type=full", "backup")
    verify = timed(server, *command, "verify")
    found.add("pgBackRest: backup", backup)
    found.add("pgBackRest: verify", verify)
    found.add("pgBackRest: backup and verify", backup + verify)


def _restore_ours(server: Container, backups: Container, found: Figures) -> None:
    """Fetched, hashed, filled beside the live database, compared to the last row, analysed."""
    words = _slipway("restore", "database", "main")
    found.add("slipway: restore, compared", timed(backups, *words, SLIPWAY_RESTORE_PASSWORD="restore"))  # noqa: S106 - of no worth
    counts = sql(server, "SELECT count(*) FROM pg_database WHERE datname = 'main__restoring'")
    if counts != "1":
        raise SystemExit("nothing was restored")


def _restore_pgbackrest(lab: Lab, image: str, repository: str, found: Figures) -> None:
    """The newest backup into an empty folder, and a server on it until it answers."""
    other = _server(lab, image, "other", repository)
    # What is started is a shell: the server comes when its folder is whole.
    keeper = lab.run(
        image,
        ["-c", "sleep infinity"],
        "keeper",
        entrypoint=["sh"],
        volumes={
            mount["Name"]: {"bind": mount["Destination"], "mode": "rw"}
            for mount in lab.client.api.inspect_container(str(other.id))["Mounts"]
        },
    )
    put(keeper, "/etc", {"pgbackrest.conf": _PGBACKREST})
    keeper.start()
    started = time.perf_counter()
    ask(keeper, "pgbackrest", "--stanza=main", "restore")
    other.start()
    until_it_answers(other)
    found.add("pgBackRest: restore, answering", time.perf_counter() - started)
    if sql(other, "SELECT count(*) FROM pg_class WHERE relname ~ '^t[0-9]+$'") != str(TABLES):
        raise SystemExit("pgBackRest restored something else")


def _size(container: Container, path: str) -> float:
    return int(ask(container, "du", "-sk", path).split()[0]) / 1024


def table(found: Figures) -> str:
    """Return the table."""
    pairs = (
        ("dump with counts and hashes", "slipway: dump", "pg_dump -Fc", f"{BUDGET}"),
        ("verified backup", "slipway: verified backup", "pgBackRest: backup and verify", ""),
        ("restore", "slipway: restore, compared", "pgBackRest: restore, answering", ""),
    )
    lines = ["| work | tool | seconds (median) | ratio | budget |", "|---|---|---|---|---|"]
    for work, ours, peer, budget in pairs:
        ratio = found.middle(ours) / found.middle(peer)
        lines.append(f"| {work} | {ours} | {found.middle(ours):.1f} | {ratio:.2f} | {budget} |")
        lines.append(f"| | {peer} | {found.middle(peer):.1f} | | |")
    shown = {name for pair in pairs for name in pair[1:3]}
    lines += [f"| of it | {what} | {found.middle(what):.1f} | | |" for what in found.seconds if what not in shown]
    lines += ["", "| size of | MiB |", "|---|---|", *(f"| {what} | {size:.0f} |" for what, size in found.sizes.items())]
    return "\n".join(lines)


def say(text: str) -> None:
    """Tell on stderr what is being done."""
    sys.stderr.write(f"{text}\n")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backup", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"rows in {TABLES} tables (default: {ROWS:,})")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"runs of each tool (default: {ROUNDS})")
    asked = parser.parse_args()
    say(f"{asked.rows:,} rows in {TABLES} tables, {asked.rounds} rounds, {os.cpu_count()} CPUs")
    sys.stdout.write(table(measure(asked.rows, asked.rounds)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
