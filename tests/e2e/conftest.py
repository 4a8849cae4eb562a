"""Fixtures of the scenarios: engines, platforms that scenarios share, and the promise that nothing is left behind."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from tests.e2e.harness import artifacts, blueprints, register
from tests.e2e.harness.docker_view import Daemon
from tests.e2e.harness.engines import ENGINES, lack_of
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.ports import free_port
from tests.e2e.harness.workspace import Workspace

NewPlatform = Callable[..., Platform]
_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """When a scenario fails, note that on it and keep what there is to look at, before fixtures remove it."""
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
        stacks = getattr(item, "funcargs", {}).get("stacks")
        for platform in stacks.live if stacks else ():
            folder = artifacts.keep(f"{item.name}-{platform.workspace.stack}", platform.daemon, platform.workspace)
            report.sections.append(("artifacts", str(folder)))
    return report


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Return the engine that drives the scenario; each scenario runs on every engine that is present."""
    name = str(request.param)
    lack = lack_of(name)
    if lack:
        pytest.skip(lack)
    return name


@pytest.fixture(scope="session")
def daemon() -> Daemon:
    """Return the Docker daemon."""
    return Daemon()


class Stacks:
    """Makes platforms and removes whatever they leave."""

    def __init__(self, daemon: Daemon, folder: pytest.TempPathFactory) -> None:
        self._daemon = daemon
        self._folder = folder
        self.names: list[str] = []
        self.live: list[Platform] = []
        self.docker = daemon.client

    def new(self, engine: str, blueprint: blueprints.Blueprint | str, *, port: int = 0, **options: Any) -> Platform:
        """Make a project with one stack; nothing is deployed yet."""
        stack = f"e2e-{engine}-{secrets.token_hex(4)}"
        self.names.append(stack)
        register.note(stack)
        workspace = Workspace(self._folder.mktemp(stack) / "project", stack, blueprint, **options)
        platform = Platform(self._daemon, workspace, engine, port)
        self.live.append(platform)
        return platform

    def remove(self, platform: Platform) -> None:
        """Remove everything of a platform."""
        self._daemon.sweep(platform.workspace.stack)
        if platform in self.live:
            self.live.remove(platform)

    def left(self) -> dict[str, str]:
        """Return what Docker still has of any stack that was made here."""
        return {name: str(world) for name in self.names if not (world := self._daemon.world(name)).empty}


@pytest.fixture(scope="session")
def stacks(daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stacks]:
    """Make stacks; at the end of the session remove what is left of them and check that it is gone.

    What an earlier session left, which was killed before its end, is removed first.
    """
    for name in register.abandoned():
        daemon.sweep(name)
        register.forget(name)
    made = Stacks(daemon, tmp_path_factory)
    yield made
    for name in made.names:
        daemon.sweep(name)
    left = made.left()
    assert not left, f"left behind: {left}"
    for name in made.names:
        register.forget(name)


@pytest.fixture
def new_platform(engine: str, stacks: Stacks) -> Iterator[NewPlatform]:
    """Return a function that makes a platform for this scenario alone: ``new_platform(blueprint, port=…)``."""
    made: list[Platform] = []

    def new(blueprint: blueprints.Blueprint | str, **options: Any) -> Platform:
        made.append(stacks.new(engine, blueprint, **options))
        return made[-1]

    yield new
    for platform in made:
        stacks.remove(platform)


class Shared:
    """A platform that scenarios take turns on; one that failed on it leaves a fresh one to the next."""

    def __init__(self, stacks: Stacks, engine: str) -> None:
        self._stacks = stacks
        self._engine = engine
        self._platform: Platform | None = None

    def get(self) -> Platform:
        """Return the platform, making it if need be."""
        if self._platform is None:
            port = free_port()
            self._platform = self._stacks.new(self._engine, blueprints.small(port), port=port)
        return self._platform

    def discard(self) -> None:
        """Remove the platform."""
        if self._platform is not None:
            self._stacks.remove(self._platform)
            self._platform = None


@pytest.fixture(scope="session")
def _shared(engine: str, stacks: Stacks) -> Iterator[Shared]:
    shared = Shared(stacks, engine)
    yield shared
    shared.discard()


@pytest.fixture
def platform(request: pytest.FixtureRequest, _shared: Shared) -> Iterator[Platform]:
    """Return the small platform that scenarios share, deployed and well; its release is whatever came last."""
    shared = _shared.get()
    release = blueprints.release_of(shared.deployed)
    try:
        shared.at(blueprints.small(shared.port, release=release or "one"))
    except AssertionError:
        _shared.discard()
        raise
    yield shared
    if request.node.stash.get(_FAILED, False):
        _shared.discard()
