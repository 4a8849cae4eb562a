"""What differs between two versions of a resource, property by property.

Left out as noise: names that the provider makes up, defaults that it fills in alike on both sides, and the hash label
``slipway.spec``, which differs whenever anything does (it is named when nothing else is).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from review.entries import READ_ONLY, Entry, entries
from review.parts import LABEL_SPEC
from review.urns import parse_urn
from review.values import Hidden, contains, mapping

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from review.references import Side

_OWN_LABEL: Final = "labels.slipway."
_SPEC: Final = f"labels.{LABEL_SPEC}"
_FILE: Final = "file "
RENEWED: Final = " (new)"


class Kind(StrEnum):
    """How a property differs."""

    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyChange:
    """One property that differs."""

    label: str
    """How a reader calls it: ``env LOG_LEVEL``, ``volume /data``, ``memory``."""
    path: str
    """The provider's path: ``envs[1]``."""
    kind: Kind
    old: str | None = None
    """The value before as a reader sees it; None if there was none."""
    new: str | None = None
    """The value after; None if there is none."""
    secret: bool = False
    """Whether it is secret: then the texts only say so."""
    forces: bool = False
    """Whether it is a reason for a replacement."""


def compare(old: Side, new: Side, *, detailed: Mapping[str, Any], reasons: Sequence[str]) -> tuple[PropertyChange, ...]:
    """Compare two sides.

    Args:
        old: Before; without inputs for a create.
        new: After; without inputs for a delete, for which nothing is listed.
        detailed: The engine's detailed diff, by path. It decides about values that can't be seen.
        reasons: Top-level properties that the engine names when it has no detailed diff.
    """
    if not new.inputs:
        return ()
    before, after = _by_label(old), _by_label(new)
    _pair_nameless(before, after)
    _pair_renamed_file(before, after)
    _name_unknown(before, after, new)
    touched = _Touched(detailed, reasons)
    found = [
        change
        for label in dict.fromkeys([*before, *after])
        if (change := _difference(label, before, after, touched)) is not None
    ]
    creating = not old.inputs
    kept = [change for change in found if not _is_noise(change, creating=creating)]
    return tuple(kept or ([] if creating else found))


def _by_label(side: Side) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for entry in entries(side):
        label, again = entry.label, 1
        while label in found:
            again += 1
            label = f"{entry.label} #{again}"
        found[label] = entry if label == entry.label else replace(entry, label=label)
    return found


def _is_noise(change: PropertyChange, *, creating: bool) -> bool:
    return change.label == _SPEC or (creating and change.label.startswith(_OWN_LABEL))


class _Touched:
    """What the engine says differs."""

    def __init__(self, detailed: Mapping[str, Any], reasons: Sequence[str]) -> None:
        self._kinds = {path: str(mapping(entry).get("kind", "")) for path, entry in detailed.items()}
        self._reasons = frozenset(reasons)

    def __contains__(self, path: str) -> bool:
        if self._kinds:
            return any(_overlap(path, found) for found in self._kinds)
        return _top(path) in self._reasons

    def forces(self, path: str) -> bool:
        return any(_overlap(path, found) and kind.endswith("-replace") for found, kind in self._kinds.items())


def _overlap(one: str, other: str) -> bool:
    """Whether one path is the other or lies within it."""
    short, long = sorted((one, other), key=len)
    return long.startswith(short) and long[len(short) : len(short) + 1] in {"", ".", "["}


def _top(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]


def _holder(path: str) -> str:
    """The list or map that a path is an element of."""
    return path[: max(path.rfind("."), path.rfind("["))] if "." in path or "[" in path else path


def _difference(
    label: str, before: Mapping[str, Entry], after: Mapping[str, Entry], touched: _Touched
) -> PropertyChange | None:
    old, new = before.get(label), after.get(label)
    kind = Kind.ADD if old is None else Kind.DELETE if new is None else Kind.UPDATE
    paths = [entry.path for entry in (old, new) if entry is not None]
    if old is not None and new is not None and not _differs(old, new, touched):
        return None
    texts = [None if entry is None else entry.text for entry in (old, new)]
    secret = any(entry is not None and entry.secret for entry in (old, new)) or _was_secret(old, new, before, after)
    if secret:
        texts = [None if text is None else str(Hidden.SECRET) for text in texts]
    elif texts[0] is not None and texts[0] == texts[1]:
        texts[1] = f"{texts[1]}{RENEWED}"  # another id under the same name
    return PropertyChange(
        label=label,
        path=paths[-1],
        kind=kind,
        old=texts[0],
        new=texts[1],
        secret=secret,
        forces=any(touched.forces(path) for path in paths),
    )


def _differs(old: Entry, new: Entry, touched: _Touched) -> bool:
    if old.hidden or new.hidden:
        # The eye can't tell; two values known only later may well be the same.
        return old.path in touched or new.path in touched
    return bool(old.value != new.value)


def _was_secret(old: Entry | None, new: Entry | None, before: Mapping[str, Entry], after: Mapping[str, Entry]) -> bool:
    """Whether the visible side may show what the other side has made secret since, or still had as a secret."""
    one_sided = old is None or new is None
    for entry, others in ((old, after), (new, before)):
        if entry is None:
            continue
        for other in others.values():
            if other.value is Hidden.SECRET and (
                _overlap(entry.path, other.path)
                if not other.nameless
                else one_sided and _holder(entry.path) == _holder(other.path)
            ):
                return True
    return False


def _pair_nameless(before: dict[str, Entry], after: dict[str, Entry]) -> None:
    """Give an unreadable element the name that stands at its place on the other side, if that name is missing here."""
    for unreadable, readable in ((after, before), (before, after)):
        by_path = {entry.path: entry for entry in readable.values() if not entry.nameless}
        for entry in [entry for entry in unreadable.values() if entry.nameless]:
            twin = by_path.get(entry.path)
            if twin is not None and twin.label not in unreadable:
                del unreadable[entry.label]
                unreadable[twin.label] = replace(entry, label=twin.label, nameless=False)


def _name_unknown(before: Mapping[str, Entry], after: dict[str, Entry], new: Side) -> None:
    """Where the same volume or image is used as before but its new id is not known yet, keep its name."""
    for label, entry in list(after.items()):
        old = before.get(label)
        if old is None or not contains(entry.value, Hidden.UNKNOWN) or str(Hidden.UNKNOWN) not in entry.text:
            continue
        used = {parse_urn(urn).name for urn in new.uses.get(_top(entry.path), ())}
        if old.text.removesuffix(READ_ONLY) in used:
            after[label] = replace(entry, text=old.text)


def _pair_renamed_file(before: dict[str, Entry], after: dict[str, Entry]) -> None:
    """Compare a file with its successor whose name holds a hash of the content, as a gateway's configuration does."""
    gone = [label for label in before if label.startswith(_FILE) and label not in after]
    come = [label for label in after if label.startswith(_FILE) and label not in before]
    if len(gone) == len(come) == 1:
        after[gone[0]] = replace(after.pop(come[0]), label=gone[0])
