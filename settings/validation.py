"""Validates a merged description against the models and turns pydantic's errors into findings.

A description with errors is mended as far as possible (what is wrong is left out), so that the checks across fields
still see the rest and everything is reported at once.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from settings.explanations import explain_error
from settings.model import Platform

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from settings.paths import Path
    from settings.problems import Finding

_MOST_ROUNDS: Final = 50
_KEY_DEPTH: Final = dict.fromkeys(("gateway", "images", "host"), 2) | dict.fromkeys(
    (
        "networks",
        "volumes",
        "secrets",
        "databases",
        "caches",
        "vector_stores",
        "model_servers",
        "services",
        "workers",
        "jobs",
    ),
    3,
)
"""How long the path of a part's key is, by section; what lies deeper (a list's item, say) counts as that key."""
_PLACEHOLDER_NAME: Final = "unnamed"


@dataclass(frozen=True)
class Validated:
    """The outcome of validation."""

    platform: Platform
    """The platform; with findings, as much of it as could be kept."""
    findings: tuple[Finding, ...]
    """What is wrong."""
    damaged: tuple[Path, ...]
    """The keys that were left out: findings that rest on them may be mere consequences."""


def validate(data: dict[str, Any]) -> Validated:
    """Validate a merged description without origins."""
    try:
        return Validated(Platform.model_validate(data), (), ())
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=True)
    findings = [explain_error(detail) for detail in errors]
    # An unknown key was most likely meant as the nearest known one, which is then missing.
    damaged: list[Path] = [(*finding.path[:-1], finding.nearest) for finding in findings if finding.nearest is not None]
    rest = copy.deepcopy(data)
    for _ in range(_MOST_ROUNDS):
        damaged += [_leave_out(rest, detail) for detail in sorted(errors, key=_loc, reverse=True)]
        try:
            platform = Platform.model_validate(rest)
        except ValidationError as error:
            errors = error.errors(include_url=False)
        else:
            return Validated(platform, tuple(findings), tuple(damaged))
    return Validated(Platform(name=_PLACEHOLDER_NAME), tuple(findings), ((),))


def _loc(detail: ErrorDetails) -> list[tuple[int, int, str]]:
    # Higher list indexes first, so that leaving one item out does not move another that is in error too.
    return [(0, step, "") if isinstance(step, int) else (1, 0, step) for step in detail["loc"]]


def _leave_out(rest: dict[str, Any], detail: ErrorDetails) -> Path:
    """Remove the innermost thing around an error that can be removed, and return the key that it belongs to."""
    loc = tuple(step for step in detail["loc"] if step != "[key]")
    if loc == ("name",):
        rest["name"] = _PLACEHOLDER_NAME
        return loc
    if detail["type"] == "missing":
        loc = loc[:-1]
    parent: Any = None
    step: str | int | None = None
    current: Any = rest
    for wanted in loc:
        inside = (isinstance(current, dict) and wanted in current) or (
            isinstance(current, list) and isinstance(wanted, int) and wanted < len(current)
        )
        if not inside:  # the error lies within a short form: the whole short form goes
            break
        parent, step, current = current, wanted, current[wanted]
    if parent is not None:
        del parent[step]
    return loc[: _KEY_DEPTH.get(str(loc[0]), 1)] if loc else loc
