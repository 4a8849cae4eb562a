"""Property paths such as ``labels[0].value`` and ``a["x.y"].*``: parsing, containment, resetting for ignoreChanges."""

from __future__ import annotations

import re
from typing import Any, Final

from engine.errors import EngineError
from engine.values import Secret, secret

Path = tuple[str | int, ...]
"""Names and indexes from the outside in; ``*`` stands for any of them."""

_TOKEN: Final = re.compile(r"""\.?(?:\[(?P<index>\d+|\*)\]|\["(?P<quoted>(?:\\"|[^"])*)"\]|(?P<name>[^.\[]+))""")
_ABSENT: Final = object()


def parse_path(text: str) -> Path:
    """The elements of a property path. Raises EngineError for text that is none."""
    elements: list[str | int] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or (position == 0 and text.startswith(".")):
            raise EngineError(f'{text!r} is not a property path: expected a name, .name, [index] or ["name"]')
        position = match.end()
        if match["index"] is not None:
            elements.append("*" if match["index"] == "*" else int(match["index"]))
        elif match["quoted"] is not None:
            elements.append(match["quoted"].replace('\\"', '"'))
        else:
            elements.append(match["name"])
    return tuple(elements)


def covers(path: Path, other: Path) -> bool:
    """Whether ``other`` is the place of ``path`` or lies inside it."""
    return len(other) >= len(path) and all(
        a == "*" or (type(a) is type(b) and a == b) for a, b in zip(path, other, strict=False)
    )


def reset_path(path: Path, old: Any, new: Any) -> bool:
    """Give ``new`` the value that ``old`` has at the path (or none), in place; the secrecy of either side stays.

    Returns False where an array element exists on one side only: an array can't be shortened or filled up.
    """
    return bool(path) and _reset(path, old, new, old_secret=False, new_secret=False)


def _unwrap(value: Any, is_secret: bool) -> tuple[Any, bool]:
    return (value.value, True) if isinstance(value, Secret) else (value, is_secret)


def _reset(path: Path, old: Any, new: Any, *, old_secret: bool, new_secret: bool) -> bool:  # noqa: C901, PLR0911 - Pulumi's cases
    old, old_secret = _unwrap(old, old_secret)
    new, new_secret = _unwrap(new, new_secret)
    head, rest = path[0], path[1:]

    def kept(value: Any) -> Any:
        return secret(value) if old_secret and not new_secret else value

    def descend(before: Any, after: Any) -> bool:
        return _reset(rest, before, after, old_secret=old_secret, new_secret=new_secret)

    if isinstance(head, int):
        if not isinstance(old, list) or not isinstance(new, list):
            return not isinstance(old, list) and not isinstance(new, list)
        if not rest and head >= len(old) and head >= len(new):
            return True
        if head >= len(old) or head >= len(new):
            return False
        if rest:
            return descend(old[head], new[head])
        new[head] = kept(old[head])
        return True
    if head == "*":
        return _reset_all(old, new, descend if rest else None, kept)
    if not rest:
        return _reset_leaf(head, old, new, kept)
    if not isinstance(old, dict) or not isinstance(new, dict):
        return not isinstance(old, dict) and not isinstance(new, dict)
    if head in old and head not in new:
        return False
    if head not in old and head not in new:
        return True
    return descend(old.get(head), new.get(head))


def _reset_leaf(key: str, old: Any, new: Any, kept: Any) -> bool:
    before = old.get(key, _ABSENT) if isinstance(old, dict) else _ABSENT
    if before is _ABSENT:
        if isinstance(new, dict):
            new.pop(key, None)
        return True
    if not isinstance(new, dict):
        return False
    new[key] = kept(before)
    return True


def _reset_all(old: Any, new: Any, descend: Any, kept: Any) -> bool:
    if isinstance(old, dict) and isinstance(new, dict):
        if descend is not None:
            return all(key in new and descend(value, new[key]) for key, value in old.items())
        new.clear()
        new.update({key: kept(value) for key, value in old.items()})
        return True
    if isinstance(old, list) and isinstance(new, list):
        for index, value in enumerate(old[: len(new)]):
            if descend is None:
                new[index] = kept(value)
            elif not descend(value, new[index]):
                return False
        return len(old) == len(new)
    return descend is None and isinstance(new, dict | list)
