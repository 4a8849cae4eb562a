"""From an object store alone to a host that has nothing: the kit that has to be kept elsewhere, and what it opens.

A kit is one file with what nobody can find out when a host is gone: where the backups are, the keys to get at them,
their passphrase, and the stack's. Everything else is in the backups.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from operate import labels
from operate.backups import PART, BackupFailed, Scheduler
from operate.errors import OperateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import docker

FORMAT: Final = 1
ROLE: Final = "recovery"
"""Role of the container that fetches on a host that has no platform yet."""
_CONFIG: Final = "/etc/slipway-backup/config.json"
_KEPT: Final = ("format", "project", "stack", "platform", "keep", "passphrase_file")
_STORE: Final = {"name": "checkpoint", "kind": "checkpoint", "folder": "/work/checkpoint"}


class RecoveryRefused(OperateError):  # noqa: N818 - named as what it reports
    """It can't be done, and nothing was changed."""


@dataclass(frozen=True)
class Kit:
    """What a recovery needs."""

    project: str
    stack: str
    config: Mapping[str, Any]
    """As the backup container takes it."""
    files: Mapping[str, str] = field(repr=False)
    """Content of the files that the configuration names."""
    passphrase: str = field(repr=False)
    """The stack's."""


def make_kit(scheduler: Scheduler, passphrase: str) -> Kit:
    """Gather it from a stack that runs.

    Raises:
        RecoveryRefused: Its backups are on its own host alone.
    """
    config = json.loads(_content(scheduler, _CONFIG))
    places = [item for item in config["destinations"] if item["kind"] != "local"]
    if not places:
        raise RecoveryRefused(
            "all backups of this stack are on its own host: when that is gone, so are they\n"
            "  fix: add a destination of kind s3 (docs/backups.md)"
        )
    named = [config["passphrase_file"]]
    named += [value for item in places for key, value in item.items() if key.endswith("_file") and value]
    kept = {key: config[key] for key in _KEPT}
    return Kit(
        config["project"],
        config["stack"],
        {**kept, "stores": [_STORE], "destinations": places, "schedule": None},
        {name: _content(scheduler, name) for name in dict.fromkeys(named)},
        passphrase,
    )


def write_kit(kit: Kit, file: Path) -> None:
    """Write it to a new file that nobody else can read."""
    document = {
        "format": FORMAT,
        **{name: getattr(kit, name) for name in ("project", "stack", "config", "files", "passphrase")},
    }
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise RecoveryRefused(f"can't make {file}: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(json.dumps(document, indent=1) + "\n")


def read_kit(file: Path) -> Kit:
    """Read it. Raises :class:`RecoveryRefused`."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content.pop("format") != FORMAT:
            raise RecoveryRefused(f"{file} is a kit of another version of Slipway")
        return Kit(**content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecoveryRefused(f"{file} is no kit: {error!r}\n  fix: slipway recover --write FILE makes one") from None


def refuse_what_is_there(client: docker.DockerClient, kit: Kit) -> None:
    """Refuse a host that has something of the stack: a recovery is for one that has nothing.

    Raises:
        RecoveryRefused: It has containers or data volumes of it.
    """
    wanted = labels.filters(kit.project, kit.stack)
    there = [item["Names"][0].lstrip("/") for item in client.api.containers(all=True, filters=wanted)]
    there += [item["Name"] for item in client.api.volumes(filters=wanted)["Volumes"] or ()]
    if there:
        raise RecoveryRefused(
            f"this host has something of stack {kit.stack}: {', '.join(there[:5])}{' …' if there[5:] else ''}\n"
            "  fix: on a stack that is there, slipway restore; on another host, slipway recover"
        )


@contextmanager
def fetcher(client: docker.DockerClient, kit: Kit, image: str) -> Iterator[Scheduler]:
    """Run a container that gets at the backups and holds nothing of the platform."""
    user, _, group = str(client.images.get(image).attrs["Config"]["User"] or "0:0").partition(":")
    made = client.api.create_container(
        image,
        ["serve"],
        labels={labels.PROJECT: kit.project, labels.STACK: kit.stack, labels.PART: PART, labels.ROLE: ROLE},
        host_config=client.api.create_host_config(cap_drop=["ALL"], security_opt=["no-new-privileges:true"]),
    )
    try:
        files = {_CONFIG: json.dumps(kit.config), **kit.files}
        client.api.put_archive(made["Id"], "/", _tar(files, int(user), int(group or user)))
        client.api.start(made["Id"])
        yield Scheduler(client, made["Id"])
    finally:
        client.api.remove_container(made["Id"], force=True, v=True)


def newest(scheduler: Scheduler) -> str:
    """Return the newest verified backup. Raises :class:`RecoveryRefused` or BackupFailed."""
    good = [item["id"] for item in scheduler.ask("list", "--json") if item["verified"]]
    if not good:
        raise RecoveryRefused("there is no verified backup where the kit leads to")
    return str(max(good))


def fetch_checkpoint(scheduler: Scheduler, set_id: str) -> dict[str, bytes]:
    """Return the stack's own files as a backup has them.

    Raises:
        RecoveryRefused: It has none.
    """
    path = ""
    for event in scheduler.events("restore", "archive", _STORE["name"], "--set", set_id, "--json"):
        path = str(event["path"]) if event["event"] == "result" else path
    stream, _ = scheduler.client.api.get_archive(scheduler.id, path)
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as outer:
        found = outer.extractfile(outer.getmembers()[0])
        assert found is not None  # noqa: S101 - the step has said that it is a file
        inner = found.read()
    with tarfile.open(fileobj=io.BytesIO(inner)) as archive:
        files = {item.name: stream.read() for item in archive if (stream := archive.extractfile(item)) is not None}
    if not any(name.endswith(".json") and name != "facts.json" for name in files):
        raise RecoveryRefused(f"backup {set_id} has no state of the stack in it")
    return files


def put_back(files: Mapping[str, bytes], kit: Kit, root: Path, state: Path) -> list[str]:
    """Write the stack's state, and its settings and passphrase where they are missing; return what was written.

    Raises:
        RecoveryRefused: There is a state already.
    """
    target = state / ".pulumi" / "stacks" / kit.project / f"{kit.stack}.json"
    if target.exists():
        raise RecoveryRefused(f"there is a state of stack {kit.stack} here: {target}\n  fix: slipway restore")
    settings = f"Pulumi.{kit.stack}.yaml"
    wanted = {target: files[f"{kit.stack}.json"]}
    if settings in files and not (root / settings).exists():
        wanted[root / settings] = files[settings]
    if not (state / "passphrase").exists():
        wanted[state / "passphrase"] = kit.passphrase.encode() + b"\n"
    for file, content in wanted.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(content)
    return [str(file.relative_to(root)) if file.is_relative_to(root) else str(file) for file in wanted]


def _content(scheduler: Scheduler, path: str) -> str:
    made = scheduler.client.api.exec_create(scheduler.id, ["cat", path])
    out, _ = scheduler.client.api.exec_start(made["Id"], demux=True)
    if scheduler.client.api.exec_inspect(made["Id"])["ExitCode"]:
        raise BackupFailed(f"{path} can't be read in the backup container")
    return (out or b"").decode()


def _tar(files: Mapping[str, str], uid: int, gid: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.size, entry.mode, entry.uid, entry.gid = len(text.encode()), 0o400, uid, gid
            archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()
