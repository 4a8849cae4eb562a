"""A database moves to another major version: backup, carry, switch, note; and back where a step fails."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import click

from cli.commands.restore import open_restore
from cli.deploy import Deployment, deploy
from operate.data_guard import serving_volume
from operate.maintenance import close, open_again
from operate.new_server import successor_of
from operate.releases import releases_of
from operate.stack_overrides import overridden
from operate.stack_view import view_of
from operate.upgrading import Carried, Images, NothingToUpgrade, Target, Upgrade, UpgradeRefused, as_released
from settings.source import stack_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import docker

    from cli.console import Console
    from cli.workplace import Workplace
    from operate.live_postgres import LivePostgres
    from operate.releases import Release, Releases
    from settings import Loaded

_RECORD: Final = "upgrade.json"


def target_of(loaded: Loaded, name: str, major: int, image: str | None) -> Target:
    """Return where the upgrade leads.

    Raises:
        NothingToUpgrade: There is no such database here.
    """
    platform = loaded.platform
    if name in loaded.externals:
        raise NothingToUpgrade(
            f"{name} is run by somebody else, at {getattr(loaded.externals[name].external, 'host', '')}\n"
            "  fix: upgrade it there; before that: slipway backup"
        )
    if name not in platform.databases:
        raise NothingToUpgrade(
            f"there is no database {name}\n  allowed: {', '.join(platform.databases) or 'none is described'}"
        )
    if platform.backups is None:
        raise NothingToUpgrade(
            "the description has no backups, and nothing is upgraded without one\n"
            f"  fix: add backups: {{}}, and slipway up --stack {loaded.stack}"
        )
    described = platform.databases[name]
    workloads = {**platform.services, **platform.workers}
    return Target(
        part=name,
        database=described.database or name,
        image=image or str(described.image),
        major=major,
        settings=described.settings,
        users=frozenset(part for part, workload in workloads.items() if name in workload.needs),
    )


@dataclass(kw_only=True)
class DatabaseUpgrade:
    """One run of ``slipway upgrade database``: what is asked of each part, and in which order.

    Args:
        work: The project.
        stack: The stack.
        engine: The engine's name.
        loaded: The platform, as it is described.
        target: Where the upgrade leads.
        console: Where it says what it does.
    """

    work: Workplace
    stack: str
    engine: str
    loaded: Loaded
    target: Target
    console: Console

    @cached_property
    def _client(self) -> docker.DockerClient:
        return self.work.docker_client(self.stack)

    @cached_property
    def _upgrade(self) -> Upgrade:
        return Upgrade(self._client, self.work.project, self.stack, self.target, self.console.step)

    @property
    def _releases(self) -> Releases:
        return releases_of(self.work.backend, self.work.state_folder, self.work.project, self.stack)

    def finish(self, image: str | None) -> bool:
        """Go on where the new server had its place and the command was interrupted; return whether that was so."""
        serving, described = self._serving(), self._described_volume()
        if serving is None or not successor_of(serving, described):
            return False
        for line in self._upgrade.tidy(serving):
            self.console.step(f"left by an upgrade that was interrupted: {line}")
        self._note(serving, image)
        self._deploy(None, f"upgrade {self.target.part} to {self.target.major}: went on")
        self._tell(described, serving)
        return True

    def ready(self, *, same: bool) -> tuple[LivePostgres, int]:
        """Tidy up, and look at everything that can be wrong beforehand; return the live server and its version."""
        for line in self._upgrade.tidy(self._serving()):
            self.console.step(f"left by an upgrade that was interrupted: {line}")
        self._release()
        live = self._upgrade.live()
        if live is None:
            self.console.step(f"{self.target.part}: its server does not run; the last release is deployed again")
            self._back()
            live = self._upgrade.live()
        if live is None:
            raise UpgradeRefused(
                f"{self.target.part} has no server that runs\n  fix: slipway status --stack {self.stack}"
            )
        now = self._upgrade.check(live, same=same)
        self._upgrade.check_image(self.target.image)
        self._upgrade.check_programs(self._backup_image())
        return live, now

    def rehearse(self, live: LivePostgres) -> None:
        """Fill a new volume and remove it."""
        carried = self._upgrade.carry(live)
        carried.server.give_up()
        self.console.good(
            f"{self.target.part}: PostgreSQL {self.target.major} holds the same {carried.rows} rows in {carried.tables}"
            f" tables; it took {carried.seconds:.1f} s, for which requests would have waited. Nothing was changed"
        )

    def upgrade(self, live: LivePostgres, image: str | None, *, maintenance: bool) -> None:
        """Back up, carry, switch, and note where the data are now."""
        old = self._serving() or self._described_volume()
        self._upgrade.check_jobs()
        restore = open_restore(self.work, self.stack, self.console)
        self.console.step(f"backup {restore.safety(otherwise='')}: verified")
        # What is protected can't be replaced. The switch protects the new one; until then nothing is replaced.
        self._deploy(
            as_released(self._release(), self.target.part, {"protect": False}),
            f"upgrade {self.target.part}: may be replaced",
            recorded=False,
        )
        try:
            with self._page(shown=maintenance), self._upgrade.writers_held(live) as go_on:
                before = live.written(self.target.database)
                carried = self._upgrade.carry(live)
                try:
                    self._upgrade.refuse_writes_since(live, before)
                    carried.server.stop()
                    self._switch(carried, go_on)
                except BaseException:
                    if self._serving() != carried.server.volume:
                        carried.server.give_up()
                    raise
        except BaseException:
            if self._serving() == old:
                self._back()  # which protects it again
            raise
        self._note(carried.server.volume, image)
        carried.server.remove()
        self._tell(old, carried.server.volume)

    def _switch(self, carried: Carried, go_on: Any) -> None:
        """Put the new server in the old one's place.

        Raises:
            UpgradeRefused: It does not come up; the old one has its place again.
        """
        described = self.loaded.description["databases"].get(self.target.part) or {}
        changed = {**described, "volume_name": carried.server.volume, "protect": True}
        release, images = self._release(), Images(self.target.image, self._backup_image())
        record = as_released(release, self.target.part, changed, images)
        try:
            self._deploy(record, f"upgrade {self.target.part} to {self.target.major}", ended=go_on)
        except click.exceptions.Exit:
            if self._serving() == carried.server.volume:
                loose = as_released(release, self.target.part, {**changed, "protect": False}, images)
                self._deploy(loose, f"upgrade {self.target.part}: taken back", recorded=False, fails=True)
            self._back()
            carried.server.give_up()
            raise UpgradeRefused(
                f"the new server of {self.target.part} does not come up, so the old one serves again; nothing was lost"
            ) from None

    def _back(self) -> None:
        self.work.choose_release(self._releases.file(self._release().number))
        try:
            self._run("back to what ran before the upgrade", recorded=False)
        finally:
            self.work.choose_release(None)

    def _deploy(
        self,
        record: Mapping[str, Any] | None,
        message: str,
        *,
        recorded: bool = True,
        ended: Any = None,
        fails: bool = False,
    ) -> None:
        """Deploy a record, or what the description says."""
        file = self.work.state_folder / _RECORD
        if record is not None:
            file.write_text(json.dumps(record), encoding="utf-8")
            self.work.choose_release(file)
        try:
            self._run(message, recorded=recorded, ended=ended)
        except click.exceptions.Exit:
            if not fails:
                raise
        finally:
            self.work.choose_release(None)
            file.unlink(missing_ok=True)

    def _run(self, message: str, *, recorded: bool, ended: Any = None) -> None:
        asked = Deployment(
            stack=self.stack,
            engine=self.engine,
            message=message,
            yes=True,
            rollback=False,
            noted=True,
            backup=False,
            recorded=recorded,
            ended=ended,
        )
        deploy(self.work, asked)

    @contextmanager
    def _page(self, *, shown: bool) -> Iterator[None]:
        if not shown:
            yield
            return
        close(self._client, self.work.project, self.stack)
        try:
            yield
        finally:
            open_again(self._client, self.work.project, self.stack)

    def _note(self, volume: str, image: str | None) -> None:
        """Write into the stack's file where the data are, from where the program reads it on either engine."""
        values: dict[tuple[str, ...], str] = {("databases", self.target.part, "volume_name"): volume}
        if image is not None:
            values["databases", self.target.part, "image"] = image
        with overridden(self.work.root, self.stack, values):
            self.work.load(self.stack)

    def _tell(self, old: str, new: str) -> None:
        self.console.good(f"{self.target.part}: PostgreSQL {self.target.major}, on volume {new}")
        self.console.say(
            f"the old one is kept: {old} (slipway data list); when nobody needs it:"
            f" slipway data remove {old} --stack {self.stack}\ncommit {stack_file(self.stack)}"
        )

    def _serving(self) -> str | None:
        view = self.work.local_view(self.stack) if self.work.backend.folder else None
        if view is None:
            engine = self.work.open_engine(self.stack, self.engine, self.console)
            view = view_of(engine.export()) if engine.exists() else None
        return serving_volume(view, self.target.part)

    def _described_volume(self) -> str:
        return str(self.loaded.platform.databases[self.target.part].volume_name)

    def _backup_image(self) -> str:
        assert self.loaded.platform.backups is not None  # noqa: S101 - target_of refuses that
        return str(self.loaded.platform.backups.image)

    def _release(self) -> Release:
        found = self._releases.latest()
        if found is None or self.target.part not in (found.description.get("databases") or {}):
            raise UpgradeRefused(
                f"no release with database {self.target.part} is recorded, so there is nothing to upgrade\n"
                f"  fix: slipway up --stack {self.stack}"
            )
        return found
