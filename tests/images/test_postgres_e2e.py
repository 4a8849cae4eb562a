"""PostgreSQL: the official image's contract as far as Slipway relies on it, and never a half-made cluster."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from docker.models.containers import Container

pytestmark = pytest.mark.e2e

DATA = "/var/lib/postgresql/data"


def options(volume: str, secret_file: Path, **more: str) -> dict[str, Any]:
    """Return a server's volumes and environment, its password in a file."""
    return {
        "volumes": {volume: {"bind": DATA}, str(secret_file): {"bind": "/run/secrets/password", "mode": "ro"}},
        "environment": {"POSTGRES_PASSWORD_FILE": "/run/secrets/password", "POSTGRES_USER": "app", **more},
    }


def ask(lab: Any, container: Container, sql: str, database: str = "app") -> str:
    """Return what the database answers over its socket."""
    answer: str = lab.sh(container, "psql", "-XAtU", "app", "-d", database, "-v", "ON_ERROR_STOP=1", "-c", sql)
    return answer.strip()


def login(container: Container, password: str) -> int:
    """Try a login over TCP, as clients do; return psql's status."""
    command = ["psql", "-XAt", "-h", "127.0.0.1", "-U", "app", "-c", "SELECT 1"]
    return container.exec_run(command, environment={"PGPASSWORD": password})[0] or 0


def test_the_password_comes_from_the_file_and_is_nowhere_else(lab: Any, secret_file: Path) -> None:
    """It opens the door, another does not; neither the environment of the server nor the log holds it."""
    container = lab.run("postgres", **options(lab.volume(), secret_file))
    lab.healthy(container)
    password = secret_file.read_text(encoding="utf-8")
    assert login(container, password) == 0
    assert login(container, "wrong") == 2
    assert password not in lab.sh(container, "cat", "/proc/1/environ")
    assert password not in container.logs().decode()
    assert ask(lab, container, "SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'app'") == "t"


def test_what_the_contract_promises(lab: Any, secret_file: Path, tmp_path: Path) -> None:
    """Database, initdb arguments, checksums, scripts in order and once, amcheck, the tools that a backup needs."""
    scripts = tmp_path / "init"
    scripts.mkdir()
    (scripts / "1.sql").write_text("CREATE TABLE told (what text);", encoding="utf-8")
    (scripts / "2.sh").write_text("psql -c \"INSERT INTO told VALUES ('$POSTGRES_USER')\"", encoding="utf-8")
    for path in (scripts, *scripts.iterdir()):
        path.chmod(0o755)
    more = options(
        lab.volume(), secret_file, POSTGRES_DB='od"d name', POSTGRES_INITDB_ARGS="--locale='C' --wal-segsize=1"
    )
    more["volumes"][str(scripts)] = {"bind": "/docker-entrypoint-initdb.d", "mode": "ro"}
    container = lab.run("postgres", **more)
    lab.healthy(container)
    container.restart(timeout=30)
    lab.healthy(container)
    database = 'od"d name'
    assert ask(lab, container, "SELECT string_agg(what, ',') FROM told", database) == "app"
    assert ask(lab, container, "SHOW wal_segment_size", database) == "1MB"
    assert ask(lab, container, "SHOW data_checksums", database) == "on"
    ask(lab, container, "CREATE EXTENSION amcheck", database)
    for tool in ("pg_dump", "pg_restore", "pg_amcheck", "pg_basebackup", "pg_isready", "initdb"):
        assert "15." in lab.sh(container, tool, "--version")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_kill_during_initialisation_leaves_nothing_half_made(lab: Any, secret_file: Path, seed: int) -> None:
    """Killed at a random moment, started again: a complete cluster, with the right password."""
    container = lab.run("postgres", **options(lab.volume(), secret_file))
    for _ in range(2):
        # Anywhere from before initdb to after the server is up; what matters is that no moment is special.
        lab.pause(random.Random(seed).uniform(0.05, 1.2))  # noqa: S311  (no secret)
        container.kill()
        container.start()
    lab.healthy(container)
    assert ask(lab, container, "SELECT count(*) FROM pg_database WHERE datname = 'app'") == "1"
    assert login(container, secret_file.read_text(encoding="utf-8")) == 0
    assert lab.sh(container, "sh", "-c", f"ls -A {DATA} | grep -c slipway || true").strip() == "0"


def test_the_refusals_say_what_to_do(lab: Any, secret_file: Path) -> None:
    """No password, a foreign volume, another major version, a file that cannot be read."""
    refused = {"environment": {}, "volumes": {lab.volume("a"): {"bind": DATA}}}
    status, said = lab.ends(lab.run("postgres", **refused))
    assert (status, "set POSTGRES_PASSWORD_FILE" in said) == (1, True)

    foreign = lab.volume("b")
    lab.ends(lab.run("postgres", ["sh", "-c", f"echo x >{DATA}/notes"], volumes={foreign: {"bind": DATA}}))
    status, said = lab.ends(lab.run("postgres", **options(foreign, secret_file)))
    assert (status, "not empty and holds no cluster; it is left as it is" in said) == (1, True)

    older = lab.volume("c")
    lab.ends(lab.run("postgres", ["sh", "-c", f"echo 14 >{DATA}/PG_VERSION"], volumes={older: {"bind": DATA}}))
    status, said = lab.ends(lab.run("postgres", **options(older, secret_file)))
    assert (status, "PostgreSQL 14 and this is 15" in said) == (1, True)

    secret_file.chmod(0o400)
    status, said = lab.ends(lab.run("postgres", **options(lab.volume("d"), secret_file)))
    assert (status, "which user 70 cannot read" in said) == (1, True)


def test_a_stop_is_a_clean_shutdown(lab: Any, secret_file: Path) -> None:
    """With a session open, at once, with nothing to recover at the next start."""
    container = lab.run("postgres", **options(lab.volume(), secret_file))
    lab.healthy(container)
    container.exec_run(["psql", "-U", "app", "-c", "SELECT pg_sleep(60)"], detach=True)
    container.stop(timeout=30)
    container.start()
    lab.healthy(container)
    log = container.logs().decode()
    assert "database system was not properly shut down" not in log
    assert "received fast shutdown request" in log
