"""What the program wants of one resource: a registration request, decoded and checked for what only the CLI can do."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from engine.aliases import Alias, read_aliases
from engine.errors import EngineError, UnsupportedFeature
from engine.values import decode_struct, decode_wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi.runtime.proto import resource_pb2, source_pb2

    from engine.provider import Properties

_DURATION_PART: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_SECONDS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Goal:
    """The desired state of a resource; options that were not given are None or empty."""

    type: str
    name: str
    custom: bool
    parent: str = ""
    properties: Properties = field(default_factory=dict)
    dependencies: list[str] = field(default_factory=list)
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    provider: str = ""
    protect: bool | None = None
    retain_on_delete: bool | None = None
    delete_before_replace: bool | None = None
    ignore_changes: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    replacement_trigger: Any = None
    additional_secret_outputs: list[str] = field(default_factory=list)
    aliases: list[Alias] = field(default_factory=list)
    import_id: str = ""
    custom_timeouts: dict[str, float] = field(default_factory=dict)
    deleted_with: str = ""
    replace_with: list[str] = field(default_factory=list)
    hide_diff: list[str] = field(default_factory=list)
    source_position: str = ""


def read_goal(request: resource_pb2.RegisterResourceRequest, provider: str, directory: Path) -> Goal:
    """The goal of a request; ``provider`` is the reference that was found for it."""
    _refuse(request)
    properties = decode_struct(request.object, directory)
    dependencies = sorted(set(request.dependencies))
    if request.propertyDependencies:
        by_property = {key: sorted(set(item.urns)) for key, item in request.propertyDependencies.items()}
    else:
        by_property = dict.fromkeys(properties, dependencies) if dependencies else {}
    given = request.deleteBeforeReplaceDefined or request.deleteBeforeReplace
    return Goal(
        type=request.type,
        name=request.name,
        custom=request.custom,
        parent=request.parent,
        properties=properties,
        dependencies=dependencies,
        property_dependencies=by_property,
        provider=provider,
        protect=request.protect if request.HasField("protect") else None,
        retain_on_delete=request.retainOnDelete if request.HasField("retainOnDelete") else None,
        delete_before_replace=request.deleteBeforeReplace if given else None,
        ignore_changes=list(request.ignoreChanges),
        replace_on_changes=list(request.replaceOnChanges),
        replacement_trigger=_trigger(request),
        additional_secret_outputs=list(request.additionalSecretOutputs),
        aliases=read_aliases(request),
        import_id=request.importId,
        custom_timeouts=_timeouts(request.customTimeouts),
        deleted_with=request.deletedWith,
        replace_with=list(request.replace_with),
        hide_diff=list(request.hideDiffs),
        source_position=source_position(request.sourcePosition, directory),
    )


def _refuse(request: resource_pb2.RegisterResourceRequest) -> None:
    what = f"{request.type} {request.name!r}"
    hooks = request.hooks
    features: Mapping[str, Any] = {
        "The remote component": request.remote,
        "The parameterized package of": request.packageRef,
        "A transform on": request.transforms,
        "A state migration on": request.state_migrations,
        "envVarMappings on": request.envVarMappings,
        "A hook on": hooks.ListFields() if request.HasField("hooks") else None,
    }
    for feature, used in features.items():
        if used:
            raise UnsupportedFeature(f"{feature} {what}")


def _trigger(request: resource_pb2.RegisterResourceRequest) -> Any:
    return decode_wire(request.replacement_trigger) if request.HasField("replacement_trigger") else None


def _timeouts(timeouts: resource_pb2.RegisterResourceRequest.CustomTimeouts) -> dict[str, float]:
    given = {key: getattr(timeouts, key) for key in ("create", "update", "delete", "read")}
    return {key: seconds(text) for key, text in given.items() if text}


def seconds(text: str) -> float:
    """A Go duration such as ``1h2m3.5s`` in seconds. Raises EngineError."""
    parts = _DURATION_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise EngineError(
            f"{text!r} is not a duration: expected a number and ns, us, ms, s, m or h, such as 90s or 1h30m"
        )
    return round(sum(float(number) * _SECONDS[unit] for number, unit in parts), 9)


def source_position(position: source_pb2.SourcePosition, directory: Path) -> str:
    """Where the program asked for a resource, relative to the project; empty for places outside of it."""
    path = Path(unquote(urlsplit(position.uri).path)) if position.uri.startswith("file:") else None
    if path is None or not path.is_relative_to(directory):
        return ""
    return f"project:///{path.relative_to(directory).as_posix()}#{position.line}"
