"""The profiles of a stack's blueprint, for a command that shows and switches them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from settings.layers import read_layers
from settings.parts import stores, workloads
from settings.problems import Problem, SettingsError, listing, nearest
from settings.source import NAMESPACE, stack_file
from settings.tree import to_plain
from settings.validation import validate

if TYPE_CHECKING:
    from settings.source import StackSource


def profiles_of(source: StackSource) -> dict[str, list[str]]:
    """Return every profile with the parts that it adds, in the order of their names.

    Raises:
        SettingsError: The blueprint can't be read.
    """
    layered = read_layers(replace(source, profiles=()))
    platform = validate(to_plain(layered.tree)).platform
    found: dict[str, list[str]] = {name: [] for name in layered.known_profiles}
    for _, name, part in (*stores(platform), *workloads(platform)):
        for profile in part.profiles:
            found.setdefault(profile, []).append(name)
    return dict(sorted(found.items()))


def check_profiles(source: StackSource) -> None:
    """Refuse profiles of a stack that its blueprint does not know.

    Raises:
        SettingsError: With each of them.
    """
    known = profiles_of(source)
    unknown = [name for name in source.profiles if name not in known]
    if unknown:
        raise SettingsError(
            [
                Problem(
                    f"{NAMESPACE}:profiles",
                    stack_file(source.stack),
                    None,
                    f"no part belongs to profile '{name}'",
                    allowed=listing(known, "no part names a profile"),
                    nearest=nearest(name, known),
                )
                for name in unknown
            ]
        )
