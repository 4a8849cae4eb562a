"""The passphrase that encrypts a stack's secrets: the user's, or one generated once into ``.state/passphrase``.

It is found by Pulumi's own rules, so that ``pulumi`` and ``slipway`` open the same secrets.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from operate.backend import STATE_FOLDER
from operate.errors import OperateError

if TYPE_CHECKING:
    from collections.abc import Mapping

VALUE: Final = "PULUMI_CONFIG_PASSPHRASE"
"""Environment variable with the passphrase itself."""
FILE: Final = "PULUMI_CONFIG_PASSPHRASE_FILE"
"""Environment variable with the name of a file that holds it."""
_BYTES: Final = 32


class PassphraseError(OperateError):
    """The passphrase is not to be had; the text says how to give it."""


@dataclass(frozen=True)
class Passphrase:
    """A passphrase and where it came from."""

    value: str = field(repr=False)
    """The passphrase."""
    source: str
    """Where it came from, in words for the user."""
    file: Path | None
    """The file that holds it, if one does."""
    generated: bool = False
    """Whether this call made it."""


def passphrase_file(root: Path) -> Path:
    """Return the file of the project's own passphrase."""
    return root / STATE_FOLDER / "passphrase"


def find_passphrase(root: Path, environ: Mapping[str, str]) -> Passphrase | None:
    """Return the passphrase, or ``None`` if nothing holds one.

    Raises:
        PassphraseError: The file that should hold it can't be read.
    """
    if VALUE in environ:  # an empty one is valid, as it is to Pulumi
        return Passphrase(environ[VALUE], VALUE, None)
    if named := environ.get(FILE):
        return Passphrase(_read(Path(named), FILE), FILE, Path(named))
    own = passphrase_file(root)
    if own.exists():
        return Passphrase(_read(own, "the project's passphrase"), f"{STATE_FOLDER}/passphrase", own)
    return None


def ensure_passphrase(root: Path, environ: Mapping[str, str], *, encrypted: bool, stack: str) -> Passphrase:
    """Return the passphrase; where there is none yet, generate it into ``.state/passphrase`` (mode 0600).

    Args:
        root: The project's folder.
        environ: Environment variables.
        encrypted: Whether the stack was encrypted with a passphrase already, so that a new one would be of no use.
        stack: The stack's name, for the message.

    Raises:
        PassphraseError: It is needed and not here, or its file can't be read or written.
    """
    found = find_passphrase(root, environ)
    if found is not None:
        return found
    own = passphrase_file(root)
    if encrypted:
        raise PassphraseError(
            f"the secrets of stack {stack} are encrypted with a passphrase that is not on this machine\n"
            f"  fix: put it into {STATE_FOLDER}/passphrase (mode 0600), or set {VALUE} or {FILE}"
        )
    value = secrets.token_hex(_BYTES)
    try:
        own.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another command was quicker
        return Passphrase(_read(own, "the project's passphrase"), f"{STATE_FOLDER}/passphrase", own)
    except OSError as error:
        raise PassphraseError(f"can't write {own}: {error.strerror}") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(value + "\n")
    return Passphrase(value, f"{STATE_FOLDER}/passphrase", own, generated=True)


def _read(file: Path, what: str) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()  # as Pulumi reads it
    except OSError as error:
        raise PassphraseError(f"can't read {what}: {file}: {error.strerror}") from error
