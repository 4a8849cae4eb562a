"""Everything that can be looked at on a machine before and between deployments, in the order in which to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operate.checks import Check, fail, ok
from operate.docker_host import DockerUnreachable, Machine, connect, host_of, is_local
from operate.doctor_machine import (
    check_disk,
    check_docker,
    check_gpus,
    check_images,
    check_memory,
    check_pulumi,
    check_python,
)
from operate.doctor_stack import check_lock, check_passphrase, check_ports, check_state
from operate.images import missing_images
from operate.platform_view import catalogue_roles
from operate.pulumi_install import find_pulumi
from operate.stack_files import StackFileError, docker_host, is_encrypted, other_secrets_provider, project_name
from settings import SettingsError, load_platform, read_stack_file
from settings.source import stack_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import docker

    from operate.backend import Backend
    from settings import Loaded


def examine(root: Path, stack: str, backend: Backend, environ: Mapping[str, str]) -> Iterator[Check]:
    """Yield one check after another; none of them changes anything.

    Args:
        root: The project's folder.
        stack: The stack to look at beside the machine.
        backend: Where its state is.
        environ: Environment variables.
    """
    yield check_python()
    try:
        project = project_name(root)
        configured = docker_host(root, stack)
        encrypted = is_encrypted(root, stack)
        provider = other_secrets_provider(root, stack)
    except StackFileError as error:
        yield fail("project", str(error), f"mend Pulumi.yaml or {stack_file(stack)}")
        return
    host = host_of(environ, configured)
    client: docker.DockerClient | None = None
    try:
        client = connect(environ, configured)
    except DockerUnreachable as error:
        yield fail("docker", f"can't be reached at {error.host}: {error.reason}", error.fix)
    loaded, description = _description(root, stack)
    if client is not None:
        machine = Machine(client.info())
        yield check_docker(machine, host)
        if (disk := check_disk(machine, host)) is not None:
            yield disk
        if loaded is not None:
            yield check_memory(loaded, machine)
            if (gpus := check_gpus(loaded, machine, host)) is not None:
                yield gpus
    yield check_pulumi(find_pulumi(environ))
    yield description
    if client is not None and loaded is not None:
        family = str(loaded.platform.images.family)
        yield check_images(loaded, missing_images(family, catalogue_roles(loaded), client, root / "images"))
        yield check_ports(loaded, client, local=is_local(host))
    if provider is not None:
        yield ok("passphrase", f"not needed: the secrets of {stack} are encrypted by {provider.partition('://')[0]}")
    else:
        yield check_passphrase(root, environ, stack, encrypted=encrypted)
    if backend.folder is None:
        yield ok("state", f"at {backend.url} ({backend.source}); the Pulumi CLI looks after it")
        return
    yield check_state(backend.folder, project, stack)
    yield check_lock(backend.folder, project, stack)


def _description(root: Path, stack: str) -> tuple[Loaded | None, Check]:
    try:
        loaded = load_platform(read_stack_file(root, stack))
    except SettingsError as error:
        count = len(error.problems)
        text = f"{count} problem{'s' if count > 1 else ''}, the first: {str(error.problems[0]).splitlines()[0]}"
        return None, fail("description", text, f"slipway config --stack {stack} tells all of them")
    environment = f", environment {loaded.environment}" if loaded.environment else ""
    return loaded, ok("description", f"{loaded.platform.name}{environment}")
