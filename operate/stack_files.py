"""The file of a stack, ``Pulumi.<stack>.yaml``: making one for a new stack, and what its plain keys say.

Only keys that are not encrypted are read here. Not here: the description itself (``settings``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import yaml

from operate.errors import OperateError
from settings.source import DEFAULT_BLUEPRINT, NAMESPACE, PROJECT_FILE, stack_file

if TYPE_CHECKING:
    from pathlib import Path

_STACK_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_FALLBACK_ENVIRONMENT: Final = "dev"


class StackFileError(OperateError):
    """A stack's file is missing, can't be made or says something else; the text says what to do."""

    exit_code: ClassVar[int] = 2


@dataclass(frozen=True)
class StackFile:
    """What a stack's file says in plain text."""

    path: Path
    """The file."""
    blueprint: str
    """Its blueprint."""
    environment: str | None
    """Its environment, if it names one."""
    created: bool
    """Whether this call made the file."""


def project_name(root: Path) -> str:
    """Return the name in Pulumi.yaml.

    Raises:
        StackFileError: There is no such file, or it names no project.
    """
    try:
        content = _load(root / PROJECT_FILE)
    except FileNotFoundError:
        raise StackFileError(f"there is no {PROJECT_FILE} in {root}: this is no project's folder") from None
    name = content.get("name")
    if not isinstance(name, str) or not name:
        raise StackFileError(f"{PROJECT_FILE}: the project's name is needed")
    return name


def plain_config(root: Path, stack: str) -> dict[str, Any]:
    """Return the keys of a stack's configuration as they are written; empty if there is no file."""
    try:
        config = _load(root / stack_file(stack)).get("config")
    except FileNotFoundError:
        return {}
    return config if isinstance(config, dict) else {}


def is_encrypted(root: Path, stack: str) -> bool:
    """Whether the stack's file was given a passphrase already."""
    try:
        return bool(_load(root / stack_file(stack)).get("encryptionsalt"))
    except FileNotFoundError:
        return False


def other_secrets_provider(root: Path, stack: str) -> str | None:
    """Return the stack's secrets provider if it is another than a passphrase, such as ``awskms://…``."""
    try:
        provider = _load(root / stack_file(stack)).get("secretsprovider")
    except FileNotFoundError:
        return None
    return provider if isinstance(provider, str) and provider not in {"", "passphrase"} else None


def docker_host(root: Path, stack: str) -> str | None:
    """Return the Docker host that the stack's configuration names, or ``None`` for this machine's default."""
    host = plain_config(root, stack).get("docker:host")
    return host if isinstance(host, str) else None


def ensure_stack_file(root: Path, stack: str, blueprint: str | None) -> StackFile:
    """Return what the stack's file says; make the file for a stack that has none.

    A new one gets ``blueprint`` (default: the starter) and the environment that the stack's name is, or has among its
    words (``octocode-prod``), else ``dev``.

    Raises:
        StackFileError: The name is impossible, the blueprint is unknown, or the stack has another one.
    """
    if not _STACK_NAME.fullmatch(stack):
        raise StackFileError(f"'{stack}' can't name a stack: letters, digits, '_', '.' and '-', at most 100 characters")
    path = root / stack_file(stack)
    if path.exists():
        return _existing(root, stack, blueprint)
    chosen = blueprint or DEFAULT_BLUEPRINT
    environments = _environments(root, chosen)
    environment = _environment_of(stack, environments)
    lines = ["config:", f"  {NAMESPACE}:blueprint: {chosen}"]
    if environment in environments:
        lines.append(f"  {NAMESPACE}:environment: {environment}")
    try:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise StackFileError(f"can't write {path}: {error.strerror}") from error
    return StackFile(path, chosen, environment if environment in environments else None, created=True)


def _environment_of(stack: str, environments: frozenset[str]) -> str:
    """Return the environment that a stack's name says: ``prod``, and also ``octocode-prod``."""
    if stack in environments:
        return stack
    said = {word for word in re.split(r"[-_.]", stack) if word in environments}
    return said.pop() if len(said) == 1 else _FALLBACK_ENVIRONMENT


def _existing(root: Path, stack: str, blueprint: str | None) -> StackFile:
    config = plain_config(root, stack)
    current = config.get(f"{NAMESPACE}:blueprint") or DEFAULT_BLUEPRINT
    environment = config.get(f"{NAMESPACE}:environment")
    if blueprint is not None and blueprint != current:
        raise StackFileError(
            f"stack {stack} is of blueprint '{current}', not '{blueprint}'\n"
            f"  fix: another stack: slipway up --stack NAME --blueprint {blueprint}\n"
            f"  or change this one, which replaces what runs: set {NAMESPACE}:blueprint in {stack_file(stack)}"
            f" (slipway config set --stack {stack} {NAMESPACE}:blueprint {blueprint})"
        )
    return StackFile(root / stack_file(stack), str(current), environment, created=False)


def _environments(root: Path, blueprint: str) -> frozenset[str]:
    known = sorted(path.stem for path in (root / "blueprints").glob("*.yaml"))
    if blueprint not in known:
        raise StackFileError(
            f"there is no blueprint '{blueprint}'\n  allowed: {', '.join(known) or 'blueprints/ has none'}"
        )
    environments = _load(root / "blueprints" / f"{blueprint}.yaml").get("environments")
    return frozenset(str(name) for name in environments) if isinstance(environments, dict) else frozenset()


def _load(path: Path) -> dict[str, Any]:
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark is not None else ""
        raise StackFileError(f"{path.name}{where} is no YAML: {getattr(error, 'problem', None) or error}") from error
    return content if isinstance(content, dict) else {}
