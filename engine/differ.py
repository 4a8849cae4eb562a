"""Whether a resource must change, and whether it must be replaced: Pulumi's order of reasons."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from engine import boundary
from engine.paths import covers, parse_path
from engine.provider import Properties, PropertyDiff, Unknown
from engine.values import contains, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.provider import DiffResult, Provider
    from engine.state import Entry

INIT_ERROR: Final = "#initerror"


@dataclass(frozen=True)
class Difference:
    """What differs; ``detailed`` is None where nobody looked at single properties."""

    changes: bool
    changed_keys: Sequence[str] = ()
    replace_keys: Sequence[str] = ()
    detailed: Mapping[str, PropertyDiff] | None = None
    delete_first: bool = False
    """Whether the provider wants the old resource gone before the new one comes."""
    triggered: bool = False
    """A replacement without any differing property."""

    @property
    def replaces(self) -> bool:
        """Whether the difference takes a replacement."""
        kinds = (item.kind for item in (self.detailed or {}).values())
        return self.triggered or bool(self.replace_keys) or any(kind.endswith("-replace") for kind in kinds)


NONE: Final = Difference(changes=False)


def blame(key: str) -> Difference:
    """A replacement for a reason that is not a property: ``id``, ``provider``, ``deletedWith``, ``replaceWith``."""
    return Difference(changes=True, replace_keys=(key,))


def is_triggered(old: Any, new: Any) -> bool:
    """Whether the replacement triggers demand a replacement: both set and different, or one not known."""
    old, new = plain(old), plain(new)
    if contains(old, Unknown) or contains(new, Unknown):
        return True
    return old is not None and new is not None and bool(old != new)


def same_values(old: Any, new: Any) -> bool:
    """Deep equality under which ``1`` is not ``True``, and a secret is its value."""
    old, new = plain(old), plain(new)
    if isinstance(old, bool) is not isinstance(new, bool):
        return False
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(same_values(value, new[key]) for key, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(same_values(a, b) for a, b in zip(old, new, strict=True))
    return bool(old == new)


def provider_difference(
    provider: Provider, old: Entry, new_inputs: Properties, ignore_changes: Sequence[str], *, inverted: bool = False
) -> Difference:
    """Ask the provider. ``inverted`` shows a refresh: what the world changed, not what the program wants."""
    result = boundary.diff(
        provider,
        old,
        old_inputs=old.inputs,
        old_outputs=old.outputs,
        new_inputs=new_inputs,
        ignore_changes=ignore_changes,
    )
    return _from_result(result, inverted=inverted)


def _from_result(result: DiffResult, *, inverted: bool) -> Difference:
    swapped = {"add": "delete", "delete": "add", "add-replace": "delete-replace", "delete-replace": "add-replace"}
    detailed: dict[str, PropertyDiff] | None = dict(result.detailed)
    if detailed and inverted:
        detailed = {path: replace(item, kind=swapped.get(item.kind, item.kind)) for path, item in detailed.items()}
    if result.changes and not detailed:
        detailed = None  # the provider names what differs, but no paths in it
    return Difference(
        changes=result.changes,
        changed_keys=tuple(result.changed_keys),
        replace_keys=tuple(result.replace_keys),
        detailed=detailed,
        delete_first=result.delete_before_replace,
    )


def with_replace_on_changes(difference: Difference, paths: Sequence[str], *, init_errors: bool) -> Difference:
    """Turn the changes that ``replaceOnChanges`` names into replacements, failed initialization included."""
    if not difference.changes and not init_errors:
        return difference
    wanted = [parse_path(path) for path in paths]

    def named(path: str) -> bool:
        return any(covers(item, parse_path(path)) for item in wanted)

    detailed = difference.detailed and {
        path: replace(item, kind=f"{item.kind}-replace") if named(path) and not item.kind.endswith("-replace") else item
        for path, item in difference.detailed.items()
    }
    keys = list(dict.fromkeys([*difference.replace_keys, *(key for key in difference.changed_keys if named(key))]))
    changes = difference.changes
    if init_errors and named(INIT_ERROR):
        keys.append(INIT_ERROR)
        if detailed is not None:
            detailed = {**detailed, INIT_ERROR: PropertyDiff("update-replace")}
        changes = True
    return replace(difference, changes=changes, replace_keys=tuple(keys), detailed=detailed)
