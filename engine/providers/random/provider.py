"""The ``random`` package of the embedded engine.

The real provider is built on Terraform's newer framework, not on the SDK that :mod:`engine.providers.planning` follows:
no defaults in the inputs, no nulls in the outputs, generated values kept as long as nothing is replaced.
"""

# ruff: noqa: PLR0917 - the contract's signatures

from __future__ import annotations

import binascii
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.provider import (
    UNKNOWN,
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    Properties,
    ProviderError,
    ReadResult,
)
from engine.providers.checking import check_inputs
from engine.providers.paths import parse_path
from engine.providers.random.kinds import (
    RandomBytes,
    RandomId,
    RandomInteger,
    RandomKind,
    RandomPassword,
    RandomString,
    RandomUuid,
)
from engine.providers.values import RESERVED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BOOKKEEPING = ("__meta", "__pulumi_raw_state_delta")


class RandomProvider:
    """Implements :class:`engine.provider.Provider` for random values."""

    package = "random"

    def __init__(self) -> None:
        kinds: tuple[RandomKind, ...] = (
            *(RandomPassword(), RandomString(), RandomId(), RandomBytes()),
            *(RandomInteger(), RandomUuid()),
        )
        self._kinds = {kind.schema.token: kind for kind in kinds}

    def types(self) -> frozenset[str]:
        """All type tokens that it manages."""
        return frozenset(self._kinds)

    def configure(self, config: Mapping[str, Any]) -> None:
        """There is nothing to configure."""
        del config

    def check(self, type_: str, name: str, old_inputs: Properties | None, new_inputs: Properties) -> CheckResult:
        """Check types and limits; the framework puts no defaults into inputs."""
        kind = self._kind(type_)
        checked = check_inputs(kind.schema, name, old_inputs, new_inputs)
        checked.inputs.pop("__defaults", None)
        failures: tuple[CheckFailure, ...] = checked.failures
        if not failures:
            failures = tuple(kind.failures(checked.inputs))
        return replace(checked, failures=failures)

    def diff(
        self,
        type_: str,
        resource_id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        ignore_changes: Sequence[str] = (),
    ) -> DiffResult:
        """Compare the stored outputs with the new inputs; nearly every difference replaces."""
        del resource_id, old_inputs
        kind = self._kind(type_)
        prior = _bare(old_outputs)
        ignored = {str(parse_path(path)[0]) for path in ignore_changes}
        planned = self._planned(kind, prior, new_inputs) | {name: prior.get(name) for name in ignored}
        changed = sorted(name for name in planned.keys() | prior.keys() if planned.get(name) != prior.get(name))
        if not changed:
            return DiffResult(changes=False)
        replacing = tuple(name for name in changed if _replaces(kind, name, prior.get(name), new_inputs.get(name)))
        # The real provider reports no paths, only names.
        return DiffResult(changes=True, changed_keys=tuple(changed), replace_keys=replacing)

    def create(
        self, type_: str, name: str, inputs: Properties, *, preview: bool, timeout: float | None = None
    ) -> CreateResult:
        """Generate the value, or predict its outputs."""
        del name, timeout
        kind = self._kind(type_)
        settled = kind.settled(_bare(inputs))
        if preview:
            unknown = {key: UNKNOWN for key, spec in kind.schema.fields.items() if not spec.configurable}
            return CreateResult("", settled | unknown)
        resource_id, generated = kind.generate(settled)
        return CreateResult(resource_id, _present(settled) | generated | _meta(kind))

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
        """Take over inputs whose change means nothing for the value."""
        del resource_id, old_inputs, preview, timeout
        kind = self._kind(type_)
        return _present(self._planned(kind, _bare(old_outputs), new_inputs)) | _meta(kind)

    def read(self, type_: str, resource_id: str, inputs: Properties, outputs: Properties) -> ReadResult:
        """Return what is stored, or adopt a value by its id."""
        if outputs:
            return ReadResult(resource_id, inputs, outputs)
        kind = self._kind(type_)
        try:
            found = kind.imported(resource_id) | _meta(kind)
        except (ValueError, binascii.Error) as error:
            raise ProviderError(f"the import id is no valid {type_.rpartition(':')[2]}") from error
        own = {name for name, spec in kind.schema.fields.items() if spec.configurable}
        stored_id = str(found.get("id", resource_id))
        return ReadResult(stored_id, {key: value for key, value in found.items() if key in own}, found)

    def delete(
        self,
        type_: str,
        resource_id: str,
        inputs: Properties,
        outputs: Properties,
        timeout: float | None = None,
    ) -> None:
        """Forget the value; it lives in the state alone."""
        del resource_id, inputs, outputs, timeout
        self._kind(type_)

    def recover(self, type_: str, name: str, inputs: Properties, *, started: float | None = None) -> bool:
        """An interrupted create leaves nothing behind."""
        del name, inputs, started
        self._kind(type_)
        return False

    def invoke(self, token: str, args: Properties) -> Properties:
        """The package has no functions."""
        del args
        raise ProviderError(f"the random package has no function {token!r}")

    def secret_inputs(self, type_: str) -> frozenset[str]:
        """No input of the package is declared secret."""
        self._kind(type_)
        return frozenset()

    def secret_outputs(self, type_: str) -> frozenset[str]:
        """The generated values of RandomPassword and RandomBytes."""
        return frozenset(name for name, spec in self._kind(type_).schema.fields.items() if spec.sensitive)

    def cancel(self) -> None:
        """Nothing here waits."""

    def _kind(self, type_: str) -> RandomKind:
        kind = self._kinds.get(type_)
        if kind is None:
            raise ProviderError(f"the embedded engine does not manage {type_!r}; run this program with the Pulumi CLI")
        return kind

    @staticmethod
    def _planned(kind: RandomKind, prior: Properties, inputs: Properties) -> Properties:
        """Return the next state: the new inputs, and the generated values as they are."""
        generated = {name: prior[name] for name, spec in kind.schema.fields.items() if _generated(spec, name, prior)}
        return kind.settled(_bare(inputs)) | generated


def _generated(spec: Any, name: str, prior: Properties) -> bool:
    return not spec.configurable and name in prior


def _replaces(kind: RandomKind, name: str, old: Any, new: Any) -> bool:
    if name == "keepers" and not kind.strict_keepers and new is not UNKNOWN:
        olds, news = old or {}, {key: value for key, value in (new or {}).items() if value is not None}
        return bool(olds != news)
    return not (name == "overrideSpecial" and old == "" and new is None)


def _bare(bag: Mapping[str, Any]) -> Properties:
    return {key: value for key, value in bag.items() if key not in RESERVED and key not in _BOOKKEEPING}


def _present(bag: Mapping[str, Any]) -> Properties:
    return {key: value for key, value in bag.items() if value is not None}


def _meta(kind: RandomKind) -> Properties:
    version = kind.schema.version
    return {"__meta": json.dumps({"schema_version": str(version)}, separators=(",", ":"))} if version else {}
