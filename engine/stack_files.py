"""What a stack is made of on disk: its checkpoint, its settings file, and the passphrase that opens their secrets."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import checkpoint as files
from engine.crypto import Crypter, prefetch
from engine.errors import UnsupportedFeature, WrongPassphrase
from engine.project import ConfigValue, Project, load_config, read_yaml
from engine.settings_file import with_salt, with_value
from engine.state import plain_secret, read_value, write_value
from engine.urn import stack_urn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.backend import Backend
    from engine.checkpoint import Checkpoint
    from engine.provider import Properties


class StackFiles:
    """Reads and writes the files of one stack; ``overrides`` are plain values over those of the settings file."""

    def __init__(
        self, project: Project, backend: Backend, passphrase: str | None, overrides: Mapping[str, str] | None
    ) -> None:
        self._project = project
        self._backend = backend
        self._passphrase = passphrase
        self._overrides = dict(overrides or {})

    @property
    def settings(self) -> Path:
        """``Pulumi.<stack>.yaml``."""
        return self._project.settings_file(self._backend.stack)

    def prefetch_key(self) -> None:
        """Let the secrets' key be derived while other things are done."""
        if salt := self._salt():
            prefetch(self._find_passphrase(), salt)

    def create(self) -> None:
        """Make a stack without resources, and an encryption salt where the settings have none."""
        self._crypter(self._salt(), persist=True)
        files.save_empty(self._backend)

    def load(self, *, persist: bool = False) -> tuple[Checkpoint, Crypter]:
        """The state, and what is to write its secrets; ``persist`` allows to add a missing salt to the settings.

        The state's secrets may have been written with another salt than the settings'; then they are read with theirs.
        """
        raw = files.read_raw(self._backend)
        settings_salt, state_salt = self._salt(), files.salt_of(raw)
        crypter = self._crypter(settings_salt or state_salt, persist=persist)
        reader = self._crypter(state_salt) if state_salt and state_salt != crypter.salt else crypter
        return files.parse(raw, reader), crypter

    def export(self, *, show_secrets: bool) -> dict[str, Any]:
        """The document that ``pulumi stack export`` prints."""
        raw = files.read_raw(self._backend)
        latest = raw.get("latest") or {}
        if show_secrets:
            salt = files.salt_of(raw)
            crypter = self._crypter(salt) if salt else None
            latest = write_value(read_value(latest, crypter, ()), plain_secret, ())
        return {"version": 3, "deployment": latest}

    def config(self, crypter: Crypter | None = None) -> dict[str, ConfigValue]:
        """The configuration values by qualified key."""
        if crypter is None and (salt := self._salt()):
            crypter = self._crypter(salt)
        config = load_config(self._project, self._backend.stack, crypter)
        for key, text in self._overrides.items():
            config[self._project.qualified(key)] = ConfigValue(text, secret=False, stored=text)
        return config

    def set_config(self, key: str, value: Any, *, secret: bool) -> None:
        """Set one configuration value in the settings file."""
        stored = value
        if secret:
            crypter = self._crypter(self._salt(), persist=True)
            stored = {"secure": crypter.encrypt(value if isinstance(value, str) else json.dumps(value))}
        self._write_settings(with_value(self._settings_text(), self._project.qualified(key), stored))

    def outputs(self) -> Properties:
        """The stack's outputs, secrets marked."""
        checkpoint, _ = self.load()
        return outputs_of(checkpoint, self._backend)

    def outputs_of_stack(self, name: str) -> Properties:
        """The outputs of a stack on the same backend: ``stack`` or ``organization/project/stack``."""
        *project, stack = name.split("/")
        backend = self._backend.sibling(stack, project[-1] if project else None)
        raw = files.read_raw(backend)
        salt = files.salt_of(raw)
        return outputs_of(files.parse(raw, self._crypter(salt) if salt else None), backend)

    def _salt(self) -> str:
        settings = read_yaml(self.settings)
        provider = settings.get("secretsprovider")
        if provider and provider != "passphrase":
            raise UnsupportedFeature(f"{self.settings}: the secrets provider {provider}")
        return str(settings.get("encryptionsalt") or "")

    def _crypter(self, salt: str, *, persist: bool = False) -> Crypter:
        passphrase = self._find_passphrase()
        if salt:
            return Crypter(passphrase, salt)
        crypter = Crypter.create(passphrase)
        if persist:
            self._write_settings(with_salt(self._settings_text(), crypter.salt))
        return crypter

    def _find_passphrase(self) -> str:
        # Found once: the program may change the environment and the working directory.
        if self._passphrase is None:
            self._passphrase = _passphrase_of_environment()
        return self._passphrase

    def _settings_text(self) -> str:
        return self.settings.read_text(encoding="utf-8") if self.settings.exists() else ""

    def _write_settings(self, content: str) -> None:
        path = self.settings
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text(content, encoding="utf-8")
        if path.exists():
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)


def outputs_of(checkpoint: Checkpoint, backend: Backend) -> Properties:
    """The outputs of the stack resource."""
    root = checkpoint.live().get(stack_urn(backend.stack, backend.project))
    return dict(root.outputs) if root is not None else {}


def _passphrase_of_environment() -> str:
    if (given := os.environ.get("PULUMI_CONFIG_PASSPHRASE")) is not None:
        return given
    path = os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if not path:
        raise WrongPassphrase("set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE: the stack has secrets")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise WrongPassphrase(f"PULUMI_CONFIG_PASSPHRASE_FILE={path}: {error.strerror}") from error
