"""``slipway-backup restore …``: the steps of a restore that need a set, a server's tools or a volume.

``slipway restore`` asks for one after the other; each leaves the live data whole, whenever it ends.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from slipway_backup import files
from slipway_backup.errors import BusyError, ConfigError, NotVerifiedError
from slipway_backup.lock import exclusive
from slipway_backup.point_in_time import asking
from slipway_backup.restore import caches, carrying, confined, databases, fetched, imported, volumes
from slipway_backup.scratch.redis import scratch_redis
from slipway_backup.stores.postgres import is_external
from slipway_backup.stores.redis import SNAPSHOT

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from slipway_backup.config import Config, Part
    from slipway_backup.report import Report

_PATIENCE_S: Final = 120.0
_POLL_S: Final = 0.2
PASSWORD_VARIABLE: Final = "SLIPWAY_RESTORE_PASSWORD"  # noqa: S105 - a name
ARCHIVES: Final = "archives"
"""Folder below the restores' own, from which a volume's writer reads."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the subcommand."""
    steps = parser.add_subparsers(dest="step", required=True)
    for name, words in {
        "database": "fill a database beside the live one",
        "cache": "give a cache what a set holds",
        "archive": "lay a volume's or the checkpoint's archive ready",
    }.items():
        step = steps.add_parser(name, help=words)
        step.add_argument("store")
        step.add_argument("--set", default=fetched.LATEST)
        step.add_argument("--destination")
        step.add_argument("--json", action="store_true")
        if name == "cache":
            step.add_argument(
                "--prepare", action="store_true", help="fetch and compare alone, for the same step without it"
            )
        if name == "database":
            step.add_argument("--file", type=Path, help="a dump instead of a set")
            step.add_argument("--name", help="what the user calls that file")
            step.add_argument("--to", type=asking.moment, help="a moment instead of a set")
    step = steps.add_parser("carry", help="carry a database to an empty server, as it is now")
    step.add_argument("store")
    step.add_argument("--to", required=True, metavar="HOST", help="that server")
    step.add_argument("--json", action="store_true")
    steps.add_parser("tidy", help="end what interrupted restores have left").add_argument("--json", action="store_true")
    volume = steps.add_parser("volume", help="in a container of its own that has the volume")
    volume.add_argument("action", choices=["unpack", "swap", "go-on", "kept", "forget"])
    volume.add_argument("--root", type=Path, default=Path("/data"))
    volume.add_argument("--archive", type=Path)
    volume.add_argument("--digest")
    volume.add_argument("--moment")
    volume.add_argument("--json", action="store_true")


def run(arguments: argparse.Namespace, config: Config, report: Report) -> int:
    """Do one step and tell its result."""
    started = time.monotonic()
    with _alone(config, arguments.step):
        place = config.work / "restore"
        place.mkdir(mode=0o711, exist_ok=True)
        if arguments.step == "tidy":
            result = _tidy(config, place)
        else:
            part = _part(config, arguments.store)
            result = _STEPS[arguments.step](arguments, config, part, place, report)
    report.emit("result", step=arguments.step, seconds=round(time.monotonic() - started, 3), **result)
    return 0


@contextmanager
def _alone(config: Config, step: str) -> Iterator[None]:
    """Hold the lock of all that works here.

    Tidying waits for it: a step whose command was killed runs on, and fails soon when its database is gone.
    """
    deadline = time.monotonic() + (_PATIENCE_S if step == "tidy" else 0)
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(exclusive(config.work / "lock", f"restore {step}"))
                break
            except BusyError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_POLL_S)
        yield


def run_volume(arguments: argparse.Namespace, report: Report) -> int:
    """Do one step in a volume; needs no configuration."""
    result: dict[str, Any] = {}
    if arguments.action == "unpack":
        result = volumes.unpack(arguments.root, arguments.archive, arguments.digest)
    elif arguments.action == "swap":
        volumes.swap(arguments.root, arguments.moment)
    elif arguments.action == "go-on":
        result = {"went_on": volumes.go_on(arguments.root)}
    elif arguments.action == "kept":
        result = {"kept": volumes.kept(arguments.root)}
    else:
        volumes.forget(arguments.root)
    report.emit("result", step="volume", **result)
    return 0


def _wanted(arguments: argparse.Namespace) -> fetched.Wanted:
    return fetched.Wanted(arguments.store, arguments.set, arguments.destination)


def _part(config: Config, name: str) -> Part:
    for part in config.stores:
        if part.name == name:
            return part
    raise ConfigError(f"there is no store {name}; there are: {', '.join(part.name for part in config.stores)}")


def _database(arguments: argparse.Namespace, config: Config, part: Part, place: Path, report: Report) -> dict[str, Any]:
    password = os.environ.pop(PASSWORD_VARIABLE, "")
    if not password and not is_external(part):
        raise ConfigError(f"{PASSWORD_VARIABLE} is not set: this is a step of slipway restore")
    server = databases.live_server(part, password)
    folder = place / f"database-{part.name}"
    files.remove(folder)
    folder.mkdir()
    source: dict[str, Any]
    try:
        if arguments.file is not None:
            name = arguments.name or arguments.file.name
            extensions = confined.extensions_of(server, part.text("database"))
            dump, source = imported.import_file(arguments.file, name, folder, extensions, report), {"file": name}
        elif arguments.to is not None:
            dump, known = asking.dump_of(config, part, arguments.to, folder, report)
            source = {"to": arguments.to.isoformat(), **known}
        else:
            found = fetched.fetch_store(config, _wanted(arguments), folder, report)
            dump, source = databases.of_set(found.files, found.record.content), {"set": found.manifest.id}
        return {**source, "store": part.name, **databases.fill_beside(part, server, dump, report)}
    finally:
        files.remove(folder)


def _carry(arguments: argparse.Namespace, _config: Config, part: Part, place: Path, report: Report) -> dict[str, Any]:
    password = os.environ.pop(PASSWORD_VARIABLE, "")
    if not password:
        raise ConfigError(f"{PASSWORD_VARIABLE} is not set: this is a step of slipway upgrade")
    live, new = databases.live_server(part, password), databases.server_at(arguments.to, password)
    folder = place / f"carry-{part.name}"
    files.remove(folder)
    folder.mkdir()
    try:
        return {"store": part.name, **carrying.carry(part, live, new, folder, report)}
    finally:
        files.remove(folder)


def _cache(arguments: argparse.Namespace, config: Config, part: Part, place: Path, report: Report) -> dict[str, Any]:
    folder = place / f"cache-{part.name}"
    ready = folder / SNAPSHOT
    if arguments.prepare:
        found = fetched.fetch_store(config, _wanted(arguments), folder, report)
        with scratch_redis(found.files / SNAPSHOT, config.work / "scratch" / f"restore-{part.name}") as scratch:
            keys, digest = scratch.keys(), scratch.digest()
        if digest != found.record.content["digest"]:
            raise NotVerifiedError(f"the snapshot of {part.name} has other content than was backed up")
        (found.files / SNAPSHOT).rename(ready)
        return {"set": found.manifest.id, "store": part.name, "keys": keys}
    if not ready.exists():
        raise ConfigError(f"the snapshot of {part.name} was not prepared: this is a step of slipway restore")
    try:
        server = config.work / "scratch" / f"serve-{part.name}"
        return {"store": part.name, "keys": caches.restore(part, ready, server, report)}
    finally:
        files.remove(folder)


def _archive(arguments: argparse.Namespace, config: Config, part: Part, place: Path, report: Report) -> dict[str, Any]:
    """Lay an archive where a container of another user can read it."""
    folder = place / ARCHIVES / part.name
    # For a container of another user that has this volume, read-only, for a moment; the next step closes it again.
    config.work.chmod(0o711)
    (place / ARCHIVES).mkdir(mode=0o711, exist_ok=True)
    found = fetched.fetch_store(config, _wanted(arguments), folder, report)
    file = folder / found.record.files[0].path
    for each in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        each.chmod(0o711)
    file.chmod(0o444)
    content = found.record.content
    return {
        "set": found.manifest.id,
        "store": part.name,
        "path": str(file),
        "digest": content["digest"],
        "entries": content["entries"],
    }


def _tidy(config: Config, place: Path) -> dict[str, Any]:
    files.remove(place)
    config.work.chmod(0o700)
    return {"caches": [part.name for part in config.stores if part.kind == "redis" and caches.recover(part)]}


_STEPS: Final = {"database": _database, "carry": _carry, "cache": _cache, "archive": _archive}
