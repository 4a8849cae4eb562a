"""How the containers of a deployment took over from those that they replaced, by the order in which it was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from operate.stack_view import Container

START_FIRST: Final = "start-first"
"""The new containers served before the old ones stopped."""
STOP_FIRST: Final = "stop-first"
"""The old ones stopped first: nobody served in between."""


def reached(steps: Sequence[tuple[str, str]], serving: Iterable[Container]) -> dict[str, str]:
    """Return how each part was replaced; parts of which no container was are left out.

    Args:
        steps: Operation and URN of each change, in order.
        serving: The containers that ran before.
    """
    parts = {item.urn: item.part for item in serving}
    first: dict[str, str] = {}
    for op, urn in steps:
        if urn in parts and op in {"create-replacement", "delete-replaced"}:
            first.setdefault(urn, op)
    found: dict[str, str] = {}
    for urn, op in first.items():
        strategy = START_FIRST if op == "create-replacement" else STOP_FIRST
        if found.get(parts[urn]) != STOP_FIRST:
            found[parts[urn]] = strategy
    return dict(sorted(found.items()))


def in_words(found: Mapping[str, str]) -> str:
    """Return it as text: ``start-first: api, fanout; stop-first: db``."""
    words = []
    for strategy in (START_FIRST, STOP_FIRST):
        names = [part for part, how in found.items() if how == strategy]
        if names:
            words.append(f"{strategy}: {', '.join(names)}")
    return "; ".join(words)
