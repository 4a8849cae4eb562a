"""The keys of a stack's file are known: a misspelt ``slipway:overrides`` would deploy without the stack's differences.

Only plain values are judged. An encrypted one that no secret claims does nothing, and is often a former secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from settings.model import SecretSource
from settings.problems import Finding, listing, nearest
from settings.source import NAMESPACE, STACK_KEYS, is_encrypted
from settings.tree import find

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings.description import Description

_PREFIX: Final = f"{NAMESPACE}:"


def stack_keys_are_known(description: Description) -> Iterator[Finding]:
    """A key of ours is one of ours, or the name of a declared secret; other namespaces are not ours to judge."""
    config = None if description.stack_config is None else find(description.stack_config, ("config",))
    if config is None or not config.is_map:
        return
    known = {*STACK_KEYS, *description.everything.secrets}
    for key, node in config.value.items():
        name = key.removeprefix(_PREFIX)
        if name != key and name not in known and not is_encrypted(node):
            near = nearest(name, known)
            yield Finding(
                (),
                f"unknown key '{key}'",
                allowed=listing(_PREFIX + name for name in known),
                nearest=None if near is None else _PREFIX + near,
                at=node.origin,
            )


def rotations_are_of_credentials(description: Description) -> Iterator[Finding]:
    """Only a database, a cache that persists or a generated secret has something to rotate; steps are counted."""
    everything = description.everything
    generated = [name for name, secret in everything.secrets.items() if secret.source is SecretSource.GENERATED]
    caches = [name for name, cache in everything.caches.items() if cache.persistence == "aof"]
    known = [*everything.databases, *caches, *generated]
    for name, steps in description.source.rotations.items():
        if name not in known:
            yield Finding(
                (),
                f"{_PREFIX}rotations: there is no database, no cache with persistence and no generated secret '{name}'",
                allowed=listing(known, "nothing can be rotated"),
                nearest=nearest(name, known),
                fix="leave the entries to slipway rotate",
            )
        elif not isinstance(steps, int) or isinstance(steps, bool) or steps < 0:
            yield Finding(
                (),
                f"{_PREFIX}rotations: the steps of '{name}' are no number",
                allowed="a whole number from 0",
                fix="leave the entries to slipway rotate",
            )


CHECKS: Final = (stack_keys_are_known, rotations_are_of_credentials)
