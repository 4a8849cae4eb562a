"""The starter platform from nothing: what its user sees, how it is hardened, what it keeps secret, what outlives it.

The scenarios stand in the order of a platform's life, and share one.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.conftest import Stacks
from tests.e2e.harness import canary, starter, websocket
from tests.e2e.harness.engines import EMBEDDED, PULUMI, PlainPulumi, Slipway, lack_of
from tests.e2e.harness.hardening import CHECKS, Probe, probe
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.ports import free_port
from tests.e2e.harness.run import Run

pytestmark = pytest.mark.e2e


@dataclass
class Life:
    """The platform that these scenarios share."""

    platform: Platform
    first: Run
    """How its first deployment went."""
    began: float
    """When that began, in Unix seconds."""
    secrets: dict[str, str]
    """Secrets of its configuration."""
    probes: list[Probe]


@pytest.fixture(scope="session")
def life(engine: str, stacks: Stacks) -> Iterator[Life]:
    """Deploy the starter from nothing."""
    port = free_port()
    platform = stacks.new(engine, {}, port=port, environment="dev")
    platform.workspace.write(starter.blueprint(platform.workspace, port))
    secrets = starter.set_secrets(platform.workspace)
    began = time.time()
    first = platform.up()
    yield Life(platform, first, began, secrets, probe(platform.daemon, platform.world) if first.code == 0 else [])
    stacks.remove(platform)


def test_up_ends_with_everything_healthy_and_says_where(life: Life) -> None:
    """The first `up` ends well, prints the address, and every part runs and is healthy."""
    life.first.ended()
    assert f"http://localhost:{life.platform.port}" in life.first.text
    life.platform.world.assert_well(gateway=1, api=2, runner=2, fanout=1, main=1, queue=1)
    life.platform.slipway.ask("status").ended()


def test_the_page_answers_through_the_gateway(life: Life) -> None:
    """A browser gets the page and what it needs."""
    status, page = starter.ask(life.platform.port, "GET", "/")
    assert status == 200
    assert "<html" in page
    assert starter.ask(life.platform.port, "GET", "/app.js")[0] == 200


def test_a_job_is_completed_by_a_worker(life: Life) -> None:
    """A job that is submitted through the gateway is done by one of the two workers."""
    job = starter.finished(life.platform, starter.submit(life.platform, "three little words"))
    workers = life.platform.world.of("runner")
    assert job["state"] == "done"
    assert job["result"]["words"] == 3
    assert any(worker.id.startswith(job["worker"]) for worker in workers), job["worker"]


def test_a_websocket_streams_the_progress_of_a_job(life: Life) -> None:
    """Progress comes through the gateway as it is made, never goes back, and ends with the job."""
    job = starter.submit(life.platform, "watched", work_ms=800)
    seen = list(websocket.messages(life.platform.port, f"/ws/?job={job}"))
    progress = [message["progress"] for message in seen]
    assert len(set(progress)) >= 3, progress
    assert progress == sorted(progress)
    assert seen[-1]["state"] == "done"


def test_an_unchanged_up_of_the_starter_changes_nothing(life: Life) -> None:
    """Run again, the same containers are there, and the command says that nothing changed."""
    before = life.platform.world
    run = life.platform.up().ended()
    assert life.platform.world == before
    assert "nothing changed" in run.text
    life.platform.assert_settled()


def test_the_other_engine_carries_on_without_a_change(life: Life) -> None:
    """What one engine deployed is what the other would deploy: its preview of the same state is empty."""
    other = EMBEDDED if life.platform.engine == PULUMI else PULUMI
    lack = lack_of(other)
    if lack:
        pytest.skip(lack)
    if other == PULUMI:
        PlainPulumi(life.platform.workspace).preview("--expect-no-changes", "--diff").ended()
    else:
        Slipway(life.platform.workspace, EMBEDDED).preview("--expect-no-changes").ended()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.replace(" ", "-"))
def test_every_container(life: Life, check: str) -> None:
    """Each check of the hardening holds for every container that serves, and would notice if it did not."""
    holds, breaks = CHECKS[check]
    assert len(life.probes) == 8
    failing = [item.inspect["Name"] for item in life.probes if not holds(item)]
    assert not failing, f"not true of {failing}"
    broken = copy.deepcopy(life.probes[0])
    breaks(broken)
    assert not holds(broken), "the check can't fail"


def test_nothing_can_be_written_outside_of_memory_and_volumes(life: Life) -> None:
    """A process in a container can't change what it is made of."""
    life.first.ended()
    for seen in life.platform.world.of():
        code, output = life.platform.daemon.exec(seen.id, "sh", "-c", "echo x > /slipway-probe")
        assert code != 0, f"{seen.name}: {output}"


def test_no_secret_is_to_be_seen_anywhere(life: Life) -> None:
    """No secret's value stands in Docker's descriptions, logs, events, processes, the state, or what a command says.

    The one exception is the variable that the description opts in by name, in the containers of that part.
    """
    platform = life.platform
    for command in (["status"], ["status", "--json"], ["config"], ["config", "--json"], ["outputs"], ["history"]):
        platform.slipway.ask(*command).ended()
    platform.slipway.preview().ended()
    platform.slipway.preview("--json").ended()
    platform.slipway.preview("--markdown").ended()
    platform.slipway.up("--json").ended()

    generated = starter.generated_secrets(platform.workspace)
    assert {"main-password", "queue-password"} <= generated.keys()
    allowed = life.secrets[starter.ENV_SECRET]
    opted_in = {f"docker inspect of /{seen.name}" for seen in platform.world.of("api")}
    found = []
    for where, text in canary.visible(platform, life.began):
        seen = text
        if where in opted_in:
            assert allowed in text, "the control: what was opted in is there"
            seen = text.replace(f"{starter.ENV_NAME}={allowed}", "")
        found += canary.leaks(iter([(where, seen)]), {**generated, **life.secrets})
    assert not found, "\n".join(found)


def test_a_secret_reaches_the_container_that_uses_it(life: Life) -> None:
    """The control of the scenario above: the API has its secret as a file, readable by it, and nobody else has it."""
    world = life.platform.world
    path = f"/run/secrets/{starter.FILE_SECRET}"
    code, content = life.platform.daemon.exec(world.of("api")[0].id, "cat", path)
    assert (code, content.strip()) == (0, life.secrets[starter.FILE_SECRET])
    assert life.platform.daemon.exec(world.of("runner")[0].id, "cat", path)[0] != 0


def test_data_survive_destroy_and_up(life: Life) -> None:
    """`destroy` keeps the data, by whichever engine; the next `up` finds them, under a newly generated password."""
    platform = life.platform
    job = starter.submit(platform, "remember me")
    starter.finished(platform, job)
    before = starter.generated_secrets(platform.workspace)
    other = EMBEDDED if platform.engine == PULUMI else PULUMI
    Slipway(platform.workspace, platform.engine if lack_of(other) else other).destroy().ended()
    world = platform.world
    assert not world.containers
    assert not world.networks
    assert world.volumes == {f"slipway-{platform.workspace.stack}-{store}-data" for store in ("main", "queue")}

    platform.up().ended()
    assert starter.generated_secrets(platform.workspace)["main-password"] != before["main-password"]
    assert starter.finished(platform, job)["text"] == "remember me"
    assert starter.finished(platform, starter.submit(platform, "and go on"))["state"] == "done"


def test_destroy_with_volumes_leaves_nothing(life: Life) -> None:
    """With `--volumes` the data go too: nothing of the stack is left on the host or in the state."""
    life.platform.slipway.destroy("--volumes").ended()
    world = life.platform.world
    assert world.empty, str(world)
    assert not life.platform.workspace.checkpoint().resources
