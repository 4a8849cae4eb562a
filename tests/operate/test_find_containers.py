"""Finding containers by part."""

from __future__ import annotations

import pytest

from operate.find_containers import NoSuchPart, find_containers, of_part, one_running
from tests.operate.fake_docker import PROJECT, STACK, client, container

CLIENT = client(
    container("api", replica=1),
    container("api", replica=0, state="exited"),
    container("main", role="server"),
    container("migrate", role="job", state="exited"),
    container("gateway", role="verify", state="exited"),
    container("api", role="carrier", state="created"),
)
FOUND = find_containers(CLIENT, PROJECT, STACK)


def test_by_title_and_without_carriers() -> None:
    """Replicas carry their number, jobs their name, the gateway's helpers their role."""
    assert [item.title for item in FOUND] == ["api-0", "api-1", "gateway-verify", "main-0", "migrate"]


def test_without_a_part_those_that_run_all_the_time() -> None:
    """Jobs are asked for by name."""
    assert [item.title for item in of_part(FOUND, None, STACK)] == ["api-0", "api-1", "main-0"]


@pytest.mark.parametrize(
    ("part", "titles"), [("api", ["api-0", "api-1"]), ("api-1", ["api-1"]), ("migrate", ["migrate"])]
)
def test_a_part_or_one_of_its_replicas(part: str, titles: list[str]) -> None:
    """Both are names that status shows."""
    assert [item.title for item in of_part(FOUND, part, STACK)] == titles


def test_a_part_that_is_not_there() -> None:
    """The nearest name, and all of them."""
    with pytest.raises(NoSuchPart) as caught:
        of_part(FOUND, "ap", STACK)
    assert str(caught.value) == "stack dev has no part 'ap'\n  nearest: api\n  allowed: api, gateway, main, migrate"
    assert caught.value.exit_code == 2


def test_nothing_is_deployed() -> None:
    """The way to change that."""
    with pytest.raises(NoSuchPart, match=r"stack dev has no containers\n  fix: slipway up --stack dev"):
        of_part([], None, STACK)


def test_the_first_that_runs_is_taken() -> None:
    """Or the one that is asked for."""
    assert one_running(FOUND, "api", STACK, None).title == "api-1"
    assert one_running(FOUND, "api", STACK, 1).title == "api-1"
    with pytest.raises(NoSuchPart, match="no container of api-0 is running"):
        one_running(FOUND, "api", STACK, 0)
    with pytest.raises(NoSuchPart, match=r"no container of migrate is running\n  fix: slipway status --stack dev"):
        one_running(FOUND, "migrate", STACK, None)


def test_a_version_of_a_service_by_its_own_name() -> None:
    """Its service's name means both."""
    canary = container("api")
    canary["Config"]["Labels"]["slipway.slot"] = "canary"
    found = find_containers(client(container("api"), canary), PROJECT, STACK)
    assert [item.title for item in of_part(found, "api", STACK)] == ["api-0", "api-canary-0"]
    for name in ("api-canary", "api-canary-0"):
        assert [item.title for item in of_part(found, name, STACK)] == ["api-canary-0"]
