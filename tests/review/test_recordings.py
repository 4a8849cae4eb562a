"""Comments on what the real CLI recorded, and on a release that holds every consequence, as golden texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from review.markdown import LIMIT, render_digest
from review.plan import Op, Order, read_digest
from tests.review.release import release

RECORDINGS = Path(__file__).parent.parent / "engine" / "recordings"
DATA = Path(__file__).parent / "data"
PREVIEWS = sorted(f"{path.parent.name}/{path.name}" for path in RECORDINGS.glob("*/*.preview.json"))
GOLDEN = (
    "containers/00-create",
    "containers/01-unchanged",
    "containers/03-memory-update",
    "containers/06-env-replace-create-first",
    "containers/07-scale-down",
    "swarm/03-config-changed",
    "swarm/05-scaled",
)


def recorded(name: str) -> dict[str, object]:
    """Return a recorded preview."""
    document: dict[str, object] = json.loads((RECORDINGS / f"{name}.preview.json").read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize("name", GOLDEN)
def test_recorded_preview_reads_as_this_comment(name: str, golden: Callable[[str, str], None]) -> None:
    """The whole comment is as reviewed."""
    golden(f"review/{name.replace('/', '-')}.md", render_digest(recorded(name), stack="dev", engine="pulumi"))


def test_a_change_of_the_starter_reads_as_this_comment(golden: Callable[[str, str], None]) -> None:
    """Recorded from the embedded engine on real containers, without outputs, dependencies and times.

    Against the starter in dev: another address and body size of the gateway, a variable and memory for the api, one
    more fanout, one runner less, memory and a parameter for the database.
    """
    document = json.loads((DATA / "starter-change.preview.json").read_text(encoding="utf-8"))
    golden("review/starter-change.md", render_digest(document, stack="dev", engine="embedded"))


def test_a_release_with_every_consequence_reads_as_this_comment(golden: Callable[[str, str], None]) -> None:
    """Data, credentials, interruptions, doors, images and memory, in this order."""
    golden("review/release.md", render_digest(release(), stack="prod", engine="embedded"))


@pytest.mark.parametrize("file", PREVIEWS)
def test_every_recorded_preview_fits_and_counts_what_the_cli_counts(file: str) -> None:
    """All but the stack and the component, which the CLI counts too."""
    document = json.loads((RECORDINGS / file).read_text(encoding="utf-8"))
    plan = read_digest(document)
    shown = {op: len(plan.of(Op(op))) for op in ("update", "replace", "delete")}
    assert shown == {op: document["changeSummary"].get(op, 0) for op in shown}
    hidden = {"containers": 2, "swarm": 1}[file.partition("/")[0]] if "00-create" in file else 0
    assert len(plan.of(Op.CREATE)) == document["changeSummary"].get("create", 0) - hidden
    assert len(render_digest(document, stack="dev", engine="pulumi")) < LIMIT


@pytest.mark.parametrize(
    ("name", "orders"),
    [
        ("containers/02-env-replace-delete-first", {"box-app": Order.DELETE_FIRST}),
        ("containers/05-job-rerun", {"box-app": Order.DELETE_FIRST, "box-job": Order.START_FIRST}),
        (
            "containers/06-env-replace-create-first",
            dict.fromkeys(("box-web-0", "box-web-1", "box-job"), Order.START_FIRST),
        ),
        ("swarm/02-secret-rotated", {"secret": Order.START_FIRST}),
    ],
)
def test_the_order_of_a_replacement_is_read_off_the_recorded_state(name: str, orders: dict[str, Order]) -> None:
    """The CLI never says it in words."""
    assert {change.name: change.order for change in read_digest(recorded(name)).of(Op.REPLACE)} == orders
