"""How containers ended while something was deployed, by Docker's events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from operate.endings import Endings
from operate.settling import Fallen, fallen, settled_status
from operate.status import PartStatus, Replica, Status
from tests.operate.fake_docker import PROJECT, STACK, FakeApi, FakeClient

if TYPE_CHECKING:
    import docker

OLD = "0123456789abcdef"


def event(action: str, second: float, container: str = OLD, role: str = "replica", **more: str) -> dict[str, Any]:
    about = {"name": "api-0-aaaaaaa", "slipway.part": "api", "slipway.kind": "service", "slipway.role": role, **more}
    return {"Action": action, "timeNano": int(second * 1e9), "Actor": {"ID": container, "Attributes": about}}


def test_what_the_daemon_told_last_is_asked_for_again_by_its_own_clock() -> None:
    """An end may come later than the answer to the request that caused it; and clocks differ."""
    fake = FakeClient(FakeApi(happened=[event("kill", 1.0, signal="15")]))
    fake.facts["SystemTime"] = "1970-01-01T01:16:40.123456789+01:00"
    with Endings(cast("docker.DockerClient", fake), PROJECT, STACK):
        pass
    (live, again) = fake.api.asked
    assert live == (None, None)
    assert again[1] == "1000.123456"
    assert 990 < float(again[0] or 0) <= 1000.2
    fake.facts["SystemTime"] = "1970-01-01T00:16:40Z"
    with Endings(cast("docker.DockerClient", fake), PROJECT, STACK) as endings:
        fake.api.happened += [event("kill", 6.0, signal="9"), event("die", 6.1, exitCode="137")]
    assert fake.api.asked[-1][1] == "1000.000000"
    assert [item.seconds for item in endings.killed] == [pytest.approx(5.1)]


def heard(*events: dict[str, Any]) -> Endings:
    client = cast("docker.DockerClient", FakeClient(FakeApi(happened=list(events))))
    with Endings(client, PROJECT, STACK) as endings:
        pass
    return endings


def test_one_that_ignored_its_stop_signal_is_told_with_what_helps() -> None:
    """Which container, how long it was given, that it was killed."""
    endings = heard(
        event("kill", 10.0, signal="15"), event("kill", 15.1, signal="9"), event("die", 15.2, exitCode="137")
    )
    (killed,) = endings.killed
    assert str(killed) == (
        "api-0-aaaaaaa (service api) did not end within 5 s of SIGTERM and was killed (exit code 137): what it had in"
        " hand was cut short\n"
        "  fix: let it end at that signal, name another one (stop_signal), or give it longer (stop_grace)"
    )
    assert endings.by_themselves == []


@pytest.mark.parametrize(
    "events",
    [
        [event("kill", 10.0, signal="15"), event("die", 10.5, exitCode="0")],
        [event("kill", 10.0, signal="9"), event("die", 10.5, exitCode="137")],
        [event("kill", 10.0, role="carrier", signal="15"), event("kill", 11.0, role="carrier", signal="9"),
         event("die", 12.0, role="carrier", exitCode="137")],
        [],
    ],
    ids=["in time", "removed by force", "no replica", "nothing"],
)  # fmt: skip
def test_what_ended_as_it_should_is_not_told(events: list[dict[str, Any]]) -> None:
    """Nor what somebody killed on purpose."""
    endings = heard(*events)
    assert (endings.killed, endings.by_themselves) == ([], [])


def test_an_end_that_nobody_asked_for_is_counted_each_time() -> None:
    """A signal of an earlier life, such as a reload, asked for nothing."""
    endings = heard(
        event("kill", 9.0, signal="1"),
        event("start", 9.5),
        event("die", 10.0, exitCode="3"),
        event("start", 10.1),
        event("die", 11.0, exitCode="4"),
    )
    assert [(item.id, item.exit_code) for item in endings.by_themselves] == [(OLD[:12], 3), (OLD[:12], 4)]


def test_without_docker_nothing_is_heard() -> None:
    """And nothing fails."""
    with Endings(None, PROJECT, STACK) as endings:
        pass
    assert endings.killed == endings.by_themselves == []


def status(
    state: str = "running", health: str | None = "healthy", restarts: int = 0, since: str | None = None
) -> Status:
    replica = Replica("api", "service", 0, "api-0-a", OLD[:12], state, health, restarts, since, "image", (), 3)
    return Status("p", "s", (PartStatus("api", "service", (replica,)),))


ONCE = heard(event("die", 10.0, exitCode="3")).by_themselves
TWICE = heard(event("die", 10.0, exitCode="3"), event("die", 11.0, exitCode="3")).by_themselves
MADE = {OLD[:12]}


def test_what_does_not_stay_up_is_found_though_it_runs_at_the_moment() -> None:
    """Twice is not by chance."""
    (found,) = fallen(status(), MADE, TWICE)
    assert str(found) == "service api: api-0-a does not stay up: it ended by itself 2 times, with exit code 3"


def test_once_is_let_pass_if_it_is_well_again() -> None:
    """Such as a worker that came before what it needs."""
    assert fallen(status(), MADE, ONCE) == []
    (found,) = fallen(status(health="unhealthy"), MADE, ONCE)
    assert str(found).endswith("it ended by itself, with exit code 3")


def test_what_is_gone_or_unhealthy_counts_only_where_the_deployment_made_it() -> None:
    """What was ill before is told by its health, and is no failure of this deployment."""
    for ill in (status(health="unhealthy"), status("missing", None)):
        assert isinstance(fallen(ill, MADE, [])[0], Fallen)
        assert fallen(ill, set(), []) == []
    assert str(fallen(status("missing", None), MADE, [])[0]).endswith("does not stay up: it is gone")
    assert fallen(status("restarting", None), set(), [])


def test_what_a_backup_holds_has_not_fallen_and_is_waited_for() -> None:
    """It goes on within a moment; a deployment that ends meanwhile is no failure."""
    assert fallen(status("paused", None), MADE, ONCE) == []
    looks = iter([status("paused", None), status()])
    assert settled_status(lambda: next(looks), 10, lambda: MADE) == status()


def test_what_was_made_is_looked_at_until_it_has_run_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is not of this deployment is not waited for."""
    monkeypatch.setattr("operate.settling._age_s", lambda replica: float(replica.since or 0))
    left = [status(since="1"), status("restarting"), status(since="2"), status(since="3.5"), status(since="9")]
    assert settled_status(lambda: left.pop(0), 10, lambda: MADE).parts[0].replicas[0].since == "3.5"
    assert len(left) == 1
    assert settled_status(lambda: status(since="0"), 10).parts[0].replicas[0].since == "0"
