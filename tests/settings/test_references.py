"""Parsing and escaping of references."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from settings import REFERENCE_ATTRIBUTES, Reference, ReferenceSyntaxError, escape, parse_template, references_in
from settings.model import Workload
from settings.references import looks_like_reference

QUICK = settings(max_examples=60, deadline=None)
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,6}", fullmatch=True)
REFERENCES = st.sampled_from(
    [(section, attribute) for section, attributes in REFERENCE_ATTRIBUTES.items() for attribute in attributes]
).flatmap(
    lambda item: st.builds(
        Reference,
        section=st.just(item[0]),
        name=st.just("") if item[0] in {"platform", "stack", "environment"} else NAMES,
        attribute=st.just(item[1]),
    )
)
TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from("${}"), max_size=20)


@QUICK
@given(REFERENCES)
def test_a_reference_survives_being_written(reference: Reference) -> None:
    assert parse_template(str(reference)) == (reference,)


@QUICK
@given(TEXTS)
def test_an_escaped_text_is_one_literal(text: str) -> None:
    assert parse_template(escape(text)) == ((text,) if text else ())


@QUICK
@given(st.lists(TEXTS.filter(lambda text: not text.endswith("$")) | REFERENCES, max_size=5))
def test_a_template_survives_being_written(pieces: list[str | Reference]) -> None:
    """A literal that ends in a dollar right before a reference can't be written; nothing else is lost."""
    joined: list[str | Reference] = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        elif piece:
            joined.append(piece)
    text = "".join(escape(piece) if isinstance(piece, str) else str(piece) for piece in joined)
    assert parse_template(text) == tuple(joined)


@QUICK
@given(TEXTS)
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        pieces = parse_template(text)
    except ReferenceSyntaxError as error:
        assert error.allowed  # noqa: PT017 - any text may be parsed too
    else:
        assert all(pieces)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", ()),
        ("plain", ("plain",)),
        ("${databases.main.url}", (Reference("databases", "main", "url"),)),
        ("http://${services.api.host}:1", ("http://", Reference("services", "api", "host"), ":1")),
        ("${secrets.openai_api_key}", (Reference("secrets", "openai_api_key", "value"),)),
        ("${platform.name}-${stack.name}", (Reference("platform", "", "name"), "-", Reference("stack", "", "name"))),
        ("$${platform.name}", ("${platform.name}",)),
        ("$$${platform.name}", ("$${platform.name}",)),
        ("a$b", ("a$b",)),
    ],
)
def test_what_a_text_means(text: str, pieces: tuple[str | Reference, ...]) -> None:
    assert parse_template(text) == pieces


@pytest.mark.parametrize(
    ("section", "secret"),
    [
        ("databases", {"password", "url"}),
        ("caches", {"password", "url"}),
        ("services", set()),
        ("secrets", {"value"}),
        ("platform", set()),
        ("stack", set()),
        ("environment", set()),
    ],
)
def test_what_is_secret(section: str, secret: set[str]) -> None:
    assert {name for name in REFERENCE_ATTRIBUTES[section] if Reference(section, "x", name).is_secret} == secret


def test_a_workloads_references_come_once_each_in_order() -> None:
    workload = Workload(
        image="a:1",
        env={"A": "${databases.main.url}", "B": "${caches.queue.url} ${databases.main.url}"},
        files={"/etc/x": "${secrets.token}"},
        command=["${platform.name}"],
        labels={"x": "${services.no.url}"},
    )
    assert [str(reference) for reference in references_in(workload)] == [
        "${databases.main.url}",
        "${caches.queue.url}",
        "${secrets.token}",
        "${platform.name}",
    ]


@pytest.mark.parametrize("text", ["${databases.main.url}", "x ${secrets.a}", "${platform.name}"])
def test_what_looks_like_a_reference(text: str) -> None:
    assert looks_like_reference(text)


@pytest.mark.parametrize("text", ["${HOME}", "$${databases.main.url}", "${databases}", "databases.main.url"])
def test_what_does_not_look_like_a_reference(text: str) -> None:
    assert looks_like_reference(text) is None
