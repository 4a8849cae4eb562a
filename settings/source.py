"""What a stack says: which blueprint, which environment, and its own differences."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Final

from settings.problems import Problem, SettingsError, listing, nearest
from settings.tree import Node, find, to_plain
from settings.yaml_source import read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PROJECT_FILE: Final = "Pulumi.yaml"
NAMESPACE: Final = "slipway"
"""Namespace of this program's configuration keys, whatever the project is called."""
STACK_KEYS: Final = ("blueprint", "environment", "overrides", "profiles", "rotations", "versions")
"""What a stack's file may say in that namespace, besides the values of secrets."""
SECRET_PRESENT: Final = "\0present"  # noqa: S105 - a mark, chosen so that no real value equals it
"""What a lookup returns for a secret that exists, but can't be read here (it is encrypted)."""
DEFAULT_BLUEPRINT: Final = "starter"
RELEASE_VARIABLE: Final = "SLIPWAY_DESCRIPTION"
"""Environment variable of the program: the file of a recorded release to deploy instead of the blueprint."""


def no_secrets(_name: str) -> str | None:
    """Look up secrets where there are none."""
    return None


@dataclass(frozen=True)
class StackSource:
    """Everything that is needed to load the platform of one stack."""

    root: FilePath
    """The project's folder, with ``blueprints/`` and ``Pulumi.yaml``."""
    project: str
    """The project's name."""
    stack: str
    """The stack's name."""
    blueprint: str = DEFAULT_BLUEPRINT
    """Name of the blueprint: ``blueprints/<name>.yaml``."""
    environment: str | None = None
    """One of the blueprint's environments. Default: the one of the stack's name, if there is one."""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """The stack's differences, a partial platform."""
    profiles: Sequence[str] = ()
    """Profiles switched on."""
    rotations: Mapping[str, Any] = field(default_factory=dict)
    """How far the credentials of databases, and generated secrets, were rotated: steps by name. A number that went up
    never goes down. See docs/adr/0009-rotation.md."""
    versions: Mapping[str, Any] = field(default_factory=dict)
    """Which versions of services with a release strategy run. See docs/adr/0010-release-strategies.md."""
    secret_lookup: Callable[[str], str | None] = no_secrets
    """Returns a secret's value, ``None`` where there is none, or :data:`SECRET_PRESENT`; judged, never kept."""
    release: FilePath | None = None
    """File of a recorded release, which takes the place of blueprint, environment and overrides."""


def stack_file(stack: str) -> str:
    """Return the name of a stack's file."""
    return f"Pulumi.{stack}.yaml"


def stack_key(config: Node, project: str, key: str) -> Node | None:
    """Return the node of a configuration key in a stack's file: ``slipway:<key>``, or with the project's own name."""
    for namespace in dict.fromkeys((NAMESPACE, project)):
        if (found := find(config, ("config", f"{namespace}:{key}"))) is not None:
            return found
    return None


def is_encrypted(node: Node) -> bool:
    """Whether a configuration value is stored encrypted."""
    return node.is_map and set(node.value) == {"secure"}


def release_of(environ: Mapping[str, str]) -> FilePath | None:
    """Return the file of the release that a program is asked to deploy, by :data:`RELEASE_VARIABLE`."""
    path = environ.get(RELEASE_VARIABLE)
    return FilePath(path) if path else None


def read_stack_file(root: FilePath, stack: str, release: FilePath | None = None) -> StackSource:
    """Read what a stack says from its files alone, without Pulumi and without decrypting anything.

    Args:
        root: The project's folder.
        stack: The stack.
        release: File of a recorded release, to load that instead of the blueprint.

    Raises:
        SettingsError: A file is missing or can't be read, or a key has the wrong form.
    """
    try:
        project_node = find(read_yaml(root, PROJECT_FILE, "stack"), ("name",))
    except FileNotFoundError:
        raise SettingsError(
            [Problem("", PROJECT_FILE, None, "there is no such file; run this in the project's folder")]
        ) from None
    if project_node is None or not isinstance(project_node.value, str):
        raise SettingsError([Problem("name", PROJECT_FILE, 1, "the project's name is needed")])
    project = project_node.value
    file = stack_file(stack)
    try:
        config = read_yaml(root, file, "stack")
    except FileNotFoundError:
        raise _unknown_stack(root, stack) from None
    reader = _Keys(config, project, file)
    source = StackSource(
        root=root,
        project=project,
        stack=stack,
        blueprint=reader.text("blueprint") or DEFAULT_BLUEPRINT,
        environment=reader.text("environment"),
        overrides=reader.map("overrides"),
        profiles=reader.names("profiles"),
        rotations=reader.map("rotations"),
        versions=reader.map("versions"),
        secret_lookup=lambda name: _look_up(config, project, name),
        release=release,
    )
    if reader.problems:
        raise SettingsError(reader.problems)
    return source


class _Keys:
    """Reads single keys of a stack's file and gathers what is wrong with them."""

    def __init__(self, config: Node, project: str, file: str) -> None:
        self._config = config
        self._project = project
        self._file = file
        self.problems: list[Problem] = []

    def _get(self, key: str, wanted: type, words: str) -> Any:
        node = stack_key(self._config, self._project, key)
        if node is None or node.value is None:
            return None
        if is_encrypted(node) or not isinstance(node.value, wanted):
            self.problems.append(
                Problem(f"{NAMESPACE}:{key}", self._file, node.origin.line, f"must be {words} (and not encrypted)")
            )
            return None
        return to_plain(node)

    def text(self, key: str) -> str | None:
        value = self._get(key, str, "a name")
        return None if value is None else str(value)

    def map(self, key: str) -> Mapping[str, Any]:
        return self._get(key, dict, "a map") or {}

    def names(self, key: str) -> Sequence[str]:
        return tuple(str(name) for name in self._get(key, list, "a list of names") or ())


def _look_up(config: Node, project: str, name: str) -> str | None:
    node = stack_key(config, project, name)
    if node is None:
        return None
    return SECRET_PRESENT if node.is_map or isinstance(node.value, list) else str(node.value)


def _unknown_stack(root: FilePath, stack: str) -> SettingsError:
    stacks = [path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in root.glob("Pulumi.*.yaml")]
    return SettingsError(
        [
            Problem(
                "",
                stack_file(stack),
                None,
                f"there is no stack '{stack}'",
                allowed=listing(stacks, "none exists yet"),
                nearest=nearest(stack, stacks),
                fix=f"slipway up --stack {stack} --blueprint NAME",
            )
        ]
    )
