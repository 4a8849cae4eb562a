"""Service (swarm) as the real Docker provider declares it."""

from __future__ import annotations

from typing import Any, Final

from engine.providers.docker import validators as check
from engine.providers.docker.schema_container import LABEL
from engine.providers.schema import (
    Field,
    ResourceSchema,
    block_set,
    blocks,
    flag,
    integer,
    one_block,
    text,
    text_map,
    text_set,
    texts,
)

_NOT_NEGATIVE: Final = check.at_least(0)
_UPDATABLE_LABEL: Final = {"label": text(required=True), "value": text(required=True)}


def _same_ratio(old: Any, new: Any) -> bool:
    try:
        return float(old) == float(new)
    except ValueError:
        return False


def _duration(**options: Any) -> Field:
    return text(validate=check.duration, **options)


def _file(what: str) -> Field:
    """Make the set of references to secrets or configs."""
    return block_set(
        {
            f"{what}Id": text(required=True),
            f"{what}Name": text(),
            "fileName": text(required=True),
            "fileUid": text(default="0"),
            "fileGid": text(default="0"),
            "fileMode": integer(default=0o444, validate=_NOT_NEGATIVE),
        }
    )


def _rollout(*actions: str) -> Field:
    """Make ``updateConfig`` or ``rollbackConfig``."""
    return one_block(
        {
            "parallelism": integer(default=1, validate=_NOT_NEGATIVE),
            "delay": _duration(default="0s"),
            "failureAction": text(default="pause", validate=check.one_of(*actions)),
            "monitor": _duration(default="5s"),
            "maxFailureRatio": text(default="0.0", validate=check.ratio, suppress=_same_ratio),
            "order": text(default="stop-first", validate=check.one_of("stop-first", "start-first")),
        }
    )


_MOUNT: Final = {
    "target": text(required=True),
    "source": text(),
    "type": text(required=True, validate=check.one_of("bind", "volume", "tmpfs")),
    "readOnly": flag(),
    "bindOptions": one_block(
        {
            "propagation": text(
                default="rprivate",
                validate=check.one_of("private", "rprivate", "shared", "rshared", "slave", "rslave"),
            )
        }
    ),
    "volumeOptions": one_block(
        {"noCopy": flag(), "labels": block_set(LABEL), "driverName": text(), "driverOptions": text_map()}
    ),
    "tmpfsOptions": one_block({"sizeBytes": integer(), "mode": integer()}),
}

_PRIVILEGES: Final = {
    "credentialSpec": one_block({"file": text(), "registry": text()}),
    "seLinuxContext": one_block({"disable": flag(), "user": text(), "role": text(), "type": text(), "level": text()}),
}

_HEALTHCHECK: Final = {
    "tests": texts(),
    "interval": _duration(default="0s"),
    "timeout": _duration(default="0s"),
    "startPeriod": _duration(default="0s"),
    "retries": integer(default=0, validate=_NOT_NEGATIVE),
}

_CONTAINER: Final = {
    "image": text(required=True),
    "labels": block_set(LABEL),
    "commands": texts(),
    "args": texts(),
    "hostname": text(),
    "env": text_map(),
    "dir": text(),
    "user": text(),
    "groups": texts(),
    "privileges": one_block(_PRIVILEGES),
    "readOnly": flag(),
    "mounts": block_set(_MOUNT),
    "stopSignal": text(),
    "stopGracePeriod": _duration(computed=True),
    "healthcheck": one_block(_HEALTHCHECK, computed=True),
    "hosts": block_set(
        {"ip": text(required=True, force_new=True), "host": text(required=True, force_new=True)}, force_new=True
    ),
    "dnsConfig": one_block(
        {"nameservers": texts(required=True), "searches": texts(), "options": texts()}, computed=True
    ),
    "secrets": _file("secret"),
    "configs": _file("config"),
    "isolation": text(default="default", validate=check.one_of("default", "process", "hyperv")),
    "sysctl": text_map(force_new=True),
    "capAdds": texts(),
    "capDrops": texts(),
    "init": flag(computed=True),
}

_AMOUNTS: Final = {"nanoCpus": integer(), "memoryBytes": integer()}

_RESOURCES: Final = {
    "limits": one_block(_AMOUNTS),
    "reservation": one_block(
        {
            **_AMOUNTS,
            "genericResources": one_block({"namedResourcesSpecs": text_set(), "discreteResourcesSpecs": text_set()}),
        }
    ),
}

_TASK: Final = {
    "containerSpec": one_block(_CONTAINER, required=True),
    "resources": one_block(_RESOURCES, computed=True),
    "restartPolicy": one_block(
        {
            "condition": text(validate=check.one_of("none", "on-failure", "any")),
            "delay": _duration(),
            "maxAttempts": integer(validate=_NOT_NEGATIVE),
            "window": _duration(),
        },
        computed=True,
    ),
    "placement": one_block(
        {
            "constraints": text_set(),
            "prefs": text_set(),
            "maxReplicas": integer(validate=_NOT_NEGATIVE),
            "platforms": block_set({"architecture": text(required=True), "os": text(required=True)}),
        },
        computed=True,
    ),
    "forceUpdate": integer(computed=True, validate=_NOT_NEGATIVE),
    "runtime": text(computed=True, validate=check.one_of("container", "plugin")),
    "networksAdvanceds": block_set(
        {
            "name": text(force_new=True),
            "id": text(force_new=True),
            "aliases": text_set(force_new=True),
            "driverOpts": text_set(force_new=True),
        }
    ),
    "logDriver": one_block({"name": text(required=True), "options": text_map()}),
}

_PORT: Final = {
    "name": text(),
    "protocol": text(default="tcp", validate=check.one_of("tcp", "udp", "sctp")),
    "targetPort": integer(required=True),
    "publishedPort": integer(computed=True),
    "publishMode": text(default="ingress", validate=check.one_of("host", "ingress")),
}

SERVICE: Final = ResourceSchema(
    "docker:index/service:Service",
    {
        "auth": one_block(
            {
                "serverAddress": text(required=True, force_new=True),
                "username": text(force_new=True),
                "password": text(force_new=True, sensitive=True),
            },
            force_new=True,
        ),
        "name": text(required=True, force_new=True),
        "labels": block_set(_UPDATABLE_LABEL, computed=True),
        "taskSpec": one_block(_TASK, required=True),
        "mode": one_block(
            {
                "replicated": one_block(
                    {"replicas": integer(default=1, validate=_NOT_NEGATIVE)}, computed=True, conflicts=("global",)
                ),
                "global": flag(default=False),
            },
            computed=True,
            force_new=True,
        ),
        "updateConfig": _rollout("pause", "continue", "rollback"),
        "rollbackConfig": _rollout("pause", "continue"),
        "endpointSpec": one_block(
            {"mode": text(computed=True, validate=check.one_of("vip", "dnsrr")), "ports": blocks(_PORT)}, computed=True
        ),
        "convergeConfig": one_block({"delay": _duration(default="7s"), "timeout": _duration(default="3m")}),
    },
    version=2,
)
