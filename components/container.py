"""The one place where a container is made from :class:`WorkloadArgs`: order, hardening and the provider's traps.

The traps are described in ``docs/concepts.md`` ("What the Docker provider does silently"). In short: some inputs are
accepted as an update and never applied, a stop without ``destroy_grace_seconds`` is a kill, swap must equal memory, and
CPU numbers must be spelled as the provider reads them back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

import pulumi
import pulumi_docker as docker

from components import labels
from components.args import HealthCheck, LogRotation, VolumeMount, WorkloadArgs
from settings.units import format_duration

REPLACE_ON_CHANGES: Final = ["healthcheck", "tmpfs", "init", "#initerror"]
"""Inputs that the provider takes as an update without applying them, and a container that never became healthy."""
_OPEN_FILES: Final = 4096
"""The kernel's own default hard limit: a daemon without CAP_SYS_RESOURCE can't grant more than it has itself."""
_NANO: Final = 9
IN_PLACE: Final = frozenset({"memory_mib", "memory_reservation_mib", "cpu_shares", "restart", "max_restarts"})
"""What Docker changes on a running container: left out of the hash, so that such an edit does not replace."""
NOT_THE_CONTAINER: Final = frozenset({"needs", "files_image", "files_key", "replace_first"})
"""What only orders or carries: left out of the hash too."""
_BY_VOLUME: Final = frozenset({"secret_files", "files"})
"""What reaches the container through volumes: new content is a new volume, which replaces."""


def make_container(
    name: str,
    args: WorkloadArgs,
    *,
    role: str,
    parent: pulumi.Resource,
    extra_volumes: Sequence[VolumeMount] = (),
    extra_labels: Mapping[str, str] | None = None,
    needs: Sequence[pulumi.Input[pulumi.Resource]] = (),
    one_shot: bool = False,
    start: bool = True,
    pid_mode: pulumi.Input[str] | None = None,
    timeout_s: float | None = None,
    redeploy: Any = None,
    wait: bool = True,
) -> docker.Container:
    """Register one container.

    Args:
        name: Logical name; Docker's is this with a random suffix unless ``args.container_name`` is given.
        args: What it is.
        role: Value of its ``slipway.role`` label.
        parent: The component that owns it.
        extra_volumes: Volumes beside those of ``args``, such as its files.
        extra_labels: Labels beside those of ``args``.
        needs: Dependencies beside those of ``args``.
        one_shot: It runs once: wait for its end, keep its output and exit code, never restart it.
        start: Whether it is started; one that is not stands ready for somebody to start it.
        pid_mode: ``container:<id>`` to share that container's processes.
        timeout_s: The longest that creating it (for a one-shot: its whole run) may take, in seconds.
        wait: Whether the deployment waits for its health, if it has a check.
        redeploy: Further plain values in the hash, so that a change of them replaces the container.
    """
    mounts = [*args.volumes, *extra_volumes]
    container_labels = {**args.labels, **(extra_labels or {}), labels.ROLE: role}
    container_labels[labels.SPEC] = labels.spec_hash(_spec(args, mounts, container_labels, redeploy))
    waits = args.health is not None and not one_shot and wait
    return docker.Container(
        name,
        docker.ContainerArgs(
            image=args.image,
            name=args.container_name,
            command=list(args.command) if args.command is not None else None,
            entrypoints=list(args.entrypoint) if args.entrypoint is not None else None,
            user=args.user,
            working_dir=args.working_dir,
            envs=[pulumi.Output.concat(key, "=", value) for key, value in sorted(args.env.items())] or None,
            labels=[
                docker.ContainerLabelArgs(label=key, value=value) for key, value in sorted(container_labels.items())
            ],
            init=args.init,
            read_only=args.read_only,
            privileged=args.privileged or None,
            capabilities=None if args.privileged else _capabilities(args),
            security_opts=["no-new-privileges:true"] if args.no_new_privileges else None,
            network_mode=_network_mode(args),
            networks_advanced=[
                docker.ContainerNetworksAdvancedArgs(name=network.network_id, aliases=list(network.aliases))
                for network in args.networks
            ]
            or None,
            pid_mode=pid_mode,
            ports=_ports(args),
            volumes=_volumes(args, mounts),
            tmpfs=_tmpfs(args),
            memory=args.memory_mib,
            memory_swap=args.memory_mib,
            memory_reservation=args.memory_reservation_mib,
            cpus=cpus_text(args.cpus),
            cpu_shares=args.cpu_shares,
            shm_size=args.shm_size_mib,
            ulimits=_ulimits(args),
            gpus=args.gpus,
            hosts=[docker.ContainerHostArgs(host=host, ip=ip) for host, ip in sorted(args.extra_hosts.items())] or None,
            sysctls=dict(args.sysctls) or None,
            stop_signal=args.stop_signal,
            stop_timeout=math.ceil(args.stop_grace_s),
            destroy_grace_seconds=max(1, math.ceil(args.stop_grace_s)),
            log_driver=args.logs.driver,
            log_opts=args.logs.log_opts,
            restart="no" if one_shot else args.restart,
            max_retry_count=None if one_shot else args.max_restarts,  # Docker refuses it beside "no"
            healthcheck=_healthcheck(args),
            wait=waits or None,
            wait_timeout=math.ceil(args.health.wait_s) if args.health is not None and waits else None,
            must_run=False if one_shot else None,
            start=None if start else False,
            attach=(one_shot and start) or None,
            logs=(one_shot and start) or None,
            rm=False if one_shot else None,
        ),
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=[*args.needs, *needs],
            delete_before_replace=stands_alone(args),
            replace_on_changes=REPLACE_ON_CHANGES,
            additional_secret_outputs=["containerLogs"] if one_shot and start else None,
            custom_timeouts=pulumi.CustomTimeouts(create=f"{math.ceil(timeout_s)}s") if timeout_s is not None else None,
        ),
    )


def stands_alone(args: WorkloadArgs) -> bool:
    """Whether the old container must go before the new one comes.

    Otherwise the new one is created first, which a release without downtime needs. Said explicitly in both cases: the
    provider's own default (delete first) does not hold when only ``replace_on_changes`` asks for the replacement.
    """
    if args.replace_first is not None:
        return args.replace_first
    writes = any(not mount.read_only for mount in args.volumes)
    return bool(args.publish) or args.container_name is not None or writes or args.host_network


def cpus_text(cpus: float) -> str:
    """Spell a number of CPUs as the provider reads it back, else every deployment would replace the container.

    The rule is terraform-provider-docker's ``nanoInt64ToDecimalString``: nine decimals; with exactly nine zeros one
    decimal, else without trailing zeros. So ``2.0``, ``0.5``, ``1.5``, and ``10.`` for ten. A number that it can't say
    (10.01) becomes the nearest one that it can.
    """
    text = f"{cpus:.{_NANO}f}"
    text = f"{cpus:.1f}" if text.count("0") == _NANO else text.rstrip("0")
    return text if float(text) == cpus else cpus_text(float(text))


def _spec(
    args: WorkloadArgs, mounts: Sequence[VolumeMount], container_labels: Mapping[str, str], redeploy: Any
) -> dict[str, Any]:
    """Collect what the container is made from, so that no edit is silently ignored."""
    left_out = IN_PLACE | NOT_THE_CONTAINER | _BY_VOLUME
    # Fields of WorkloadArgs alone: how many replicas a service has must not replace those that are there.
    plain = {item.name: getattr(args, item.name) for item in fields(WorkloadArgs) if item.name not in left_out}
    plain["volumes"] = [(mount.path, mount.read_only) for mount in mounts]
    plain["networks"] = [tuple(network.aliases) for network in args.networks]
    plain["binds"] = [vars(bind) for bind in args.binds]
    plain["publish"] = [vars(port) for port in args.publish]
    plain["logs"] = _logs(args.logs)
    plain["health"] = (
        {key: value for key, value in vars(args.health).items() if key != "wait_s"} if args.health else None
    )
    plain["labels"] = dict(container_labels)
    plain["redeploy"] = redeploy
    return plain


def _logs(logs: LogRotation) -> dict[str, Any]:
    """Return what of a log is in the hash; a plain one as it always was, so that nothing is replaced for its sake."""
    own = vars(logs)
    defaults = {"driver": LogRotation.driver, "options": {}}
    return {key: value for key, value in own.items() if key not in defaults or value != defaults[key]}


def _capabilities(args: WorkloadArgs) -> docker.ContainerCapabilitiesArgs:
    return docker.ContainerCapabilitiesArgs(
        drops=["ALL"], adds=[f"CAP_{name.removeprefix('CAP_')}" for name in args.capabilities] or None
    )


def _volumes(args: WorkloadArgs, mounts: Sequence[VolumeMount]) -> list[docker.ContainerVolumeArgs] | None:
    """Named volumes and binds as ``volumes``: unlike ``mounts``, its nested fields replace the container."""
    named = [
        docker.ContainerVolumeArgs(
            volume_name=mount.volume_name, container_path=mount.path, read_only=mount.read_only or None
        )
        for mount in mounts
    ]
    bound = [
        docker.ContainerVolumeArgs(host_path=bind.source, container_path=bind.path, read_only=bind.read_only or None)
        for bind in args.binds
    ]
    return [*named, *bound] or None


def _network_mode(args: WorkloadArgs) -> str:
    """``bridge`` is where a container stands before it joins its networks: without any it would stay there."""
    if args.host_network:
        return "host"
    return "bridge" if args.networks or args.publish else "none"


def _ports(args: WorkloadArgs) -> list[docker.ContainerPortArgs] | None:
    """Published ports, in the order of the container's ports: Docker lists them so, and any other would be a change.

    Of one container port published twice Docker 20.10 lists the bindings in reverse, and each deployment would replace
    the container: ``settings`` refuses that.
    """
    ordered = sorted(args.publish, key=lambda port: (port.port, port.protocol))
    return [
        docker.ContainerPortArgs(internal=port.port, external=port.host_port, ip=port.address, protocol=port.protocol)
        for port in ordered
    ] or None


def _tmpfs(args: WorkloadArgs) -> dict[str, str] | None:
    """Memory folders that belong to the container's user: Docker gives one the mode of the image's folder, but root."""
    options = "rw,noexec,nosuid,nodev"
    if args.user is not None:
        uid, _, gid = args.user.partition(":")
        options += f",uid={uid},gid={gid or uid}"
    return {path: f"{options},size={size}m" for path, size in sorted(args.tmpfs.items())} or None


def _ulimits(args: WorkloadArgs) -> list[docker.ContainerUlimitArgs]:
    limits = {"nproc": (args.processes, args.processes), "nofile": (_OPEN_FILES, _OPEN_FILES), **args.ulimits}
    return [
        docker.ContainerUlimitArgs(name=name, soft=soft, hard=hard) for name, (soft, hard) in sorted(limits.items())
    ]


def _healthcheck(args: WorkloadArgs) -> docker.ContainerHealthcheckArgs | None:
    # Without a check the image's own would run, unasked, in a container that may do something else.
    health = args.health or HealthCheck(test=["NONE"])
    if not health.test:
        return None
    return docker.ContainerHealthcheckArgs(
        tests=list(health.test),
        interval=format_duration(health.interval_s),
        timeout=format_duration(health.timeout_s),
        retries=health.retries,
        # Nought would mean the image's own start period, which then differs from this for ever.
        start_period=format_duration(max(health.start_period_s, 0.001)),
    )
