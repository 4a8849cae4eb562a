"""What ``slipway up`` says of containers that ended meanwhile, and what it makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cli.engines import Run
from tests.cli.conftest import API, step
from tests.operate.fake_docker import container
from tests.operate.test_endings import event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import FakeWorkplace, Said

    Slipway = Callable[..., Said]


def _dies(thing: dict[str, Any], *seconds: float) -> list[dict[str, Any]]:
    return [event("die", second, thing["Id"], exitCode="3", name=thing["Name"].lstrip("/")) for second in seconds]


def test_what_was_killed_is_a_warning(slipway: Slipway, work: FakeWorkplace) -> None:
    """The release is there all the same."""
    work.api.happened = [
        event("kill", 1.0, signal="15"),
        event("kill", 3.0, signal="9"),
        event("die", 3.1, exitCode="137"),
    ]
    said = slipway("up")
    assert said.code == 0
    assert said.err.startswith("warning: api-0-aaaaaaa (service api) did not end within 2 s of SIGTERM and was killed")


def test_what_does_not_stay_up_fails_the_deployment_and_is_no_release(slipway: Slipway, work: FakeWorkplace) -> None:
    """Though the engine was content: its name, its exit code, its health check and its log; and the way back."""
    assert slipway("up").code == 0
    bad = container("api", logs="out of luck\n")
    work.api.things[0] = bad
    work.api.happened = _dies(bad, 1.0, 2.0)
    said = slipway("up")
    name = bad["Name"].lstrip("/")
    assert said.code == 1
    assert said.err == (
        f"error: service api: {name} does not stay up: it ended by itself 2 times, with exit code 3\n"
        f"error: container {name} is running, healthy\nits health check has given no answer yet\n"
        "its last log lines:\n  out of luck\n"
    )
    assert "what was deployed does not stay up\nto go back to release 1: slipway rollback --stack dev 1\n" in said.out
    assert "release 2" not in slipway("releases").out


def test_it_goes_back_where_that_is_wanted(slipway: Slipway, work: FakeWorkplace) -> None:
    """As after any failure."""
    assert slipway("up").code == 0
    work.api.happened = _dies(work.api.things[0], 1.0, 2.0)
    said = slipway("up", "--rollback")
    assert said.code == 1
    assert "going back to release 1" in said.out


def test_what_ended_once_and_runs_again_is_a_warning(slipway: Slipway, work: FakeWorkplace) -> None:
    """Such as a worker that came before what it needs."""
    work.api.happened = _dies(work.api.things[0], 1.0)
    said = slipway("up")
    assert said.code == 0
    assert "(service api) ended by itself with exit code 3 meanwhile, and runs again\n" in said.err


def test_after_a_failure_what_ended_is_told_once(slipway: Slipway, work: FakeWorkplace) -> None:
    """A replica that crashed makes nginx's check fail, whose message knows nothing of it."""
    message = {"diagnosticEvent": {"severity": "error", "urn": API, "message": "it is not healthy"}}
    work.engine.events = [step("resourcePreEvent", "create"), message, step("resOpFailedEvent", "create")]
    work.engine.run = Run(1, "it is not healthy")
    work.api.happened = [*_dies(work.api.things[0], 1.0), *_dies(work.api.things[1], 1.0)]
    said = slipway("up")
    api, gateway = (thing["Name"].lstrip("/") for thing in work.api.things)
    assert f"{gateway} ended by itself with exit code 3 meanwhile\nerror: container {gateway} is running" in said.err
    assert f"{api} ended by itself" not in said.err


def _brings(work: FakeWorkplace, monkeypatch: pytest.MonkeyPatch, thing: dict[str, Any]) -> None:
    """Let the deployment replace the API's container by another one."""
    play = work.engine.up

    def up(*arguments: Any, **options: Any) -> Run:
        work.api.things[0] = thing
        work.knows_what_runs()
        return play(*arguments, **options)

    monkeypatch.setattr(work.engine, "up", up)


def test_what_a_release_made_must_be_well_at_its_end(
    slipway: Slipway, work: FakeWorkplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was healthy when the engine looked."""
    _brings(work, monkeypatch, container("api", health="unhealthy"))
    said = slipway("up")
    assert said.code == 1
    assert "does not stay up: it is unhealthy\n" in said.err


def test_what_was_ill_before_fails_no_deployment(slipway: Slipway, work: FakeWorkplace) -> None:
    """The table says it, and `slipway status`."""
    work.api.things[1]["State"]["Health"]["Status"] = "unhealthy"
    work.knows_what_runs()
    said = slipway("up")
    assert said.code == 0
    assert "gateway  gateway  0/1 healthy" in said.out


def test_a_first_deployment_waits_for_nothing_to_grow_old(
    slipway: Slipway, work: FakeWorkplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing served before it."""
    monkeypatch.setattr("operate.settling._age_s", lambda _: pytest.fail("it asked for an age"))
    new = list(work.api.things)
    work.api.things.clear()
    play = work.engine.up

    def up(*arguments: Any, **options: Any) -> Run:
        work.api.things += new
        work.knows_what_runs()
        return play(*arguments, **options)

    monkeypatch.setattr(work.engine, "up", up)
    assert slipway("up").code == 0
