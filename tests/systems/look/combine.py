"""Checks made of checks: several, one for each environment, with profiles."""

from __future__ import annotations

from collections.abc import Sequence

from tests.systems.look.view import Check, View


def every(*checks: Check) -> Check:
    """All of several."""

    def look(view: View) -> None:
        for check in checks:
            check(view)

    return look


def each(dev: Check | None = None, prod: Check | None = None) -> Check:
    """Another check in each environment; where there is none, the other one's system must at least be there."""

    def look(view: View) -> None:
        check = dev if view.environment == "dev" else prod
        assert view.parts(), "nothing is there"
        if check is not None:
            check(view)

    return look


def having(profiles: Sequence[str] | str, check: Check) -> Check:
    """Look at the system with profiles switched on."""
    names = [profiles] if isinstance(profiles, str) else profiles
    return lambda view: check(view.having(*names))
