"""``.dockerignore``: which files of a build context count (moby's ``patternmatcher``, with parents' results)."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class IgnoreRule:
    """One line of an ignore file."""

    pattern: re.Pattern[str]
    keeps: bool
    """Whether the line brings back (``!``) what an earlier one ignored."""


def read_rules(context: Path, dockerfile: Path) -> list[IgnoreRule]:
    """Read the ignore file of a build: ``<Dockerfile>.dockerignore`` wins over the context's ``.dockerignore``."""
    for path in (dockerfile.with_name(dockerfile.name + ".dockerignore"), context / ".dockerignore"):
        if path.is_file():
            return parse_rules(path.read_text(encoding="utf-8-sig"))
    return []


def parse_rules(text: str) -> list[IgnoreRule]:
    """Parse the lines of an ignore file; comments and empty ones fall out."""
    rules = []
    for line in text.splitlines():
        body = line.strip()
        if not body or line.startswith("#"):
            continue
        keeps = body.startswith("!")
        body = body[1:].strip() if keeps else body
        cleaned = posixpath.normpath(body).lstrip("/") if body else ""
        if cleaned not in {"", "."}:
            rules.append(rule(cleaned, keeps=keeps))
    return rules


def rule(pattern: str, *, keeps: bool = False) -> IgnoreRule:
    """Compile one pattern: ``*`` stays within a name, ``**`` crosses folders."""
    return IgnoreRule(re.compile(_expression(pattern), re.DOTALL), keeps)


def ignored(path: str, rules: list[IgnoreRule]) -> bool:
    """Whether a file (relative, with slashes) is left out; a rule that matches a folder matches all below it."""
    parts = path.split("/")
    paths = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
    result = False
    for item in rules:
        if item.keeps == result and any(item.pattern.fullmatch(candidate) for candidate in paths):
            result = not item.keeps
    return result


def _expression(pattern: str) -> str:
    result, position = "", 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character == "*" and pattern[position : position + 1] == "*":
            position += 1
            if pattern[position : position + 1] == "/":
                position += 1
            result += ".*" if position == len(pattern) else "(?:.*/)?"
        elif character == "*":
            result += "[^/]*"
        elif character == "?":
            result += "[^/]"
        elif character == "\\" and position < len(pattern):
            result += re.escape(pattern[position])
            position += 1
        elif character in "[]":
            result += character
        else:
            result += re.escape(character)
    return result
