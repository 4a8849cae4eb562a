"""What one resource type contributes to a bridged provider: the calls to the world, without any planning."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from engine.provider import UNKNOWN, Properties, ProviderError
from engine.providers.schema import Block, Field, ResourceSchema
from engine.providers.values import zero

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_TIMEOUT_S = 1200.0
"""The time limit of an operation for which the program gave none."""


class Data:
    """A state to read from: unset and unknown values appear as zero values, also within nested objects."""

    def __init__(self, block: Block, state: Mapping[str, Any]) -> None:
        self._block = block
        self._state = state

    def __getitem__(self, name: str) -> Any:
        """Return the value of a field or its zero value."""
        spec = self._block.fields[name]
        value = self._state.get(name)
        if value is None or value is UNKNOWN:
            return zero(spec)
        return _filled(spec, value)


def _filled(spec: Field, value: Any) -> Any:
    """Return a value with zero values for every null within it."""
    if not isinstance(spec.element, Block):
        return value
    inner = spec.element
    if spec.single:
        return None if value is None else _filled_object(inner, value)
    return [_filled_object(inner, item) for item in value]


def _filled_object(block: Block, item: Mapping[str, Any]) -> dict[str, Any]:
    result = {}
    for name, spec in block.fields.items():
        value = item.get(name)
        result[name] = zero(spec) if value is None or value is UNKNOWN else _filled(spec, value)
    return result


@dataclass(frozen=True)
class Seen:
    """What reading the world gave: the id and the fields that the read sets."""

    resource_id: str
    fields: Properties = field(default_factory=dict)


class HalfMadeError(ProviderError):
    """A create failed after the resource existed; it stays and is recorded."""

    def __init__(self, resource_id: str, message: str) -> None:
        super().__init__(message)
        self.resource_id = resource_id


class Limit:
    """How long an operation may still take, and whether the user has cancelled it."""

    def __init__(self, seconds: float | None, cancelled: threading.Event | None) -> None:
        self._end = time.monotonic() + (DEFAULT_TIMEOUT_S if seconds is None or seconds <= 0 else seconds)
        self.cancelled = cancelled or threading.Event()

    def remaining(self) -> float:
        """Seconds left, at least zero. Raises ProviderError when the user has cancelled."""
        if self.cancelled.is_set():
            raise ProviderError("cancelled: the operation was given up before it was finished")
        return max(0.0, self._end - time.monotonic())

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than the limit and not beyond a cancellation."""
        self.cancelled.wait(min(seconds, self.remaining()))
        self.remaining()


class Handler(ABC):
    """Create, read, update and delete one resource type."""

    schema: ClassVar[ResourceSchema]

    @abstractmethod
    def create(self, data: Data, limit: Limit) -> Seen:
        """Make it and look at it. Raises ProviderError (nothing left) or HalfMadeError."""

    @abstractmethod
    def read(self, resource_id: str, data: Data) -> Seen | None:
        """Look at it; None if it is gone."""

    def update(self, resource_id: str, before: Data, after: Data, limit: Limit) -> Properties:
        """Apply a planned change and return the fields that were read back. By default there is nothing to apply."""
        del resource_id, before, after, limit
        return {}

    @abstractmethod
    def delete(self, resource_id: str, data: Data, limit: Limit) -> None:
        """Remove it; what is gone already is success."""

    def recover(self, inputs: Properties, *, named: bool, started: float | None) -> bool:
        """Remove what an interrupted create left behind; see :class:`engine.provider.Recovers`.

        ``named`` says that the user chose the name, so that the name alone proves nothing.
        """
        del inputs, named, started
        return False
