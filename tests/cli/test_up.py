"""``slipway up``: the order of its steps, what it says, and what it ends with."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from cli.engines import Run
from operate.docker_host import DockerUnreachable
from tests.cli.conftest import API, CREATED, UNCHANGED, step
from tests.operate.fake_docker import container, entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import FakeWorkplace, Said

    Slipway = Callable[..., Said]

TABLE = """\
PART     KIND     REPLICAS     ADDRESS
gateway  gateway  1/1 healthy  http://localhost:18510
api      service  1/1 healthy  api:8000
"""


def without_times(text: str) -> str:
    """Return a text with its durations left out."""
    return re.sub(r"\d+\.\d s", "N s", text)


def test_a_first_deployment(slipway: Slipway, work: FakeWorkplace) -> None:
    """The stack is made, deployed, and what is reached is shown."""
    work.engine.there = False
    said = slipway("up")
    assert said.code == 0
    assert without_times(said.out) == (
        "engine: embedded (auto)\n"
        "stack dev: created\n"
        "  + docker:Container api-0 created (N s)\n"
        f"{TABLE}open http://localhost:18510\n"
        "done: release 1: 1 created, 2 unchanged (N s)\n"
    )
    assert said.err == ""
    assert work.engine.asked == [("create", None), ("up", {"refresh": False, "replace": ()})]


def test_a_deployment_gives_way_to_what_serves(slipway: Slipway, work: FakeWorkplace) -> None:
    """The first one has nobody to give way to."""
    slipway("up")
    assert not work.gave_way
    work.knows_what_runs()
    slipway("up")
    assert work.gave_way


def test_an_unchanged_deployment_says_so(slipway: Slipway, work: FakeWorkplace) -> None:
    """And still shows where everything is."""
    work.engine.events = UNCHANGED
    said = slipway("up")
    assert said.code == 0
    assert without_times(said.out).endswith("nothing changed (N s)\n")
    assert TABLE in said.out


def test_what_was_replaced_earlier_is_removed(slipway: Slipway, work: FakeWorkplace) -> None:
    """After a deployment that failed; engines do not count that as a change."""
    work.engine.events = [
        step("resourcePreEvent", "delete-replaced"),
        step("resOutputsEvent", "delete-replaced"),
        *UNCHANGED,
    ]
    said = slipway("up")
    assert without_times(said.out).endswith("done: removed what earlier deployments had replaced (N s)\n")


def test_a_new_stack_gets_its_file(slipway: Slipway, work: FakeWorkplace) -> None:
    """With the blueprint that was named."""
    said = slipway("up", "--stack", "next", "--blueprint", "shop")
    assert said.code == 0
    assert "stack next: new, blueprint shop, environment dev (Pulumi.next.yaml)\n" in said.out
    assert (work.root / "Pulumi.next.yaml").exists()


def test_another_blueprint_on_an_existing_stack_is_refused(slipway: Slipway, work: FakeWorkplace) -> None:
    """Before anything else happens."""
    said = slipway("up", "--blueprint", "other")
    assert said.code == 2
    assert said.err.startswith("error: stack dev is of blueprint 'shop', not 'other'\n  fix: ")
    assert work.engine.asked == []


def test_a_wrong_description_is_told_without_traceback(slipway: Slipway, work: FakeWorkplace) -> None:
    """Every problem, exit code 2."""
    text = "name: shop\nservices: {api: {imag: x}}\nenvironments: {dev: {}}\n"
    (work.root / "blueprints" / "shop.yaml").write_text(text)
    said = slipway("up")
    assert said.code == 2
    assert said.err.startswith("error: ")
    assert "unknown key 'imag'" in said.err
    assert "Traceback" not in said.err


def test_docker_is_not_there(slipway: Slipway, work: FakeWorkplace) -> None:
    """What to do about it."""
    work.unreachable = DockerUnreachable("tcp://box:1", "nothing answers", "check DOCKER_HOST")
    said = slipway("up")
    assert (said.code, said.err) == (
        1,
        "error: Docker can't be reached at tcp://box:1: nothing answers\n  fix: check DOCKER_HOST\n",
    )


def test_docker_that_can_be_started_is(slipway: Slipway, work: FakeWorkplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """One command on a fresh machine: bootstrap runs, then it goes on."""
    work.unreachable = DockerUnreachable("unix:///x", "there is no such socket", "scripts/bootstrap")

    def bootstrap(command: list[Any], **_: object) -> subprocess.CompletedProcess[str]:
        if command[0] == "git":
            return subprocess.CompletedProcess(command, 128, "", "")
        assert str(command[0]).endswith("/scripts/bootstrap")
        work.unreachable = None
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr("subprocess.run", bootstrap)
    said = slipway("up")
    assert said.code == 0
    assert said.out.startswith("there is no such socket: running scripts/bootstrap\n")


def test_jobs_that_failed_run_again(slipway: Slipway, work: FakeWorkplace) -> None:
    """They are replaced although nothing of them changed, and it is said."""
    job = entry("migrate-run", labels={"slipway.role": "job"}, outputs={"exitCode": 3})
    work.knows_what_runs(job)
    said = slipway("up")
    assert "failed in the last deployment, so run again: migrate-run (exit code 3)\n" in said.out
    assert work.engine.asked == [("up", {"refresh": False, "replace": (job["urn"],)})]


def test_a_data_volume_that_is_gone_makes_jobs_run_again(slipway: Slipway, work: FakeWorkplace) -> None:
    """A server that begins empty has neither the schema nor the logins that they had made in the one before."""
    job = entry("migrate-run", labels={"slipway.role": "job"}, outputs={"exitCode": 0})
    check = entry("gateway-verify", labels={"slipway.role": "verify"}, outputs={"exitCode": 0})
    volumes = [
        entry(name, "docker:index/volume:Volume", outputs={"name": name}, retainOnDelete=kept)
        for name, kept in (("main-data", True), ("queue-data", True), ("api-files", False))
    ]
    work.knows_what_runs(job, check, *volumes)
    work.api.stored = [{"Name": "queue-data"}]
    said = slipway("up")
    assert (
        "no longer on this host: data volume main-data; what used it begins empty, and jobs run again: migrate-run\n"
        in said.out
    )
    assert work.engine.asked == [("up", {"refresh": True, "replace": (job["urn"],)})]


def test_a_container_that_is_gone_makes_it_refresh_first(slipway: Slipway, work: FakeWorkplace) -> None:
    """Otherwise an engine would believe its state, and restore nothing."""
    work.knows_what_runs()
    del work.api.things[0]
    said = slipway("up")
    assert "not running any more, so the state is refreshed first: c0\n" in said.out
    assert work.engine.asked == [("up", {"refresh": True, "replace": ()})]


def test_what_stands_still_is_named(slipway: Slipway, work: FakeWorkplace) -> None:
    """An upgrade or a restore that was killed has left it so; the deployment leaves it to its owner."""
    work.knows_what_runs()
    work.api.things[0]["State"]["Status"] = "paused"
    said = slipway("up")
    name = work.api.things[0]["Name"].removeprefix("/")
    assert f"stand still, and answer nobody until they go on: {name}. " in said.err
    assert "docker unpause" in said.err


def test_refresh_on_request(slipway: Slipway, work: FakeWorkplace) -> None:
    """Whatever the state looks like."""
    slipway("up", "--refresh")
    assert work.engine.asked == [("up", {"refresh": True, "replace": ()})]


def test_a_failure_names_the_resource_and_what_still_serves(slipway: Slipway, work: FakeWorkplace) -> None:
    """The engine's exit code; errors on stderr, once."""
    message = {"diagnosticEvent": {"severity": "error", "urn": API, "message": "it is not healthy"}}
    work.engine.events = [step("resourcePreEvent", "create"), message, step("resOpFailedEvent", "create")]
    work.engine.run = Run(4, "it is not healthy")
    work.api.things[1] = container("gateway", kind="gateway", role="server", ports={"8080/tcp": "0.0.0.0:18509"})
    work.api.things.append(container("api", health="unhealthy"))
    failed = work.api.things[2]["Name"].lstrip("/")
    said = slipway("up")
    assert said.code == 4
    assert said.err == "error: docker:Container api-0: it is not healthy\n"
    assert "  ! docker:Container api-0 failed" in said.out
    assert (
        "still serving:\n"
        "PART     KIND     REPLICAS     ADDRESS\n"
        "gateway  gateway  1/1 healthy  http://localhost:18509\n"
        "api      service  1/1 healthy\n"
        "does not serve, and is left to be looked at until a deployment succeeds:\n"
        f"  {failed} is unhealthy\n"
        "failed after" in said.out
    )


def test_an_engine_that_fails_without_events(slipway: Slipway, work: FakeWorkplace) -> None:
    """Its own words are told."""
    work.engine.events, work.engine.run = [], Run(1, "the stack is locked by root@box")
    work.api.things.clear()
    said = slipway("up")
    assert (said.code, said.err) == (1, "error: the stack is locked by root@box\n")
    assert "still serving" not in said.out


def test_a_very_long_failure_is_shortened(slipway: Slipway, work: FakeWorkplace) -> None:
    """Its begin and its end tell most."""
    text = "\n".join(f"line {number}" for number in range(100))
    work.engine.events, work.engine.run = [], Run(1, text)
    said = slipway("up")
    assert "line 0\n" in said.err
    assert "line 99\n" in said.err
    assert "… 60 lines left out …" in said.err


def test_json_leaves_stdout_to_events(slipway: Slipway) -> None:
    """Each line is one; everything else is on stderr."""
    said = slipway("up", "--json")
    assert [json.loads(line) for line in said.out.splitlines()] == CREATED
    assert "engine: embedded" in said.err
    assert "done: release 1: 1 created" in said.err


def test_too_little_memory_is_a_warning(slipway: Slipway, work: FakeWorkplace) -> None:
    """It goes on."""
    work.facts["MemTotal"] = 100 * 1024**2
    said = slipway("up")
    assert said.code == 0
    assert said.err.startswith("warning: the memory limits add up to ")


def test_too_few_cpus_end_it(slipway: Slipway, work: FakeWorkplace) -> None:
    """Docker would refuse, later."""
    (work.root / "blueprints" / "shop.yaml").write_text(
        "name: shop\nimages: {family: debian}\nservices: {api: {image: 'x:1', cpus: 64, health: {command: [x]}}}\n"
        "environments: {dev: {}}\n"
    )
    said = slipway("up")
    assert said.code == 1
    assert said.err.startswith("error: api: cpus is 64, and Docker's machine has 4\n")
    assert work.engine.asked == []


class TestProtectedData:
    """A stack with protect_data shows its plan before anything that runs is touched."""

    def test_nobody_there_to_answer(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """Exit code 2, as Pulumi's."""
        work.knows_what_runs(stack="prod")
        work.api.things = [container("api", stack="prod")]
        said = slipway("up", "--stack", "prod")
        assert (said.code, said.err) == (
            2,
            "error: stack prod protects its data: deploy? Nobody is there to answer: add --yes\n",
        )
        assert work.engine.asked == []

    def test_yes_goes_on_without_asking(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """For a pipeline."""
        work.knows_what_runs(stack="prod")
        assert slipway("up", "--stack", "prod", "--yes").code == 0
        assert [what for what, _ in work.engine.asked] == ["up"]

    def test_agreed(self, slipway: Slipway, work: FakeWorkplace, terminal: Callable[[bool], list[str]]) -> None:
        """The plan is shown, the question asked."""
        work.knows_what_runs(stack="prod")
        questions = terminal(True)
        said = slipway("up", "--stack", "prod")
        assert said.code == 0
        assert questions == ["Deploy this to prod?"]
        assert "  + create   docker:Container api-0\n" in said.out
        assert [what for what, _ in work.engine.asked] == ["preview", "up"]

    def test_refused(self, slipway: Slipway, work: FakeWorkplace, terminal: Callable[[bool], list[str]]) -> None:
        """Nothing is done, exit code 8."""
        work.knows_what_runs(stack="prod")
        terminal(False)
        said = slipway("up", "--stack", "prod")
        assert said.code == 8
        assert said.out.endswith("nothing was done\n")
        assert [what for what, _ in work.engine.asked] == ["preview"]

    def test_a_plan_without_changes_needs_no_answer(
        self, slipway: Slipway, work: FakeWorkplace, terminal: Callable[[bool], list[str]]
    ) -> None:
        """There is nothing to agree to."""
        work.knows_what_runs(stack="prod")
        work.engine.events = UNCHANGED
        questions = terminal(True)
        assert slipway("up", "--stack", "prod").code == 0
        assert questions == []

    def test_an_impossible_plan_ends_it(
        self, slipway: Slipway, work: FakeWorkplace, terminal: Callable[[bool], list[str]]
    ) -> None:
        """With the preview's exit code."""
        work.knows_what_runs(stack="prod")
        work.engine.events, work.engine.run = [], Run(4, "protected")
        terminal(True)
        said = slipway("up", "--stack", "prod")
        assert (said.code, said.err) == (4, "error: protected\n")

    def test_a_first_deployment_has_nothing_to_lose(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """So nobody is asked."""
        work.engine.there = False
        work.api.things = []
        assert slipway("up", "--stack", "prod").code == 0
