"""Nothing that a stranger chose becomes markup, whatever the place in the comment; judged by a Markdown parser."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from review.escaping import code, fenced, html_code, length, marker, visible
from review.markdown import render_digest
from tests.review.builders import CONTAINER, VOLUME, digest, labels, step, urn

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table"])
CODE_ELEMENT = re.compile(r"<code>([^<>]*)</code>")
OURS = re.compile(r"<!-- slipway-preview:[A-Za-z0-9_./-]+ -->|</?(?:details|summary|sub|code)>")

NASTY = (
    "`",
    "``x``",
    "|",
    "\\|",
    "<script>alert(1)</script>",
    "<!-- slipway-preview:prod -->",
    "--> <b>",
    "@octocat",
    "#1",
    "[a](http://evil.example)",
    "![a](http://evil.example/x.png)",
    "http://evil.example",
    "www.evil.example",
    "**bold**",
    "\n\n# Heading\n\n",
    "\r\n\r\n</details>",
    "</code>",
    "</summary></details>",
    "~~~\n# x",
    "```\n# x\n```",
    "> [!NOTE]",
    "- item",
    "a\u202eb",
    "zero\u200bwidth",
    "\x00\x1b[31m",
    "\ud800",
    "&lt;b&gt;",
    "$x$",
    "    indented",
    " ",
    "",
    "a" * 5000,
)
"""Text that would do something if it stood bare."""


def everywhere(nasty: str) -> dict[str, Any]:
    """Return a preview that has this text in every place that a comment shows."""
    component = f"my:index:{nasty}"
    inputs = {
        "image": nasty,
        "envs": [f"{nasty}={nasty}", f"B={nasty}\n{nasty}"],
        "labels": [*labels(part=nasty, kind=nasty, role=nasty), {"label": nasty, "value": nasty}],
        "ports": [{"internal": nasty, "external": nasty, "ip": nasty, "protocol": nasty}],
        "volumes": [{"hostPath": nasty, "containerPath": nasty}],
        "capabilities": {"adds": [nasty]},
        nasty: {nasty: [nasty, {nasty: nasty}]},
        "uploads": [{"file": nasty, "content": f"{nasty}\n{nasty}\n"}],
    }
    other = {
        **inputs,
        "image": f"{nasty}2",
        "envs": [f"{nasty}={nasty}2"],
        "uploads": [{"file": nasty, "content": "x\ny\n"}],
    }
    return digest(
        step("create", CONTAINER, nasty, new=inputs, parent=urn(component, nasty), around=[component]),
        step("replace", CONTAINER, f"r{nasty}", old=inputs, new=other, order="start-first", replaceReasons=[nasty]),
        step(
            "update", nasty or "x", f"u{nasty}", old=inputs, new=other, diffReasons=[nasty], detailed={nasty: "update"}
        ),
        step("delete", VOLUME, nasty, old=inputs),
        step("delete", VOLUME, f"p{nasty}", old=inputs, was={"protect": True}),
        step("same", VOLUME, f"s{nasty}", old=inputs, new=inputs, was={"protect": True}),
        diagnostics=[
            {"severity": "error", "message": nasty, "urn": nasty},
            {"severity": nasty, "message": f"{nasty}\n{nasty}"},
        ],
    )


def tokens(found: list[Token]) -> Iterator[Token]:
    """Walk all tokens, those of inline content too."""
    for token in found:
        yield token
        yield from tokens(token.children or [])


def bare_text(comment: str) -> str:
    """Return everything that does not stand in code: what Markdown or GitHub could act on."""
    pieces = []
    inside = 0
    for token in tokens(PARSER.parse(comment)):
        if token.type in {"html_block", "html_inline"}:
            assert not OURS.sub("", CODE_ELEMENT.sub("", token.content)).strip("\n ") or token.type == "html_block", (
                token
            )
            inside += (
                token.content.count("<code>") - token.content.count("</code>") if token.type == "html_inline" else 0
            )
            pieces.append(OURS.sub("", CODE_ELEMENT.sub("", token.content)))
        elif token.type == "text" and not inside:
            pieces.append(token.content)
    return "\n".join(pieces)


def headings(comment: str) -> set[str]:
    """Return the titles of all sections."""
    parsed = PARSER.parse(comment)
    return {parsed[index + 1].content for index, token in enumerate(parsed) if token.type == "heading_open"}


@pytest.mark.parametrize("nasty", NASTY, ids=lambda text: repr(text[:20]))
def test_a_nasty_text_stays_text_everywhere(nasty: str) -> None:
    """No element, link, image, heading, mention or marker beyond our own."""
    comment = render_digest(everywhere(nasty), stack="dev", engine=nasty)
    harmless = render_digest(everywhere("x"), stack="dev", engine="x")
    comment.encode("utf-8")
    kinds = {token.type for token in tokens(PARSER.parse(comment))}
    allowed = {token.type for token in tokens(PARSER.parse(harmless))} | {"em_open", "em_close"}  # "(empty)"
    assert kinds <= allowed
    bare = bare_text(comment)
    for sign in ("<", "@octocat", "evil", "script", "alert(1)", "\u202e", "\u200b", "\x1b", "\x00"):
        assert sign not in bare
    assert headings(comment) <= headings(harmless)
    assert comment.startswith("<!-- slipway-preview:dev -->\n")
    assert comment.count("<details>") == comment.count("</details>") or "details" in nasty
    assert not {"\u202e", "\u200b", "\x1b", "\x00", "\r"} & set(comment)


@given(st.text(max_size=60))
def test_a_code_span_holds_exactly_what_it_shows(text: str) -> None:
    """A parser gives the visible form back, and nothing beside it."""
    (block,) = [token for token in PARSER.parse(f"- {code(text)} end") if token.type == "inline"]
    children = [(child.type, child.content) for child in block.children or []]
    shown = visible(text, 200)
    if shown.strip():
        assert children == [("code_inline", shown), ("text", " end")]
    else:
        assert "code_inline" not in {kind for kind, _ in children}


@given(st.text(max_size=60))
def test_a_table_cell_holds_exactly_what_it_shows(text: str) -> None:
    """No pipe ends the cell, no sign is markup."""
    parsed = PARSER.parse(f"| a | b |\n|---|---|\n| {html_code(text)} | end |\n")
    cells = [token for token in parsed if token.type == "inline"]
    assert len(cells) == 4
    inner = [child for child in cells[2].children or [] if child.type != "html_inline"]
    assert {child.type for child in inner} <= {"text", "text_special"}
    assert html.unescape("".join(child.content for child in inner)).strip() == (
        visible(text, 200).strip() or "(empty)" * (not text)
    )


@given(st.lists(st.text(max_size=30), max_size=5))
def test_a_fence_holds_exactly_its_lines(lines: list[str]) -> None:
    """However many ticks they have."""
    shown = [visible(line, 100) for line in lines]
    parsed = PARSER.parse(f"{fenced(shown, 'diff')}\n\nafter")
    assert [token.type for token in parsed] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert parsed[0].content == "".join(f"{line}\n" for line in shown)


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_visible_text_is_one_printable_line_within_its_limit(text: str, limit: int) -> None:
    """So that lengths can be reckoned with."""
    shown = visible(text, limit)
    assert len(shown) <= limit
    assert shown.isprintable()


@given(st.text())
def test_a_marker_is_one_comment_whatever_the_stack_is_called(stack: str) -> None:
    """And the same stack always has the same."""
    assert re.fullmatch(r"<!-- slipway-preview:[A-Za-z0-9_./-]* -->", marker(stack))
    assert marker("acme/slipway/prod-2.eu_1") == "<!-- slipway-preview:acme/slipway/prod-2.eu_1 -->"


def test_length_counts_what_github_counts() -> None:
    """A face is two units."""
    assert length("a\U0001f600") == 3
