"""A project, a Docker and an engine that are not real, and a way to run commands on them."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from cli.app import root
from cli.console import Console
from cli.engines import PastOperation, Run
from cli.failures import run_reporting
from cli.workplace import Workplace
from operate.docker_host import DockerUnreachable
from tests.operate.fake_docker import FakeApi, FakeClient, container, entry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import docker

    from cli.engines import Engine
    from operate.outcome import Event

API = "urn:pulumi:dev::shop::slipway:index:Service$docker:index/container:Container::api-0"
BLUEPRINT = """\
name: shop
images: {family: debian}
protect_data: false
services:
  api: {image: "api:1", port: 8000, replicas: 1, health: {path: /health}}
gateway: {image: "nginx:1", publish: "127.0.0.1:18510", routes: [{path: /, to: api}]}
environments: {dev: {}, prod: {protect_data: true}}
"""


def step(kind: str, op: str, urn: str = API, type_: str = "docker:index/container:Container", **more: Any) -> Event:
    """Return an event of a step."""
    return {kind: {"metadata": {"op": op, "urn": urn, "type": type_, **more}}}


def summary(**changes: int) -> Event:
    """Return the event that an operation ends with."""
    return {"summaryEvent": {"resourceChanges": changes}}


CREATED: list[Event] = [
    step("resourcePreEvent", "create"),
    step("resOutputsEvent", "create"),
    summary(create=1, same=2),
]
UNCHANGED: list[Event] = [summary(same=3)]
DIGEST = {
    "steps": [
        {"op": "create", "urn": API, "detailedDiff": None},
        {"op": "same", "urn": "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev", "detailedDiff": None},
    ],
    "diagnostics": [],
    "changeSummary": {"create": 1, "same": 2},
}


@dataclass
class FakeEngine:
    """Does nothing, says what it is told to say, and remembers what it was asked."""

    name: str = "embedded"
    there: bool = True
    """Whether the stack exists."""
    events: list[Event] = field(default_factory=lambda: list(CREATED))
    run: Run = field(default_factory=lambda: Run(0, digest=DIGEST))
    raises: Exception | None = None
    found: dict[str, Any] = field(default_factory=lambda: {"urls": ["http://localhost:18510"], "platform": "shop"})
    past: list[PastOperation] = field(default_factory=list)
    deployment: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)

    def exists(self) -> bool:
        """Whether the stack exists."""
        return self.there

    def create(self) -> None:
        """Make it."""
        self.there = True
        self.asked.append(("create", None))

    def preview(self, sink: Callable[[Event], None], *, refresh: bool = False, replace: Sequence[str] = ()) -> Run:
        """Play the preview."""
        return self._play("preview", sink, refresh=refresh, replace=tuple(replace))

    def up(self, sink: Callable[[Event], None], *, refresh: bool = False, replace: Sequence[str] = ()) -> Run:
        """Play the deployment."""
        return self._play("up", sink, refresh=refresh, replace=tuple(replace))

    def refresh(self, sink: Callable[[Event], None]) -> Run:
        """Play the refresh."""
        return self._play("refresh", sink)

    def destroy(self, sink: Callable[[Event], None], *, keep_protected: bool = False) -> Run:
        """Play the destruction."""
        return self._play("destroy", sink, **({"keep_protected": True} if keep_protected else {}))

    def outputs(self, *, show_secrets: bool) -> Mapping[str, Any]:
        """Return the outputs."""
        return {**self.found, "password": "hunter2" if show_secrets else "[secret]"}

    def history(self) -> Sequence[PastOperation]:
        """Return the past."""
        return self.past

    def export(self) -> Mapping[str, Any]:
        """Return the state."""
        return self.deployment

    def set_config(self, key: str, value: str, *, secret: bool) -> None:
        """Remember it."""
        self.asked.append(("set", (key, value, secret)))

    def interrupt(self, *, hard: bool) -> None:
        """Remember it."""
        self.asked.append(("interrupt", hard))

    def _play(self, what: str, sink: Callable[[Event], None], **how: Any) -> Run:
        self.asked.append((what, how or None))
        if self.raises is not None:
            raise self.raises
        for event in self.events:
            sink(event)
        return self.run


class FakeWorkplace(Workplace):
    """A workplace whose Docker and engine are not real."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, {"HOME": str(folder), "PATH": str(folder)})
        self.api = FakeApi([container("api"), container("gateway", kind="gateway", role="server")])
        self.facts: dict[str, Any] = {"MemTotal": 8 * 1024**3, "NCPU": 4, "ServerVersion": "24.0.1"}
        self.engine = FakeEngine()
        self.unreachable: DockerUnreachable | None = None
        self.gave_way = False

    def give_way(self) -> AbstractContextManager[None]:
        """Remember it: the process that runs the tests gives nothing."""
        self.gave_way = True
        return nullcontext()

    def docker_client(self, stack: str | None = None) -> docker.DockerClient:
        """Return the fake, or fail as told."""
        del stack
        if self.unreachable is not None:
            raise self.unreachable
        return cast("docker.DockerClient", FakeClient(self.api, self.facts))

    def open_engine(self, stack: str, wanted: str, console: Console) -> Engine:
        """Return the fake."""
        del stack
        console.step(f"engine: {self.engine.name} ({wanted})")
        return self.engine

    def knows(self, *entries: dict[str, Any], stack: str = "dev") -> None:
        """Write a state that has these entries."""
        path = self.root / ".state" / ".pulumi" / "stacks" / "shop" / f"{stack}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"checkpoint": {"latest": {"resources": entries}}}))

    def knows_what_runs(self, *more: dict[str, Any], stack: str = "dev") -> None:
        """Write a state that has exactly the containers that are there, and these entries."""
        running = [
            {**entry(f"c{number}", labels=item["Config"]["Labels"]), "id": item["Id"]}
            for number, item in enumerate(self.api.things)
        ]
        self.knows(*running, *more, stack=stack)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeWorkplace:
    """Return a project with the stacks dev and prod, on a machine whose ports are all free."""
    monkeypatch.setattr("operate.port_check.listeners", list)
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    for stack in ("dev", "prod"):
        (tmp_path / f"Pulumi.{stack}.yaml").write_text(
            f"config:\n  slipway:blueprint: shop\n  slipway:environment: {stack}\n"
        )
    (tmp_path / "blueprints").mkdir()
    (tmp_path / "blueprints" / "shop.yaml").write_text(BLUEPRINT)
    return FakeWorkplace(tmp_path)


@dataclass(frozen=True)
class Said:
    """What a command wrote and ended with."""

    code: int
    out: str
    err: str


@pytest.fixture
def slipway(work: FakeWorkplace, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Return a function that runs a command line on that project: ``slipway("up", "--json")``."""

    def run(*arguments: str) -> Said:
        code = run_reporting(lambda: root.main(list(arguments), prog_name="slipway", standalone_mode=False, obj=work))
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return run


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], list[str]]:
    """Return a function that puts somebody there who answers every question so; it gives the questions."""

    def answer(agree: bool) -> list[str]:
        questions: list[str] = []

        def confirm(text: str, **_: object) -> bool:
            questions.append(text)
            return agree

        monkeypatch.setattr("cli.console.Console.interactive", True)
        monkeypatch.setattr("click.confirm", confirm)
        return questions

    return answer
