"""From a described workload to the arguments of its component."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pulumi

from components.args import (
    BindMount,
    Dependency,
    HealthCheck,
    LogRotation,
    NetworkAttachment,
    PublishedPort,
    VolumeMount,
    WorkloadArgs,
)
from components.probes import command_probe, http_probe, tcp_probe
from components.texts import Lookup, environment, fill
from settings.model import Health, Publish, Service, Workload


def published_ports(ports: Iterable[Publish]) -> list[PublishedPort]:
    """Return described ports as components take them."""
    return [
        PublishedPort(port=port.port, host_port=port.host_port, address=port.address, protocol=port.protocol)
        for port in ports
    ]


def workload_args(
    workload: Workload,
    *,
    image: pulumi.Input[str],
    files_image: pulumi.Input[str] | None,
    files_key: pulumi.Input[str] | None,
    networks: Sequence[NetworkAttachment],
    volumes: Mapping[str, pulumi.Input[str]],
    needs: Sequence[Dependency],
    labels: Mapping[str, str],
    lookup: Lookup,
) -> dict[str, Any]:
    """Return the keyword arguments of ``ServiceArgs``, ``WorkersArgs`` or ``JobArgs`` for a described workload."""
    variables = environment(workload.env, workload.secret_env, workload.secrets, lookup)
    args = WorkloadArgs(
        image=image,
        files_image=files_image,
        files_key=files_key,
        command=None if workload.command is None else [fill(word, lookup) for word in workload.command],
        entrypoint=None if workload.entrypoint is None else [fill(word, lookup) for word in workload.entrypoint],
        user=None if workload.user == "image" else workload.user,
        env=variables.env,
        secret_files=variables.secret_files,
        files={path: fill(text, lookup) for path, text in workload.files.items()},
        health=_health(workload),
        networks=networks,
        needs=needs,
        memory_mib=workload.memory_mib,
        memory_reservation_mib=workload.memory_reservation_mib,
        cpus=workload.cpus,
        cpu_shares=workload.cpu_shares,
        processes=workload.processes,
        ulimits={name: (limit.soft, limit.hard) for name, limit in workload.ulimits.items()},
        volumes=[
            VolumeMount(volume_name=volumes[mount.volume], path=mount.path, read_only=mount.read_only, own=mount.own)
            for mount in workload.volumes
        ],
        binds=[BindMount(source=bind.source, path=bind.path, read_only=bind.read_only) for bind in workload.binds],
        tmpfs=workload.tmpfs,
        publish=published_ports(workload.publish),
        stop_signal=workload.stop_signal,
        stop_grace_s=workload.stop_grace_s,
        restart=workload.restart,
        max_restarts=workload.max_restarts,
        logs=LogRotation(
            max_size_mib=workload.logs.max_size_mib,
            max_files=workload.logs.max_files,
            driver=workload.logs.driver.value,
            options=workload.logs.options,
        ),
        read_only=workload.read_only,
        capabilities=workload.capabilities,
        no_new_privileges=workload.no_new_privileges,
        host_network=workload.host_network,
        privileged=workload.privileged,
        gpus=workload.gpus,
        labels=labels,
        init=workload.init,
        extra_hosts=workload.extra_hosts,
        sysctls=workload.sysctls,
        shm_size_mib=workload.shm_size_mib,
        working_dir=workload.working_dir,
        container_name=workload.container_name,
    )
    return {item.name: getattr(args, item.name) for item in dataclasses.fields(args)}


def _health(workload: Workload) -> HealthCheck | None:
    health = workload.health
    if health is None:
        return None
    return HealthCheck(
        test=_test(health, workload.port if isinstance(workload, Service) else None),
        interval_s=health.interval_s,
        timeout_s=health.timeout_s,
        retries=health.retries,
        start_period_s=health.start_period_s,
        wait_s=health.wait_s,
    )


def _test(health: Health, service_port: int | None) -> list[str]:
    if health.path is not None:
        port = health.port or service_port
        assert port is not None  # noqa: S101 - the description was checked
        return http_probe(port, health.path)
    if health.tcp is not None:
        return tcp_probe(health.tcp)
    return command_probe(health.command) if health.command is not None else []
