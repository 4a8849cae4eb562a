"""Previews in a few words: steps and documents as the engines write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

CONTAINER = "docker:index/container:Container"
NETWORK = "docker:index/network:Network"
PASSWORD = "random:index/randomPassword:RandomPassword"
REMOTE_IMAGE = "docker:index/remoteImage:RemoteImage"
SECRET = "docker:index/secret:Secret"
SERVICE = "docker:index/service:Service"
VOLUME = "docker:index/volume:Volume"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - a value in a plan
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
HIDDEN = "[secret]"

Inputs = Mapping[str, Any]


def urn(kind: str, name: str, *around: str) -> str:
    """Return the URN of a resource in the components of these types."""
    return f"urn:pulumi:dev::slipway::{'$'.join([*around, kind])}::{name}"


def labels(**pairs: str) -> list[dict[str, str]]:
    """Return Slipway's labels, ``part="api"`` for ``slipway.part``, as Docker's provider takes them."""
    return [{"label": f"slipway.{name}", "value": value} for name, value in sorted(pairs.items())]


def step(
    op: str,
    kind: str,
    name: str,
    *,
    old: Inputs | None = None,
    new: Inputs | None = None,
    around: Sequence[str] = (),
    parent: str = "",
    order: str = "",
    was: Inputs | None = None,
    becomes: Inputs | None = None,
    uses: Mapping[str, Sequence[str]] | None = None,
    detailed: Mapping[str, str] | None = None,
    **step_fields: Any,
) -> dict[str, Any]:
    """Return one step.

    Args:
        op: The operation.
        kind: The resource's type.
        name: Its logical name.
        old: Inputs before.
        new: Inputs after.
        around: Types of the components around it.
        parent: URN of its parent.
        order: ``delete-first`` or ``start-first``, as the engines mark it on the old state.
        was: Further fields of the state before, such as ``protect``.
        becomes: Further fields of the state after.
        uses: URNs that inputs were made from, the same before and after.
        detailed: Kind by path, as in the detailed diff.
        step_fields: Further fields of the step, such as ``replaceReasons``.
    """
    own = urn(kind, name, *around)
    state = {
        "urn": own,
        "custom": True,
        "type": kind,
        "parent": parent,
        "propertyDependencies": {key: list(urns) for key, urns in (uses or {}).items()},
    }
    mark: dict[str, Any] = {"delete-first": {"pendingReplacement": True}, "start-first": {"delete": True}}.get(
        order, {}
    )
    found: dict[str, Any] = {"op": op, "urn": own, "detailedDiff": None, **step_fields}
    if old is not None:
        found["oldState"] = {**state, "inputs": dict(old), **mark, **(was or {})}
    if new is not None:
        found["newState"] = {**state, "inputs": dict(new), **(becomes or {})}
    if detailed is not None:
        found["detailedDiff"] = {path: {"kind": word, "inputDiff": False} for path, word in detailed.items()}
    return found


def digest(
    *steps: Mapping[str, Any], same: int = 0, diagnostics: Sequence[Inputs] = (), **fields: Any
) -> dict[str, Any]:
    """Return a PreviewDigest of these steps."""
    summary = {"same": same} if same else {}
    return {"config": {}, "steps": list(steps), "diagnostics": list(diagnostics), "changeSummary": summary, **fields}
