"""Secrets, volumes and folders of the host inside a container, with their short forms."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator

from settings.model.base import AbsolutePath, EnvName, Model, Name, SecretName


class SecretUse(Model):
    """A secret given to a workload."""

    name: SecretName
    """A key of the platform's ``secrets``."""
    file: AbsolutePath | None = None
    """Where the file stands. Default: ``/run/secrets/<name>``."""
    env: EnvName | None = None
    """Opt-in: put the VALUE in this environment variable, where ``docker inspect`` shows it. For programs that read no
    files."""


class VolumeMount(Model):
    """A declared volume inside a container. Short form: ``name:/path[:ro]``."""

    volume: Name
    """A key of the platform's ``volumes``."""
    path: AbsolutePath
    """Where it appears in the container."""
    read_only: bool = False
    """Whether the container may only read it."""
    own: bool = True
    """Whether a new volume's folder, which is root's, is given to the workload's user. The image needs sh and chown."""


class BindMount(Model):
    """A folder or file of the Docker host inside a container."""

    source: str
    """Absolute path on the Docker host, or ``.`` and ``./…`` for a folder of the project: sources under development, on
    this machine's Docker alone."""
    path: AbsolutePath
    """Where it appears in the container."""
    read_only: bool = True
    """Whether the container may only read it."""


def _secret_use(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _volume_mount(value: object) -> object:
    """Read Compose's short form ``name:/path[:ro]``."""
    if not isinstance(value, str):
        return value
    parts = value.split(":")
    if len(parts) not in {2, 3} or (len(parts) == 3 and parts[2] not in {"ro", "rw"}):  # noqa: PLR2004 - the parts of the form
        raise ValueError("the form is name:/path or name:/path:ro")
    return {"volume": parts[0], "path": parts[1], "read_only": parts[2:] == ["ro"]}


SecretUseForm = Annotated[SecretUse, BeforeValidator(_secret_use, json_schema_input_type=SecretUse | str)]
"""A secret's name, or the whole form."""
VolumeMountForm = Annotated[VolumeMount, BeforeValidator(_volume_mount, json_schema_input_type=VolumeMount | str)]
"""``name:/path[:ro]``, or the whole form."""
