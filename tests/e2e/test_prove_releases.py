"""Releases under every kind of request: none fails, no POST arrives twice. The short form of `make prove-releases`.

On the embedded engine alone: what is proved here is the order of the graph and the work of nginx, which do not depend
on the engine; `test_changes.py` shows them under plain requests on both. That a change which stops first does lose
requests is shown there too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from operate.probe import Probe, Probing
from tests.e2e.conftest import Stacks
from tests.e2e.harness import blueprints
from tests.e2e.harness.engines import EMBEDDED
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.ports import free_port

pytestmark = pytest.mark.e2e


def blueprint(port: int, release: str, replicas: int = 2, **gateway: Any) -> blueprints.Blueprint:
    """Return the small platform with a route for each kind of request."""
    content = blueprints.small(port, release=release, replicas=replicas)
    content["gateway"] |= {
        "routes": [
            {"path": "/", "to": "api"},
            {"path": "/probe/socket", "to": "api", "websocket": True, "timeout": "600s"},
            {"path": "/probe/stream", "to": "api", "streaming": True},
            {"path": "/probe/upload", "to": "api", "stream_upload": True, "max_body": "64MiB"},
        ],
        **gateway,
    }
    content["services"]["api"]["memory"] = "128MiB"
    content["services"]["api"]["health"]["retries"] = 20  # a busy machine starts Python slowly
    return content


@pytest.fixture(scope="module")
def proving(stacks: Stacks) -> Iterator[Platform]:
    """Deploy the platform."""
    port = free_port()
    platform = stacks.new(EMBEDDED, blueprint(port, "one"), port=port)
    platform.up().ended()
    yield platform
    stacks.remove(platform)


def test_releases_fail_no_request_of_any_kind(proving: Platform) -> None:
    """A release, a scaling and another configuration: GETs, POSTs, streams, uploads and websockets all live on."""
    port = proving.port
    before = proving.world
    asked = Probe(
        urls=(f"http://127.0.0.1:{port}/health",),
        rate=50,
        post="/probe/received",
        stream="/probe/stream?seconds=4",
        stream_every_s=2,
        websocket="/probe/socket",
        websockets=2,
        upload="/probe/upload",
        timeout_s=20,
    )
    with Probing(asked) as probing:
        proving.deploy(blueprint(port, "two")).ended()
        proving.deploy(blueprint(port, "two", replicas=3)).ended()
        probing.mark("configuration")
        proving.deploy(blueprint(port, "two", replicas=3, headers={"X-Changed": "yes"})).ended()
    found = probing.summary
    assert (found.failed, found.duplicates, found.lost, found.unsaid) == (0, 0, 0, ""), found
    assert {"one", "two"} <= set(found.releases)
    assert set(found.kinds) == {"get", "post", "stream", "websocket", "upload"}
    assert found.told >= 2, "a release closes the old replicas' websockets with a word"
    assert "websocket" not in found.phases["configuration"].kinds, "who is not released keeps its websockets"
    assert proving.world.ids("gateway", "queue") == before.ids("gateway", "queue")
    proving.assert_converged()


def test_up_tells_what_its_users_noticed(proving: Platform) -> None:
    """With --probe: requests sent and failed, before, during and after, on the terminal and in the release's record."""
    run = proving.deploy(blueprint(proving.port, "three"), "--probe").ended()
    assert "released start-first: api" in run.out
    (newest, *_) = json.loads(proving.slipway.ask("releases", "--json").ended().out)
    probe = newest["probe"]
    assert probe["url"] == f"http://127.0.0.1:{proving.port}/health"
    assert probe["failed"] == 0
    assert probe["sent"] == sum(probe[name]["sent"] for name in ("before", "during", "after"))
    assert all(probe[name]["sent"] for name in ("before", "during", "after"))
    assert newest["strategy"] == {"api": "start-first"}


def test_up_fails_where_its_users_lost_requests(proving: Platform) -> None:
    """A replica with a fixed name must go before it comes: the command says so, with what was lost, and ends with 1."""
    content = blueprint(proving.port, "four")
    content["services"]["api"] |= {"replicas": 1, "container_name": f"{proving.workspace.stack}-api"}
    proving.deploy(content).ended()
    content["services"]["api"]["env"]["RELEASE"] = "five"
    run = proving.deploy(content, "--probe=/health", "--json").failed("requests failed meanwhile")
    event = json.loads(run.out.strip().splitlines()[-1])["releaseEvent"]
    assert event["strategy"] == {"api": "stop-first"}
    assert event["probe"]["during"]["failed"] > 0
    assert proving.release() == "five"
