"""Texts of a description with their references filled in, and secrets kept out of the environment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import pulumi

from settings.model import SecretUse
from settings.references import Reference, parse_template

SECRETS_FOLDER: Final = "/run/secrets"
Lookup = Callable[[Reference], pulumi.Input[str]]
"""Returns what a reference stands for; secrets come as secret Outputs."""


@dataclass(frozen=True)
class Environment:
    """A workload's environment, with what is secret in files."""

    env: dict[str, pulumi.Input[str]] = field(default_factory=dict)
    """Variables; only an opt-in by name puts a secret here."""
    secret_files: dict[str, pulumi.Input[str]] = field(default_factory=dict)
    """Secret content by path."""


def fill(template: str, lookup: Lookup) -> pulumi.Input[str]:
    """Return a text with its references filled in: plain text where all of them are plain."""
    pieces = [lookup(piece) if isinstance(piece, Reference) else piece for piece in parse_template(template)]
    if all(isinstance(piece, str) for piece in pieces):
        return "".join(str(piece) for piece in pieces)
    return pulumi.Output.concat(*pieces)


def is_secret(template: str) -> bool:
    """Whether a text holds a reference to something secret."""
    return any(isinstance(piece, Reference) and piece.is_secret for piece in parse_template(template))


def environment(
    env: Mapping[str, str], secret_env: Iterable[str], secrets: Iterable[SecretUse], lookup: Lookup
) -> Environment:
    """Split a workload's variables and secrets into environment and files.

    A value that holds a secret becomes a file that ``<NAME>_FILE`` names, the convention of the official images, unless
    its name is listed in ``secret_env``.
    """
    result = Environment()
    in_environment = set(secret_env)
    for name, template in env.items():
        value = fill(template, lookup)
        if not is_secret(template):
            result.env[name] = value
        elif name in in_environment:
            result.env[name] = pulumi.Output.secret(value)
        else:
            path = f"{SECRETS_FOLDER}/{name}"
            result.secret_files[path] = value
            result.env[f"{name}_FILE"] = path
    for use in secrets:
        value = lookup(Reference("secrets", use.name, "value"))
        if use.env is not None:
            result.env[use.env] = pulumi.Output.secret(value)
        if use.file is not None or use.env is None:
            path = use.file or f"{SECRETS_FOLDER}/{use.name}"
            result.secret_files[path] = value
            result.env[f"{use.name.upper()}_FILE"] = path
    return result
