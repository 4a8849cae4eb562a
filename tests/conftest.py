"""What all tests share: the project's folder, graphs of its stacks rendered once, and golden texts."""

from __future__ import annotations

import difflib
import functools
import signal
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from testing import Graph, render_stack

# A shell without job control starts what it puts into the background with Ctrl-C ignored, and every command that a test
# starts would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent
StackGraph = Callable[..., Graph]
Golden = Callable[[str, str], None]

# No time limit for an example: a busy machine is no failure.
hypothesis.settings.register_profile(
    "slipway", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("slipway")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--update-golden``."""
    parser.addoption(
        "--update-golden", action="store_true", help="write the golden texts in tests/golden/ instead of comparing them"
    )


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the project's folder."""
    return ROOT


@functools.cache
def _rendered(stack: str, preview: bool, family: str) -> Graph:
    # The family is said, or it would be what this machine found out.
    overrides = {"images": {"family": family}}
    return render_stack(stack, root=ROOT, config={"overrides": overrides}, preview=preview)


@pytest.fixture(scope="session")
def stack_graph() -> StackGraph:
    """Return a function that gives the graph of a stack of this project, rendered once: ``stack_graph("dev")``."""

    def graph(stack: str, *, preview: bool = False, family: str = "official") -> Graph:
        return _rendered(stack, preview, family)

    return graph


@pytest.fixture(
    scope="session",
    params=[("dev", False, "official"), ("dev", True, "debian"), ("prod", False, "debian"), ("prod", True, "official")],
    ids=lambda param: f"{param[0]}-{'preview' if param[1] else 'up'}-{param[2]}",
)
def starter(request: pytest.FixtureRequest) -> Graph:
    """Return the starter platform of each stack, as an up and as a preview see it, with each family of images."""
    return _rendered(*request.param)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Return a function that compares a text with the one in ``tests/golden/``."""
    update = request.config.getoption("--update-golden")

    def compare(name: str, text: str) -> None:
        file = ROOT / "tests" / "golden" / name
        if update:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            return
        expected = file.read_text(encoding="utf-8") if file.exists() else ""
        if expected != text:
            lines = difflib.unified_diff(
                expected.splitlines(), text.splitlines(), f"tests/golden/{name}", "now", lineterm=""
            )
            pytest.fail("\n".join([*lines, "if this is meant: make golden, and review the change"]), pytrace=False)

    return compare
