"""A job after the release: it sees the new release through the gateway, at each one, and its failure goes back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.harness.blueprints import IMAGE, new_release, small
from tests.e2e.harness.platform import Platform

pytestmark = pytest.mark.e2e

SCRIPT = """\
import sys, urllib.request
answer = urllib.request.urlopen("http://gateway:8080/health", timeout=5)
release = answer.headers["X-Release"]
print("smoke: release", release)
sys.exit(0 if not release.startswith("bad") else "this release does not do")
"""


def _with_smoke(port: int, release: str) -> dict[str, Any]:
    blueprint = small(port, release=release)
    blueprint["on_failure"] = "rollback"
    blueprint["jobs"] = {
        "smoke": {
            "phase": "after",
            "image": IMAGE,
            "entrypoint": ["python3", "-c", SCRIPT],
            "command": [],
            "memory": "96MiB",
        }
    }
    return blueprint


def test_a_smoke_test_runs_at_each_release_and_its_failure_goes_back(platform: Platform) -> None:
    """The release that it refuses is replaced by the one before, and no request fails meanwhile."""
    good = new_release()
    platform.deploy(_with_smoke(platform.port, new_release())).ended()
    first = platform.world.ids("smoke", roles=("job",))
    platform.deploy(_with_smoke(platform.port, good)).ended()
    second = platform.world.ids("smoke", roles=("job",))
    assert second, "the job's container is kept, with its output"
    assert not first & second, "each release is tested"
    assert "nothing changed" in platform.up().ended().text
    with platform.prober() as probe:
        run = platform.deploy(_with_smoke(platform.port, f"bad-{new_release()}"))
    assert run.code == 1, run
    assert "this release does not do" in run.text
    assert "serves again" in run.text
    assert platform.release() == good
    probe.answers.assert_none_failed()
