"""What `make test` and CI do in each case, with stubs for the stages themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BANNER = "E2E SCENARIOS NOT RUN"
STAGE = "#!/bin/bash\necho {name} $*\nexit ${{{variable}:-0}}\n"
PYTHON = """\
#!/bin/bash
case "$*" in
  *pytest*'not e2e'*) echo '== 10 passed in 1s =='; exit ${UNIT:-0} ;;
  *pytest*) echo '== 3 passed in 2s =='; exit ${E2E:-0} ;;
  *leftovers*remove*) [ "${LEFT:-0}" = 0 ] || echo 'left behind: container x'; exit ${LEFT:-0} ;;
esac
"""

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not on this machine")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout whose bootstrap, linter and Python only say what they were asked."""
    for folder in ("scripts", ".ci", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci")
    shutil.copy(ROOT / "scripts" / "test-all", tmp_path / "scripts")
    stubs = {
        "scripts/bootstrap": STAGE.format(name="bootstrap", variable="BOOT"),
        "scripts/lint": STAGE.format(name="lint", variable="LINT"),
        ".venv/bin/python": PYTHON,
    }
    for file, text in stubs.items():
        (tmp_path / file).write_text(text)
        (tmp_path / file).chmod(0o755)
    return tmp_path


_OURS = {"KEEP_LEFTOVERS", "REQUIRE_E2E", "UNIT_PROCESSES"}


def run(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run CI there, without a terminal, stdout and stderr together."""
    return subprocess.run(
        [str(checkout / ".ci" / "run")],
        # Not this run's own wishes.
        env={**{key: value for key, value in os.environ.items() if key not in _OURS}, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_everything_is_run_and_the_last_line_is_pytests_own(checkout: Path) -> None:
    """Bootstrap with the tools, lint, unit tests, scenarios; times by stage."""
    done = run(checkout)
    assert done.returncode == 0
    order = ["bootstrap --dev", "lint", "10 passed", "times so far: bootstrap ", "3 passed"]
    places = [done.stdout.index(text) for text in order]
    assert places == sorted(places)
    assert done.stdout.splitlines()[-1] == "== 3 passed in 2s =="
    assert BANNER not in done.stdout


def test_where_docker_cannot_run_that_is_said_loudly(checkout: Path) -> None:
    """The unit tests come last then, so that the last line is still that of an executed run."""
    done = run(checkout, BOOT="3")
    assert done.returncode == 0
    assert BANNER in done.stdout
    assert done.stdout.splitlines()[-1] == "== 10 passed in 1s =="


def test_where_docker_is_required_its_absence_is_a_failure(checkout: Path) -> None:
    """For a pipeline that must not pass by accident."""
    done = run(checkout, BOOT="3", REQUIRE_E2E="1")
    assert done.returncode != 0
    assert BANNER in done.stdout


@pytest.mark.parametrize("stage", ["BOOT", "LINT", "UNIT", "E2E"])
def test_a_stage_that_fails_fails_the_run(checkout: Path, stage: str) -> None:
    """Whichever it is, and nothing after it runs."""
    done = run(checkout, **{stage: "1"})
    assert done.returncode != 0
    assert ("3 passed" in done.stdout) == (stage == "E2E")


def test_what_stays_behind_fails_the_run(checkout: Path) -> None:
    """It is named."""
    done = run(checkout, LEFT="1")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "left behind: container x"
    assert run(checkout, LEFT="1", KEEP_LEFTOVERS="1").returncode == 0


def test_make_alone_lists_the_targets() -> None:
    """Each with a sentence."""
    done = subprocess.run(["make", "-C", str(ROOT), "-s"], capture_output=True, text=True, check=True)
    named = {line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")}
    wanted = {"up", "down", "test", "unit", "e2e", "lint", "format", "bench", "preview", "status", "logs", "images"}
    assert wanted | {"requirements", "docs", "pulumi", "clean"} <= named


@pytest.mark.parametrize(
    ("arguments", "commands"),
    [
        (["up"], ["scripts/bootstrap", "./slipway up --stack dev --engine auto"]),
        (
            ["up", "STACK=prod", "BLUEPRINT=rag", "ENGINE=pulumi", "YES=1"],
            ["./slipway up --stack prod --engine pulumi --blueprint rag --yes"],
        ),
        (
            ["down", "VOLUMES=1", "YES=1", "ENGINE=embedded"],
            ["./slipway destroy --stack dev --engine embedded --volumes --yes"],
        ),
        (["down", "VOLUMES=0"], ["./slipway destroy --stack dev --engine auto"]),
        (["preview", "STACK=prod"], ["./slipway preview --stack prod --engine auto"]),
        (["logs", "PART=api", "FOLLOW=1"], ["./slipway logs --stack dev api --follow"]),
    ],
)
def test_what_targets_run(arguments: list[str], commands: list[str]) -> None:
    """Only names for one or two commands."""
    done = subprocess.run(["make", "-C", str(ROOT), "-n", *arguments], capture_output=True, text=True, check=True)
    planned = [" ".join(line.split()) for line in done.stdout.splitlines()]
    for command in commands:
        assert any(command in line for line in planned), planned
