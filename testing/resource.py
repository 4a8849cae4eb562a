"""One registered resource, as the program asked for it: inputs, options and dependencies as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.provider import UNKNOWN
from engine.urn import name_of, type_of
from engine.values import Secret, decode_struct, decode_wire, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pulumi.runtime.proto import resource_pb2


@dataclass(frozen=True)
class Options:
    """A resource's options; what was not given is None or empty."""

    protect: bool | None = None
    retain_on_delete: bool | None = None
    delete_before_replace: bool | None = None
    """None: the provider decides, which for containers is not what it seems (see the concepts page)."""
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    replacement_trigger: Any = None
    additional_secret_outputs: tuple[str, ...] = ()
    custom_timeouts: Mapping[str, str] = field(default_factory=dict)
    """``create``, ``update``, ``delete``, ``read`` to a duration such as ``600s``."""
    deleted_with: str = ""
    replace_with: tuple[str, ...] = ()
    hide_diffs: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    """URNs of aliases, and names of those given by name."""
    import_id: str = ""
    provider: str = ""
    """Reference to an explicit provider; empty for the default one."""


@dataclass(frozen=True, repr=False)
class Resource:
    """What the program registered, and what the recording monitor answered."""

    type: str
    """Type token, such as ``docker:index/container:Container``."""
    name: str
    """Logical name."""
    urn: str
    """The URN that Pulumi gives it, with the types of all its ancestors."""
    parent: str
    """URN of its parent; empty for the stack itself."""
    custom: bool
    """Whether a provider manages it; False for a component."""
    inputs: Mapping[str, Any]
    """Inputs by wire name (camelCase), secrets opened. What a preview can't know is :data:`UNKNOWN`."""
    secret_paths: frozenset[str]
    """Paths of inputs that are secret, such as ``uploads`` or ``envs[2]``; what is below them is secret too."""
    options: Options = Options()
    dependencies: frozenset[str] = frozenset()
    """URNs of what it waits for directly."""
    property_dependencies: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """For each input, the URNs of the resources whose outputs it is made of."""
    waits_for: frozenset[str] = frozenset()
    """URNs of all that it waits for, directly or through others."""
    id: str = ""
    """Physical id that the monitor made up; empty in a preview and for components."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """Outputs, secrets opened: a component's registered ones, else what the monitor answered."""
    secret_outputs: frozenset[str] = frozenset()
    """Paths of outputs that are secret."""
    read: bool = False
    """Whether it was only looked up (``Volume.get``), not registered."""

    def is_secret(self, path: str) -> bool:
        """Whether an input is secret, itself or as part of one."""
        return any(_covers(secret, path) for secret in self.secret_paths)

    def depends_on(self, other: Resource | str) -> bool:
        """Whether it waits for another resource (given itself, or by logical name), directly or through others."""
        if isinstance(other, Resource):
            return other.urn in self.waits_for
        return any(name_of(urn) == other for urn in self.waits_for)

    def labels(self) -> dict[str, str]:
        """Return the ``labels`` input of a Docker resource as a plain map."""
        return {item["label"]: item["value"] for item in self.inputs.get("labels") or ()}

    def environment(self) -> dict[str, str]:
        """Return the ``envs`` input of a container as a plain map, without what a preview can't know."""
        items = [item for item in self.inputs.get("envs") or () if isinstance(item, str)]
        return dict(item.partition("=")[::2] for item in items)

    def __str__(self) -> str:
        return f"{self.type} {self.name}"

    def __repr__(self) -> str:
        return f"<{self}>"


def from_request(request: resource_pb2.RegisterResourceRequest, urn: str) -> Resource:
    """Decode a registration."""
    properties = decode_struct(request.object)
    return Resource(
        type=request.type,
        name=request.name,
        urn=urn,
        parent=request.parent,
        custom=request.custom,
        inputs=plain(properties),
        secret_paths=frozenset(secret_paths(properties)),
        options=_options(request),
        dependencies=frozenset(request.dependencies),
        property_dependencies={
            key: frozenset(item.urns) for key, item in request.propertyDependencies.items() if item.urns
        },
    )


def secret_paths(value: Any, path: str = "") -> Iterator[str]:
    """Yield the path of every outermost secret in a decoded value."""
    if isinstance(value, Secret):
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from secret_paths(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from secret_paths(item, f"{path}[{index}]")


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every scalar in a plain value with its path."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def covered(path: str, secrets: frozenset[str]) -> bool:
    """Whether a path is one of some secret paths, or below one."""
    return any(_covers(secret, path) for secret in secrets)


def short_type(urn: str) -> str:
    """Return the last word of a resource's type: ``Container``."""
    return type_of(urn).rpartition(":")[2]


def _covers(secret: str, path: str) -> bool:
    return path == secret or path.startswith((f"{secret}.", f"{secret}["))


def _options(request: resource_pb2.RegisterResourceRequest) -> Options:
    said = request.deleteBeforeReplaceDefined or request.deleteBeforeReplace
    timeouts = request.customTimeouts
    return Options(
        protect=request.protect if request.HasField("protect") else None,
        retain_on_delete=request.retainOnDelete if request.HasField("retainOnDelete") else None,
        delete_before_replace=request.deleteBeforeReplace if said else None,
        ignore_changes=tuple(request.ignoreChanges),
        replace_on_changes=tuple(request.replaceOnChanges),
        replacement_trigger=decode_wire(request.replacement_trigger)
        if request.HasField("replacement_trigger")
        else None,
        additional_secret_outputs=tuple(request.additionalSecretOutputs),
        custom_timeouts={
            key: getattr(timeouts, key) for key in ("create", "update", "delete", "read") if getattr(timeouts, key)
        },
        deleted_with=request.deletedWith,
        replace_with=tuple(request.replace_with),
        hide_diffs=tuple(request.hideDiffs),
        aliases=_aliases(request),
        import_id=request.importId,
        provider=request.provider,
    )


def _aliases(request: resource_pb2.RegisterResourceRequest) -> tuple[str, ...]:
    given: Sequence[Any] = request.aliases
    return (*request.aliasURNs, *(alias.urn or alias.spec.name for alias in given))


__all__ = ["UNKNOWN", "Options", "Resource", "covered", "from_request", "leaves", "secret_paths", "short_type"]
