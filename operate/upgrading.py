"""The upgrade of a database to another major version of PostgreSQL: everything but the deployments that switch.

The live server is only read until a deployment puts its successor in its place, and its volume is never written
again: whenever the command ends, the live data are whole. See docs/adr/0015-major-upgrades.md.
"""

from __future__ import annotations

import copy
import secrets
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from operate.backups import BackupFailed, find_scheduler, find_scheduler_if_any
from operate.data_guard import image_major
from operate.errors import OperateError
from operate.find_containers import find_containers
from operate.hold import held, hold, let_go
from operate.live_postgres import LivePostgres
from operate.new_server import NewServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import docker

    from operate.find_containers import Found
    from operate.releases import Release

_PASSWORD: Final = "SLIPWAY_RESTORE_PASSWORD"  # noqa: S105 - a name
_TIMES: Final = 2.5
"""The new volume with its write-ahead log, and the dump, beside the size of the database."""
_SPARE: Final = 64 << 20
_RELEASE_KEYS: Final = ("number", "environment", "profiles", "versions")


class UpgradeRefused(OperateError):  # noqa: N818 - named as what it reports
    """The live database serves as before."""


class NothingToUpgrade(UpgradeRefused):
    """The description has nothing of that kind, or the arguments don't fit it."""

    exit_code = 2


@dataclass(frozen=True)
class Target:
    """Where an upgrade leads."""

    part: str
    """The database's name in the description."""
    database: str
    """Its name on the server."""
    image: str
    """Image of the new server."""
    major: int
    """Its major version."""
    settings: Mapping[str, str]
    """Parameters of the new server."""
    users: frozenset[str]
    """The parts that use the database."""


@dataclass(frozen=True)
class Carried:
    """A database on its new volume, compared with the live one."""

    server: NewServer
    """The server that has it."""
    tables: int
    rows: int
    seconds: float
    """From the new server's start to the last comparison."""


class Upgrade:
    """The upgrade of one database of a stack.

    Args:
        client: Docker.
        project: The project.
        stack: The stack.
        target: Where it leads.
        say: Takes a line on what is being done.
    """

    def __init__(
        self, client: docker.DockerClient, project: str, stack: str, target: Target, say: Callable[[str], None]
    ) -> None:
        self._client = client
        self._project = project
        self._stack = stack
        self._target = target
        self._say = say

    def live(self) -> LivePostgres | None:
        """Return the live server; ``None`` if none runs."""
        for item in self._containers():
            if item.part == self._target.part and item.role == "server" and item.running:
                return LivePostgres(self._client, item.id, item.part)
        return None

    def tidy(self, serving: str | None) -> list[str]:
        """End what an interrupted upgrade has left, and say what that was.

        Args:
            serving: The volume that the state has for the database.
        """
        told = []
        for left in NewServer.left(self._client, self._project, self._stack, self._target.part):
            if left.volume == serving:
                left.remove()
                told.append(f"volume {left.volume} serves: the server that filled it is removed")
            else:
                left.give_up()
                told.append(f"volume {left.volume}, filled or half filled, is removed")
        if paused := held(self._client, self._project, self._stack):
            let_go(self._client, paused)
            told.append(f"{len(paused)} containers that were held go on")
        if live := self.live():
            live.drop_login()
        if scheduler := find_scheduler_if_any(self._client, self._project, self._stack):
            # What an interrupted command had begun there ends soon without its server; this waits for it.
            for _ in scheduler.events("restore", "tidy", "--json"):
                pass
        return told

    def check(self, live: LivePostgres, *, same: bool) -> int:
        """Return the live server's major version, if the upgrade can lead from there.

        Raises:
            UpgradeRefused: It can't, or there is not enough space.
        """
        target, now = self._target, live.major()
        if target.major < now:
            raise UpgradeRefused(
                f"{target.part} is PostgreSQL {now}: what it holds can't be brought to the older {target.major}\n"
                f"  allowed: {now} or newer"
            )
        if target.major == now and not same:
            raise UpgradeRefused(
                f"{target.part} is PostgreSQL {now} already\n"
                "  fix: to move it to a new volume of the same version, add --same"
            )
        needed = int(live.size(target.database) * _TIMES) + _SPARE
        if (free := live.free()) < needed:
            raise UpgradeRefused(
                f"{target.part}: beside the live database {needed >> 20} MiB are needed, {free >> 20} are free\n"
                "  fix: make space"
            )
        return now

    def check_image(self, reference: str) -> None:
        """See that the new server's image is here, or fetch it, and that it is what was asked for.

        Raises:
            UpgradeRefused: It is not.
        """
        self._fetch(reference)
        found = image_major(self._client, reference)
        if found != str(self._target.major):
            raise UpgradeRefused(
                f"{reference} is {f'PostgreSQL {found}' if found else 'an image that does not say its version'},"
                f" and --to says {self._target.major}\n"
                f"  fix: describe databases.{self._target.part}.image of version {self._target.major},"
                " or name one with --image"
            )

    def check_programs(self, backup_image: str) -> None:
        """See that the image of backups can dump the new server: otherwise there were none from then on.

        Raises:
            UpgradeRefused: It can't.
        """
        self._fetch(backup_image)
        said = self._client.containers.run(
            backup_image,
            ["--version"],
            entrypoint=["pg_dump"],
            network_mode="none",
            remove=True,
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges:true"],
        )
        version = said.decode(errors="replace").split()[-1] if isinstance(said, bytes) and said.split() else "?"
        major = version.partition(".")[0]
        if not major.isdigit() or int(major) < self._target.major:
            raise UpgradeRefused(
                f"the image that makes backups ({backup_image}) has the programs of PostgreSQL {major}, which can't"
                f" dump a server of {self._target.major}: after the upgrade there would be no backups\n"
                "  fix: images: {references: {backup: …}}, an image that was built on PostgreSQL"
                f" {self._target.major} (images/backup/README.md)"
            )

    def check_jobs(self) -> None:
        """Refuse while a job that uses the database runs: it can't be held, and would fail half way.

        Raises:
            UpgradeRefused: One runs.
        """
        running = [item.title for item in self._containers() if item.role == "job" and item.running]
        if running:
            raise UpgradeRefused(f"a job runs: {', '.join(running)}\n  fix: wait for its end")

    def carry(self, live: LivePostgres) -> Carried:
        """Fill a new volume with what the database holds now, and compare; the live one is only read.

        Raises:
            UpgradeRefused: It can't be carried whole. What was made is removed again.
        """
        target, started = self._target, time.monotonic()
        self._say(f"{target.part}: a server of PostgreSQL {target.major} is started on a new volume")
        server = NewServer.make(
            self._client,
            live.container,
            target.part,
            image=target.image,
            major=target.major,
            settings=target.settings,
        )
        try:
            password = secrets.token_urlsafe(32)
            new = LivePostgres(self._client, server.container, target.part)
            try:
                live.make_login(password)
                new.make_login(password)
                result = self._ask_scheduler(server.host, password)
            finally:
                live.drop_login()
            new.drop_login()
        except BaseException:
            server.give_up()
            raise
        carried = Carried(server, int(result["tables"]), int(result["rows"]), time.monotonic() - started)
        self._say(
            f"{target.part}: {carried.tables} tables, {carried.rows} rows on {server.volume}, compared"
            f" ({carried.seconds:.1f} s)"
        )
        return carried

    @contextmanager
    def writers_held(self, live: LivePostgres) -> Iterator[Callable[[], None]]:
        """Hold what uses the database, end its sessions, and let it go on in the end.

        Yields:
            What lets them go on earlier.
        """
        using = [
            item
            for item in self._containers()
            if item.role == "replica" and item.running and item.part in self._target.users
        ]
        with hold(self._client, using) as paused:
            self._say(f"held: {', '.join(item.title for item in using) or 'nothing uses it'}")
            # A session that is in the midst of something ends before the snapshot, so that nothing comes after it.
            live.end_sessions(self._target.database)

            def go_on() -> None:
                let_go(self._client, paused)
                paused.clear()

            yield go_on

    def refuse_writes_since(self, live: LivePostgres, before: int) -> None:
        """Refuse if somebody who was not held has written meanwhile.

        Raises:
            UpgradeRefused: Rows were written.
        """
        if (more := live.written(self._target.database) - before) > 0:
            raise UpgradeRefused(
                f"{more} rows of {self._target.database} were written while its services were held, by somebody who is"
                f" none of them; nothing was switched\n  fix: find who (pg_stat_activity in slipway psql"
                f" {self._target.part}), end that, and start again"
            )

    def _ask_scheduler(self, host: str, password: str) -> dict[str, Any]:
        scheduler = find_scheduler(self._client, self._project, self._stack)
        result: dict[str, Any] = {}
        words = ("restore", "carry", self._target.part, "--to", host, "--json")
        try:
            for event in scheduler.events(*words, environment={_PASSWORD: password}):
                if event["event"] == "phase":
                    self._say(f"{event['phase']} {event.get('store', '')}".rstrip())
                elif event["event"] == "result":
                    result = event
        except BackupFailed as error:
            raise UpgradeRefused(f"{error}\n  the live database was only read") from None
        if not result:
            raise UpgradeRefused("slipway-backup was killed\n  the live database was only read")
        return result

    def _containers(self) -> Sequence[Found]:
        return find_containers(self._client, self._project, self._stack)

    def _fetch(self, reference: str) -> None:
        import docker.errors  # noqa: PLC0415 - slow to load

        try:
            self._client.images.get(reference)
        except docker.errors.ImageNotFound:
            self._say(f"fetching {reference}")
            try:
                self._client.images.pull(reference)
            except docker.errors.APIError as error:
                fix = "\n  fix: slipway images build" if reference.startswith("slipway/") else ""
                raise UpgradeRefused(f"{reference} can't be had: {error.explanation or error}{fix}") from None


@dataclass(frozen=True)
class Images:
    """The images of a switch: of the new server, and of the backups that can read it."""

    server: str
    backup: str

    def apply(self, description: dict[str, Any], part: str) -> None:
        """Write them into a description: Slipway's own by role, for only so may it name them, others where they are."""
        references = description.setdefault("images", {}).setdefault("references", {})
        backups = {**(description.get("backups") or {})}
        for role, reference, place in (
            ("postgres", self.server, description["databases"][part]),
            ("backup", self.backup, backups),
        ):
            place.pop("image", None)
            if reference.startswith(f"slipway/{role}:"):
                references[role] = reference
            else:
                place["image"] = reference
        description["backups"] = backups


def as_released(
    release: Release, part: str, changed: Mapping[str, Any], images: Images | None = None
) -> dict[str, Any]:
    """Return the record of a release with another description of one database.

    Args:
        release: The release that runs, so that a switch changes nothing else.
        part: The database.
        changed: What its description has instead.
        images: Images that change with it. Default: as they were.
    """
    description = copy.deepcopy(dict(release.description))
    own = description["databases"].get(part) or {}
    description["databases"][part] = {**own, **changed}
    if images is not None:
        images.apply(description, part)
    return {**{key: getattr(release, key) for key in _RELEASE_KEYS}, "description": description}
