"""YAML that is read as it looks, each value with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from settings import SettingsError
from settings.tree import Node, find, to_plain
from settings.yaml_source import read_yaml

NO_TAB = "is not valid YAML: while scanning for the next token, found character '\\t' that cannot start any token"
ONE_DOCUMENT = "is not valid YAML: expected a single document in the stream, but found another document"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def read(folder: Path, text: str | bytes) -> Node:
    content = text if isinstance(text, bytes) else text.encode()
    (folder / "x.yaml").write_bytes(content)
    return read_yaml(folder, "x.yaml", "blueprint")


def problem(folder: Path, text: str | bytes) -> tuple[int | None, str]:
    with pytest.raises(SettingsError) as caught:
        read(folder, text)
    (only,) = caught.value.problems
    assert only.file == "x.yaml"
    return only.line, only.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8000", 8000),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("~", None),
        ("", None),
        ("no", "no"),
        ("on", "on"),
        ("22:22", "22:22"),
        ("8080:80", "8080:80"),
        ("2024-01-01", "2024-01-01"),
        ("'5'", "5"),
        ("!!str 5", "5"),
        ("5m", "5m"),
        ("|\n  a\n  b", "a\nb\n"),
    ],
)
def test_a_scalar_is_what_it_looks_like(folder: Path, text: str, value: object) -> None:
    plain = to_plain(read(folder, f"x: {text}\n"))["x"]
    assert (plain, isinstance(plain, bool)) == (value, isinstance(value, bool))


@pytest.mark.parametrize("text", ["1.10", "010", "1e3", "0x1F", "+5"])
def test_a_number_remembers_how_it_was_written(folder: Path, text: str) -> None:
    assert str(to_plain(read(folder, f"x: {text}"))["x"]) == text


def test_every_value_knows_its_line(folder: Path) -> None:
    tree = read(folder, "a:\n  b: 1\n  c:\n    - x\n    - {d: 2,\n       e: 3}\n")
    lines = {path: node.origin.line for path in [("a",), ("a", "b"), ("a", "c"), ("a", "c", 0), ("a", "c", 1, "d"),
                                                 ("a", "c", 1, "e")] if (node := find(tree, path))}  # fmt: skip
    assert lines == {
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "c"): 3,
        ("a", "c", 0): 4,
        ("a", "c", 1, "d"): 5,
        ("a", "c", 1, "e"): 6,
    }


def test_anchors_and_merge_keys_work(folder: Path) -> None:
    text = "x: &base {a: 1, b: 2}\ny: {<<: *base, b: 3}\nz: {<<: [{a: 9}, *base]}\nw: *base\n"
    assert to_plain(read(folder, text)) == {
        "x": {"a": 1, "b": 2},
        "y": {"a": 1, "b": 3},
        "z": {"a": 9, "b": 2},
        "w": {"a": 1, "b": 2},
    }


def test_an_empty_file_is_an_empty_map(folder: Path) -> None:
    assert to_plain(read(folder, "# nothing\n")) == {}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' stands here twice (first on line 1)"),
        ("x: {a: 1, a: 2}\n", 1, "the key 'a' stands here twice (first on line 1)"),
        ("- a\n", 1, "must be a map of names to values at its top"),
        ("? [a]\n: b\n", 1, "a key must be a plain name"),
        ("x: {<<: 5}\n", 1, "'<<' takes a map, or a list of maps"),
        ("x: !password y\n", 1, "the tag !password is not known here"),
        ("a: &a [*a]\n", 1, "an alias can't stand inside what it names"),
        ("a: [1\nb: 2\n", 2, "is not valid YAML: while parsing a flow sequence, expected ',' or ']', but got ':'"),
        ("a:\n\t- 1\n", 2, NO_TAB),
        ("a: *b\n", 1, "is not valid YAML: found undefined alias 'b'"),
        ("a: 1\n---\nb: 2\n", 2, ONE_DOCUMENT),
        (b"a: \xff\n", None, "is not UTF-8 text: byte 3 can't be read"),
        ("a: \x07\n", None, "is not valid YAML: special characters are not allowed"),
    ],
)  # fmt: skip
def test_broken_yaml_is_refused_with_its_line(folder: Path, text: str | bytes, line: int | None, message: str) -> None:
    assert problem(folder, text) == (line, message)


def test_aliases_can_not_explode(folder: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    _, message = problem(folder, "\n".join(lines))
    assert message == "holds more than 50,000 values once aliases are expanded"


def test_a_file_that_is_nested_too_deeply_is_refused(folder: Path) -> None:
    assert problem(folder, "a: " + "[" * 1000) == (None, "is nested too deeply")


def test_a_broken_file_shows_nothing_of_its_content(folder: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read(folder, "token: hunter2-secret: x\n")
    assert "hunter2-secret" not in str(caught.value)


def test_two_problems_are_both_reported(folder: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read(folder, "a: 1\na: 2\nb: 1\nb: 2\n")
    assert [item.line for item in caught.value.problems] == [2, 4]


def test_a_missing_file_is_told_apart(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_yaml(folder, "missing.yaml", "blueprint")
