"""How health is asked, who waits for it, and what happens when a part ends."""

from __future__ import annotations

from typing import Any

from tests.systems.look.view import Check, View


def probed(part: str, *words: str, **timing: Any) -> Check:
    """Its health check holds these words, with these timings (``interval="10s"``)."""

    def look(view: View) -> None:
        check = view.container(part).inputs["healthcheck"]
        tests = [str(item) for item in check["tests"]]
        for word in words:
            assert word in tests or any(word in item for item in tests), tests
        for key, value in timing.items():
            assert check[key] == value, check

    return look


def all_probed(*without: str) -> Check:
    """Everything that runs has a health check, but those named."""

    def look(view: View) -> None:
        assert view.parts(), "nothing is there"
        for part in view.parts():
            for container in view.replicas(part):
                has = container.inputs["healthcheck"]["tests"] != ["NONE"]
                assert has is (part not in without), part

    return look


def waits_healthy(part: str, *others: str) -> Check:
    """It is made after these, each of which is made only when it is healthy."""

    def look(view: View) -> None:
        container = view.container(part)
        for other in others:
            needed = view.container(other)
            assert container.depends_on(needed), other
            assert needed.inputs.get("wait") is True, f"{other} is not waited for until it is healthy"

    return look


def restarts(policy: str, *parts: str) -> Check:
    """What Docker does when they end."""

    def look(view: View) -> None:
        for part in parts:
            assert view.container(part).inputs["restart"] == policy, part

    return look
