"""One run: a set is made, stored in every destination, fetched back, restored to prove it, and old ones go.

Whatever kills it, at whatever moment: what is half there has no complete manifest, or is not marked as verified.
"""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway_backup import VERSION, files, history, lock, manifest, retention, verify, webhook
from slipway_backup.destinations import repository
from slipway_backup.errors import BackupError, SpaceError
from slipway_backup.manifest import Manifest, StoreRecord
from slipway_backup.restic import Repository, Snapshot
from slipway_backup.stores import OpenStore, store_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from slipway_backup.config import Config, Part
    from slipway_backup.report import Report


@dataclass
class Outcome:
    """What became of a run so far."""

    id: str
    trigger: str
    started: str
    result: str = "failed"
    message: str = ""
    code: int = 0
    bytes: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    stores: dict[str, dict[str, Any]] = field(default_factory=dict)
    destinations: list[str] = field(default_factory=list)

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Add to the seconds of a phase."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[phase] = round(self.seconds.get(phase, 0.0) + time.monotonic() - started, 3)

    def entry(self) -> dict[str, Any]:
        """Return the line for the history."""
        return {"what": history.RUN, **{key: value for key, value in vars(self).items() if value not in ("", [], {})}}


def run(config: Config, trigger: str, report: Report) -> Outcome:
    """Make one set and prove it.

    Raises:
        BackupError: It failed; what was stored before is as it was.
    """
    with lock.exclusive(config.work / "lock", f"a backup ({trigger})"):
        started = history.now()
        outcome = Outcome(f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}", trigger, history.text_of(started))
        history.begin(config, {"what": history.RUN, "id": outcome.id, "trigger": trigger, "started": outcome.started})
        try:
            _clear(config)
            _run(config, outcome, report)
        except BackupError as error:
            outcome.message, outcome.code = str(error), error.code
            raise
        except OSError as error:
            if error.errno not in files.FULL:
                outcome.message, outcome.code = f"{type(error).__name__}: {error}", BackupError.code
                raise
            full = SpaceError(
                f"the disk of {error.filename or config.work} is full: free space on it; no backup was made"
            )
            outcome.message, outcome.code = str(full), full.code
            raise full from None
        except Exception as error:
            outcome.message, outcome.code = f"{type(error).__name__}: {error}", BackupError.code
            raise
        finally:
            if sys.exc_info()[0] is None or isinstance(sys.exc_info()[1], Exception):
                history.end(config, outcome.entry())
                webhook.tell(config, outcome.entry(), report)
        return outcome


def _run(config: Config, outcome: Outcome, report: Report) -> None:
    sets = config.work / "sets"
    final = sets / outcome.id
    with outcome.timed("dump"):
        made = make(config, outcome, final, report)
    outcome.bytes = made.bytes
    outcome.stores = {store.name: {"kind": store.kind, "bytes": store.bytes} for store in made.stores}
    stored, failed = _store(config, outcome, final, report)
    if config.verify and stored:
        with outcome.timed("verify"):
            _verify(config, outcome, stored, report)
    outcome.destinations = [place.name for place, _ in stored]
    for place, _ in stored:
        report.phase("forget", destination=place.name)
        forget(config, place)
    if failed:
        raise failed[0]
    outcome.result = "verified" if config.verify else "stored"
    files.remove(final)


def make(config: Config, outcome: Outcome, final: Path, report: Report) -> Manifest:
    """Write a set to a folder, which has its name only once it is complete."""
    partial = final.with_name(f"{final.name}.partial")
    partial.mkdir(parents=True)
    started = time.monotonic()
    with ExitStack() as stack:
        opened: list[tuple[Part, OpenStore, ExitStack]] = []
        for part in config.stores:
            report.phase("open", store=part.name)
            # Each is closed when it is dumped, so that a long run holds no snapshot longer than it must.
            own = stack.enter_context(ExitStack())
            opened.append((part, own.enter_context(store_of(part, config).open()), own))
        needed = sum(store.estimate() for _, store, _ in opened)
        files.need_space(config.work, needed, "a backup with its verification")
        _need_space_locally(config, needed)
        records = []
        for part, store, own in opened:
            records.append(_dump(part, store, partial, report))
            own.close()
    made = Manifest(
        id=outcome.id,
        project=config.project,
        stack=config.stack,
        platform=config.platform,
        trigger=outcome.trigger,
        started=outcome.started,
        finished=history.text_of(history.now()),
        seconds=round(time.monotonic() - started, 3),
        bytes=sum(record.bytes for record in records),
        tool={"slipway_backup": VERSION, "restic": _restic_version(), "python": sys.version.split()[0]},
        stores=records,
    )
    files.write(partial / manifest.NAME, made.text())
    files.publish(partial, final)
    return made


def _dump(part: Part, store: OpenStore, partial: Path, report: Report) -> StoreRecord:
    report.phase("dump", store=part.name)
    started = time.monotonic()
    folder = partial / part.kind / part.name
    folder.mkdir(parents=True)
    content = store.dump(folder, report)
    taken = [files.record(path, partial) for path in sorted(folder.rglob("*")) if path.is_file()]
    return StoreRecord(
        name=part.name,
        kind=part.kind,
        seconds=round(time.monotonic() - started, 3),
        bytes=sum(item.bytes for item in taken),
        files=taken,
        content=content,
    )


def _store(
    config: Config, outcome: Outcome, final: Path, report: Report
) -> tuple[list[tuple[Repository, Snapshot]], list[BackupError]]:
    """Store the set wherever it can be; one destination that fails is no reason to leave the others out."""
    stored: list[tuple[Repository, Snapshot]] = []
    failed: list[BackupError] = []
    for part in config.destinations:
        report.phase("store", destination=part.name)
        try:
            with outcome.timed("store"):
                place = repository(part, config)
                place.ensure()
                snapshot = place.store(
                    final,
                    outcome.id,
                    outcome.trigger,
                    lambda done, total, name=part.name: report.progress("store", done, total, destination=name),
                )
        except BackupError as error:
            report.warning(str(error))
            failed.append(error)
            continue
        stored.append((place, Snapshot(snapshot, outcome.id, outcome.started, outcome.trigger, None)))
    return stored, failed


def _verify(config: Config, outcome: Outcome, stored: Sequence[tuple[Repository, Snapshot]], report: Report) -> None:
    """Fetch the set from each destination; equal files restore equally, so one of them is restored."""
    for number, (place, snapshot) in enumerate(stored):
        folder = config.work / "fetched" / outcome.id
        try:
            found = verify.fetch(place, snapshot, folder, report)
            if number == 0:
                verify.restored(config, found, folder, report)
        finally:
            files.remove(folder)
    for place, snapshot in stored:
        place.mark_verified(snapshot, history.text_of(history.now()))


def forget(config: Config, place: Repository) -> list[str]:
    """Remove from a destination what no rule keeps; return the ids."""
    there = place.snapshots()
    known = [retention.Known(item.id, history.moment_of(_moment(item.id)), item.verified is not None) for item in there]
    gone = retention.to_forget(known, config.keep, history.now())
    place.forget([item for item in there if item.id in gone])
    return gone


def _moment(set_id: str) -> str:
    """Return the moment in an id."""
    digits = set_id.partition("-")[0]
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:11]}:{digits[11:13]}:{digits[13:]}"


def _clear(config: Config) -> None:
    """Remove what killed runs left; the lock is held, so nobody works on it."""
    for folder in ("sets", "scratch", "fetched"):
        files.remove(config.work / folder)
        (config.work / folder).mkdir()
    # The folder itself stays: whoever only reads a destination needs no lock, and has files there.
    files.empty(config.work / "tmp")


def _need_space_locally(config: Config, needed: int) -> None:
    for part in config.destinations:
        if part.kind == "local":
            place = Path(part.text("path"))
            files.need_space(place if place.exists() else place.parent, needed // 3, f"destination {part.name}")


def _restic_version() -> str:
    with contextlib.suppress(OSError):
        text = subprocess.run(["restic", "version"], capture_output=True, text=True, check=False).stdout
        return text.split()[1] if text else ""
    return ""
