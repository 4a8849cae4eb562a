"""Property paths, as ``ignoreChanges`` writes them: ``taskSpec.placement``, ``labels[0]``, ``options["a.b"]``."""

from __future__ import annotations

import re

_STEP = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|\.?([^.\[\]]+)')


def parse_path(text: str) -> tuple[str | int, ...]:
    """Split a property path into its steps; ``*`` stays a step of its own."""
    steps: list[str | int] = []
    for quoted, index, name in _STEP.findall(text):
        if quoted:
            steps.append(quoted.replace('\\"', '"'))
        elif index:
            steps.append(index if index == "*" else int(index))
        else:
            steps.append(name)
    return tuple(steps)
