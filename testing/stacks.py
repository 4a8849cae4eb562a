"""Runs the project's own ``__main__.py`` for a stack, with the configuration that its files give."""

from __future__ import annotations

import contextlib
import hashlib
import json
import runpy
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from components.self_signed import self_signed
from engine.project import load_config, load_project
from settings import SettingsError, StackSource
from settings.layers import read_layers
from settings.model import SecretSource
from settings.tree import to_plain
from testing.running import render

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from testing.graph import Graph


_FAR: Final = date(2100, 1, 1)
"""Half-year of a made-up certificate: it must not have ended when the test runs, and be the same each time."""


def made_up_secret(name: str) -> str:
    """Return a value for a secret that looks like one, is the same every time, and stands nowhere by chance."""
    return f"canary-{hashlib.sha256(name.encode()).hexdigest()[:24]}"


def render_stack(
    stack: str,
    *,
    root: Path | str = ".",
    config: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
    preview: bool = False,
    outputs: Mapping[str, Any] | None = None,
    invokes: Mapping[str, Any] | None = None,
) -> Graph:
    """Run a project's program for one of its stacks, as ``pulumi preview`` or ``pulumi up`` from nothing would.

    Secrets that the stack's file holds encrypted, and those that the platform asks for, get made-up values.

    Args:
        stack: The stack's name.
        root: The project's folder, with ``Pulumi.yaml``.
        config: Configuration beside the stack file's, or instead of it: ``{"blueprint": "starter"}``. A key without a
            namespace belongs to ``slipway``; maps and lists are what they are.
        secrets: Values of secrets, by name.
        preview: Whether the program sees a preview.
        outputs: As for :func:`render`.
        invokes: As for :func:`render`.

    Raises:
        engine.errors.InvalidProject: Pulumi.yaml or the stack's file can't be read.
        pulumi.RunError: The description is refused; the text lists every problem.
    """
    project = load_project(Path(root))
    stored = load_config(project, stack, _MadeUp())  # type: ignore[arg-type] # all that is asked of it is to decrypt
    plain = {key: value.text for key, value in stored.items() if not value.secret}
    plain |= {
        _qualified(key): value if isinstance(value, str) else json.dumps(value) for key, value in (config or {}).items()
    }
    hidden = {key: value.text for key, value in stored.items() if value.secret}
    for name, value in _made_up(_described(project.directory, project.name, stack, plain)).items():
        hidden.setdefault(_qualified(name), value)
    hidden |= {_qualified(name): value for name, value in (secrets or {}).items()}
    with _in_folder(project.program.parent):
        return render(
            lambda: runpy.run_path(str(project.program), run_name="__main__"),
            stack=stack,
            project=project.name,
            config={key: value for key, value in plain.items() if key not in hidden},
            secrets=hidden,
            preview=preview,
            outputs=outputs,
            invokes=invokes,
        )


class _MadeUp:
    """Stands for the stack's passphrase: every encrypted value opens to a made-up one."""

    def decrypt(self, ciphertext: str) -> str:
        return made_up_secret(ciphertext)


def _qualified(key: str) -> str:
    return key if ":" in key else f"slipway:{key}"


def _described(root: Path, project: str, stack: str, config: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the merged description of the stack's platform; nothing where there is none that can be read."""
    source = StackSource(
        root=root,
        project=project,
        stack=stack,
        blueprint=config.get("slipway:blueprint", "starter"),
        environment=config.get("slipway:environment"),
        overrides=json.loads(config.get("slipway:overrides", "{}")),
        profiles=json.loads(config.get("slipway:profiles", "[]")),
    )
    try:
        described = to_plain(read_layers(source).tree)
    except SettingsError:
        return {}  # the program says what is wrong
    return described if isinstance(described, dict) else {}


def _made_up(described: Mapping[str, Any]) -> dict[str, str]:
    """Return a value for each secret that the platform takes from configuration, certificates with their keys too."""
    secrets = described.get("secrets")
    made = {
        name: made_up_secret(name)
        for name, secret in (secrets if isinstance(secrets, dict) else {}).items()
        if not isinstance(secret, dict) or secret.get("source", SecretSource.CONFIG) == SecretSource.CONFIG
    }
    for pair in _certificates(described):
        names = [pair.get("certificate"), pair.get("key")]
        if all(name in made for name in names):
            hosts = pair.get("hosts") or ["localhost"]
            made |= dict(zip(names, self_signed(made_up_secret(str(names)), hosts, _FAR), strict=True))
    return made


def _certificates(described: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: Any = described
    for key in ("gateway", "tls", "certificates"):
        found = found.get(key) if isinstance(found, dict) else None
    return [pair for pair in found if isinstance(pair, dict)] if isinstance(found, list) else []


@contextlib.contextmanager
def _in_folder(folder: Path) -> Iterator[None]:
    """Be where Pulumi runs a program: its folder is the working directory and the first place of imports."""
    sys.path.insert(0, str(folder))
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        sys.path.remove(str(folder))
