"""Writing the stack's file: what people wrote stays as they wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from operate.stack_files import StackFileError
from operate.stack_overrides import noted, overridden
from settings import read_stack_file

if TYPE_CHECKING:
    from pathlib import Path

FILE = "Pulumi.dev.yaml"
WRITTEN = """\
# who may change this: ask ops
encryptionsalt: v1:abc=:v1:def
config:
  slipway:blueprint: "shop"   # quoted on purpose
  slipway:token:
    secure: v1:xyz
  slipway:overrides:
    services: {api: {memory: 256MiB}} # small machine
"""
SCALED: dict[tuple[str, ...], Any] = {("services", "api", "replicas"): 5}


def test_a_value_is_added_and_everything_else_stays(tmp_path: Path) -> None:
    """Comments, quotes, secrets, the mode of the file."""
    file = tmp_path / FILE
    file.write_text(WRITTEN)
    file.chmod(0o640)
    with overridden(tmp_path, "dev", SCALED):
        pass
    assert file.read_text() == WRITTEN.replace("{memory: 256MiB}", "{memory: 256MiB, replicas: 5}")
    assert file.stat().st_mode & 0o777 == 0o640


def test_the_first_override(tmp_path: Path) -> None:
    """There need be no overrides yet."""
    (tmp_path / FILE).write_text("config:\n  slipway:blueprint: shop\n")
    with overridden(tmp_path, "dev", SCALED):
        pass
    assert (tmp_path / FILE).read_text() == (
        "config:\n  slipway:blueprint: shop\n  slipway:overrides:\n    services:\n      api:\n        replicas: 5\n"
    )


def test_what_is_refused_is_put_back(tmp_path: Path) -> None:
    """To the byte."""
    (tmp_path / FILE).write_text(WRITTEN)

    def refuse() -> None:
        with overridden(tmp_path, "dev", SCALED):
            assert "replicas: 5" in (tmp_path / FILE).read_text()
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        refuse()
    assert (tmp_path / FILE).read_text() == WRITTEN


@pytest.mark.parametrize(
    "text", ["config:\n  slipway:overrides: none\n", "config: [", "config: {slipway:overrides: {services: 3}}"]
)
def test_a_file_that_says_something_else(tmp_path: Path, text: str) -> None:
    """Is left alone, and named."""
    (tmp_path / FILE).write_text(text)
    with pytest.raises(StackFileError, match=r"Pulumi\.dev\.yaml"), overridden(tmp_path, "dev", SCALED):
        pass
    assert (tmp_path / FILE).read_text() == text


def test_no_file(tmp_path: Path) -> None:
    """Says so."""
    with pytest.raises(StackFileError, match=r"can't change Pulumi\.dev\.yaml"), overridden(tmp_path, "dev", SCALED):
        pass


VERSIONS: dict[str, Any] = {
    "api": {"serving": {"image": "a:1", "port": 8000, "env": {"ID": "12e3", "y": "no"}, "command": ["1:30"]}},
}


def test_versions_are_noted_so_that_every_reader_takes_texts_for_texts(tmp_path: Path) -> None:
    """Pulumi's reader of YAML and ours differ in what they take for a number; what was noted can be noted again."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\n")
    file = tmp_path / FILE
    file.write_text(WRITTEN)
    with noted(tmp_path, "dev", VERSIONS):
        pass
    assert file.read_text() == WRITTEN + (
        '  slipway:versions:\n    api:\n      serving:\n        image: "a:1"\n        port: 8000\n'
        '        env:\n          "ID": "12e3"\n          "y": "no"\n        command:\n        - "1:30"\n'
    )
    read = read_stack_file(tmp_path, "dev").versions
    assert read == VERSIONS
    with noted(tmp_path, "dev", {**read, "web": {"live": "green"}}):
        pass
    assert read_stack_file(tmp_path, "dev").versions == {**VERSIONS, "web": {"live": "green"}}
    with noted(tmp_path, "dev", {}):
        pass
    assert file.read_text() == WRITTEN
