"""Ollama's Modelfile, as far as its API can say the same: FROM, SYSTEM, TEMPLATE and PARAMETER.

MESSAGE, ADAPTER and LICENSE are refused rather than left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi

_KNOWN: Final = ("FROM", "SYSTEM", "TEMPLATE", "PARAMETER")
_SEVERAL: Final = frozenset({"stop"})
_QUOTE: Final = '"""'


@dataclass
class Modelfile:
    """What a Modelfile says."""

    base: str | None = None
    """The model that it starts from."""
    file: str | None = None
    """The GGUF file that it starts from, as written."""
    system: str | None = None
    template: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)


def read_modelfile(text: str, name: str) -> Modelfile:
    """Read a Modelfile.

    Args:
        text: Its text.
        name: How an error names it.

    Raises:
        pulumi.RunError: It says something that can't be had, or nothing to start from.
    """
    made = Modelfile()
    for line, word, value in _instructions(text, name):
        match word:
            case "FROM" if re.search(r"\.gguf$|^[./~]", value):
                made.file = value
            case "FROM":
                made.base = value
            case "SYSTEM":
                made.system = value
            case "TEMPLATE":
                made.template = value
            case "PARAMETER":
                key, _, rest = value.partition(" ")
                said = _number(rest.strip().strip('"'))
                made.parameters[key] = [*made.parameters.get(key, []), said] if key in _SEVERAL else said
            case _:
                raise pulumi.RunError(f"{name}:{line}: {word} can't be used\n  allowed: {', '.join(_KNOWN)}")
    if (made.base is None) == (made.file is None):
        raise pulumi.RunError(f"{name}: needs one FROM: a model, or a GGUF file such as ./tiny.gguf")
    return made


def _instructions(text: str, name: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, word and value of each instruction; a value in three quotes may go over lines."""
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        word, _, value = line.strip().partition(" ")
        if not word or word.startswith("#"):
            continue
        value = value.strip()
        if value.startswith(_QUOTE):
            value = value.removeprefix(_QUOTE)
            while _QUOTE not in value:
                following = next(lines, None)
                if following is None:
                    raise pulumi.RunError(f"{name}:{number}: the three quotes are never closed")
                value += "\n" + following[1]
            value = value.partition(_QUOTE)[0]
        elif word.upper() != "PARAMETER":
            value = value.strip('"')
        yield number, word.upper(), value


def _number(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return {"true": True, "false": False}.get(text.lower(), text)
