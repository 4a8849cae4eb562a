"""What a plan means for those who run the platform: data, interruptions, doors to the outside, memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from review.consequences.access import Access, access_of
from review.consequences.model import Notice, Quoted, Severity, Text, listed
from review.consequences.resources import ImageChange, Memory, images_of, memory_of
from review.consequences.stateful import stateful_notices
from review.consequences.traffic import How, Restart, Shares, restarts_of, shares_of, traffic_notices

if TYPE_CHECKING:
    from review.plan import Plan

__all__ = [
    "Access",
    "Consequences",
    "How",
    "ImageChange",
    "Memory",
    "Notice",
    "Quoted",
    "Restart",
    "Severity",
    "Shares",
    "Text",
    "assess",
    "listed",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequences:
    """What a plan means."""

    notices: tuple[Notice, ...]
    """What to read before anything else, the gravest first; data before interruptions before access."""
    restarts: tuple[Restart, ...]
    """What happens to running containers, by part of the platform."""
    shares: tuple[Shares, ...]
    """Services whose requests are shared out otherwise between two versions."""
    access: Access
    """Ports that open and close."""
    images: tuple[ImageChange, ...]
    """Images that change."""
    memory: Memory | None
    """Memory limits before and after; None if no container with a limit is touched."""


def assess(plan: Plan) -> Consequences:
    """Work out the consequences of a plan.

    The preview names only what changes, so everything here is about the touched part of the platform.
    """
    restarts = restarts_of(plan)
    access, access_notices = access_of(plan)
    notices = [*stateful_notices(plan), *traffic_notices(restarts), *access_notices]
    return Consequences(
        notices=tuple(sorted(notices, key=lambda notice: list(Severity).index(notice.severity))),
        restarts=restarts,
        shares=shares_of(plan),
        access=access,
        images=images_of(plan),
        memory=memory_of(plan),
    )
