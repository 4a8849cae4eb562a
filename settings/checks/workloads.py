"""Fields of one workload that must fit each other, and fields that would have no effect."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from settings.model import RestartPolicy
from settings.problems import Finding
from settings.texts import is_secret_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings.description import Description
    from settings.model import Workload
    from settings.paths import Path

_HOST_GATEWAY: Final = "host-gateway"


def health_paths_have_a_port(description: Description) -> Iterator[Finding]:
    """An HTTP probe asks a port."""
    for path, _, workload in description.workloads():
        if workload.health is not None and workload.health.path is not None and workload.health.port is None:
            yield Finding(
                (*path, "health"),
                "path needs a port to ask",
                fix="add port: … to health, or to the service",
                about=((*path, "port"),),
            )


def health_ports_have_a_path(description: Description) -> Iterator[Finding]:
    """``port`` is only the port of an HTTP probe."""
    for path, workload, _ in description.workloads():
        health = workload.health
        if health is not None and health.port is not None and health.path is None:
            yield Finding(
                (*path, "health", "port"), "has no effect without path", fix="remove it; for TCP write tcp: …"
            )


def health_can_be_reached_in_time(description: Description) -> Iterator[Finding]:
    """A deployment that waits less than the first probe takes can't succeed."""
    for path, workload, _ in description.workloads():
        health = workload.health
        if health is not None and health.wait_s <= health.interval_s:
            yield Finding(
                (*path, "health", "wait"),
                f"{health.wait_s:g}s is not longer than the interval of {health.interval_s:g}s: no probe would be made",
                allowed=f"more than {health.interval_s:g}s",
            )


def restarts_are_counted_on_failure(description: Description) -> Iterator[Finding]:
    """Docker counts restarts only under ``on-failure``."""
    for path, workload, _ in description.workloads():
        if workload.max_restarts is not None and workload.restart is not RestartPolicy.ON_FAILURE:
            yield Finding(
                (*path, "max_restarts"),
                f"has no effect with restart: {workload.restart.value}",
                fix="remove it, or set restart: on-failure",
                about=((*path, "restart"),),
            )


def environment_names_are_used_once(description: Description) -> Iterator[Finding]:
    """A secret given as a file adds ``<NAME>_FILE``; that name must be free."""
    for path, workload, _ in description.workloads():
        seen: dict[str, Path] = {name: ("env", name) for name in workload.env}
        for name, place, why in _added(workload):
            if name in seen:
                yield Finding(
                    (*path, *place),
                    f"{why} sets {name}, which is already set",
                    fix=f"remove or rename one {name}",
                    about=((*path, "secret_env"),),
                )
            seen.setdefault(name, place)


def secrets_are_used_once(description: Description) -> Iterator[Finding]:
    """A secret listed twice would be two files of one content, or the same file twice."""
    for path, workload, _ in description.workloads():
        seen: set[str] = set()
        for index, use in enumerate(workload.secrets):
            if use.name in seen:
                yield Finding((*path, "secrets", index), f"'{use.name}' is listed twice", fix="remove one of them")
            seen.add(use.name)


def extra_hosts_are_addresses(description: Description) -> Iterator[Finding]:
    """/etc/hosts holds addresses."""
    for path, workload, _ in description.workloads():
        for host, address in workload.extra_hosts.items():
            if address == _HOST_GATEWAY:
                continue
            try:
                ipaddress.IPv4Address(address)
            except ValueError:
                yield Finding(
                    (*path, "extra_hosts", host),
                    f"'{address}' is no IPv4 address",
                    allowed=f"an IPv4 address, or {_HOST_GATEWAY} for the Docker host itself",
                )


def privileged_needs_no_capabilities(description: Description) -> Iterator[Finding]:
    """``privileged`` already holds every capability."""
    for path, workload, _ in description.workloads():
        if workload.privileged and workload.capabilities:
            yield Finding((*path, "capabilities"), "has no effect with privileged: true", fix="remove one of the two")


def _added(workload: Workload) -> Iterator[tuple[str, Path, str]]:
    """Yield the names of the environment that secrets add."""
    for name, text in workload.env.items():
        if is_secret_text(text) and name not in workload.secret_env:
            yield f"{name}_FILE", ("env", name), "its value is secret and is given as a file, which"
    for index, use in enumerate(workload.secrets):
        if use.env is not None:
            yield use.env, ("secrets", index), "env"
        if use.env is None or use.file is not None:
            yield f"{use.name.upper()}_FILE", ("secrets", index), f"the secret '{use.name}'"


CHECKS: Final = (
    health_paths_have_a_port,
    health_ports_have_a_path,
    health_can_be_reached_in_time,
    restarts_are_counted_on_failure,
    environment_names_are_used_once,
    secrets_are_used_once,
    extra_hosts_are_addresses,
    privileged_needs_no_capabilities,
)
