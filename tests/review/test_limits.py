"""However large a plan is, the comment fits, and keeps what matters most; no secret is ever in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from review.escaping import length
from review.markdown import LIMIT, render_digest, render_failure
from review.plan import read_digest
from tests.review.builders import CONTAINER, HIDDEN, PASSWORD, SERVICE, UNKNOWN, VOLUME, digest, step

GITHUB = 65_535
CANARY = "canary-51f0c9"
ENVELOPE = {
    "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
    "value": CANARY,
    "plaintext": CANARY,
}

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5000), st.floats(allow_nan=False), st.text(max_size=30), st.just(UNKNOWN)
)
values = st.recursive(
    st.one_of(scalars, st.just(HIDDEN), st.just(ENVELOPE)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=12,
)
KEYS = (
    "envs labels ports volumes mounts networksAdvanced uploads hosts ulimits command image memory capabilities "
    "healthcheck taskSpec data name start mustRun wait destroyGraceSeconds"
)
known_keys = st.sampled_from(KEYS.split())
inputs = st.dictionaries(known_keys, values, max_size=6)
kinds = st.sampled_from([CONTAINER, SERVICE, VOLUME, PASSWORD, "docker:index/network:Network", "x", ""])
ops = st.sampled_from(
    ["create", "update", "replace", "delete", "import", "same", "refresh", "read", "delete-replaced", "?"]
)
flags = st.dictionaries(st.sampled_from(["protect", "retainOnDelete"]), st.booleans())


@st.composite
def steps(draw: st.DrawFn) -> dict[str, Any]:
    """Return any step."""
    return step(
        draw(ops),
        draw(kinds),
        draw(st.text(max_size=20)),
        old=draw(st.none() | inputs),
        new=draw(st.none() | inputs),
        was=draw(flags),
        becomes=draw(flags),
        order=draw(st.sampled_from(["", "delete-first", "start-first"])),
        uses=draw(st.dictionaries(known_keys, st.lists(st.text(max_size=10), max_size=2), max_size=2)),
        detailed=draw(
            st.none() | st.dictionaries(known_keys, st.sampled_from(["update", "update-replace"]), max_size=3)
        ),
    )


documents = st.builds(
    lambda found, same, said: digest(*found, same=same, diagnostics=said),
    st.lists(steps(), max_size=6),
    st.integers(0, 50),
    st.lists(
        st.fixed_dictionaries(
            {"severity": st.sampled_from(["error", "warning", "info", "debug"]), "message": st.text()}
        ),
        max_size=3,
    ),
)


@settings(max_examples=80, deadline=None)
@given(documents, st.text(min_size=1, max_size=10))
def test_any_plan_is_a_comment_that_fits_and_holds_no_secret(document: dict[str, Any], stack: str) -> None:
    """Whatever the shape of the document."""
    comment = render_digest(document, stack=stack, engine="embedded")
    assert length(comment) < GITHUB
    assert CANARY not in comment
    assert CANARY not in repr(read_digest(document))
    assert comment.startswith("<!-- slipway-preview:")
    assert comment.splitlines()[0].endswith(" -->")
    assert comment.endswith("\n")
    assert comment == render_digest(json.loads(json.dumps(document)), stack=stack, engine="embedded")


def test_a_preview_without_a_plan_says_why() -> None:
    """The comment of the last push must not stay as if nothing had happened."""
    comment = render_failure("error: 1 problem\n\n 1. services.api.imge\n", stack="prod", engine="pulumi")
    assert comment.startswith("<!-- slipway-preview:prod -->\n")
    assert "**1 error**; no plan." in comment
    assert "```\nerror: 1 problem\n\n 1. services.api.imge\n```" in comment


def crowd(count: int, width: int, char: str) -> dict[str, Any]:
    """Return a plan of many resources of every kind with long names and values."""
    found = []
    for index in range(count):
        name = f"{index}-{char * width}"
        old = {
            "image": f"a{char * width}",
            "envs": [f"K{n}{char * width}={char * width}" for n in range(20)],
            "memory": 1,
        }
        new = {**old, "image": f"b{char * width}", "ports": [{"internal": 1, "external": index}], "privileged": True}
        found += [
            step("replace", CONTAINER, f"r{name}", old=old, new=new, order="delete-first"),
            step("create", CONTAINER, f"c{name}", new=new),
            step("update", CONTAINER, f"u{name}", old=old, new=new),
            step("delete", VOLUME, f"d{name}", old={}),
            step("delete", VOLUME, f"p{name}", old={}, was={"protect": True}),
        ]
    said = [{"severity": "error", "message": f"{index}{(char * width + chr(10)) * 50}"} for index in range(count)]
    said += [{"severity": "warning", "message": f"{index}{char * width}"} for index in range(count)]
    return digest(*found, same=3, diagnostics=said)


@pytest.mark.parametrize("char", ["a", "`", "|", "\u202e", "\U0001f600", "<", "\n"], ids=lambda char: f"{ord(char):x}")
@pytest.mark.parametrize(("count", "width"), [(5, 5), (60, 300)])
def test_a_crowd_fits_and_its_summary_stays(count: int, width: int, char: str) -> None:
    """Details go first, the summary and the gravest warnings never."""
    comment = render_digest(crowd(count, width, char), stack="dev", engine="pulumi")
    assert length(comment) <= LIMIT < GITHUB
    first = comment.split("\n\n")
    counts = f"{count} to create, {count} to update, {count} to replace, {2 * count} to delete; 3 unchanged"
    assert first[1].startswith(f"**{count} errors**; before it: {counts}")
    assert first[2].startswith("> [!CAUTION]")
    assert comment.count("<details>") == comment.count("</details>")
    assert comment.rstrip().endswith("</sub>")


def test_details_of_replacements_stay_longer_than_those_of_creations() -> None:
    """A creation can be read in the description, a replacement is news."""
    wide = {"envs": [f"V{index}={'x' * 200}" for index in range(150)]}
    comment = render_digest(
        digest(
            *(step("create", CONTAINER, f"c{index}", new={**wide, "n": index}) for index in range(3)),
            step("replace", CONTAINER, "r", old={"envs": ["A=1"]}, new=wide, order="start-first"),
        ),
        stack="dev",
        engine="pulumi",
    )
    assert length(comment) <= LIMIT
    assert "+ env V149" in comment.partition("### Create")[0]
    assert "Left out to stay below GitHub's limit" in comment or "more lines" in comment.partition("### Create")[2]


SLOW = ("a" * 100_000, "a." * 50_000, "a://:" * 20_000, "p=" * 50_000, "x='" * 30_000, "\n" * 100_000)


@pytest.mark.parametrize("text", SLOW, ids=lambda text: repr(text[:5]))
def test_a_value_that_was_made_to_be_slow_is_not(text: str) -> None:
    """Patterns and comparisons stay linear, or stop: a quadratic one would not end while anybody waits."""
    old, new = ({"envs": [f"A={text}{end}"], "uploads": [{"file": "/f", "content": f"{text}{end}"}]} for end in "12")
    assert render_digest(digest(step("update", CONTAINER, text, old=old, new=new)), stack="dev", engine="pulumi")
