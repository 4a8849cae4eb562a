"""The package ``pulumi`` itself: references to other stacks of the same backend."""

# ruff: noqa: ARG002, PLR0917 - the contract's signatures

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from engine.provider import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    Properties,
    ProviderError,
    ReadResult,
)
from engine.values import Secret, contains

STACK_REFERENCE: Final = "pulumi:pulumi:StackReference"
READ_OUTPUTS: Final = "pulumi:pulumi:readStackOutputs"

StackOutputs = Callable[[str], Properties]
"""The outputs of a stack by name (``stack`` or ``organization/project/stack``), secrets marked."""


class BuiltinProvider:
    """Reads other stacks' outputs; it manages nothing."""

    package = "pulumi"

    def __init__(self, outputs_of: StackOutputs) -> None:
        self._outputs_of = outputs_of

    def types(self) -> frozenset[str]:
        """Stack references only."""
        return frozenset({STACK_REFERENCE})

    def configure(self, config: Mapping[str, Any]) -> None:
        """Nothing to configure."""

    def check(self, type_: str, name: str, old_inputs: Properties | None, new_inputs: Properties) -> CheckResult:
        """A stack reference needs a name and nothing else."""
        failures = (
            () if isinstance(new_inputs.get("name"), str) else (CheckFailure("name", "a stack's name is needed"),)
        )
        return CheckResult(new_inputs, failures)

    def diff(
        self,
        type_: str,
        resource_id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        ignore_changes: Sequence[str] = (),
    ) -> DiffResult:
        """Another name is another reference."""
        changed = old_inputs.get("name") != new_inputs.get("name")
        return DiffResult(changed, ("name",) if changed else (), ("name",) if changed else ())

    def create(
        self, type_: str, name: str, inputs: Properties, *, preview: bool, timeout: float | None = None
    ) -> CreateResult:
        """A reference can only be read."""
        raise ProviderError("a stack reference can't be created, only read")

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
        """A reference can only be read."""
        raise ProviderError("a stack reference can't be updated, only read")

    def read(self, type_: str, resource_id: str, inputs: Properties, outputs: Properties) -> ReadResult:
        """The other stack's outputs, now."""
        return ReadResult(resource_id, inputs, self._read(resource_id))

    def delete(
        self, type_: str, resource_id: str, inputs: Properties, outputs: Properties, timeout: float | None = None
    ) -> None:
        """Nothing was made."""

    def invoke(self, token: str, args: Properties) -> Properties:
        """``readStackOutputs``."""
        if token != READ_OUTPUTS:
            raise ProviderError(f"unknown function {token}")
        return self._read(str(args["name"]))

    def _read(self, name: str) -> Properties:
        outputs = self._outputs_of(name)
        secret_names = sorted(key for key, value in outputs.items() if contains(value, Secret))
        return {"name": name, "outputs": outputs, "secretOutputNames": secret_names}

    def secret_inputs(self, type_: str) -> frozenset[str]:
        """None."""
        return frozenset()

    def secret_outputs(self, type_: str) -> frozenset[str]:
        """None by name; the outputs themselves carry their marks."""
        return frozenset()

    def cancel(self) -> None:
        """Nothing ever waits."""
