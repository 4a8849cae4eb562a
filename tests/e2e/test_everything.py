"""A platform that says everything that a description can say: it arrives, and is no change for ever afterwards."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.conftest import NewPlatform
from tests.e2e.harness.ports import free_port

pytestmark = pytest.mark.e2e

SINK = Path(__file__).parents[1] / "fixtures" / "kitchen-sink"


def _sink(image: str) -> dict[str, Any]:
    """Return the fixture with ports that are free, and secrets that need no configuration."""
    blueprint: dict[str, Any] = yaml.safe_load((SINK / "sink.yaml").read_text(encoding="utf-8"))
    blueprint["secrets"]["api_key"] = {"source": "generated"}
    blueprint["gateway"]["publish"] = free_port()
    # Outside Docker's own pools, and not the same for two of these at once.
    range_ = f"10.197.{free_port() % 250}"
    blueprint["networks"]["edge"] = {"subnet": f"{range_}.0/24", "gateway": f"{range_}.1"}
    blueprint["databases"]["main"]["publish"] = [f"127.0.0.1:{free_port()}:5432"]
    fixed = blueprint["services"]["fixed"]
    fixed["container_name"] = f"sink-{free_port()}"
    fixed["publish"] = [f"{free_port()}:8000", f"127.0.0.1:{free_port()}:53/udp"]
    blueprint["workers"]["w"].pop("profiles")
    blueprint["services"]["web"]["build"]["args"] = {"BASE": image, "X": "1"}
    return blueprint


def test_everything_arrives_and_stays_unchanged(new_platform: NewPlatform) -> None:
    """Every field reaches its container, and the engine then finds nothing to do."""
    platform = new_platform({"name": "sink"})
    lock = yaml.safe_load((platform.workspace.root / "images" / "lock.yaml").read_text(encoding="utf-8"))
    shutil.copytree(SINK / "app", platform.workspace.root / "app")
    blueprint = _sink(lock["images"]["sample"]["debian"])
    platform.deploy(blueprint).ended()
    platform.assert_converged()
    platform.slipway.up("--refresh").ended()
    platform.assert_converged()
    world = platform.world
    web, worker = world.of("web")[0], world.of("w")[0]

    def inside(container: str, line: str) -> str:
        code, text = platform.daemon.exec(container, "sh", "-c", line)
        assert code == 0, text
        return text.strip()

    assert inside(web.id, "cat /x /etc/app/page.txt /etc/app/sub/two.txt") == (
        f"1\nhello sink {platform.workspace.stack} ${{x}}\ntwo"
    )
    assert inside(web.id, "id -u; id -g; cat /proc/1/limits | grep 'open files' | tr -s ' '").splitlines() == [
        "1234",
        "1234",
        "Max open files 2048 2048 files",
    ]
    assert inside(web.id, "cat $SESSION_FILE") == inside(web.id, 'printf %s "$PLAIN"')
    assert len(inside(web.id, "cat $API_KEY_FILE")) == 32
    assert inside(web.id, "getent hosts other").split() == ["192.0.2.7", "other"]
    assert inside(web.id, "cat /proc/sys/net/core/somaxconn") == "256"
    assert inside(worker.id, "echo written > /data/file && cat /data/file") == "written"
    assert inside(web.id, "cat /data/file") == "written"
    assert platform.daemon.exec(web.id, "sh", "-c", "touch /data/other")[0] != 0
    assert inside(world.of("main")[0].id, "psql -U main -d main -Atc 'show max_connections; table seeded'") == "50"

    blueprint["services"]["web"]["memory"] = "160MiB"
    before = world.ids("web")
    platform.deploy(blueprint).ended()
    assert platform.world.ids("web") == before, "memory is changed in place"
    platform.assert_converged()
    platform.destroy("--volumes", "--yes").ended()
    assert platform.world.empty
