"""What is said of a container that did not become healthy, and of builds whose folders are missing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from operate.build_check import NothingToBuild, check_builds
from operate.diagnosis import last_words
from operate.outcome import Outcome
from settings.model import Platform

URN = "urn:pulumi:dev::p::slipway:index:Service$docker:index/container:Container::api-0"
STACK = "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev"


class Api:
    """Docker's answers for two generations of one replica, and one of another."""

    def containers(self, **_: Any) -> list[dict[str, Any]]:
        return [
            {"Id": "old", "Names": ["/api-0-aaaaaaa"], "Created": 1},
            {"Id": "new", "Names": ["/api-0-bbbbbbb"], "Created": 2},
            {"Id": "other", "Names": ["/api-01-ccccccc"], "Created": 3},
        ]

    def inspect_container(self, container: str) -> dict[str, Any]:
        assert container == "new"
        log = [{"ExitCode": 1, "Output": "connection refused\n"}]
        state = {"Status": "running", "Running": True, "ExitCode": 0, "Health": {"Status": "unhealthy", "Log": log}}
        check = {"Test": ["CMD", "sh", "-c", "if true\nthen exit\nfi", "probe", "8000", "/health"]}
        return {"Id": "new", "Name": "/api-0-bbbbbbb", "State": state, "Config": {"Healthcheck": check}}

    def logs(self, container: str, *, timestamps: bool, tail: int) -> bytes:
        assert (container, tail, timestamps) == ("new", 20, False)
        return b"starting\nno DATABASE_URL\n"


def test_the_newest_container_of_a_resource_speaks() -> None:
    client: Any = SimpleNamespace(api=Api())
    assert last_words(client, "p", "dev", "api-0") == (
        "container api-0-bbbbbbb is running, unhealthy\n"
        "its health check `sh -c … probe 8000 /health` gave exit code 1: connection refused\n"
        "its last log lines:\n  starting\n  no DATABASE_URL"
    )
    assert last_words(client, "p", "dev", "web-0") is None


def _error(urn: str, message: str) -> dict[str, Any]:
    return {"diagnosticEvent": {"urn": urn, "message": message, "severity": "error"}}


def test_a_failure_of_a_bridged_provider_is_told_once() -> None:
    """The CLI says it as a line of the provider's log, as a list in a list, and as the update's own failure."""
    outcome = Outcome()
    outcome(_error(URN, "sdk-v2/provider2.go:571: sdk.helper_schema: container failed: provider=docker@5.2.0\n"))
    outcome(_error(URN, f"1 error occurred:\n\t* creating {URN}: 1 error occurred:\n\t* container failed\n\n"))
    outcome(_error(STACK, "update failed"))
    assert [(failure.what, failure.message) for failure in outcome.failures] == [
        ("docker:Container api-0", "container failed")
    ]


def test_an_update_that_failed_for_no_resource_says_so() -> None:
    outcome = Outcome()
    outcome(_error(STACK, "update failed"))
    assert [failure.message for failure in outcome.failures] == ["update failed"]


def test_builds_are_looked_for_before_anything_else(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    platform = Platform.model_validate(
        {"name": "p", "services": {"a": {"build": {"context": "gone"}}}, "jobs": {"b": {"build": {"context": "here"}}}}
    )
    with pytest.raises(NothingToBuild) as caught:
        check_builds(platform, tmp_path)
    assert str(caught.value).splitlines() == [
        "images can't be built, so nothing was changed:",
        "  services.a.build.context: there is no folder gone",
        "  jobs.b.build.dockerfile: there is no Dockerfile in here",
        f"  fix: paths are relative to {tmp_path}",
    ]
    (tmp_path / "gone").mkdir()
    for folder in ("gone", "here"):
        (tmp_path / folder / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    check_builds(platform, tmp_path)
