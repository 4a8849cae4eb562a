"""A backup comes back beside what is live, and takes its place in a moment in which no request fails.

What happens here happens inside of containers after the deployment, so one engine is enough: the embedded one. One
platform is shared by the scenarios, each of which leaves it well.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Stacks
from tests.e2e.harness import history
from tests.e2e.harness.engines import EMBEDDED
from tests.e2e.harness.ports import free_port
from tests.e2e.harness.prober import Prober
from tests.e2e.harness.stateful import Stores, stateful

pytestmark = pytest.mark.e2e

KILLS = int(os.environ.get("SLIPWAY_KILLS", "") or 2)
"""How many times a restore is killed; ``SLIPWAY_KILLS=20`` for the whole promise."""
SEED = int(os.environ.get("SLIPWAY_KILL_SEED", "") or random.SystemRandom().randrange(10**6))


@pytest.fixture(scope="module")
def stores(stacks: Stacks) -> Iterator[Stores]:
    """Deploy it with something in each store, and a backup of that."""
    port = free_port()
    platform = stacks.new(EMBEDDED, stateful(port), port=port)
    platform.up().ended()
    found = Stores(platform)
    found.sql(history.CREATE)
    found.fill("first")
    found.first = found.backup()
    yield found
    stacks.remove(platform)


def test_a_backup_comes_back_and_no_request_fails(stores: Stores) -> None:
    """Database and cache; every write that was acknowledged meanwhile is in the live database or in the kept one."""
    backup, before = stores.first, stores.words()
    stores.fill("second")
    with Prober(stores.platform.port, "/ask", rate=5) as prober, history.Writer(stores.platform) as writer:
        told = stores.restore(backup, "--only", "main", "--only", "queue")
        writer.wait_for(3)
        known = writer.stop()
    prober.answers.assert_none_failed(at_least=5)
    assert stores.words() == (*before[:2], "second")
    assert told["backup"] == backup
    kept = told["kept"]["main"]
    assert stores.kept() == [kept]
    assert stores.sql("select min(words) from precious", kept) == "second 1"
    there = [*history.stored(stores.platform), *history.stored(stores.platform, name=kept)]
    assert known.lost(there) == []
    assert known.invented(there) == []
    assert stores.restore(told["safety"], "--only", "main", "--no-safety")["backup"] == told["safety"]
    assert stores.words()[0].startswith("second")
    stores.restore(backup, "--only", "uploads", "--no-safety")
    assert stores.words()[2] == "first"
    stores.platform.world.assert_well(main=1, queue=1, api=1)


def test_what_was_kept_goes_when_somebody_says_so(stores: Stores) -> None:
    """Not before, and nothing else with it."""
    stores.fill("third")
    stores.restore("latest", "--only", "main", "--no-safety")
    assert stores.kept()
    stores.ask("restore", "--forget").failed("nobody is there to answer")
    stores.ask("restore", "--forget", "--yes").ended()
    assert stores.databases() == ["main"]


def test_without_yes_nothing_happens_and_it_says_what_would(stores: Stores) -> None:
    """It names what is live, and what would replace it."""
    before = stores.words()
    run = stores.ask("restore", "latest", "--only", "main").failed("nobody is there to answer", "2 tables")
    assert run.code == 2
    assert stores.words() == before


def test_dumps_of_other_tools_come_back_and_damaged_ones_are_refused(stores: Stores, tmp_path: Path) -> None:
    """By their content: custom format and SQL, cut off, of a newer server, with commands for psql in it."""
    stores.fill("dumped")
    sql, custom = tmp_path / "dump", tmp_path / "dump.dat"
    sql.write_text(stores.sql_dump(), encoding="utf-8")
    custom.write_bytes(stores.custom_dump())
    stores.fill("later")
    for file in (sql, custom):
        stores.ask("restore", "--file", str(file), "--only", "main", "--no-safety", "--yes").ended()
        assert stores.words()[0].startswith("dumped")
        assert stores.sql("select distinct tableowner from pg_tables where schemaname = 'public'") == "main"
        stores.fill("later")
    bad = tmp_path / "bad"
    for content, reason in (
        (sql.read_bytes()[:-200], "cut off"),
        (custom.read_bytes()[:-200], "can't be read"),
        (sql.read_bytes().replace(b"database version 1", b"database version 9", 1), "PostgreSQL 9"),
        (b"\\! touch /tmp/owned\n" + sql.read_bytes(), "command for psql"),
    ):
        bad.write_bytes(content)
        stores.ask("restore", "--file", str(bad), "--only", "main", "--no-safety", "--yes").failed(reason)
    assert stores.words()[0].startswith("later")
    assert [name for name in stores.databases() if "__before_" not in name] == ["main"]
    stores.ask("restore", "--forget", "--yes").ended()


OWNED = "/tmp/owned"  # noqa: S108 - inside of containers
HOSTILE = {
    "a program": (
        f"do $$ begin copy (select 1) to program 'touch {OWNED}'; end $$;",
        "COPY to or from an external program",
    ),
    "a program in a cast, for whoever reads the rows": (
        f"""create function public.own(public.precious) returns text language plpgsql as
            $$ begin copy (select 1) to program 'touch {OWNED}'; return ''; end $$;
            create cast (public.precious as text) with function public.own(public.precious);""",
        "COPY to or from an external program",
    ),
    "a setting of the server": ("alter system set work_mem = '1234kB';", "permission denied"),
    "an extension that reads files": (
        "create extension file_fdw with schema public;",
        "permission denied to create extension",
    ),
    "a command for psql that looks like a text": (
        f"set standard_conforming_strings = off;\nselect 'a\\'' \\! touch {OWNED}\n;--';",
        "backslash commands are restricted",
    ),
}
"""By what it wants: what somebody has written into a dump, and what is said of it."""


def test_a_hostile_dump_runs_no_program_and_touches_nothing_else(stores: Stores, tmp_path: Path) -> None:
    """It is loaded by a login that may do nothing outside of its database, and refused; nothing live has changed."""
    stores.sql(f"copy (select 1) to program 'touch {OWNED}-by-a-superuser'")
    assert stores.exists("main", f"{OWNED}-by-a-superuser")  # so the same in a dump is no empty threat
    stores.fill("before")
    dump, file = stores.sql_dump(), tmp_path / "dump.sql"
    for what, (statement, reason) in HOSTILE.items():
        file.write_text(dump.replace("\n--\n-- PostgreSQL database dump complete", f"\n{statement}\n--\n-- PostgreSQL "
                        "database dump complete"), encoding="utf-8")  # fmt: skip
        run = stores.ask("restore", "--file", str(file), "--only", "main", "--no-safety", "--yes").failed(reason)
        assert "the live data were not touched" in run.text, what
        assert "Traceback" not in run.text, what
        assert not stores.exists("main", OWNED), what
        assert not stores.exists("backups", OWNED), what
    assert stores.words()[0].startswith("before")
    assert [name for name in stores.databases() if "__before_" not in name] == ["main"]
    assert stores.sql("show work_mem") != "1234kB"
    assert stores.sql("select count(*) from pg_roles where rolname ~ '^slipway_(import|restore)'") == "0"


@pytest.mark.skipif(os.environ.get("SLIPWAY_FAULTS") != "all", reason="RESTORES NOT KILLED: make faults")
def test_a_restore_that_is_killed_leaves_live_data_whole(stores: Stores) -> None:
    """At random moments: old or new, never half; no acknowledged write is lost; the next one tidies up."""
    stores.fill("backed up")
    backup = stores.backup()
    command = ("./slipway", "restore", backup, "--no-safety", "--yes", "--stack", stores.platform.workspace.stack)
    whole = stores.platform.workspace.run(*command).ended().seconds
    print(f"SLIPWAY_KILLS={KILLS} SLIPWAY_KILL_SEED={SEED}")  # noqa: T201 - shown when it fails
    moments = random.Random(SEED)  # noqa: S311 - not for secrets
    for turn in range(KILLS):
        stores.fill("live")
        with history.Writer(stores.platform, first=1 + 1_000_000 * (turn + 1)) as writer:
            running = stores.platform.workspace.start(*command)
            running.let_run(moments.uniform(0.1, 1.0) * whole)
            running.kill()
            running.wait()
            known = writer.stop()
        rows = stores.sql("select min(words) || ', ' || count(*) from precious")
        assert rows in {"live 1, 1000", "backed up 1, 1000"}, rows
        places = ["main", *stores.kept()]
        there = [number for name in places for number in history.stored(stores.platform, name=name)]
        assert known.lost(there) == [], f"killed in turn {turn}"
        stores.platform.workspace.run(*command).ended()
        assert stores.words() == ("backed up 1, 1000", "backed up", "backed up")
        assert [name for name in stores.databases() if "__before_" not in name] == ["main"]
        assert stores.sql("select count(*) from pg_roles where rolname = 'slipway_restore'") == "0"
        stores.platform.world.assert_well(main=1, queue=1, api=1)
        stores.ask("restore", "--forget", "--yes").ended()
