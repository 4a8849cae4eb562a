"""The contract between the embedded engine and a resource provider.

It is the useful half of Pulumi's gRPC ``ResourceProvider`` service (``proto/pulumi/provider.proto``), as plain Python.
Values are JSON-like: ``None``, ``bool``, ``int``, ``float``, ``str``, ``list``, ``dict``; :data:`UNKNOWN` stands for a
value that is not known yet. Secrets never reach a provider wrapped: the engine unwraps them before a call and marks the
results again, by name, as the real engine does for providers that do not accept secrets.
"""

# ruff: noqa: N818, PLR0917 - signatures follow Pulumi's ResourceProvider service

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Properties = dict[str, Any]
"""The property bag of one resource: camelCase names as on Pulumi's wire."""


class Unknown:
    """The type of :data:`UNKNOWN`; compares equal to nothing but itself."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __deepcopy__(self, memo: object) -> Unknown:
        return self

    def __copy__(self) -> Unknown:
        return self


UNKNOWN: Final = Unknown()
"""A value that only the provider will know, after the operation."""


@dataclass(frozen=True)
class CheckFailure:
    """One input that the provider refuses."""

    property: str
    reason: str


@dataclass(frozen=True)
class CheckResult:
    """Inputs with defaults and the autoname filled in (``__defaults`` lists included), and what was refused."""

    inputs: Properties
    failures: tuple[CheckFailure, ...] = ()


@dataclass(frozen=True)
class PropertyDiff:
    """How one property path differs: ``add|delete|update`` with an optional ``-replace`` suffix."""

    kind: str
    input_diff: bool = False


@dataclass(frozen=True)
class DiffResult:
    """The provider's judgement of old state against new inputs."""

    changes: bool
    """Whether anything differs."""
    changed_keys: tuple[str, ...] = ()
    """Top-level names that differ."""
    replace_keys: tuple[str, ...] = ()
    """Top-level names whose difference can't be applied in place; not empty means replace."""
    delete_before_replace: bool = False
    """Whether the provider asks that the old resource goes first (only ever with ``replace_keys``)."""
    detailed: Mapping[str, PropertyDiff] = field(default_factory=dict)
    """Each differing path, such as ``labels[0].value``."""


@dataclass(frozen=True)
class CreateResult:
    """What was made. In a preview ``id`` is ``""`` and unknown outputs are :data:`UNKNOWN`."""

    id: str
    outputs: Properties


@dataclass(frozen=True)
class ReadResult:
    """The resource as it is now; an empty ``id`` says that it is gone."""

    id: str
    inputs: Properties
    outputs: Properties


class ProviderError(Exception):
    """An operation failed and made nothing that must be remembered."""


class PartialFailure(ProviderError):
    """An operation failed after the resource existed (``initErrors`` in the state)."""

    def __init__(self, resource_id: str, outputs: Properties, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.resource_id = resource_id
        self.outputs = outputs
        self.reasons = tuple(reasons)


class Provider(Protocol):
    """One package's resources (``docker``, ``random``). Thread-safe: the engine calls it from several threads."""

    package: str
    """The package, the text before the first ``:`` of its type tokens."""

    def types(self) -> frozenset[str]:
        """All type tokens that it manages; the engine refuses any other by name."""
        ...

    def configure(self, config: Mapping[str, Any]) -> None:
        """Take the provider resource's inputs (``host``, …). Opens nothing yet: connecting waits for the first need."""
        ...

    def check(self, type_: str, name: str, old_inputs: Properties | None, new_inputs: Properties) -> CheckResult:
        """Fill in defaults and the autoname; ``old_inputs`` is None for a create or a replacement."""
        ...

    def diff(
        self,
        type_: str,
        resource_id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        ignore_changes: Sequence[str] = (),
    ) -> DiffResult:
        """Compare stored state with checked new inputs (which may hold :data:`UNKNOWN`)."""
        ...

    def create(
        self, type_: str, name: str, inputs: Properties, *, preview: bool, timeout: float | None = None
    ) -> CreateResult:
        """Make the resource; in a preview only predict it. Raises ProviderError or PartialFailure."""
        ...

    def update(
        self,
        type_: str,
        resource_id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        *,
        preview: bool,
        timeout: float | None = None,
    ) -> Properties:
        """Apply a change in place and return the complete new outputs."""
        ...

    def read(self, type_: str, resource_id: str, inputs: Properties, outputs: Properties) -> ReadResult:
        """Look at the world. Empty inputs and outputs: an import or ``.get()`` by id."""
        ...

    def delete(
        self,
        type_: str,
        resource_id: str,
        inputs: Properties,
        outputs: Properties,
        timeout: float | None = None,
    ) -> None:
        """Remove it. What is already gone is success."""
        ...

    def invoke(self, token: str, args: Properties) -> Properties:
        """Run a function (``docker:index/getNetwork:getNetwork``). Raises ProviderError for one it does not know."""
        ...

    def secret_inputs(self, type_: str) -> frozenset[str]:
        """Top-level inputs that the schema declares secret."""
        ...

    def secret_outputs(self, type_: str) -> frozenset[str]:
        """Top-level outputs that the schema declares secret."""
        ...

    def cancel(self) -> None:
        """Give up waiting: the user pressed Ctrl-C. Operations under way finish or fail soon."""
        ...


@runtime_checkable
class Recovers(Protocol):
    """An optional ability of a provider: clear up after a create that was interrupted (kill -9, power loss).

    The engine records every create, with its checked inputs (autoname included), before it calls the provider. If the
    process then dies, nobody knows whether the resource came to be; the next run asks here before it creates again.
    """

    def recover(self, type_: str, name: str, inputs: Properties, *, started: float | None = None) -> bool:
        """Remove what an interrupted create of these checked inputs left behind.

        Only what is certainly that create's: the exact name from ``inputs``, and, where that name was chosen by the
        user (it is not in ``__defaults``), also created at or after ``started`` (Unix seconds; None when the CLI wrote
        the record, then a user's name proves nothing). A volume with a user's name is never removed. Returns whether
        something was removed; nothing to find is success. Raises ProviderError when it can't tell.
        """
        ...
