"""Backups of a running platform, asked of the container that makes them: ``docker exec``, and lines of JSON.

What the commands and their events are stands in docs/adr/0011-backup-sets.md. Nothing here decides what is backed up.
"""

from __future__ import annotations

import io
import json
import secrets
import tarfile
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from operate import labels
from operate.errors import OperateError
from operate.moments import exposed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import docker

PART: Final = "backups"
"""The part that the scheduler's container belongs to."""
PASSPHRASE_FILE: Final = "/run/secrets/backup-passphrase"  # noqa: S105 - where one is
_COMMAND: Final = "slipway-backup"
_WORK: Final = "/work"

Event = dict[str, Any]


class NoBackups(OperateError):  # noqa: N818 - named as what it reports
    """No container is there to ask."""

    exit_code = 2


class BackupFailed(OperateError):  # noqa: N818 - named as what it reports
    """What was asked for failed; the text is what the container said."""


class NoSuchBackup(BackupFailed):
    """There is no such set."""

    exit_code = 6


_NO_SUCH_SET: Final = 6


@dataclass(frozen=True)
class Scheduler:
    """The container that makes a platform's backups."""

    client: docker.DockerClient
    """Docker."""
    id: str
    """Docker's id of it."""

    def events(self, *words: str, environment: Mapping[str, str] | None = None) -> Iterator[Event]:
        """Run a command there and yield what it tells, as it tells it.

        Leaving early, by Ctrl-C too, does not end it: a backup that runs is carried on there.

        Raises:
            BackupFailed: It ended badly.
            NoSuchBackup: There is no such set.
        """
        api = self.client.api
        made = api.exec_create(self.id, [_COMMAND, *words], environment=dict(environment or {}))
        rest, said, told = b"", b"", ""
        for out, err in api.exec_start(made["Id"], stream=True, demux=True):
            said += err or b""
            rest += out or b""
            *lines, rest = rest.split(b"\n")
            for line in lines:
                event = _event(line)
                if event.get("event") == "error":
                    told = str(event["message"])
                if event:
                    yield event
        code = int(api.exec_inspect(made["Id"])["ExitCode"] or 0)
        if code:
            raise _failure(code, told or said.decode(errors="replace").strip())

    def ask(self, *words: str) -> Any:
        """Run a command there that answers with one JSON document.

        Raises:
            BackupFailed: It ended badly.
            NoSuchBackup: There is no such set.
        """
        code, (out, err) = _finished(self.client, self.id, [_COMMAND, *words])
        text = out.decode(errors="replace")
        if code:
            raise _failure(code, _told(text) or err.decode(errors="replace").strip())
        return json.loads(text)

    def passphrase(self) -> str:
        """Return the passphrase of its repositories."""
        code, (out, _) = _finished(self.client, self.id, ["cat", PASSPHRASE_FILE])
        if code:
            raise BackupFailed(f"the passphrase can't be read in container {self.id[:12]}")
        return out.decode()

    def leave_checkpoint(self, files: Mapping[str, bytes], deployed: str) -> None:
        """Leave the stack's own files where the next set takes them; the old ones go only when the new are whole.

        Args:
            files: Content by name.
            deployed: When that was deployed, in UTC as ISO 8601.
        """
        aside = f"checkpoint-{secrets.token_hex(4)}"
        owner = str(self.client.api.inspect_container(self.id)["Config"]["User"] or "0:0").partition(":")
        facts = json.dumps({"deployed": deployed}).encode()
        content = _tar(aside, {**files, "facts.json": facts}, int(owner[0]), int(owner[2] or owner[0]))
        self.client.api.put_archive(self.id, _WORK, content)
        code, (_, err) = _finished(
            self.client,
            self.id,
            ["sh", "-c", f"cd {_WORK} && rm -rf checkpoint && mv {aside} checkpoint"],
        )
        if code:
            raise BackupFailed(f"the stack's state can't be left for backups: {err.decode(errors='replace').strip()}")


def find_scheduler(client: docker.DockerClient, project: str, stack: str) -> Scheduler:
    """Return the container that makes a stack's backups.

    Raises:
        NoBackups: None runs.
    """
    found = find_scheduler_if_any(client, project, stack)
    if found is None:
        raise NoBackups(
            f"stack {stack} has no container that makes backups\n"
            f"  fix: describe backups: {{}} (docs/backups.md), and slipway up --stack {stack}"
        )
    return found


def find_scheduler_if_any(client: docker.DockerClient, project: str, stack: str) -> Scheduler | None:
    """Return the same, or ``None``: the newest, where a release has left two."""
    chosen = labels.filters(project, stack)
    chosen["label"] += [f"{labels.PART}={PART}", f"{labels.ROLE}=server"]
    running = client.api.containers(filters={**chosen, "status": ["running"]})
    newest = max(running, key=lambda item: int(item["Created"]), default=None)
    return None if newest is None else Scheduler(client, str(newest["Id"]))


def checkpoint_files(state: Path, project: str, stack: str, root: Path) -> dict[str, bytes]:
    """Return the files without which a stack can't be carried on: its state, and what Pulumi says of it.

    Empty where the state is not in files of this machine.
    """
    from settings.source import PROJECT_FILE, stack_file  # noqa: PLC0415 - pydantic takes a while to import

    named = {
        f"{stack}.json": state / ".pulumi" / "stacks" / project / f"{stack}.json",
        stack_file(stack): root / stack_file(stack),
        PROJECT_FILE: root / PROJECT_FILE,
    }
    return {name: file.read_bytes() for name, file in named.items() if file.is_file()} if state.is_dir() else {}


def overdue(status: Mapping[str, Any], now: datetime | None = None) -> str | None:
    """Return in words what is wrong with a stack's backups, from what the container says of itself; or nothing."""
    moment = now or datetime.now(UTC)
    newest = status.get("last_run")
    if newest and newest["result"] == "failed":
        return f"the last backup failed ({newest['ended']}): {newest.get('message', '')}"
    if status.get("schedule") is None:
        return None
    verified, first = status.get("last_verified"), status.get("first_run")
    since = verified["ended"] if verified else first
    if since is None:
        return None
    age = (moment - datetime.fromisoformat(since)).total_seconds()
    if age <= float(status["alert_after_s"]):
        return None
    return f"no backup was verified for {age / 3600:.0f} hours"


def exposures(status: Mapping[str, Any]) -> list[str]:
    """Return in words which databases have writes that should be stored away by now, from the same."""
    known = status.get("point_in_time") or {}
    found = (exposed(name, item, known["alert_after_s"]) for name, item in known.get("databases", {}).items())
    return [problem for problem in found if problem]


def run(scheduler: Scheduler, trigger: str, told: Callable[[Event], None]) -> Event:
    """Have a backup made and return its result.

    Args:
        scheduler: Who makes it.
        trigger: ``manual``, ``before-deploy`` or ``safety``.
        told: Takes each event.

    Raises:
        BackupFailed: It failed.
    """
    return _result(scheduler.events("run", "--trigger", trigger, "--json"), told)


def verify(scheduler: Scheduler, wanted: str, told: Callable[[Event], None], *, read_all: bool) -> Event:
    """Have a backup restored and compared, and with ``read_all`` all that is stored read; return the result."""
    more = ["--read-all"] if read_all else []
    return _result(scheduler.events("verify", wanted, "--json", *more), told)


def _result(events: Iterator[Event], told: Callable[[Event], None]) -> Event:
    result: Event = {}
    for event in events:
        told(event)
        if event["event"] == "result":
            result = event
    return result


def _failure(code: int, said: str) -> BackupFailed:
    return NoSuchBackup(said) if code == _NO_SUCH_SET else BackupFailed(said or f"it ended with code {code}")


def _told(text: str) -> str:
    """Return the message of the last error among lines of JSON."""
    errors = [
        event["message"] for line in text.splitlines() if (event := _event(line.encode())).get("event") == "error"
    ]
    return str(errors[-1]) if errors else ""


def _event(line: bytes) -> Event:
    try:
        content = json.loads(line)
    except ValueError:
        return {}
    return content if isinstance(content, dict) and "event" in content else {}


def _finished(client: docker.DockerClient, container: str, command: Sequence[str]) -> tuple[int, tuple[bytes, bytes]]:
    made = client.api.exec_create(container, list(command))
    out, err = client.api.exec_start(made["Id"], demux=True)
    return int(client.api.exec_inspect(made["Id"])["ExitCode"] or 0), (out or b"", err or b"")


def _tar(folder: str, files: Mapping[str, bytes], uid: int, gid: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo(folder)
        entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, 0o700, uid, gid
        archive.addfile(entry)
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mode, entry.uid, entry.gid = len(content), 0o600, uid, gid
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
