"""``slipway preview``: a plan for people, for programs and for a pull request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from cli.engines import Run
from cli.preview_text import changes_text
from operate.docker_host import DockerUnreachable
from tests.cli.conftest import API, DIGEST, UNCHANGED
from tests.operate.fake_docker import entry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import FakeWorkplace, Said

    Slipway = Callable[..., Said]


def test_a_plan_in_lines(slipway: Slipway, work: FakeWorkplace) -> None:
    """A line for each resource; the events print nothing of their own."""
    work.knows_what_runs()
    said = slipway("preview")
    assert said.code == 0
    assert said.out.startswith(
        "engine: embedded (auto)\n  + create   docker:Container api-0\nplanned: 1 created, 2 unchanged ("
    )
    assert work.engine.asked == [("preview", {"refresh": False, "replace": ()})]


def test_nothing_would_change(slipway: Slipway, work: FakeWorkplace) -> None:
    """Exit code 0 with --expect-no-changes too."""
    work.engine.events, work.engine.run = UNCHANGED, Run(0, digest={"steps": []})
    said = slipway("preview", "--expect-no-changes")
    assert said.code == 0
    assert "nothing would change (" in said.out


def test_unexpected_changes(slipway: Slipway) -> None:
    """Exit code 7, as Pulumi's."""
    assert slipway("preview", "--expect-no-changes").code == 7


def test_as_json(slipway: Slipway) -> None:
    """The document of `pulumi preview --json`, and nothing else on stdout."""
    said = slipway("preview", "--json")
    assert json.loads(said.out) == DIGEST
    assert "1 created" in said.err


def test_as_a_comment_in_a_file(slipway: Slipway, tmp_path: Path) -> None:
    """With the marker by which the comment is updated in place."""
    said = slipway("preview", "--markdown", "--out", str(tmp_path / "preview.md"))
    assert (said.code, said.out) == (0, "")
    text = (tmp_path / "preview.md").read_text()
    assert text.startswith("<!-- slipway-preview:dev -->\n")
    assert "api-0" in text


def test_a_file_has_no_colours(slipway: Slipway, tmp_path: Path) -> None:
    """They are for a terminal."""
    assert slipway("preview", "--out", str(tmp_path / "plan.txt")).code == 0
    assert (tmp_path / "plan.txt").read_text() == "  + create   docker:Container api-0\n"


def test_both_forms_at_once_make_no_sense(slipway: Slipway) -> None:
    """Exit code 2."""
    said = slipway("preview", "--markdown", "--json")
    assert said.code == 2
    assert "--markdown and --json exclude each other" in said.err


def test_a_plan_that_is_impossible(slipway: Slipway, work: FakeWorkplace) -> None:
    """What there is of it is shown all the same, for the reviewer to see the error in."""
    work.engine.events = [{"diagnosticEvent": {"severity": "error", "urn": API, "message": "protected"}}]
    work.engine.run = Run(1, "", DIGEST)
    said = slipway("preview")
    assert said.code == 1
    assert said.err == "error: docker:Container api-0: protected\n"
    assert "  + create   docker:Container api-0\n" in said.out


def test_warnings_are_told(slipway: Slipway, work: FakeWorkplace) -> None:
    """On stderr."""
    work.engine.events = [{"diagnosticEvent": {"severity": "warning", "message": "old"}}]
    assert slipway("preview").err == "warning: old\n"


def test_a_stack_that_was_never_described(slipway: Slipway, work: FakeWorkplace) -> None:
    """A preview makes no file; exit code 6."""
    said = slipway("preview", "--stack", "nope")
    assert (said.code, said.err) == (
        6,
        "error: there is no stack nope\n  fix: slipway up --stack nope --blueprint NAME\n",
    )
    assert not (work.root / "Pulumi.nope.yaml").exists()


def test_a_stack_of_a_blueprint_that_does_not_exist_yet(slipway: Slipway, work: FakeWorkplace) -> None:
    """It gets its file, so that what it lacks can be said, and then set."""
    (work.root / "blueprints/other.yaml").write_text(
        (work.root / "blueprints/shop.yaml").read_text()
        + "secrets: {key: {}}\nworkers: {w: {image: 'w:1', secrets: [key]}}\n"
    )
    said = slipway("preview", "--stack", "new", "--blueprint", "other")
    assert said.code == 2
    assert "slipway config set --stack new --secret key" in said.err
    assert "slipway:blueprint: other" in (work.root / "Pulumi.new.yaml").read_text()


def test_a_stack_that_was_never_deployed(slipway: Slipway, work: FakeWorkplace) -> None:
    """It is made, empty, so that there is something to compare with."""
    work.engine.there = False
    said = slipway("preview")
    assert said.code == 0
    assert "stack dev: created, with nothing in it yet\n" in said.out


def test_without_docker_it_goes_on(slipway: Slipway, work: FakeWorkplace) -> None:
    """A pipeline that only reviews may have none."""
    work.unreachable = DockerUnreachable("unix:///x", "there is no such socket", "scripts/bootstrap")
    said = slipway("preview")
    assert said.code == 0
    assert said.err.startswith("warning: Docker can't be reached at unix:///x: there is no such socket\n")


def test_it_shows_what_up_would_do(slipway: Slipway, work: FakeWorkplace) -> None:
    """Jobs that run again and containers to restore included."""
    job = entry("migrate-run", labels={"slipway.role": "job"}, outputs={"exitCode": 3})
    work.knows_what_runs(job)
    del work.api.things[0]
    slipway("preview")
    assert work.engine.asked == [("preview", {"refresh": True, "replace": (job["urn"],)})]


def test_lines_of_every_kind() -> None:
    """Reasons are cut after six; components and the stack itself are left out."""
    component = "urn:pulumi:dev::shop::slipway:index:Service::api"
    steps = [
        {
            "op": "replace",
            "urn": API,
            "replaceReasons": ["image", "labels"],
            "diffReasons": ["image", "labels", "wait"],
        },
        {"op": "update", "urn": API, "diffReasons": list("abcdefgh")},
        {"op": "delete", "urn": API},
        {"op": "create", "urn": component},
        {"op": "refresh", "urn": API},
    ]
    assert click.unstyle(changes_text({"steps": steps})) == (
        "  ± replace  docker:Container api-0  [image, labels]\n"
        "  ~ update   docker:Container api-0  [a, b, c, d, e, f, …]\n"
        "  - delete   docker:Container api-0"
    )
