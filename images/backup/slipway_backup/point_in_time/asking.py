"""Which moments can be restored, and a database of one of them, for ``slipway restore --to``."""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from slipway_backup import files, tools
from slipway_backup.errors import BackupError, NoSuchSetError
from slipway_backup.point_in_time import chain, recover, state
from slipway_backup.point_in_time.places import all_windows, places, undisturbed
from slipway_backup.restore.databases import Dump, transaction
from slipway_backup.stores import postgres_content as content
from slipway_backup.stores.postgres import CUSTOM, GLOBALS

if TYPE_CHECKING:
    from pathlib import Path

    from slipway_backup.config import Config, Part
    from slipway_backup.point_in_time.chain import Window
    from slipway_backup.report import Report

_SHIPS_S: Final = 90.0
_POLL_S: Final = 0.2


def moment(text: str) -> datetime:
    """Read a moment with its offset from UTC.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no moment, as 2026-11-30T15:04:05+00:00") from None
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text} does not say its offset from UTC")
    return found.astimezone(UTC)


def moments(config: Config, report: Report, until: datetime | None = None) -> list[dict[str, Any]]:
    """Return what can be restored, a chain of a database each, the oldest first.

    Args:
        config: The configuration.
        report: Takes warnings.
        until: A moment that should be among them: what is not stored away yet is, if that helps.
    """
    if until is not None:
        _ship(config, until)
    return [window.document() for window in _windows(config, report) if window.until]


def _windows(config: Config, report: Report) -> list[Window]:
    """Return the chains; the one that goes on reaches until now where nothing was written since it was stored."""
    if config.point_in_time is None:
        return []
    found = all_windows(config, report)
    for window in found:
        known = state.read(config, window.store)
        if window.since == known.chain and window.until and window.until == known.until:
            window.until = max(known.until, known.observed)
    return found


def _ship(config: Config, until: datetime) -> None:
    """Wait until a turn that began after now has ended, where it may bring a moment within reach."""
    before = {
        part.name: known.ticks
        for part in state.databases(config)
        if (known := state.read(config, part.name)).covered is None or until > known.covered
    }
    if not before or until > chain.now():
        return
    state.ask(config)
    deadline = time.monotonic() + _SHIPS_S
    # One turn may be under way that has looked at the clock before.
    while time.monotonic() < deadline:
        known = {name: state.read(config, name) for name in before}
        if all(
            (item.covered is not None and item.covered >= until) or item.ticks > before[name] + 1
            for name, item in known.items()
        ):
            return
        if any(item.ticks == before[name] + 1 for name, item in known.items()):
            state.ask(config)
        time.sleep(_POLL_S)


def dump_of(config: Config, part: Part, wanted: datetime, folder: Path, report: Report) -> tuple[Dump, dict[str, Any]]:
    """Bring a scratch server to a moment and dump a database of it, as a set would hold it.

    Args:
        config: The configuration.
        part: The database.
        wanted: The moment.
        folder: A folder for it all.
        report: Takes the phases.

    Returns:
        The dump, and what is known of it: the chain, and the end of the last transaction in it.

    Raises:
        NoSuchSetError: No chain reaches it.
        BackupError: None that does can be restored.
    """
    failures: list[BackupError] = []
    there = {place.name: place for place in places(config)}
    with undisturbed(config, f"{part.name} is restored to a moment"):
        covering = [item for item in _windows(config, report) if item.store == part.name and item.covers(wanted)]
        for window in reversed(covering):
            for name in window.places:
                try:
                    facts = recover.fetch(there[name], window, folder / "recover", report)
                    return _dump(part, facts, wanted, folder, report)
                except BackupError as error:
                    report.warning(str(error))
                    failures.append(error)
                finally:
                    files.remove(folder / "recover")
    if failures:
        raise failures[-1]
    raise NoSuchSetError(f"{part.name} can't be restored to {wanted.isoformat()}: no base backup and log reach it")


def _dump(
    part: Part, facts: chain.Facts, wanted: datetime, folder: Path, report: Report
) -> tuple[Dump, dict[str, Any]]:
    database = part.text("database")
    report.phase("replay", store=part.name)
    with recover.recovered(folder / "recover", facts, wanted) as found:
        server = found.server
        report.phase("dump", store=part.name)
        with transaction(server, database) as connection:
            held = {
                "tables": content.tables(connection),
                "sequences": content.sequences(connection),
                "major": facts.major,
            }
        tools.run(
            ["pg_dump", "--format=custom", "--compress=0", "--file", str(folder / CUSTOM), database], server.environ
        )
        roles = tools.run(["pg_dumpall", "--globals-only", "--no-role-passwords", "--no-tablespaces"], server.environ)
        (folder / GLOBALS).write_text(roles, encoding="utf-8")
    known = {"chain": facts.chain, "reached": found.reached}
    return Dump(folder / CUSTOM, held, folder / GLOBALS), known
