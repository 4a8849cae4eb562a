"""Pulumi.yaml and a stack's configuration values, as the program and the providers get them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from engine.errors import InvalidProject, UnsupportedFeature

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine.crypto import Crypter


@dataclass(frozen=True)
class ConfigValue:
    """One value: ``text`` is what the program reads (objects as JSON), ``stored`` what the history may keep."""

    text: str = field(repr=False)
    secret: bool
    stored: Any


@dataclass(frozen=True)
class Project:
    """The parts of Pulumi.yaml that matter to a deployment."""

    name: str
    directory: Path
    program: Path
    """The file to run."""
    config: Mapping[str, Any]
    settings_directory: Path
    """Where the stacks' settings files are."""
    always_refresh: bool

    def settings_file(self, stack: str) -> Path:
        """The settings file of a stack."""
        return self.settings_directory / f"Pulumi.{stack}.yaml"

    def qualified(self, key: str) -> str:
        """A configuration key with its namespace; one without belongs to the project."""
        return key if ":" in key else f"{self.name}:{key}"


def load_project(directory: Path) -> Project:
    """Read Pulumi.yaml. Raises InvalidProject, or UnsupportedFeature for what only the CLI can do."""
    directory = directory.resolve()
    path = directory / "Pulumi.yaml"
    data = read_yaml(path, required=True)
    name, runtime = data.get("name"), data.get("runtime")
    runtime_name = runtime.get("name") if isinstance(runtime, dict) else runtime
    if not isinstance(name, str) or not name:
        raise InvalidProject(f"{path}: a project needs a name")
    if runtime_name != "python":
        raise UnsupportedFeature(f"{path}: the runtime {runtime_name!r}")
    for key in ("packages", "plugins"):
        if data.get(key):
            raise UnsupportedFeature(f"{path}: the key {key!r}")
    program = directory / (data.get("main") or ".")
    return Project(
        name=name,
        directory=directory,
        program=program if program.is_file() else program / "__main__.py",
        config=data.get("config") or {},
        settings_directory=directory / (data.get("stackConfigDir") or "."),
        always_refresh=(data.get("options") or {}).get("refresh") == "always",
    )


def read_yaml(path: Path, *, required: bool = False) -> dict[str, Any]:
    """A file's top-level mapping; an absent one is empty unless required. Raises InvalidProject."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if required:
            raise InvalidProject(f"no {path.name} in {path.parent}") from None
        return {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InvalidProject(f"{path} can't be read: {error}") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise InvalidProject(f"{path}: expected keys and values")
    return data


def load_config(project: Project, stack: str, crypter: Crypter | None) -> dict[str, ConfigValue]:
    """The stack's values, with the project's defaults for those that it does not set."""
    path = project.settings_file(stack)
    settings = read_yaml(path)
    if settings.get("environment"):
        raise UnsupportedFeature(f"{path}: the key 'environment'")
    values = {key: _flatten(value, crypter) for key, value in _raw_config(path).items()}
    if "pulumi:autonaming" in values:
        raise UnsupportedFeature("The setting pulumi:autonaming")
    for key, declared in project.config.items():
        default = declared.get("value", declared.get("default")) if isinstance(declared, dict) else declared
        if default is not None:
            values.setdefault(project.qualified(key), _flatten(default, crypter))
    return {key: values[key] for key in sorted(values)}


def _raw_config(path: Path) -> dict[str, Any]:
    """The values as written: a scalar as its text (``0x10`` stays so), anything else as data."""
    if not path.exists():
        return {}
    root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    raw: dict[str, Any] = {}
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if key.value != "config" or not isinstance(value, yaml.MappingNode):
            continue
        for name, node in value.value:
            raw[name.value] = node.value if isinstance(node, yaml.ScalarNode) else _construct(node)
    return raw


def _construct(node: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _flatten(value: Any, crypter: Crypter | None) -> ConfigValue:
    if isinstance(value, str):
        return ConfigValue(value, secret=False, stored=value)
    secrets: list[str] = []
    opened = _open(value, crypter, secrets)
    text = opened if isinstance(opened, str) else json.dumps(opened, sort_keys=True, separators=(",", ":"))
    return ConfigValue(text, secret=bool(secrets), stored=value if isinstance(value, dict | list) else text)


def _open(value: Any, crypter: Crypter | None, secrets: list[str]) -> Any:
    if isinstance(value, dict):
        if set(value) == {"secure"} and isinstance(value["secure"], str):
            if crypter is None:
                raise InvalidProject("the stack's settings hold a secret but no encryptionsalt to open it with")
            secrets.append(value["secure"])
            return crypter.decrypt(value["secure"])
        return {str(key): _open(item, crypter, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [_open(item, crypter, secrets) for item in value]
    return value
