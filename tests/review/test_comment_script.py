"""The script that writes the comment, run against a made-up GitHub, where Node.js is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from review.escaping import marker

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = {"login": "github-actions[bot]"}
NODE = shutil.which("node")
HARNESS = """
const [script, comments] = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const calls = [];
const call = (name, key) => async (options) => { calls.push([name, options[key]]); };
const github = {
  paginate: async (_list, options) => { calls.push(['list', options.issue_number]); return comments; },
  rest: { issues: {
    createComment: call('create', 'issue_number'),
    updateComment: call('update', 'comment_id'),
    deleteComment: call('delete', 'comment_id'),
  } },
};
const context = { repo: { owner: 'o', repo: 'r' }, issue: { number: 7 } };
const AsyncFunction = (async () => {}).constructor;
new AsyncFunction('github', 'context', 'require', script)(github, context, require)
  .catch((error) => calls.push(['refused', error.message]))
  .finally(() => console.log(JSON.stringify(calls)));
"""


def calls(folder: Path, body: str, comments: list[dict[str, Any]]) -> list[list[Any]]:
    """Return what the script does to a pull request with these comments."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "preview.yml").read_text(encoding="utf-8"))
    script = next(step["with"]["script"] for step in workflow["jobs"]["comment"]["steps"] if "script" in step["with"])
    (folder / "comment.md").write_text(body, encoding="utf-8")
    assert NODE is not None
    done = subprocess.run(
        [NODE, "-e", HARNESS],
        input=json.dumps([script, comments]),
        cwd=folder,
        env={"STACK": "prod"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found: list[list[Any]] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(NODE is None, reason="no Node.js here")
@pytest.mark.parametrize(
    ("comments", "expected"),
    [
        ([], [["create", 7]]),
        ([{"id": 1, "user": OURS, "body": f"{marker('prod')}\nold"}], [["update", 1]]),
        (
            [{"id": n, "user": OURS, "body": f"{marker('prod')}\nold"} for n in (1, 2, 3)],
            [["update", 1], ["delete", 2], ["delete", 3]],
        ),
        ([{"id": 1, "user": {"login": "mallory"}, "body": f"{marker('prod')}\nfake"}], [["create", 7]]),
        (
            [{"id": 1, "user": OURS, "body": f"{marker('dev')}\nother"}, {"id": 2, "user": None, "body": None}],
            [["create", 7]],
        ),
        ([{"id": 1, "user": OURS, "body": f"> {marker('prod')}\nquoted"}], [["create", 7]]),
    ],
    ids=["first", "again", "duplicates", "forged", "other-stack", "quoted"],
)
def test_there_is_one_comment_and_it_is_ours(
    tmp_path: Path, comments: list[dict[str, Any]], expected: list[list[Any]]
) -> None:
    """Created once, then updated; nobody else's is touched."""
    assert calls(tmp_path, f"{marker('prod')}\nnew", comments) == [["list", 7], *expected]


@pytest.mark.skipif(NODE is None, reason="no Node.js here")
def test_a_comment_of_another_stack_is_refused(tmp_path: Path) -> None:
    """It comes from the job that ran the pull request's code."""
    ((what, message),) = calls(tmp_path, f"{marker('dev')}\nnew", [])
    assert what == "refused"
    assert marker("prod") in message
