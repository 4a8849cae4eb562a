"""A provider whose world is a dictionary, or a file that survives the death of the process that changed it.

``fake:index:Thing``: ``value`` is applied in place, ``kind`` replaces, ``name`` is chosen automatically. Its outputs
are its inputs, ``id`` and ``computed``, which only a create knows. An explicit name asks for delete-before-replace.
"""

# ruff: noqa: ARG002, PLR0917 - the methods are those of engine.provider.Provider

from __future__ import annotations

import fcntl
import json
import os
import secrets
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.provider import (
    UNKNOWN,
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    PartialFailure,
    Properties,
    PropertyDiff,
    ProviderError,
    ReadResult,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

THING = "fake:index:Thing"
REPLACING = frozenset({"kind", "name", "link"})
MISSING = object()


class World:
    """What exists, by name, and a record of what was done to it."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._things: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self.log: list[str] = []
        """``create a``, ``delete a``, … by logical name where it is known."""
        self.failing: dict[str, str] = {}
        """Calls that fail, such as ``create a``, with their message."""
        self.partial: dict[str, str] = {}
        """Calls that fail after their work is done."""
        self.slow: dict[str, threading.Event] = {}
        """Calls that wait for an event."""
        self.begun: dict[str, threading.Event] = {}
        """Set when the call of that name begins."""

    @contextmanager
    def things(self) -> Iterator[dict[str, dict[str, Any]]]:
        """The things, to be looked at or changed."""
        with self._lock:
            if self._path is None:
                yield self._things
                return
            with Path(f"{self._path}.lock").open("w") as guard:
                fcntl.flock(guard, fcntl.LOCK_EX)
                things = json.loads(self._path.read_text()) if self._path.exists() else {}
                yield things
                temporary = Path(f"{self._path}.new")
                temporary.write_text(json.dumps(things))
                temporary.replace(self._path)

    def names(self) -> list[str]:
        """The logical names of what exists."""
        with self.things() as things:
            return sorted(thing["logical"] for thing in things.values())

    def begin(self, call: str) -> None:
        """A call begins: it is recorded, may have to wait, and may fail."""
        self.log.append(call)
        if call in self.begun:
            self.begun[call].set()
        if call in self.slow:
            self.slow[call].wait(20)
        if call in self.failing:
            raise ProviderError(self.failing[call])

    def changes(self) -> list[str]:
        """What was done since the last time this was asked, apart from reads."""
        done = [call for call in self.log if not call.startswith("read")]
        self.log.clear()
        return done


class FakeProvider:
    """The provider of the package ``fake``."""

    package = "fake"

    def __init__(self, world: World | None = None) -> None:
        self.world = world or World()
        self.config: Mapping[str, Any] = {}
        self.cancelled = threading.Event()

    def types(self) -> frozenset[str]:
        return frozenset({THING})

    def configure(self, config: Mapping[str, Any]) -> None:
        self.config = dict(config)
        if config.get("broken"):
            raise ProviderError("this configuration is broken")

    def check(self, type_: str, name: str, old_inputs: Properties | None, new_inputs: Properties) -> CheckResult:
        if new_inputs.get("value") == "refused":
            return CheckResult(new_inputs, (CheckFailure("value", "it must not be 'refused'"),))
        inputs = dict(new_inputs)
        defaults: list[str] = []
        if "name" not in inputs:
            defaults.append("name")
            carried = old_inputs is not None and "name" in old_inputs.get("__defaults", ())
            inputs["name"] = (old_inputs or {})["name"] if carried else f"{name}-{secrets.token_hex(4)[:7]}"
        return CheckResult({"__defaults": defaults, **inputs})

    def diff(
        self,
        type_: str,
        resource_id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        ignore_changes: Sequence[str] = (),
    ) -> DiffResult:
        found: dict[str, PropertyDiff] = {}
        for key in sorted({*old_outputs, *new_inputs} - {"__defaults", "id", "computed"} - set(ignore_changes)):
            old, new = old_outputs.get(key, MISSING), new_inputs.get(key, MISSING)
            if old != new:
                kind = "add" if old is MISSING else "delete" if new is MISSING else "update"
                found[key] = PropertyDiff(f"{kind}-replace" if key in REPLACING else kind)
        replace = tuple(key for key in found if key in REPLACING)
        named = "name" not in new_inputs.get("__defaults", ())
        return DiffResult(bool(found), tuple(found), replace, bool(replace) and named, found)

    def create(
        self, type_: str, name: str, inputs: Properties, *, preview: bool, timeout: float | None = None
    ) -> CreateResult:
        outputs = {key: value for key, value in inputs.items() if key != "__defaults"}
        if preview:
            return CreateResult("", {**outputs, "computed": UNKNOWN, "id": UNKNOWN})
        self.world.begin(f"create {name}")
        outputs["computed"] = secrets.token_hex(4)
        resource_id = str(inputs["name"])
        outputs["id"] = resource_id
        with self.world.things() as things:
            if resource_id in things:
                raise ProviderError(f"the name {resource_id} is taken")
            things[resource_id] = {"logical": name, "outputs": outputs, "created": time.time(), "by": os.getpid()}
        if f"create {name}" in self.world.partial:
            raise PartialFailure(resource_id, outputs, [self.world.partial[f"create {name}"]])
        return CreateResult(resource_id, outputs)

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
        outputs = {**old_outputs, **{key: value for key, value in new_inputs.items() if key != "__defaults"}}
        outputs = {key: value for key, value in outputs.items() if key in new_inputs or key in {"id", "computed"}}
        if preview:
            return outputs
        with self.world.things() as things:
            if resource_id not in things:
                raise ProviderError(f"{resource_id} is gone")
            logical = things[resource_id]["logical"]
        self.world.begin(f"update {logical}")
        with self.world.things() as things:
            things[resource_id]["outputs"] = outputs
        if f"update {logical}" in self.world.partial:
            raise PartialFailure(resource_id, outputs, [self.world.partial[f"update {logical}"]])
        return outputs

    def read(self, type_: str, resource_id: str, inputs: Properties, outputs: Properties) -> ReadResult:
        self.world.begin(f"read {resource_id}")
        with self.world.things() as things:
            thing = things.get(resource_id)
        if thing is None:
            return ReadResult("", {}, {})
        found = dict(thing["outputs"])
        known = inputs or {key: value for key, value in found.items() if key not in {"id", "computed"}}
        return ReadResult(resource_id, {"__defaults": [], **known}, found)

    def delete(
        self, type_: str, resource_id: str, inputs: Properties, outputs: Properties, timeout: float | None = None
    ) -> None:
        with self.world.things() as things:
            logical = things.get(resource_id, {}).get("logical", resource_id)
        self.world.begin(f"delete {logical}")
        with self.world.things() as things:
            things.pop(resource_id, None)

    def recover(self, type_: str, name: str, inputs: Properties, *, started: float | None = None) -> bool:
        resource_id = str(inputs["name"])
        self.world.begin(f"recover {name}")
        with self.world.things() as things:
            thing = things.get(resource_id)
            if thing is None:
                return False
            if "name" not in inputs.get("__defaults", ()) and (started is None or thing["created"] < started):
                return False
            del things[resource_id]
            return True

    def invoke(self, token: str, args: Properties) -> Properties:
        if token != "fake:index:echo":
            raise ProviderError(f"unknown function {token}")
        return {"echo": args.get("text")}

    def secret_inputs(self, type_: str) -> frozenset[str]:
        return frozenset({"hidden"})

    def secret_outputs(self, type_: str) -> frozenset[str]:
        return frozenset()

    def cancel(self) -> None:
        self.cancelled.set()
