"""The workflows: valid, tidy, safe, and true to what the rest of the repository says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"^\s*(?:- )?uses: (?P<action>[\w./-]+)@(?P<commit>[0-9a-f]{40}) # v\d+\.\d+\.\d+$")
EXPRESSION = re.compile(r"\$\{\{")
BIN = Path(sys.executable).parent


def run(*arguments: str) -> None:
    """Run one of the tools that came with the tests; what it finds is the message."""
    tool, *rest = arguments
    done = subprocess.run([BIN / tool, *rest], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def load(name: str) -> dict[Any, Any]:
    """Return a workflow."""
    found: dict[Any, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8"))
    return found


def steps(name: str) -> list[dict[str, Any]]:
    """Return the steps of all jobs of a workflow."""
    return [step for job in load(name)["jobs"].values() for step in job["steps"]]


def test_workflows_have_githubs_schema() -> None:
    """A workflow that does not parse never runs, and nobody is told."""
    run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, WORKFLOWS))


def test_workflows_and_tool_settings_are_tidy_yaml() -> None:
    """By the rules in .yamllint.yaml."""
    run("yamllint", "--strict", ".github", ".yamllint.yaml", ".pre-commit-config.yaml")


def test_workflows_have_no_known_weakness() -> None:
    """Script injection, wide permissions, moving versions, stored credentials; at the pickiest level, offline."""
    run(
        "zizmor",
        "--offline",
        "--persona=auditor",
        "--strict-collection",
        "--quiet",
        "--no-config",
        str(ROOT / ".github"),
    )


def test_pre_commit_settings_are_valid() -> None:
    """And call the targets that CI runs."""
    run("pre-commit", "validate-config", ".pre-commit-config.yaml")
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"entry: (.*)", text) == ["make lint", "make unit"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit_and_says_its_version(path: Path) -> None:
    """A tag can be moved; and the same action has the same commit everywhere."""
    used = [line for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not PINNED.match(line)] == []


def test_an_action_has_one_version_in_all_workflows() -> None:
    """So that an update is one decision."""
    commits: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for line in path.read_text(encoding="utf-8").splitlines():
            if found := PINNED.match(line):
                commits.setdefault(found["action"], set()).add(found["commit"])
    assert {action: len(found) for action, found in commits.items()} == dict.fromkeys(commits, 1)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_expression_stands_in_a_script(path: Path) -> None:
    """Values reach scripts through their environment, where they stay values."""
    for step in steps(path.name):
        assert not EXPRESSION.search(step.get("run", ""))
        assert not EXPRESSION.search(step.get("with", {}).get("script", ""))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_job_has_a_bound_and_its_own_permissions(path: Path) -> None:
    """Nothing is inherited, nothing runs for hours."""
    workflow = load(path.name)
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"]
        assert job["timeout-minutes"] <= 60


def test_who_may_write_comments_runs_none_of_the_pull_requests_code() -> None:
    """Neither checks it out nor runs a shell line; and who runs it may only read."""
    jobs = load("preview.yml")["jobs"]
    for job in jobs.values():
        if "write" in job["permissions"].values():
            assert job["permissions"] == {"pull-requests": "write"}
            assert [step["uses"].partition("@")[0] for step in job["steps"]] == [
                "actions/download-artifact",
                "actions/github-script",
            ]
    assert "secrets." not in str(jobs["unit"])
    assert "secrets." not in str(jobs["comment"])


def test_forks_get_no_preview() -> None:
    """They have no secrets; the golden plans are shown to everybody."""
    jobs = load("preview.yml")["jobs"]
    assert "head.repo.full_name == github.repository" in jobs["preview"]["if"]
    assert "if" not in jobs["unit"]
    assert any("tests/golden" in step.get("run", "") for step in jobs["unit"]["steps"])


def test_the_comment_is_found_by_the_marker_that_the_review_writes() -> None:
    """On all pages of the pull request's comments, and only if it is our own."""
    (script,) = [step["with"]["script"] for step in steps("preview.yml") if "script" in step.get("with", {})]
    assert "`<!-- slipway-preview:${process.env.STACK} -->`" in script
    assert "github.paginate" in script
    assert "github-actions[bot]" in script


@pytest.mark.parametrize("name", ["deploy.yml", "preview.yml"])
def test_what_works_on_a_state_is_never_cut_off(name: str) -> None:
    """A killed job leaves a lock."""
    assert load(name)["concurrency"]["cancel-in-progress"] is False


def test_a_deployment_proves_that_nothing_is_left() -> None:
    """In the environment that holds the secrets, after the deployment itself."""
    (job,) = load("deploy.yml")["jobs"].values()
    lines = [line for step in job["steps"] for line in step.get("run", "").splitlines() if "./slipway" in line]
    assert job["environment"] == "production"
    assert [line.split()[1] for line in lines] == ["preview", "up", "preview"]
    assert "--yes" in lines[1]
    assert lines[2].endswith("--expect-no-changes")


def test_every_setting_of_the_workflows_is_documented() -> None:
    """Or nobody can set them."""
    text = "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    documented = (ROOT / "docs" / "pull-requests.md").read_text(encoding="utf-8")
    assert [name for name in sorted(set(re.findall(r"(?:vars|secrets)\.(\w+)", text))) if name not in documented] == []
