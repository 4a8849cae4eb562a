"""What an image can't bear is relaxed by name and with the reason; no reason stands alone."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final

from settings.model import Relaxation, Service
from settings.problems import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings.description import Description
    from settings.model import Workload

_UNSAFE_TREES: Final = (
    "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/bin", "/sys", "/usr", "/var/run",
    "/var/lib/docker", "/var/lib/containerd",
)  # fmt: skip
_UNSAFE_ALONE: Final = frozenset({"/", "/var", "/var/lib", "/home", "/opt"})
_UNSAFE_NAMES: Final = frozenset({"docker.sock", "containerd.sock", "podman.sock"})
_FIELDS: Final = {
    Relaxation.READ_ONLY: "read_only",
    Relaxation.USER: "user",
    Relaxation.CAPABILITIES: "capabilities",
    Relaxation.NO_NEW_PRIVILEGES: "no_new_privileges",
    Relaxation.HOST_NETWORK: "host_network",
    Relaxation.PRIVILEGED: "privileged",
    Relaxation.HEALTH: "health",
    Relaxation.BINDS: "binds",
}
_MESSAGES: Final = {
    Relaxation.READ_ONLY: "a writable root filesystem needs a reason",
    Relaxation.USER: "running as root, or as whatever the image says, needs a reason",
    Relaxation.CAPABILITIES: "each capability that is kept needs a reason",
    Relaxation.NO_NEW_PRIVILEGES: "allowing setuid programs to gain privileges needs a reason",
    Relaxation.HOST_NETWORK: "the host's own network needs a reason",
    Relaxation.PRIVILEGED: "every right on the host needs a reason",
    Relaxation.HEALTH: "a service needs a health check, or a reason why it has none",
    Relaxation.BINDS: "gives power over the host, which needs a reason",
}


def relaxations_have_reasons(description: Description) -> Iterator[Finding]:
    """Each hardening that is given up has its reason in ``relax``."""
    for path, workload, _ in description.workloads():
        for relaxation in relaxed(workload):
            if relaxation not in workload.relax:
                health = " add health: {path: /health}, or" if relaxation is Relaxation.HEALTH else ""
                place = (*path, _FIELDS[relaxation]) if relaxation is not Relaxation.HEALTH else path
                message = _MESSAGES[relaxation]
                if relaxation is Relaxation.BINDS:
                    message = f"{', '.join(unsafe_binds(workload))} {message}"
                yield Finding(
                    place,
                    message,
                    fix=f"{health} write the reason: relax: {{{relaxation.value}: …}}".lstrip(),
                    about=((*path, "relax"), (*path, _FIELDS[relaxation])),
                )


def reasons_have_relaxations(description: Description) -> Iterator[Finding]:
    """A reason for what is not relaxed was forgotten, or hides a misunderstanding."""
    for path, workload, _ in description.workloads():
        given_up = relaxed(workload)
        for relaxation in workload.relax:
            if relaxation not in given_up:
                yield Finding(
                    (*path, "relax", relaxation.value),
                    f"a reason stands here, but {_FIELDS[relaxation]} relaxes nothing",
                    fix="remove the reason",
                    about=((*path, _FIELDS[relaxation]),),
                )


def relaxed(workload: Workload) -> list[Relaxation]:
    """Return what a workload gives up of its hardening."""
    given_up = {
        Relaxation.READ_ONLY: not workload.read_only,
        Relaxation.USER: workload.user is not None
        and (workload.user == "image" or int(workload.user.split(":")[0]) == 0),
        Relaxation.CAPABILITIES: bool(workload.capabilities),
        Relaxation.NO_NEW_PRIVILEGES: not workload.no_new_privileges,
        Relaxation.HOST_NETWORK: workload.host_network,
        Relaxation.PRIVILEGED: workload.privileged,
        Relaxation.HEALTH: isinstance(workload, Service) and workload.health is None,
        Relaxation.BINDS: bool(unsafe_binds(workload)),
    }
    return [relaxation for relaxation, is_relaxed in given_up.items() if is_relaxed]


def unsafe_binds(workload: Workload) -> list[str]:
    """Return the sources of bind mounts with which a container could take over its host."""
    return [bind.source for bind in workload.binds if _is_unsafe(bind.source)]


def _is_unsafe(source: str) -> bool:
    path = posixpath.normpath(source)
    path = "/" + path.lstrip("/") if source.startswith("/") else path
    return (
        path in _UNSAFE_ALONE
        or posixpath.basename(path) in _UNSAFE_NAMES
        or any(path == tree or path.startswith(tree + "/") for tree in _UNSAFE_TREES)
    )


CHECKS: Final = (relaxations_have_reasons, reasons_have_relaxations)
