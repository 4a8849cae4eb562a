"""A restic repository: where sets are kept, encrypted, compressed, and equal parts once."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from slipway_backup import tools
from slipway_backup.errors import (
    AbsentRepositoryError,
    BackupError,
    DestinationError,
    FullDestinationError,
    PassphraseError,
)
from slipway_backup.watch import DISK_FULL, FULL, Patience, Watch, disk_is_full, store_is_full

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

TAG: Final = "slipway"
_SET: Final = "set:"
_VERIFIED: Final = "verified:"
_TRIGGER: Final = "trigger:"
_SHORT_S: Final = 120.0
_LONG_S: Final = 21_600.0
_LONGEST_S: Final = 172_800.0
"""Storing for the first time may take days; that it gets on is watched."""
_WRONG_PASSPHRASE: Final = ("wrong password", "no key found")
_NO_CONFIG: Final = "unable to open config file"
_ABSENT: Final = ("does not exist", "no such file or directory")
_REFUSED: Final = ("Access Key Id you provided does not exist", "request signature we calculated", "Access Denied")
_TRY: Final = re.compile(r"^.* returned error, retrying after [^:]*: ")
_LOCKED: Final = "already locked"


@dataclass(frozen=True)
class Snapshot:
    """A set in a repository."""

    snapshot: str
    """Restic's id; it changes when the set is marked."""
    id: str
    """The set's id."""
    time: str
    trigger: str
    verified: str | None
    """When it was verified, or nothing."""


@dataclass(frozen=True)
class Repository:
    """One repository. Its credentials are in files, never in an argument or environment."""

    name: str
    """The destination's name."""
    location: str
    """As restic writes it: a folder, or ``s3:https://…``."""
    passphrase_file: Path
    cache: Path
    host: str
    """Under which name sets stand there."""
    options: Sequence[str] = ()
    credentials: str | None = None
    """Content of a file of AWS credentials."""
    region: str | None = None
    probe: Callable[[], None] = field(default=lambda: None)
    """Raises :class:`DestinationError` at once where restic would try for a quarter of an hour."""

    @property
    def is_local(self) -> bool:
        """Whether it is a folder."""
        return ":" not in self.location

    def ensure(self) -> None:
        """Make the repository unless it is there.

        Raises:
            DestinationError: It can't be reached, or refuses.
            PassphraseError: It was made with another passphrase.
        """
        self.probe()
        try:
            locks = self._once("list", "locks", "--no-lock", timeout_s=_SHORT_S)
        except AbsentRepositoryError:
            self._once("init", "--repository-version", "2", timeout_s=_SHORT_S)
            return
        # What a killed run has locked would stop the next at its first step.
        if locks.strip():
            self._release()

    def store(self, folder: Path, set_id: str, trigger: str, progress: Callable[[int, int], None]) -> str:
        """Store a set; return restic's id of it.

        Raises:
            DestinationError: It was not stored, at least not wholly.
        """
        tags = [argument for tag in (TAG, _SET + set_id, _TRIGGER + trigger) for argument in ("--tag", tag)]
        command = ("backup", "--json", "--host", self.host, "--compression", "auto", *tags, ".")
        summary: dict[str, Any] = {}
        self.probe()
        with self._started(*command, timeout_s=_LONGEST_S, cwd=folder) as (process, watch):
            assert process.stdout is not None  # noqa: S101 - asked for
            for line in process.stdout:
                message = _json(line)
                if message.get("message_type") == "status":
                    watch.done = int(message.get("bytes_done", 0))
                    progress(watch.done, int(message.get("total_bytes", 0)))
                elif message.get("message_type") == "summary":
                    summary = message
        if not summary.get("snapshot_id"):
            raise DestinationError(f"destination {self.name}: restic named no snapshot of what it stored")
        return str(summary["snapshot_id"])

    def snapshots(self) -> list[Snapshot]:
        """Return the sets, the oldest first. A repository that is not there yet has none.

        Raises:
            DestinationError: It can't be reached, or refuses.
        """
        self.probe()
        try:
            text = self._run("snapshots", "--json", "--tag", TAG, "--host", self.host, "--no-lock", timeout_s=_SHORT_S)
        except AbsentRepositoryError:
            return []
        found = [snapshot for item in json.loads(text) or [] if (snapshot := _snapshot(item)) is not None]
        return sorted(found, key=lambda item: (item.id, item.time))

    def read(self, snapshot: Snapshot, path: str) -> str:
        """Return a small file of a set."""
        return self._run("dump", "--no-lock", snapshot.snapshot, f"/{path}", timeout_s=_SHORT_S)

    def fetch(self, snapshot: Snapshot, folder: Path, only: str | None = None) -> None:
        """Write a set to a folder, or what is below one path of it.

        Raises:
            DestinationError: Something of it can't be had, or is not what was stored.
        """
        self.probe()
        # Restic's own check of what it wrote would read everything a second time; the manifest's hashes do that. A lock
        # would have to be written, which a store that is full refuses; nobody removes anything while ours is held.
        include = ["--include", only] if only else []
        self._run("restore", "--no-lock", snapshot.snapshot, "--target", str(folder), *include, timeout_s=_LONG_S)

    def mark_verified(self, snapshot: Snapshot, moment: str) -> None:
        """Write down that a set was verified."""
        self._run("tag", "--add", _VERIFIED + moment, snapshot.snapshot, timeout_s=_SHORT_S)

    def forget(self, snapshots: Sequence[Snapshot]) -> None:
        """Remove sets and what only they used."""
        if snapshots:
            self._run("forget", "--prune", *(item.snapshot for item in snapshots), timeout_s=_LONG_S)

    def check(self, *, read_all: bool) -> None:
        """Look for damage; with ``read_all`` in every byte that is stored.

        Raises:
            DestinationError: There is some.
        """
        self.probe()
        self._run("check", "--no-lock", *(["--read-data"] if read_all else []), timeout_s=_LONG_S)

    def _release(self) -> bool:
        """Remove locks if killed runs of this very stack left all of them; return whether that was so.

        Restic takes a lock for alive while a process of its number runs on its host, and in a container numbers come
        back at once. Nobody else of ours is at work while our own lock is held; another host's is respected.
        """
        own = self._own_hosts()
        for lock in self._once("list", "locks", "--no-lock", timeout_s=_SHORT_S).split():
            if _json(self._once("cat", "lock", lock, "--no-lock", timeout_s=_SHORT_S)).get("hostname") not in own:
                return False
        self._once("unlock", "--remove-all", timeout_s=_SHORT_S)
        return True

    def _own_hosts(self) -> list[str]:
        """Return the names that this container, and those before it, had; the work volume is theirs alone."""
        file = self.cache.parent / "hosts"
        names = file.read_text(encoding="utf-8").split() if file.exists() else []
        if socket.gethostname() not in names:
            names.append(socket.gethostname())
            file.write_text("\n".join(names) + "\n", encoding="utf-8")
        return names

    def _run(self, *arguments: str, timeout_s: float) -> str:
        self._own_hosts()
        try:
            return self._once(*arguments, timeout_s=timeout_s)
        except DestinationError as error:
            if _LOCKED not in str(error) or not self._release():
                raise
            return self._once(*arguments, timeout_s=timeout_s)

    def _once(self, *arguments: str, timeout_s: float) -> str:
        with self._started(*arguments, timeout_s=timeout_s) as (process, _):
            assert process.stdout is not None  # noqa: S101 - asked for
            return process.stdout.read()

    @contextmanager
    def _started(
        self, *arguments: str, timeout_s: float, cwd: Path | None = None
    ) -> Iterator[tuple[subprocess.Popen[str], Watch]]:
        """Run restic; at the end it has ended well.

        Raises:
            DestinationError: It has not; or it got nowhere and was ended.
        """
        with self._files() as (command, env), self._messages() as (said, file):
            with (
                subprocess.Popen(
                    [*command, *arguments], env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=said, text=True
                ) as process,
                Watch(process, file, Patience(timeout_s)) as watch,
            ):
                yield process, watch
            text = file.read_text(encoding="utf-8", errors="replace")
        if watch.reason is not None or process.returncode:
            raise self._error(arguments[0], text, watch)

    @contextmanager
    def _messages(self) -> Iterator[tuple[IO[str], Path]]:
        folder = self.cache.parent / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        # Without a name: a backup that begins meanwhile clears this folder.
        with tempfile.TemporaryFile("w", dir=folder, encoding="utf-8") as said:
            yield said, Path(f"/proc/self/fd/{said.fileno()}")

    @contextmanager
    def _files(self) -> Iterator[tuple[list[str], dict[str, str]]]:
        scratch = self.cache.parent / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        # What restic packs stands in files for a while: more than a memory folder holds.
        env = {"RESTIC_PROGRESS_FPS": "2", "TMPDIR": str(scratch)}
        if self.region:
            env["AWS_DEFAULT_REGION"] = self.region
        command = ["restic", "--repo", self.location, "--password-file", str(self.passphrase_file)]
        command += ["--cache-dir", str(self.cache), *self.options]
        if self.credentials is None:
            yield command, tools.environment(env)
            return
        with tools.secret_file(self.credentials) as file:
            yield command, tools.environment({**env, "AWS_SHARED_CREDENTIALS_FILE": str(file)})

    def _error(self, what: str, said: str, watch: Watch) -> BackupError:
        text = said.strip()
        if any(words in text for words in _WRONG_PASSPHRASE):
            return PassphraseError(
                f"destination {self.name}: its repository was made with another passphrase;"
                " restore with the one that was kept (slipway backup key), or give this stack a place of its own"
            )
        if store_is_full(text):
            return FullDestinationError(
                f"destination {self.name} is full: {_said(text, FULL)}; what it has stays as it is:"
                " give it more space, or keep fewer backups (backups.keep)"
            )
        if disk_is_full(text):
            where = self.location if self.is_local and self.location in text else str(self.cache.parent)
            return FullDestinationError(
                f"destination {self.name}: the disk of {where} is full: {_said(text, DISK_FULL)}; free space on it"
            )
        if any(words in text for words in _REFUSED):
            return DestinationError(
                f"destination {self.name} refuses: {_said(text, _REFUSED)}; that is the access key or its secret:"
                " compare the secrets that backups.destinations names with the store's"
            )
        if _NO_CONFIG in text and any(words in text for words in _ABSENT):
            return AbsentRepositoryError(f"destination {self.name} has no repository yet")
        why = f"{watch.reason}: " if watch.reason else ""
        return DestinationError(f"destination {self.name}: restic {what}: {why}{tools.tail(text)}")


def _said(text: str, words: Sequence[str]) -> str:
    """Return the newest line that has any of some words."""
    found = (line for line in reversed(text.splitlines()) if any(word.lower() in line.lower() for word in words))
    return _TRY.sub("", next(found, "")).strip()


def _json(line: str) -> Mapping[str, Any]:
    try:
        content = json.loads(line)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _snapshot(item: Mapping[str, Any]) -> Snapshot | None:
    tags = [str(tag) for tag in item.get("tags") or ()]

    def tagged(prefix: str) -> str | None:
        return max((tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix)), default=None)

    set_id = tagged(_SET)
    if set_id is None:
        return None
    return Snapshot(item["id"], set_id, item["time"], tagged(_TRIGGER) or "", tagged(_VERIFIED))
