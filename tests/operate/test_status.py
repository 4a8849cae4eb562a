"""What is well and what is not, of containers and state."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from operate.stack_view import StackView, view_of
from operate.status import broken_containers, read_status
from tests.operate.fake_docker import PROJECT, STACK, FakeClient, client, container, entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operate.status import Status


def state_of(containers: Sequence[dict[str, Any]]) -> StackView:
    """Return a state that knows exactly these containers."""
    return view_of(
        {
            "resources": [
                {**entry(f"c{n}", labels=item["Config"]["Labels"]), "id": item["Id"]}
                for n, item in enumerate(containers)
            ]
        }
    )


def judged(*containers: dict[str, Any], known: Sequence[dict[str, Any]] | None = None) -> Status:
    """Return the status of containers whose state knows them, or those given."""
    return read_status(client(*containers), PROJECT, STACK, state_of(containers if known is None else known))


def test_everything_is_well() -> None:
    """Parts in the order in which a request meets them; jobs and carriers summed up."""
    status = judged(
        container("main", kind="database", role="server"),
        container("api", replica=1),
        container("api", replica=0, ports={"8000/tcp": "127.0.0.1:8080"}),
        container("gateway", kind="gateway", role="server"),
        container("runner", kind="workers", health=None),
        container("migrate", kind="job", role="job", state="exited", health=None),
        container("api", role="carrier", state="created", health=None),
    )
    assert [(part.name, part.well, len(part.replicas)) for part in status.parts] == [
        ("gateway", 1, 1),
        ("api", 2, 2),
        ("runner", 1, 1),
        ("main", 1, 1),
    ]
    assert [replica.replica for replica in status.parts[1].replicas] == [0, 1]
    assert status.parts[1].replicas[0].ports == ("127.0.0.1:8080->8000/tcp",)
    assert status.parts[1].replicas[0].image == "slipway/sample:tagged"
    assert status.parts[1].replicas[0].since == "2026-01-02T03:04:05+00:00"
    assert (status.carriers, len(status.one_shots), status.leftovers) == (1, 1, ())
    assert status.troubles == []
    assert status.deployed


@pytest.mark.parametrize(
    ("bad", "trouble"),
    [
        (container("api", state="exited", exit_code=137), "api-0 is exited (exit code 137)"),
        (container("api", health="unhealthy"), "api-0 is unhealthy"),
        (container("api", health="starting"), "api-0 is starting"),
        (container("api", state="paused"), "api-0 is paused: it answers nobody until it goes on (docker unpause)"),
        (container("api", state="restarting", exit_code=1), "api-0 is restarting (exit code 1)"),
        (
            container("migrate", role="job", state="exited", health=None, exit_code=3),
            "job migrate failed with exit code 3",
        ),
    ],
)
def test_troubles_in_words(bad: dict[str, Any], trouble: str) -> None:
    """Each says what is wrong with which container."""
    assert judged(bad).troubles == [trouble]


def test_what_a_backup_holds_is_no_trouble_while_that_runs() -> None:
    """Elsewhere, or once it has ended, somebody has forgotten it."""
    status = judged(container("api", state="paused"), container("backups", kind="backups", role="pauser"))
    for backups, held in (
        ({"running": True, "pauses": True}, ["api-0"]),
        ({"running": False, "pauses": True}, []),
        ({"running": True, "pauses": False}, []),
        (None, []),
    ):
        asked = replace(status, backups=backups and {"schedule": None, **backups})
        assert [replica.title for replica in asked.held] == held
        assert bool(asked.troubles) is not bool(held)


def test_a_container_that_the_state_has_and_docker_has_not() -> None:
    """Removed by hand."""
    gone, here = container("api", replica=1), container("api")
    status = judged(here, known=[here, gone])
    assert status.troubles == ["api-1 is gone"]
    assert [replica.state for replica in status.parts[0].replicas] == ["running", "missing"]


def test_a_container_that_the_state_does_not_know_is_a_leftover() -> None:
    """It may serve, so it is shown among the parts too."""
    known, strange = container("api"), container("api", replica=1)
    status = judged(known, strange, known=[known])
    assert status.leftovers == (strange["Name"].removeprefix("/"),)
    assert status.troubles == []


def test_a_container_that_has_a_successor_is_no_leftover() -> None:
    """A deployment that failed leaves it serving; the next one removes it."""
    old, new = container("api"), container("api")
    entries = [{**entry("api-0", labels=item["Config"]["Labels"]), "id": item["Id"]} for item in (new, old)]
    view = view_of({"resources": [entries[0], {**entries[1], "delete": True}]})
    status = read_status(client(old, new), PROJECT, STACK, view)
    assert (status.leftovers, status.superseded) == ((), (old["Name"].removeprefix("/"),))
    assert status.troubles == []


def test_another_stacks_containers_do_not_count() -> None:
    """Nor those of another project."""
    status = judged(container("api", stack="prod"), container("api", project="other"), known=[])
    assert not status.deployed
    assert status.troubles == []


def test_without_a_state_only_what_is_there_is_judged() -> None:
    """A remote backend, for instance."""
    status = read_status(client(container("api")), PROJECT, STACK, None)
    assert (status.known, status.leftovers, status.troubles) == (False, (), [])


def test_a_container_that_goes_away_while_one_looks() -> None:
    """Between the list and the details."""
    docker_client = client(container("api"), vanishing := container("api", replica=1))
    cast("FakeClient", docker_client).api.vanished.add(vanishing["Id"])
    assert len(read_status(docker_client, PROJECT, STACK, None).parts[0].replicas) == 1


def test_as_data() -> None:
    """What --json prints."""
    data = judged(container("api", restarts=2)).to_dict()
    assert (data["project"], data["stack"], data["healthy"], data["troubles"]) == (PROJECT, STACK, True, [])
    assert data["parts"][0]["replicas"][0]["restarts"] == 2
    assert not judged(known=[]).to_dict()["healthy"]


def test_what_makes_up_refresh_first() -> None:
    """Gone, stopped or dead; one that Docker is restarting is Docker's business."""
    fine, gone, stopped, restarting = (
        container("api", replica=number, state=state)
        for number, state in enumerate(["running", "running", "exited", "restarting"])
    )
    listed = client(fine, stopped, restarting).api.containers(all=True)
    broken = broken_containers(state_of([fine, gone, stopped, restarting]), listed)
    assert [item.id for item in broken] == [gone["Id"], stopped["Id"]]
    assert broken_containers(None, listed) == []
