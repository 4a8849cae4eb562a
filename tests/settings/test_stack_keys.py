"""Keys of a stack's file that nobody reads."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from settings import Loaded, Problem
from tests.settings.conftest import Project

Refused = Callable[..., Problem]
Accepted = Callable[..., Loaded]


@pytest.fixture
def stack_says(project: Project) -> Callable[[str], None]:
    """Return a function that writes the stack's file with one more key."""
    return lambda line: project.write("Pulumi.dev.yaml", f"config:\n  slipway:blueprint: app\n  {line}\n")


def test_a_misspelt_key_is_refused(refused: Refused, stack_says: Callable[[str], None]) -> None:
    """Ignored, it would deploy without the stack's differences: other ports, other limits, other data."""
    stack_says("slipway:overides: {protect_data: false}")
    problem = refused()
    assert (problem.message, problem.where) == ("unknown key 'slipway:overides'", "Pulumi.dev.yaml:3")
    assert problem.nearest == "slipway:overrides"
    keys = ("blueprint", "environment", "overrides", "profiles", "rotations", "versions")
    assert problem.allowed == ", ".join(f"slipway:{key}" for key in keys)


@pytest.mark.parametrize(
    "line", ["slipway:old_token: {secure: v1:x}", "docker:host: ssh://deploy@host.example", "other:overides: 1"]
)
def test_what_is_not_ours_to_judge_is_left_alone(
    accepted: Accepted, stack_says: Callable[[str], None], line: str
) -> None:
    """What is left of a secret, and the keys of providers and other programs."""
    stack_says(line)
    accepted()


def test_the_value_of_a_declared_secret_is_known(refused: Refused, stack_says: Callable[[str], None]) -> None:
    """In plain text it is refused for that, and only for that."""
    stack_says("slipway:token: hello")
    assert "plain text" in refused({"secrets": {"token": {}}}).message
