"""How a new version of a service takes over from the one that serves."""
# ruff: noqa: RUF012 - pydantic copies mutable defaults

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from settings.model.base import Model

DEFAULT_WEIGHT: Final = 10


class Strategy(StrEnum):
    """How a new version takes over."""

    ROLLING = "rolling"
    CANARY = "canary"
    BLUE_GREEN = "blue_green"


class SwitchWhen(StrEnum):
    """When a new set of containers gets the traffic."""

    MANUAL = "manual"
    AUTO = "auto"


Weight = Annotated[int, Field(ge=1, le=99)]
"""A share of requests in percent."""


class Release(Model):
    """How a new version takes over, for services behind the gateway. Short form: the strategy.

    A version is what the description says of the service, but for ``replicas``, ``release`` and ``profiles``.
    """

    strategy: Strategy = Strategy.ROLLING
    """``rolling``: new replicas start, then the old ones stop. ``canary``: the new version runs beside the old one and
    gets a share of the requests, until ``slipway promote`` or ``slipway abort``. ``blue_green``: two whole sets of
    replicas, of which one serves; ``slipway switch`` leads all requests to the other, and back."""
    weight: Weight | None = None
    """Only ``canary``: percent of the service's requests that the new version gets. Default: 10."""
    weights: list[Weight] = []
    """Only ``canary``: several shares, one after the other; each ``slipway promote`` goes one step."""
    replicas: int = Field(default=1, ge=1, le=100)
    """Only ``canary``: how many containers the new version has until it is promoted."""
    switch: SwitchWhen = SwitchWhen.MANUAL
    """Only ``blue_green``: ``auto`` leads requests to a new version as soon as its set is healthy, ``manual`` waits for
    ``slipway switch``."""

    @property
    def steps(self) -> tuple[int, ...]:
        """The shares of a canary, in percent, one after the other."""
        return tuple(self.weights) or (self.weight or DEFAULT_WEIGHT,)


ReleaseForm = Annotated[
    Release,
    BeforeValidator(
        lambda value: {"strategy": value} if isinstance(value, str) else value,
        json_schema_input_type=Release | Strategy,
    ),
]
"""The strategy, or the whole form."""
