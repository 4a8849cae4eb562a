"""Writing a stack's own differences, ``slipway:overrides`` of ``Pulumi.<stack>.yaml``; its comments stay in place."""

from __future__ import annotations

import io
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from operate.stack_files import StackFileError
from settings.source import NAMESPACE, stack_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


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
            f"{path.name}: slipway:overrides can't be changed: something else stands where a map should be"
            f"\n  fix: slipway config --stack {stack}"
        ) from error
    try:
        yield path
    except BaseException:
        _write(path, before)
        raise


def _changed(text: str, values: Mapping[tuple[str, ...], Any]) -> str:
    from ruamel.yaml import YAML  # noqa: PLC0415 - slow to load

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 10_000  # what is written in one line stays in one
    document = yaml.load(text) or {}
    below = document.setdefault("config", {})
    for path, value in values.items():
        node = below
        for key in (f"{NAMESPACE}:overrides", *path[:-1]):
            node = node.setdefault(key, {})
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
