"""Both engines on the same state and program: their plans must be the same, whichever of them wrote the state.

Only random values are managed here, so that no Docker is needed; what is tested is the engine's own rules.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine import EmbeddedStack

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("pulumi") is None, reason="the Pulumi CLI is not on PATH (make pulumi)"),
]

PRELUDE = """
import pulumi
import pulumi_random as random
from pulumi import Output, ResourceOptions as Opts


class Group(pulumi.ComponentResource):
    def __init__(self, name, props=None, opts=None, type_="test:index:Group"):
        super().__init__(type_, name, props or {}, opts)


"""
START = """
g = Group("g", {"size": 1})
a = random.RandomString("a", length=8, keepers={"k": "1"}, opts=Opts(parent=g))
b = random.RandomString("b", length=8, keepers={"a": a.result}, opts=Opts(delete_before_replace=True))
c = random.RandomPassword("c", length=16, opts=Opts(depends_on=[b], retain_on_delete=True))
d = random.RandomId("d", byte_length=4, keepers={"b": b.result}, opts=Opts(replacement_trigger="t1"))
e = random.RandomString("e", length=4, opts=Opts(custom_timeouts=pulumi.CustomTimeouts(create="90s")))
f = random.RandomString("f", length=4, keepers={"x": Output.secret("hidden")}, opts=Opts(deleted_with=e))
p = random.Provider("p")
h = random.RandomString("h", length=4, opts=Opts(provider=p))
i = random.RandomString("i", length=6, opts=Opts(import_="abcdef"))
k = random.RandomString("k", length=4, opts=Opts(protect=True))
l = random.RandomString("l", length=4, opts=Opts(replace_with=[k]))
m = pulumi.StackReference("organization/test/dev")
pulumi.export("c", c.result)
pulumi.export("list", [a.result, {"b": b.id}])
g.register_outputs({"a": a.result})
"""
CHANGES = {
    "unchanged": [],
    "an input that replaces": [('"k": "1"', '"k": "2"')],
    "a trigger": [('"t1"', '"t2"')],
    "a trigger that goes away": [(', opts=Opts(replacement_trigger="t1")', "")],
    "a component's input": [('"size": 1', '"size": 2')],
    "a renamed component": [
        ('Group("g", {"size": 1})', 'Group("n", {"size": 1}, Opts(aliases=[pulumi.Alias(name="g")]))')
    ],
    "a component of another type": [
        (
            '{"size": 1})',
            '{"size": 1}, Opts(aliases=[pulumi.Alias(type_="test:index:Group")]), type_="test:index:Team")',
        )
    ],
    "a resource moved out of its component": [("opts=Opts(parent=g)", "opts=Opts(aliases=[pulumi.Alias(parent=g)])")],
    "something removed": [
        ("e = random", "x = random"),
        ("deleted_with=e", "protect=False"),
        ('"e", length', '"x", length'),
    ],
    "delete-first with dependents": [('length=8, keepers={"a"', 'length=9, keepers={"a"')],
    "create-first instead": [
        ("delete_before_replace=True", "delete_before_replace=False"),
        ('length=8, keepers={"a"', 'length=9, keepers={"a"'),
    ],
    "ignored": [
        ('length=8, keepers={"a"', 'length=9, keepers={"a"'),
        ("delete_before_replace=True", 'ignore_changes=["length"]'),
    ],
    "protected and replaced": [
        ("delete_before_replace=True", "protect=True"),
        ('length=8, keepers={"a"', 'length=9, keepers={"a"'),
    ],
    "the target of deletedWith replaced": [('"e", length=4', '"e", length=5')],
    "other options only": [("retain_on_delete=True", "protect=True"), ('create="90s"', 'create="91s"')],
    "another provider": [("opts=Opts(provider=p)", "opts=Opts()")],
    "the provider gone": [('p = random.Provider("p")\n', ""), ("opts=Opts(provider=p)", "opts=Opts()")],
    "secrecy only": [('Output.secret("hidden")', '"hidden"')],
    "what was imported, without the import": [(', opts=Opts(import_="abcdef")', "")],
    "what was imported replaced": [('"i", length=6', '"i", length=7')],
    "everything but what is protected gone": [(START, 'random.RandomString("k", length=4, opts=Opts(protect=True))\n')],
    "everything gone": [(START, "")],
}


class Both:
    """One project and backend, for both engines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = folder / "project"
        self.project.mkdir()
        (self.project / "Pulumi.yaml").write_text("name: test\nruntime: python\n")
        self.stack = EmbeddedStack(self.project, "dev", backend=folder, passphrase="x")
        self.stack.init()

    def write(self, program: str) -> None:
        """Exchange the program."""
        (self.project / "__main__.py").write_text(PRELUDE + program)

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the CLI."""
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PULUMI_CONFIG_PASSPHRASE": "x",
            "PULUMI_BACKEND_URL": f"file://{self.folder}",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
        command = ["pulumi", *arguments, "--stack", "dev", "--non-interactive"]
        return subprocess.run(
            command, cwd=self.project, env=environment, capture_output=True, text=True, timeout=120, check=False
        )


def compared(digest: Any) -> dict[str, Any]:
    """What both digests must agree on."""
    keys = ("op", "provider", "diffReasons", "replaceReasons", "detailedDiff", "oldState", "newState")
    steps = {step["urn"]: {key: _neutral(step.get(key)) for key in keys} for step in digest["steps"]}
    return {"steps": steps, "changeSummary": digest.get("changeSummary")}


def _neutral(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        # A preview of the CLI shows when it looked, and where in the program it was.
        dropped = {"sourcePosition", "stackTrace", "modified", "created"}
        return {name: _neutral(item, name) for name, item in sorted(value.items()) if name not in dropped}
    if isinstance(value, list):
        items = [_neutral(item, key) for item in value]
        return sorted(items, key=json.dumps) if all(isinstance(item, str) for item in items) else items
    if isinstance(value, str):
        # New providers get a random id, in the run and in the plan.
        return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", value) if "::" in value else value
    return value


@pytest.fixture(scope="module", params=["embedded", "cli"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Both:
    """The start, brought about by one of the engines."""
    found = Both(tmp_path_factory.mktemp("agreement"))
    found.write(START)
    if request.param == "cli":
        done = found.cli("up", "--yes", "--skip-preview")
        assert done.returncode == 0, done.stdout + done.stderr
    else:
        result = found.stack.up()
        assert not result.failed, result.errors
    return found


@pytest.mark.parametrize("change", CHANGES)
def test_plans_are_the_same(both: Both, change: str) -> None:
    program = START
    for old, new in CHANGES[change]:
        assert old in program
        program = program.replace(old, new)
    both.write(program)
    ours = both.stack.preview()
    done = both.cli("preview", "--json")
    theirs = json.loads(done.stdout)
    assert (done.returncode != 0) == ours.failed, (ours.errors, theirs["diagnostics"], done.stderr)
    mine, cli = compared(ours.digest), compared(theirs)
    assert mine["changeSummary"] == cli["changeSummary"]
    assert mine["steps"].keys() == cli["steps"].keys()
    for urn, step in cli["steps"].items():
        assert mine["steps"][urn] == step, urn


def test_each_engine_carries_on_from_the_other(tmp_path: Path) -> None:
    both = Both(tmp_path)
    both.write(START)
    assert not both.stack.up().failed
    refused = {"what was imported replaced", "everything gone"}
    for turn, (change, edits) in enumerate((name, edits) for name, edits in CHANGES.items() if name not in refused):
        program = START
        for old, new in edits:
            program = program.replace(old, new)
        both.write(program)
        if turn % 2:
            result = both.stack.up()
            assert not result.failed, (change, result.errors)
            done = both.cli("preview", "--expect-no-changes", "--diff")
            assert done.returncode == 0, (change, done.stdout, done.stderr)
        else:
            done = both.cli("up", "--yes", "--skip-preview")
            assert done.returncode == 0, (change, done.stdout, done.stderr)
            assert not both.stack.preview().has_changes, change
    assert len(both.stack.history()) == len(CHANGES) - len(refused) + 1
