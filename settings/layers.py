"""Reads the layers of a description and lays them over one another, lowest first.

    model defaults < .state/machine.yaml < blueprint < its environment < its active profiles < the stack's overrides

The defaults are not a tree: they apply wherever no layer says anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from settings.paths import Path, dotted
from settings.problems import Finding, Problem, SettingsError, listing, nearest
from settings.source import NAMESPACE, stack_file, stack_key
from settings.tree import Layer, Node, Origin, from_plain, idle_nulls, merge, prune
from settings.yaml_source import read_yaml

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from settings.source import StackSource

MACHINE_FILE: Final = ".state/machine.yaml"
ENVIRONMENTS: Final = "environments"
PROFILES: Final = "profiles"
"""Key at the top of a blueprint: what a profile changes beside switching parts on."""
ANCHORS: Final = "x-"
"""Keys at the top of a blueprint that start so are only places for YAML anchors."""
COMMAND_LINE: Final = "command line"


@dataclass(frozen=True)
class Layered:
    """The merged description."""

    tree: Node
    """All layers merged, removals carried out."""
    environment: str | None
    """The environment that applies."""
    stack_config: Node | None
    """The stack's file, if there is one."""
    findings: tuple[Finding, ...]
    """What is wrong with single layers."""
    profiles: tuple[str, ...] | None = None
    """Profiles of a recorded release. Default: those of the stack."""
    versions: Node | None = None
    """What is noted of the versions of services; see :mod:`settings.versions`."""
    known_profiles: frozenset[str] = frozenset()
    """Profiles that have a layer of their own; those of a recorded release were known when it was made."""


def read_layers(source: StackSource) -> Layered:
    """Read and merge everything that a stack's platform is made of.

    Raises:
        SettingsError: A file is missing or can't be read, or the environment is unknown.
    """
    if source.release is not None:
        return _recorded(source, source.release)
    blueprint = _blueprint(source)
    environments = blueprint.value.get(ENVIRONMENTS)
    apart = (ENVIRONMENTS, PROFILES)
    said = {key: item for key, item in blueprint.value.items() if key not in apart and not key.startswith(ANCHORS)}
    body = Node(said, blueprint.origin)
    environment, its_layer = _environment(source, environments)
    profiles = _profiles(blueprint.value.get(PROFILES))
    stack_config = _optional(source.root, stack_file(source.stack), "stack")
    layers = [
        _optional(source.root, MACHINE_FILE, "machine"),
        body,
        its_layer,
        *(layer for name, layer in profiles.items() if name in source.profiles),
        _overrides(source, stack_config),
    ]
    merged: Node | None = None
    findings: list[Finding] = []
    for layer in layers:
        if layer is None:
            continue
        findings += [_idle_null(path, node) for path, node in idle_nulls(merged, layer)]
        merged = layer if merged is None else merge(merged, layer)
    assert merged is not None  # noqa: S101 - the blueprint is always there
    tree = replace(prune(merged), origin=blueprint.origin)  # what is missing altogether is missing in the blueprint
    return Layered(
        tree,
        environment,
        stack_config,
        tuple(findings),
        versions=_versions(source, stack_config),
        known_profiles=frozenset(profiles),
    )


def _recorded(source: StackSource, file: FilePath) -> Layered:
    """Return a recorded release as the only layer."""
    try:
        record = json.loads(file.read_bytes())
        description, environment = record["description"], record["environment"]
        profiles = tuple(record["profiles"])
        versions = from_plain(record.get("versions", {}), _origin_of(record, file))
    except (OSError, ValueError, KeyError, TypeError):
        raise SettingsError(
            [Problem("", file.name, None, "is no record of a release that can be read", fix="slipway releases")]
        ) from None
    config = _optional(source.root, stack_file(source.stack), "stack")
    tree = from_plain(description, _origin_of(record, file))
    return Layered(tree, environment, config, (), profiles, versions, frozenset(profiles))


def _origin_of(record: Mapping[str, Any], file: FilePath) -> Origin:
    return Origin(f"release {record.get('number', file.stem)}", None, "release")


def _versions(source: StackSource, stack_config: Node | None) -> Node | None:
    if not source.versions:
        return None
    written = stack_key(stack_config, source.project, "versions") if stack_config is not None else None
    return _attribute(source.versions, written)


def _blueprint(source: StackSource) -> Node:
    file = f"blueprints/{source.blueprint}.yaml"
    names = [path.stem for path in (source.root / "blueprints").glob("*.yaml")]
    if source.blueprint not in names:  # also keeps a name such as ../../etc/x from being read
        raise SettingsError(
            [
                Problem(
                    f"{NAMESPACE}:blueprint",
                    None,
                    None,
                    f"there is no blueprint '{source.blueprint}' (blueprints/<name>.yaml)",
                    allowed=listing(names, "the folder blueprints/ has none"),
                    nearest=nearest(source.blueprint, names),
                    fix=f"slipway config set --stack {source.stack} {NAMESPACE}:blueprint NAME",
                )
            ]
        )
    return read_yaml(source.root, file, "blueprint")


def _environment(source: StackSource, environments: Node | None) -> tuple[str | None, Node | None]:
    if environments is not None and environments.value is not None and not environments.is_map:
        raise SettingsError(
            [Problem(ENVIRONMENTS, environments.origin.file, environments.origin.line, "must be a map of environments")]
        )
    known: dict[str, Node] = environments.value if environments is not None and environments.is_map else {}
    name = source.environment if source.environment is not None else source.stack
    if name not in known:
        if source.environment is None:
            return None, None
        raise SettingsError(
            [
                Problem(
                    f"{NAMESPACE}:environment",
                    None,
                    None,
                    f"blueprint '{source.blueprint}' has no environment '{name}'",
                    allowed=listing(known, "it declares none"),
                    nearest=nearest(name, known),
                    fix=f"slipway config set --stack {source.stack} {NAMESPACE}:environment NAME",
                )
            ]
        )
    chosen = known[name]
    if chosen.value is None:
        return name, None
    if not chosen.is_map:
        where = chosen.origin
        raise SettingsError(
            [Problem(dotted((ENVIRONMENTS, name)), where.file, where.line, "must be a map: a partial platform")]
        )
    return name, _relabel(chosen, "environment")


def _profiles(profiles: Node | None) -> dict[str, Node]:
    """Return the layer of each profile that has one."""
    if profiles is None or profiles.value is None:
        return {}
    for path, node in [((PROFILES,), profiles), *(((PROFILES, name), item) for name, item in _items(profiles))]:
        if not node.is_map:
            where = node.origin
            raise SettingsError(
                [Problem(dotted(path), where.file, where.line, "must be a map: by profile, a partial platform")]
            )
    return {name: _relabel(item, "environment") for name, item in _items(profiles)}


def _items(node: Node) -> list[tuple[str, Node]]:
    return list(node.value.items()) if node.is_map else []


def _overrides(source: StackSource, stack_config: Node | None) -> Node | None:
    if not source.overrides:
        return None
    written = stack_key(stack_config, source.project, "overrides") if stack_config is not None else None
    return _attribute(source.overrides, written)


def _attribute(value: Any, written: Node | None) -> Node:
    """Give a value the line at which the stack's file says the same, or call it said on the command line."""
    said_elsewhere = Origin(COMMAND_LINE, None, "stack")
    if written is None:
        return from_plain(value, said_elsewhere)
    if isinstance(value, Mapping) and written.is_map:
        return Node({key: _attribute(item, written.value.get(key)) for key, item in value.items()}, written.origin)
    plain = from_plain(value, said_elsewhere)
    return written if _same(plain, written) else plain


def _same(one: Node, other: Node) -> bool:
    if isinstance(one.value, list) and isinstance(other.value, list):
        return len(one.value) == len(other.value) and all(map(_same, one.value, other.value))
    if one.is_map and other.is_map:
        return one.value.keys() == other.value.keys() and all(_same(one.value[k], other.value[k]) for k in one.value)
    return bool(one.value == other.value)


def _relabel(node: Node, layer: Layer) -> Node:
    origin = Origin(node.origin.file, node.origin.line, layer)
    if isinstance(node.value, dict):
        return Node({key: _relabel(item, layer) for key, item in node.value.items()}, origin)
    if isinstance(node.value, list):
        return Node([_relabel(item, layer) for item in node.value], origin)
    return Node(node.value, origin)


def _optional(root: FilePath, file: str, layer: Layer) -> Node | None:
    try:
        return read_yaml(root, file, layer)
    except FileNotFoundError:
        return None


def _idle_null(path: Path, node: Node) -> Finding:
    return Finding(
        path,
        "is empty: that removes a value of a lower layer, and there is none",
        fix="write {} for a part with nothing to say, or leave the key out",
        at=node.origin,
    )
