"""A provider whose resources are planned as the Pulumi bridge plans Terraform resources.

It turns the engine's calls into: read the property bags, plan, let the type's handler act, and assemble the complete
outputs. What is special about a type is in its schema and its :class:`~engine.providers.handler.Handler` alone.
"""

# ruff: noqa: PLR0917 - the contract's signatures

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.provider import (
    UNKNOWN,
    CheckResult,
    CreateResult,
    DiffResult,
    PartialFailure,
    Properties,
    ProviderError,
    ReadResult,
)
from engine.providers.checking import check_inputs
from engine.providers.diffing import detailed_diff
from engine.providers.handler import Data, HalfMadeError, Handler, Limit
from engine.providers.paths import parse_path
from engine.providers.planning import plan
from engine.providers.refreshing import imported_inputs, refreshed_inputs
from engine.providers.schema import Block
from engine.providers.states import normalise, without_unknowns
from engine.providers.values import load, ordered, rebuilt

if TYPE_CHECKING:
    from engine.providers.schema import Field, ResourceSchema

_TIMEOUT_KEY = "e2bfb730-ecaa-11e6-8f88-34363bc7c4c0"
_DEFAULT_TIMEOUT_NS = 1_200_000_000_000
_DELTA = "__pulumi_raw_state_delta"

Function = Callable[[Properties], Properties]


class BridgedProvider:
    """Implements :class:`engine.provider.Provider` for a set of handlers."""

    def __init__(self, package: str, handlers: Sequence[Handler], functions: Mapping[str, Function]) -> None:
        self.package = package
        self._handlers = {handler.schema.token: handler for handler in handlers}
        self._functions = dict(functions)
        self._cancelled = threading.Event()

    def types(self) -> frozenset[str]:
        """All type tokens that it manages."""
        return frozenset(self._handlers)

    def configure(self, config: Mapping[str, Any]) -> None:
        """Take the provider resource's inputs; this base needs none."""
        del config

    def check(self, type_: str, name: str, old_inputs: Properties | None, new_inputs: Properties) -> CheckResult:
        """Fill in defaults and the autoname, and refuse what the schema does not allow."""
        return check_inputs(self._schema(type_), name, old_inputs, new_inputs)

    def diff(
        self,
        type_: str,
        resource_id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        ignore_changes: Sequence[str] = (),
    ) -> DiffResult:
        """Plan the change from the stored outputs to the new inputs and describe it path by path."""
        del resource_id, old_inputs
        schema = self._schema(type_)
        prior = load(schema.block, old_outputs)
        planned = plan(schema, prior, load(schema.block, new_inputs), [parse_path(path) for path in ignore_changes])
        if not planned.changes:
            return DiffResult(changes=False)
        prior = ordered(schema.block, prior)
        detailed = detailed_diff(schema, prior, planned.state, new_inputs, replace=planned.replace)
        tops = [(path.split(".", 1)[0].split("[", 1)[0], diff.kind) for path, diff in detailed.items()]
        replaces = tuple(sorted({top for top, kind in tops if kind.endswith("-replace")}))
        return DiffResult(
            changes=True,
            changed_keys=tuple(sorted({top for top, _ in tops})),
            replace_keys=replaces,
            delete_before_replace=bool(replaces)
            and (schema.delete_before_replace or _explicit_name(schema, new_inputs)),
            detailed=detailed,
        )

    def create(
        self, type_: str, name: str, inputs: Properties, *, preview: bool, timeout: float | None = None
    ) -> CreateResult:
        """Make the resource, or predict its outputs."""
        del name
        handler = self._handler(type_)
        schema = handler.schema
        planned = plan(schema, None, load(schema.block, inputs)).state
        if preview:
            return CreateResult("", planned | {"id": UNKNOWN})
        known = without_unknowns(schema.block, planned)
        try:
            seen = handler.create(Data(schema.block, known), self._limit(timeout))
        except HalfMadeError as error:
            outputs = self._outputs(schema, planned, known, {}) | {"id": error.resource_id}
            outputs |= _meta(schema, "create", timeout)
            raise PartialFailure(error.resource_id, outputs, [str(error)]) from error
        outputs = self._outputs(schema, planned, known, seen.fields) | {"id": seen.resource_id}
        return CreateResult(seen.resource_id, outputs | _meta(schema, "create", timeout))

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
        del old_inputs
        handler = self._handler(type_)
        schema = handler.schema
        prior = load(schema.block, old_outputs)
        planned = plan(schema, prior, load(schema.block, new_inputs)).state
        own = {"id": old_outputs.get("id", resource_id)}
        if preview:
            return planned | own
        known = without_unknowns(schema.block, planned)
        own |= _meta(schema, "update", timeout)
        before, after = Data(schema.block, prior), Data(schema.block, known)
        try:
            seen = handler.update(resource_id, before, after, self._limit(timeout))
        except HalfMadeError as error:
            outputs = self._outputs(schema, planned, known, {}) | own
            raise PartialFailure(resource_id, outputs, [str(error)]) from error
        return self._outputs(schema, planned, known, seen) | own

    def read(self, type_: str, resource_id: str, inputs: Properties, outputs: Properties) -> ReadResult:
        """Look at the world: a refresh where outputs are given, else an import or ``.get()``."""
        handler = self._handler(type_)
        schema = handler.schema
        prior = load(schema.block, outputs)
        seen = handler.read(resource_id, Data(schema.block, prior))
        if seen is None:
            return ReadResult("", {}, {})
        state = rebuilt(schema.block, load(schema.block, {**prior, **seen.fields}))
        now = ordered(schema.block, normalise(schema.block, state, prior, applied=False)) | {"id": seen.resource_id}
        if not outputs:
            return ReadResult(seen.resource_id, imported_inputs(schema.block, now), now | _meta(schema, "", None))
        if "__meta" in outputs:
            now["__meta"] = outputs["__meta"]
        if now == {key: value for key, value in outputs.items() if key != _DELTA}:
            now = outputs
        return ReadResult(seen.resource_id, refreshed_inputs(schema.block, inputs, now), now)

    def delete(
        self,
        type_: str,
        resource_id: str,
        inputs: Properties,
        outputs: Properties,
        timeout: float | None = None,
    ) -> None:
        """Remove the resource; what is already gone is success."""
        del inputs
        handler = self._handler(type_)
        block = handler.schema.block
        handler.delete(resource_id, Data(block, load(block, outputs)), self._limit(timeout))

    def recover(self, type_: str, name: str, inputs: Properties, *, started: float | None = None) -> bool:
        """Remove what an interrupted create of these inputs left behind (:class:`engine.provider.Recovers`)."""
        del name
        handler = self._handler(type_)
        named = "name" not in (inputs.get("__defaults") or [])
        return handler.recover(inputs, named=named, started=started)

    def invoke(self, token: str, args: Properties) -> Properties:
        """Run a function of the package; raises ProviderError for one that is not built in."""
        function = self._functions.get(token)
        if function is None:
            known = ", ".join(sorted(self._functions)) or "none"
            raise ProviderError(
                f"the embedded engine has no function {token!r} (it has: {known}); run this program with the Pulumi CLI"
            )
        return function(args)

    def secret_inputs(self, type_: str) -> frozenset[str]:
        """Top-level inputs that the schema declares secret."""
        return frozenset(
            name for name, spec in self._schema(type_).fields.items() if spec.configurable and _has_secret(spec)
        )

    def secret_outputs(self, type_: str) -> frozenset[str]:
        """Top-level outputs that the schema declares secret."""
        return frozenset(name for name, spec in self._schema(type_).fields.items() if _has_secret(spec))

    def cancel(self) -> None:
        """Give up waiting."""
        self._cancelled.set()

    def _limit(self, timeout: float | None) -> Limit:
        return Limit(timeout, self._cancelled)

    def _handler(self, type_: str) -> Handler:
        handler = self._handlers.get(type_)
        if handler is None:
            raise ProviderError(f"the embedded engine does not manage {type_!r}; run this program with the Pulumi CLI")
        return handler

    def _schema(self, type_: str) -> ResourceSchema:
        return self._handler(type_).schema

    @staticmethod
    def _outputs(
        schema: ResourceSchema, planned: Mapping[str, Any], known: Mapping[str, Any], seen: Mapping[str, Any]
    ) -> Properties:
        """Assemble the outputs of a create or update: the plan, overlaid with what was read back."""
        state = rebuilt(schema.block, load(schema.block, {**known, **seen}))
        return ordered(schema.block, normalise(schema.block, state, planned, applied=True))


def _has_secret(spec: Field) -> bool:
    """Whether the schema declares a field, or one nested within it, secret."""
    inner = spec.element.fields.values() if isinstance(spec.element, Block) else ()
    return spec.sensitive or any(_has_secret(part) for part in inner)


def _explicit_name(schema: ResourceSchema, inputs: Mapping[str, Any]) -> bool:
    defaults = inputs.get("__defaults")
    return schema.autoname and isinstance(defaults, list) and "name" in inputs and "name" not in defaults


def _meta(schema: ResourceSchema, operation: str, timeout: float | None) -> Properties:
    meta: dict[str, Any] = {}
    if schema.timeouts:
        limits = dict.fromkeys(schema.timeouts, _DEFAULT_TIMEOUT_NS)
        if timeout and operation in limits:
            limits[operation] = int(timeout * 1_000_000_000)
        meta[_TIMEOUT_KEY] = limits
    if schema.version:
        meta["schema_version"] = str(schema.version)
    return {"__meta": json.dumps(meta, separators=(",", ":"), sort_keys=True)} if meta else {}
