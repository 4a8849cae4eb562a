"""Writing what a stack says in ``Pulumi.<stack>.yaml``: its own differences, and which versions of services run.

Comments stay in place.
"""

from __future__ import annotations

import io
import os
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from operate.stack_files import StackFileError
from settings.source import NAMESPACE, stack_file
from settings.tree import DEFAULT, from_plain
from settings.versions import KEY
from settings.yaml_source import as_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OVERRIDES: Final = f"{NAMESPACE}:overrides"
_VERSIONS: Final = f"{NAMESPACE}:{KEY}"
_PLAIN_KEY: Final = re.compile(r"(?!(?:y|n|yes|no|on|off|true|false|null)$)[a-z][a-z_]*|[A-Z]+_[A-Z_]+")


@contextmanager
def overridden(root: Path, stack: str, values: Mapping[tuple[str, ...], Any]) -> Iterator[Path]:
    """Write values below ``slipway:overrides``; if what is then done with them raises, put the file back.

    Args:
        root: The project's folder.
        stack: The stack.
        values: Plain values by their path in the description: ``("services", "api", "replicas")``.

    Raises:
        StackFileError: The file can't be read or written, or holds something else at such a path.
    """
    with configured(root, stack, {(_OVERRIDES, *path): value for path, value in values.items()}) as file:
        yield file


@contextmanager
def noted(root: Path, stack: str, versions: Mapping[str, Any]) -> Iterator[Path]:
    """Write ``slipway:versions``, or remove it where there are none; if what is then done raises, put the file back.

    Args:
        root: The project's folder.
        stack: The stack.
        versions: What is noted of each service.

    Raises:
        StackFileError: The file can't be read or written.
    """
    plain = as_record(from_plain(versions, DEFAULT))  # what was read remembers how it was written
    with configured(root, stack, {(_VERSIONS,): _unmistakable(plain) if plain else None}) as file:
        yield file


@contextmanager
def configured(root: Path, stack: str, values: Mapping[tuple[str, ...], Any]) -> Iterator[Path]:
    """The same for any plain key of the stack's configuration: ``("slipway:profiles",)``; ``None`` removes one.

    Raises:
        StackFileError: As for :func:`overridden`.
    """
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415 - slow to load

    path = root / stack_file(stack)
    try:
        before = path.read_bytes()
        after = _changed(before.decode(), values)
        _write(path, after.encode())
    except (OSError, UnicodeDecodeError) as error:
        raise StackFileError(f"can't change {path.name}: {error}") from error
    except (YAMLError, TypeError, AttributeError) as error:
        raise StackFileError(
            f"{path.name}: {next(iter(values))[0]} can't be changed: something else stands where a map should be"
            f"\n  fix: slipway config --stack {stack}"
        ) from error
    try:
        yield path
    except BaseException:
        _write(path, before)
        raise


def _unmistakable(value: Any) -> Any:
    """Quote every text: readers of YAML differ in what they take for a number, ``12e3`` or ``1:30``, or for no text."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString  # noqa: PLC0415 - slow to load

    if isinstance(value, dict):
        return {
            key if _PLAIN_KEY.fullmatch(key) else DoubleQuotedScalarString(key): _unmistakable(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_unmistakable(item) for item in value]
    return DoubleQuotedScalarString(value) if isinstance(value, str) else value


def _changed(text: str, values: Mapping[tuple[str, ...], Any]) -> str:
    from ruamel.yaml import YAML  # noqa: PLC0415 - slow to load

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 10_000  # what is written in one line stays in one
    document = yaml.load(text) or {}
    below = document.setdefault("config", {})
    for path, value in values.items():
        node = below
        for key in path[:-1]:
            node = node.setdefault(key, {})
        if value is None:
            node.pop(path[-1], None)
        else:
            node[path[-1]] = value
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue()


def _write(path: Path, content: bytes) -> None:
    """Replace a file as a whole, keeping its mode."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as new:
        new.write(content)
        new.flush()
        os.fsync(new.fileno())
    Path(new.name).chmod(path.stat().st_mode & 0o777)
    Path(new.name).replace(path)
