"""One restore, from the choice of a backup to what serves it: every step leaves the live data whole, whenever it ends.

Databases are filled beside the live ones, volumes are unpacked beside what is in them, and all is compared; then what
uses them is held, the places change, and it goes on. What was live before is kept until somebody says otherwise.
"""

from __future__ import annotations

import secrets
import tarfile
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from operate.backups import BackupFailed, Scheduler, find_scheduler
from operate.errors import OperateError
from operate.find_containers import find_containers
from operate.hold import held, hold, let_go
from operate.live_postgres import LivePostgres, ServerRefused
from operate.outside_postgres import OutsidePostgres
from operate.restore_source import Done, RestoreRefused, Source, Stores, of_moment
from operate.volume_writer import VolumeWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    import docker

    from operate.find_containers import Found

RESTORABLE: Final = ("postgres", "redis", "volume")
"""Kinds of stores that are restored into a running platform."""
_PASSWORD: Final = "SLIPWAY_RESTORE_PASSWORD"  # noqa: S105 - a name
_TIMES: Final = 2
"""A dump is smaller than the database that it fills: there are indexes, and the write-ahead log of filling it."""
_WORK: Final = "/work"
_INCOMING: Final = "incoming"
_SPARE: Final = 64 << 20
_PACKED_TIMES: Final = 8


class Restore:
    """One restore of a stack.

    Args:
        client: Docker.
        project: The project.
        stack: The stack.
        stores: What the description says of them.
        say: Takes a line on what is being done.
    """

    def __init__(
        self,
        client: docker.DockerClient,
        project: str,
        stack: str,
        stores: Stores,
        say: Callable[[str], None],
    ) -> None:
        self._client = client
        self._project = project
        self._stack = stack
        self._users = stores.users
        self._databases = stores.databases
        self._outside = stores.outside
        self._say = say
        self._scheduler: Scheduler = find_scheduler(client, project, stack)

    def choose(self, wanted: str, only: Sequence[str]) -> Source:
        """Look at a backup; ``latest`` is the newest verified one that was not made for a restore's safety.

        Raises:
            RestoreRefused: There is none, or it lacks what is asked for.
        """
        if wanted == "latest":
            good = [
                item
                for item in self._scheduler.ask("list", "--json")
                if item["verified"] and item["trigger"] != "safety"
            ]
            if not good:
                raise RestoreRefused("there is no verified backup yet\n  fix: slipway backup")
            wanted = max(item["id"] for item in good)
        found = self._scheduler.ask("show", wanted, "--json")
        records = {record["name"]: record for record in found["manifest"]["stores"]}
        missing = [name for name in only if name not in records]
        if missing:
            raise RestoreRefused(f"backup {wanted} has no {', '.join(missing)}\n  allowed: {', '.join(records)}")
        # What is somebody else's is put back only by name: what is live there is not this platform's alone.
        own = [name for name in records if name not in self._outside]
        asked = {name: records[name] for name in (only or own)}
        return Source(
            set_id=wanted,
            stores={name: record for name, record in asked.items() if record["kind"] in RESTORABLE},
            left_out=[
                *(f"{name} ({record['kind']})" for name, record in asked.items() if record["kind"] not in RESTORABLE),
                *(f"{name} (external: --only {name})" for name in records if name not in asked and not only),
            ],
            taken=found["manifest"]["started"],
            verified=bool(found["verified"]),
        )

    def choose_moment(self, moment: datetime, only: Sequence[str]) -> Source:
        """Look whether databases can be restored to a moment; what is not stored away yet is stored first.

        Raises:
            RestoreRefused: Something else is asked for than a database whose moments are kept.
            WrongMoment: One has no such moment.
        """
        windows = self._scheduler.ask("moments", "--until", moment.isoformat(), "--json")
        return of_moment(windows, self._databases, moment, only)

    def bring(self, file: Path, database: str) -> Source:
        """Carry a file of this machine into the backup container.

        Raises:
            RestoreRefused: There is no such database.
        """
        if database not in self._databases:
            raise RestoreRefused(
                f"there is no database {database}\n  allowed: {', '.join(self._databases) or 'none is described'}"
            )
        size = file.stat().st_size
        self._client.api.put_archive(self._scheduler.id, _WORK, _tar_of(file))
        record = {"name": database, "kind": "postgres", "bytes": size, "content": {}}
        return Source(None, {database: record}, file=f"{_WORK}/{_INCOMING}", name=file.name)

    def live_size(self, store: str) -> str:
        """Say how much a database has now; of others it is not asked."""
        for server in self._servers({store: None}):
            return f"{server.size(self._databases[store]) / (1 << 20):.1f} MiB"
        return "-"

    def tidy(self) -> list[str]:
        """End what an interrupted restore has left, and say what that was."""
        told = []
        if paused := held(self._client, self._project, self._stack):
            let_go(self._client, paused)
            told.append(f"{len(paused)} containers that were held go on")
        for server in self._servers(self._databases):
            try:
                told += [f"{server.part}: half filled {name} is removed" for name in server.remove_leftovers()]
            except ServerRefused as error:
                if server.part not in self._outside:
                    raise
                told.append(f"{error}: it was left as it is")
        if caches := self._result("restore", "tidy")["caches"]:
            told.append(f"{', '.join(caches)}: on its own again")
        VolumeWriter.clear(self._client, self._project, self._stack)
        for store, container in self._writers():
            if container.go_on():
                told.append(f"{store}: the change of files that was under way is finished")
        return told

    def check_space(self, source: Source) -> None:
        """Refuse what would fill the disk of a live server.

        Raises:
            RestoreRefused: There is not enough space.
        """
        for server in self._servers(source.stores):
            record = source.stores[server.part]
            if isinstance(server, OutsidePostgres):
                server.check_rights(self._databases[server.part])
                self._say(f"{server.part}: how much space its server has is not known; twice the database is needed")
                continue
            # How much there was at a moment is not known: as much as now, at least.
            held = server.size(self._databases[server.part]) if source.moment else int(record["bytes"])
            needed = held * (_PACKED_TIMES if source.file else _TIMES) + _SPARE
            free = server.free()
            if free < needed:
                raise RestoreRefused(
                    f"{server.part}: beside the live database {needed >> 20} MiB are needed, {free >> 20} are free\n"
                    f"  fix: make space; slipway restore --forget --stack {self._stack} removes what earlier ones kept"
                )

    def safety(self, otherwise: str = ", or go without it: --no-safety") -> str:
        """Back everything up as it is now, and verify that.

        Args:
            otherwise: What the user can do instead, as the end of the advice.

        Raises:
            RestoreRefused: That failed.
        """
        try:
            made = self._result("run", "--trigger", "safety")
        except BackupFailed as error:
            raise RestoreRefused(
                f"the backup of how it is now failed, so nothing was touched: {error}\n  fix: mend that{otherwise}"
            ) from None
        if not made["verified"]:
            raise RestoreRefused("the backup of how it is now was not verified, so nothing was touched")
        return str(made["id"])

    def run(self, source: Source, moment: str) -> Done:
        """Restore; see the module.

        Args:
            source: From :meth:`choose`.
            moment: ``20261129T020000Z``: under this name what is live now is kept.
        """
        done = Done()
        servers = list(self._servers(source.stores))
        with ExitStack() as cleanup:
            for server in servers:
                self._fill(server, source, done, cleanup)
            for store in _caches(source):
                made = self._step(["restore", "cache", store, "--prepare", "--set", str(source.set_id)], {})
                self._say(f"{store}: {made['keys']} keys, compared")
            writers = [
                (store, container)
                for store, container in self._writers()
                if store in source.stores and self._unpack(store, container, source)
            ]
            self._change(source, servers, writers, moment, done)
        return done

    def _fill(self, server: LivePostgres, source: Source, done: Done, cleanup: ExitStack) -> None:
        password = secrets.token_urlsafe(32)
        server.make_login(password)
        cleanup.callback(server.remove_leftovers)
        words = ["restore", "database", server.part]
        if source.moment:
            words += ["--to", source.moment]
        else:
            words += ["--file", source.file, "--name", source.name] if source.file else ["--set", str(source.set_id)]
        result = self._step(words, {_PASSWORD: password})
        done.rows[server.part] = int(result["rows"])
        if source.moment:
            done.reached[server.part] = result.get("reached")
        self._say(f"{server.part}: {result['tables']} tables, {result['rows']} rows, compared")

    def _unpack(self, store: str, writer: VolumeWriter, source: Source) -> bool:
        laid = self._step(["restore", "archive", store, "--set", str(source.set_id)], {})
        writer.unpack(str(laid["path"]), str(laid["digest"]))
        self._say(f"{store}: {laid['entries']} files and folders, compared")
        return True

    def _step(self, words: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
        try:
            return self._result(*words, environment=environment)
        except BackupFailed as error:
            raise RestoreRefused(f"{error}\n  the live data were not touched") from None

    def _change(
        self,
        source: Source,
        servers: Sequence[LivePostgres],
        writers: Sequence[tuple[str, VolumeWriter]],
        moment: str,
        done: Done,
    ) -> None:
        """Hold what uses the stores and let the places change."""
        using = self._using(source.stores)
        replaced: list[str] = []
        started = time.monotonic()
        with hold(self._client, using):
            self._say(f"held: {', '.join(item.title for item in using) or 'nothing uses it'}")
            try:
                for server in servers:
                    live = self._databases[server.part]
                    done.kept[server.part] = server.swap(live, moment)
                    replaced.append(server.part)
                for store in _caches(source):
                    self._result("restore", "cache", store)
                    replaced.append(store)
                for store, writer in writers:
                    writer.swap(moment)
                    done.kept[store] = f"{store}: .slipway-restore/before-{moment}"
                    replaced.append(store)
            except OperateError as error:
                names = ", ".join(replaced) or "nothing"
                raise RestoreRefused(f"{error}\n  restored: {names}; everything else is as it was") from None
        done.held_s = time.monotonic() - started
        for item in self._using({store for store, _ in writers}):
            # They have the old files open.
            self._client.api.restart(item.id)

    def kept(self) -> Iterator[tuple[LivePostgres, Any]]:
        """Yield the databases that restores have replaced, each with its server."""
        for server in self._servers(self._databases):
            for item in server.kept():
                yield server, item

    def forget(self) -> list[str]:
        """Remove what restores have kept, for good, and return what that was."""
        told = []
        for server, item in self.kept():
            server.forget(item)
            told.append(item.name)
        for store, writer in self._writers():
            if moments := writer.kept():
                writer.forget()
                told += [f"{store} before {moment}" for moment in moments]
        return told

    def _servers(self, stores: Mapping[str, Any]) -> Iterator[LivePostgres]:
        for item in find_containers(self._client, self._project, self._stack):
            if item.role == "server" and item.part in stores and item.part in self._databases and item.running:
                yield LivePostgres(self._client, item.id, item.part)
        for part, place in self._outside.items():
            if part in stores:
                yield OutsidePostgres(self._client, self._scheduler.id, part, place)

    def _writers(self) -> Iterator[tuple[str, VolumeWriter]]:
        yield from VolumeWriter.of_stack(self._client, self._project, self._stack, self._scheduler.id)

    def _using(self, stores: Mapping[str, Any] | set[str]) -> list[Found]:
        """Return the containers that use any of some stores."""
        parts = {part for store in stores for part in self._users.get(store, ())}
        return [
            item
            for item in find_containers(self._client, self._project, self._stack)
            if item.role == "replica" and item.running and item.part in parts
        ]

    def _result(self, *words: str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Run a command in the backup container and return its result. Raises BackupFailed."""
        result: dict[str, Any] = {}
        for event in self._scheduler.events(*words, "--json", environment=environment):
            self._hear(event)
            if event["event"] == "result":
                result = event
        if not result:
            raise BackupFailed(f"slipway-backup {words[0]} was killed")
        return result

    def _hear(self, event: Mapping[str, Any]) -> None:
        if event.get("event") == "phase":
            where = event.get("store") or event.get("destination")
            self._say(f"{event['phase']}{f' {where}' if where else ''}")
        elif event.get("event") == "warning":
            self._say(f"warning: {event['message']}")


def _caches(source: Source) -> list[str]:
    return [name for name, record in source.stores.items() if record["kind"] == "redis"]


def _tar_of(file: Path) -> Iterator[bytes]:
    """Yield an archive with one file, piece by piece: a dump may be larger than memory."""
    entry = tarfile.TarInfo(_INCOMING)
    entry.size, entry.mode = file.stat().st_size, 0o444
    yield entry.tobuf()
    with file.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            yield chunk
    yield b"\0" * (-entry.size % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE)
