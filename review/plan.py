"""A preview as typed values: what would happen to which part of the platform, and why.

The input is Pulumi's PreviewDigest, the document of ``pulumi preview --json``, which the embedded engine writes too. It
names only what changes, so nothing here knows the whole platform.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from review.parts import Part, part_of
from review.properties import PropertyChange, compare
from review.references import References, read_references
from review.urns import STACK_TYPE, parse_urn
from review.values import Hidden, items, mapping, scrub

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PROVIDER: Final = "pulumi:providers:"
_DIGITS: Final = re.compile(r"(\d+)", re.ASCII)


class Op(StrEnum):
    """What happens to a resource."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    IMPORT = "import"


class Order(StrEnum):
    """Which comes first when a resource is replaced."""

    START_FIRST = "start-first"
    DELETE_FIRST = "delete-first"
    UNKNOWN = "unknown"


_OPS: Final[Mapping[str, Op]] = {
    "create": Op.CREATE,
    "update": Op.UPDATE,
    "replace": Op.REPLACE,
    "delete": Op.DELETE,
    "import": Op.IMPORT,
    "import-replacement": Op.REPLACE,
}
_STEPS_OF_REPLACE: Final[Mapping[str, Op]] = {"create-replacement": Op.REPLACE, "delete-replaced": Op.DELETE}
"""Shown beside the ``replace`` that they belong to on request, and alone for what an earlier run left behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One resource that would change."""

    op: Op
    urn: str
    type: str
    """Pulumi type, such as ``docker:index/container:Container``."""
    name: str
    """Logical name."""
    part: Part
    """Where it belongs in the platform."""
    properties: tuple[PropertyChange, ...] = ()
    """What differs, property by property; for a create every input."""
    reasons: tuple[str, ...] = ()
    """The engine's own reasons: top-level properties that force the replacement, else those that differ."""
    order: Order = Order.UNKNOWN
    """Order of a replacement."""
    protected: bool = False
    """Whether the resource is protected from deletion as it stands."""
    blocked: bool = False
    """Whether protection will refuse this change."""
    retained: bool = False
    """Whether what is there stays on the host when the resource goes."""
    old: Mapping[str, Any] = field(default_factory=dict)
    """Inputs before, without secrets; empty for a create."""
    new: Mapping[str, Any] = field(default_factory=dict)
    """Inputs after, without secrets; empty for a delete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """A message of the engine or the program."""

    severity: str
    """``error``, ``warning`` or ``info``."""
    message: str
    urn: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A whole preview."""

    changes: tuple[Change, ...] = ()
    """By part, type and name, since engines work in parallel and tell of it in any order.

    Components and the stack itself are left out: nothing runs because of them.
    """
    unchanged: int = 0
    """How many resources stay as they are, components and the stack included."""
    unprotected: tuple[Change, ...] = ()
    """Resources that lose their protection, whatever else happens to them."""
    diagnostics: tuple[Diagnostic, ...] = ()
    references: References = field(default_factory=References)
    """What ids and images are called."""
    damaged: bool = False
    """Whether the engine said that its state may be incomplete."""

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The messages that are errors."""
        return tuple(found for found in self.diagnostics if found.severity == "error")

    def of(self, *ops: Op) -> tuple[Change, ...]:
        """Changes of these kinds, in the plan's order."""
        return tuple(change for change in self.changes if change.op in ops)


def read_digest(digest: Mapping[str, Any]) -> Plan:
    """Read a PreviewDigest.

    Args:
        digest: The document, parsed. Unknown keys and operations are passed over.

    Returns:
        The plan; no value in it was marked secret.
    """
    steps = [step for step in (mapping(step) for step in items(digest.get("steps"))) if _is_resource(step)]
    references = read_references(steps)
    replaced = {step.get("urn") for step in steps if step.get("op") in {"replace", "import-replacement"}}
    changes: list[Change] = []
    unprotected: list[Change] = []
    for step in steps:
        op = _OPS.get(str(step.get("op")))
        if op is None and step.get("urn") not in replaced:
            op = _STEPS_OF_REPLACE.get(str(step.get("op")))
        if op is not None:
            changes.append(_change(step, op, references))
        if _loses_protection(step):
            unprotected.append(_change(step, op or Op.UPDATE, references))
    summary = mapping(digest.get("changeSummary"))
    return Plan(
        changes=tuple(sorted(changes, key=_place)),
        unchanged=int(summary.get("same", 0)),
        unprotected=tuple(sorted(unprotected, key=_place)),
        diagnostics=_diagnostics(items(digest.get("diagnostics"))),
        references=references,
        damaged=bool(digest.get("maybeCorrupt")),
    )


def _place(change: Change) -> tuple[object, ...]:
    """Where a reader looks for it; ``api-10`` stands after ``api-2``."""
    pieces = [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in _DIGITS.split(change.name)]
    return change.part.name, change.type, pieces, change.urn


def _is_resource(step: Mapping[str, Any]) -> bool:
    """Whether something outside Pulumi stands behind this step: not the stack, a component or a provider."""
    kind = parse_urn(str(step.get("urn", ""))).type
    state = mapping(step.get("newState")) or mapping(step.get("oldState"))
    return kind != STACK_TYPE and not kind.startswith(_PROVIDER) and state.get("custom") is not False


def _loses_protection(step: Mapping[str, Any]) -> bool:
    old, new = mapping(step.get("oldState")), mapping(step.get("newState"))
    return bool(old.get("protect")) and bool(new) and not new.get("protect")


def _change(step: Mapping[str, Any], op: Op, references: References) -> Change:
    old, new = mapping(step.get("oldState")), mapping(step.get("newState"))
    if op is Op.CREATE:
        old = {}
    if op is Op.DELETE:
        new = {}
    urn = str(step.get("urn", ""))
    before, after = _inputs(old), _inputs(new)
    reasons = tuple(str(key) for key in items(step.get("replaceReasons")) or items(step.get("diffReasons")))
    parsed = parse_urn(urn)
    stays = new or old
    return Change(
        op=op,
        urn=urn,
        type=parsed.type,
        name=parsed.name,
        part=part_of(urn, str(stays.get("parent", "")), after or before),
        properties=compare(
            references.side(old, before, after=False),
            references.side(new, after, after=True),
            detailed=mapping(step.get("detailedDiff")),
            reasons=tuple(str(key) for key in items(step.get("diffReasons"))) or reasons,
        ),
        reasons=reasons,
        order=_order(old) if op is Op.REPLACE else Order.UNKNOWN,
        protected=bool(old.get("protect")),
        blocked=_is_blocked(op, old, new),
        retained=bool(old.get("retainOnDelete")),
        old=before,
        new=after,
    )


def _inputs(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Inputs as somebody wrote them, without secrets."""
    secret = {str(name) for name in items(state.get("additionalSecretOutputs"))}
    inputs = mapping(scrub(state.get("inputs")))
    return {key: Hidden.SECRET if key in secret else value for key, value in inputs.items()}


def _order(old: Mapping[str, Any]) -> Order:
    """Read the order off the old state, where the engine has marked what becomes of it."""
    if old.get("pendingReplacement"):
        return Order.DELETE_FIRST
    return Order.START_FIRST if old.get("delete") else Order.UNKNOWN


def _is_blocked(op: Op, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    if op is Op.DELETE:
        return bool(old.get("protect"))
    return op is Op.REPLACE and bool(old.get("protect")) and bool(new.get("protect"))


def _diagnostics(found: Sequence[Any]) -> tuple[Diagnostic, ...]:
    """Messages, each once: several resources often repeat the same one."""
    messages = {
        (str(entry.get("severity", "info")), str(entry.get("message", "")), str(entry.get("urn", ""))): None
        for entry in map(mapping, found)
    }
    return tuple(
        Diagnostic(severity=severity, message=message, urn=urn)
        for severity, message, urn in messages
        if message.strip() and severity != "debug"
    )
