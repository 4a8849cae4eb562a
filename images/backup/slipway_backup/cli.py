"""The command ``slipway-backup``: arguments, and exit codes that say what happened."""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway_backup import config as configuration
from slipway_backup import files, history, listing, lock, metrics, sets, verify, webhook
from slipway_backup.destinations import repositories
from slipway_backup.errors import BackupError
from slipway_backup.point_in_time import asking, state
from slipway_backup.point_in_time import places as moments_places
from slipway_backup.report import Report
from slipway_backup.restore import commands as restoring

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slipway_backup.config import Config

_EXITS = (
    "exit codes: 0 done, 1 failed, 2 wrong arguments or configuration, 3 another one is running, 4 not enough space,"
    " 5 does not verify, 6 no such backup, 7 a destination does not answer or refuses, 8 wrong passphrase"
)


def main(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code."""
    asked = _parser().parse_args(arguments)
    report = Report(as_json=getattr(asked, "json", False))
    try:
        return _COMMANDS[asked.command](asked, report)
    except BackupError as error:
        report.error(str(error), error.code)
        return error.code
    except Exception as error:  # noqa: BLE001 - whoever asked has to be told
        report.error(f"{type(error).__name__}: {error}", 1)
        traceback.print_exc(file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="slipway-backup", description="Backup sets of a platform.", epilog=_EXITS)
    parser.add_argument("--config", type=Path, default=configuration.DEFAULT_FILE, help="the configuration's file")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="stay, run what is due, serve metrics")
    commands.add_parser("keep-log", help="stay, and keep databases restorable to any moment")
    moments = commands.add_parser("moments", help="which moments databases can be restored to")
    moments.add_argument("--until", type=asking.moment, help="store log away now, if that is needed to have this one")
    commands.add_parser("health", help="exit 0 while the scheduler lives")
    commands.add_parser("status", help="what is known of the last runs, as JSON")
    readers = commands.add_parser("read-volumes", help="hand out the volumes below a folder")
    readers.add_argument("sockets", type=Path, help="folder of the sockets")
    readers.add_argument("--data", type=Path, default=Path("/data"), help="folder of the volumes")
    run = commands.add_parser("run", help="make one set: dump, store, verify, forget")
    run.add_argument("--trigger", default="manual", choices=["manual", "schedule", "before-deploy", "safety"])
    lists = commands.add_parser("list", help="the sets of every destination")
    one = {
        "show": commands.add_parser("show", help="what a set holds, and where it is"),
        "verify": commands.add_parser("verify", help="fetch a set, restore it into scratch servers, compare"),
        "fetch": commands.add_parser("fetch", help="write a set to a folder and compare each file"),
    }
    for parser_ in one.values():
        parser_.add_argument("set", help="its id, or latest")
        parser_.add_argument("--destination", help="take it from this one")
    one["verify"].add_argument("--read-all", action="store_true", help="and read all that is stored anywhere")
    one["fetch"].add_argument("--to", type=Path, required=True, help="an empty folder")
    restoring.add_arguments(commands.add_parser("restore", help="a step of slipway restore"))
    for parser_ in (run, lists, moments, *one.values()):
        parser_.add_argument("--json", action="store_true", help="write JSON")
    return parser


def _load(asked: argparse.Namespace) -> Config:
    return configuration.load(asked.config)


def _serve(asked: argparse.Namespace, _: Report) -> int:
    from slipway_backup import scheduler  # noqa: PLC0415 - only where it is needed

    return scheduler.serve(_load(asked))


def _keep_log(asked: argparse.Namespace, report: Report) -> int:
    from slipway_backup.point_in_time import archive  # noqa: PLC0415 - only where it is needed

    return archive.serve(_load(asked), report)


def _moments(asked: argparse.Namespace, report: Report) -> int:
    found = asking.moments(_load(asked), Report(quiet=True) if asked.json else report, asked.until)
    if asked.json:
        print(json.dumps(found))
        return 0
    for item in found:
        print(f"{item['store']}  {item['since']} to {item['until']}  {', '.join(item['destinations'])}")
    return 0


def _health(_asked: argparse.Namespace, _: Report) -> int:
    from slipway_backup import scheduler  # noqa: PLC0415 - only where it is needed

    return scheduler.health()


def _read_volumes(asked: argparse.Namespace, _: Report) -> int:
    from slipway_backup import reader  # noqa: PLC0415 - only where it is needed

    return reader.serve(asked.data, asked.sockets)


def _status(asked: argparse.Namespace, _: Report) -> int:
    config = _load(asked)
    found = history.entries(config)
    newest = history.last(found, history.RUN, *metrics.GOOD, "failed")
    document: dict[str, Any] = {
        "now": history.text_of(history.now()),
        "running": lock.is_held(config.work / "lock"),
        "alert_after_s": config.alert_after_s,
        "schedule": config.schedule,
        "pauses": any("pauser" in part.options for part in config.stores),
        "first_run": found[0]["ended"] if found else None,
        "last_run": newest,
        "last_verified": history.last(found, history.RUN, "verified"),
        "last_read_all": history.last(found, history.READ_ALL, "verified", "failed"),
        "point_in_time": None,
    }
    if config.point_in_time is not None:
        known = {part.name: state.read(config, part.name).document() for part in state.databases(config)}
        document["point_in_time"] = {"alert_after_s": config.point_in_time.alert_after_s, "databases": known}
    print(json.dumps(document))
    return 0


def _run(asked: argparse.Namespace, report: Report) -> int:
    outcome = sets.run(_load(asked), asked.trigger, report)
    report.emit(
        "result",
        id=outcome.id,
        verified=outcome.result == "verified",
        bytes=outcome.bytes,
        seconds=outcome.seconds,
        destinations=outcome.destinations,
    )
    return 0


def _list(asked: argparse.Namespace, report: Report) -> int:
    found = listing.sets(_load(asked), Report(quiet=True) if asked.json else report)
    if asked.json:
        print(json.dumps([item.document() for item in found]))
        return 0
    for item in found:
        print(f"{item.id}  {item.verified or 'not verified':22}  {', '.join(sorted(item.places))}")
    return 0


def _show(asked: argparse.Namespace, report: Report) -> int:
    config = _load(asked)
    found, place = listing.choose(config, asked.set, report, asked.destination)
    found.manifest = listing.read_manifest(config, place, found.places[place.name], report)
    document = found.document() | {"manifest": asdict(found.manifest) if found.manifest else None}
    print(json.dumps(document, indent=None if asked.json else 1))
    return 0


def _verify(asked: argparse.Namespace, report: Report) -> int:
    config = _load(asked)
    with lock.exclusive(config.work / "lock", "a verification"):
        started = history.now()
        entry: dict[str, Any] = {"what": history.READ_ALL, "started": history.text_of(started), "result": "failed"}
        try:
            verified = _verify_one(config, asked, report)
            if asked.read_all:
                for place in repositories(config, asked.destination):
                    report.phase("read-all", destination=place.name)
                    place.check(read_all=True)
                if config.point_in_time is not None:
                    moments_places.read_all(config, report, asked.destination)
            entry |= {"id": verified, "result": "verified"}
        except BackupError as error:
            entry["message"] = str(error)
            raise
        finally:
            if asked.read_all:
                entry["seconds"] = {"verify": (history.now() - started).total_seconds()}
                history.add(config, entry)
                if entry["result"] == "failed":
                    webhook.tell(config, {"message": "it was interrupted", **entry}, report)
    report.emit("result", id=verified, verified=True)
    return 0


def _verify_one(config: Config, asked: argparse.Namespace, report: Report) -> str:
    found, place = listing.choose(config, asked.set, report, asked.destination)
    folder = config.work / "fetched" / found.id
    try:
        manifest = verify.fetch(place, found.places[place.name], folder, report)
        verify.restored(config, manifest, folder, report)
    finally:
        files.remove(folder)
    snapshot = found.places[place.name]
    if snapshot.verified is None:
        place.mark_verified(snapshot, history.text_of(history.now()))
    return found.id


def _fetch(asked: argparse.Namespace, report: Report) -> int:
    config = _load(asked)
    found, place = listing.choose(config, asked.set, report, asked.destination)
    if asked.to.exists() and any(asked.to.iterdir()):
        raise configuration.ConfigError(f"{asked.to} is not empty")
    verify.fetch(place, found.places[place.name], asked.to, report)
    report.emit("result", id=found.id, folder=str(asked.to))
    return 0


def _restore(asked: argparse.Namespace, report: Report) -> int:
    if asked.step == "volume":
        return restoring.run_volume(asked, report)
    return restoring.run(asked, _load(asked), report)


_COMMANDS = {
    "restore": _restore,
    "serve": _serve,
    "keep-log": _keep_log,
    "moments": _moments,
    "health": _health,
    "status": _status,
    "read-volumes": _read_volumes,
    "run": _run,
    "list": _list,
    "show": _show,
    "verify": _verify,
    "fetch": _fetch,
}
