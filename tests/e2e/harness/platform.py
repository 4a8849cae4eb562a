"""A platform under test: its project, its engine, and the questions that scenarios ask of it."""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING, Final

from tests.e2e.harness import prober
from tests.e2e.harness.engines import Slipway
from tests.e2e.harness.waiting import until

if TYPE_CHECKING:
    from tests.e2e.harness.blueprints import Blueprint
    from tests.e2e.harness.docker_view import Daemon, World
    from tests.e2e.harness.run import Run
    from tests.e2e.harness.workspace import Workspace


_FIRST_PROBES_S: Final = 20.0


class Platform:
    """One stack on one engine.

    Args:
        daemon: Docker.
        workspace: The stack's project.
        engine: ``embedded`` or ``pulumi``.
        port: The gateway's port on this machine, where it has a gateway.
    """

    def __init__(self, daemon: Daemon, workspace: Workspace, engine: str, port: int) -> None:
        self.daemon = daemon
        self.workspace = workspace
        self.slipway = Slipway(workspace, engine)
        self.engine = engine
        self.port = port
        self._deployed: Blueprint | None = None

    @property
    def world(self) -> World:
        """What Docker has of it, once Docker's own probes have had their first turn."""
        deadline = time.monotonic() + _FIRST_PROBES_S
        while (world := self.daemon.world(self.workspace.stack)).starting and time.monotonic() < deadline:
            time.sleep(0.05)
        return world

    def at(self, blueprint: Blueprint) -> World:
        """Deploy a blueprint unless it is what was deployed last, and return what there is then."""
        if self._deployed != blueprint:
            self.deploy(blueprint).ended()
        return self.world

    @property
    def deployed(self) -> Blueprint | None:
        """A copy of the blueprint that was deployed last, ``None`` if that failed or there was none."""
        return copy.deepcopy(self._deployed)

    def deploy(self, blueprint: Blueprint, *options: str) -> Run:
        """Deploy a blueprint and return how that ended."""
        self.workspace.write(blueprint)
        return self.up(*options)

    def up(self, *options: str) -> Run:
        """Deploy what the blueprint says now."""
        self._deployed = None
        run = self.slipway.up(*options)
        if run.code == 0:
            self._deployed = self.workspace.read("e2e")
        return run

    def destroy(self, *options: str) -> Run:
        """Remove it; data stay unless ``--volumes`` is given."""
        self._deployed = None
        return self.slipway.destroy(*options)

    def release(self) -> str:
        """Return the release that answers through the gateway, waiting for an answer."""
        return until(lambda: self._answer()[1], f"the gateway answers on port {self.port}", 10)

    def _answer(self) -> tuple[int, str]:
        try:
            return prober.get_release(self.port)
        except OSError:
            return 0, ""

    def prober(self, rate: float = 25.0) -> prober.Prober:
        """Return a prober of its gateway."""
        return prober.Prober(self.port, rate=rate)

    def assert_settled(self) -> None:
        """Assert that Docker has what the state says and nothing else, all of it well, and that no lock is left."""
        world = self.world
        world.assert_well()
        self.workspace.checkpoint().assert_is(world)
        assert not self.workspace.locks, f"locks are left: {self.workspace.locks}"

    def assert_converged(self) -> None:
        """Assert that it is settled and that the engine finds nothing more to do."""
        self.assert_settled()
        self.slipway.preview("--expect-no-changes").ended()
