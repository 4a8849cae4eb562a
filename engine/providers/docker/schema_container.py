"""The Container type as the real Docker provider declares it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.providers.docker import validators as check
from engine.providers.schema import (
    Field,
    Kind,
    ResourceSchema,
    block_set,
    blocks,
    flag,
    integer,
    one_block,
    output,
    text,
    text_map,
    text_set,
    texts,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

LABEL: Final = {"label": text(required=True, force_new=True), "value": text(required=True, force_new=True)}
"""One label; a change replaces."""

TIMEOUTS: Final = ("create", "delete", "update")


def _empty_is_unset(old: Any, new: Any) -> bool:
    """Docker's own default is the empty text, so that its removal is no change."""
    return new in ("", old)


def _same_ports(old: list[Mapping[str, Any]], new: list[Mapping[str, Any]]) -> bool:
    """Whether two lists publish the same ports in another order (``suppressIfPortsDidNotChange…``)."""
    if len(old) != len(new):
        return False
    for before in old:
        for after in new:
            if after["internal"] != before["internal"]:
                continue
            if after["protocol"] != before["protocol"]:
                if any((p["internal"], p["protocol"]) == (before["internal"], before["protocol"]) for p in new):
                    continue
                return False
            if after["external"] != before["external"] or after["ip"] != before["ip"]:
                return False
            break
        else:
            return False
    return True


def _throttle() -> Field:
    rate = integer(required=True, validate=check.at_least(0))
    return block_set({"path": text(required=True), "rate": rate})


_MOUNT: Final = {
    "target": text(required=True),
    "source": text(),
    "type": text(required=True, validate=check.one_of("bind", "volume", "tmpfs")),
    "readOnly": flag(),
    "bindOptions": one_block(
        {
            "propagation": text(
                validate=check.one_of("private", "rprivate", "shared", "rshared", "slave", "rslave"),
            )
        }
    ),
    "volumeOptions": one_block(
        {
            "noCopy": flag(),
            "labels": block_set(LABEL),
            "driverName": text(),
            "driverOptions": text_map(),
            "subpath": text(force_new=True),
        }
    ),
    "tmpfsOptions": one_block({"sizeBytes": integer(), "mode": integer()}, force_new=True),
}

_VOLUME: Final = {
    "fromContainer": text(force_new=True),
    "containerPath": text(force_new=True),
    "hostPath": text(force_new=True, validate=check.host_path),
    "volumeName": text(force_new=True),
    "readOnly": flag(force_new=True),
    "selinuxRelabel": text(force_new=True, validate=check.one_of("z", "Z")),
}

_ANY_ADDRESS: Final = "0.0.0.0"  # noqa: S104 - Docker's own default, where the program names no address

_PORT: Final = {
    "internal": integer(required=True, force_new=True),
    "external": integer(computed=True, force_new=True),
    "ip": text(default=_ANY_ADDRESS, force_new=True, on_state=lambda ip: ip or _ANY_ADDRESS),
    "protocol": text(default="tcp", force_new=True),
}

_NETWORK_DATA: Final = {
    "networkName": output(text()),
    "ipAddress": output(text()),
    "ipPrefixLength": output(integer()),
    "gateway": output(text()),
    "globalIpv6Address": output(text(sort_name="global_ipv6_address")),
    "globalIpv6PrefixLength": output(integer(sort_name="global_ipv6_prefix_length")),
    "ipv6Gateway": output(text()),
    "macAddress": output(text()),
}

_DEVICE_REQUEST: Final = {
    "driver": text(default="cdi", force_new=True),
    "count": integer(default=0, force_new=True),
    "deviceIds": text_set(force_new=True),
    "capabilities": text_set(force_new=True),
    "options": text_map(force_new=True),
}

_NETWORK: Final = {
    "name": text(required=True, force_new=True),
    "aliases": text_set(force_new=True),
    "ipv4Address": text(force_new=True, sort_name="ipv4_address"),
    "ipv6Address": text(force_new=True, sort_name="ipv6_address"),
    "linkLocalIps": text_set(force_new=True),
    "macAddress": text(force_new=True),
    "driverOpts": text_set(force_new=True),
    "gwPriority": integer(force_new=True, validate=check.at_least(0)),
}

_UPLOAD: Final = {
    "content": text(force_new=True),
    "contentBase64": text(force_new=True, validate=check.base64_text, sort_name="content_base64"),
    "file": text(required=True, force_new=True),
    "executable": flag(default=False, force_new=True),
    "permissions": text(force_new=True, validate=check.mode),
    "source": text(force_new=True),
    "sourceHash": text(force_new=True),
}

_HEALTHCHECK: Final = {
    "tests": texts(sort_name="test"),
    "interval": text(default="0s", validate=check.duration),
    "timeout": text(default="0s", validate=check.duration),
    "startPeriod": text(default="0s", validate=check.duration),
    "startInterval": text(default="0s", validate=check.duration),
    "retries": integer(default=0, validate=check.at_least(0)),
}

_ULIMIT: Final = {
    "name": text(required=True, force_new=True),
    "soft": integer(required=True, force_new=True),
    "hard": integer(required=True, force_new=True),
}

_DEVICE: Final = {
    "hostPath": text(required=True, force_new=True),
    "containerPath": text(force_new=True),
    "permissions": text(default="rwm", force_new=True),
}

_NOT_NEGATIVE: Final = check.at_least(0)

CONTAINER: Final = ResourceSchema(
    "docker:index/container:Container",
    {
        "name": text(required=True, force_new=True),
        "rm": flag(default=False),
        "readOnly": flag(default=False, force_new=True),
        "start": flag(default=True),
        "wait": flag(default=False),
        "waitTimeout": integer(default=60),
        "attach": flag(default=False),
        "logs": flag(default=False),
        "mustRun": flag(default=True),
        "exitCode": output(integer()),
        "containerLogs": output(text()),
        "image": text(required=True, force_new=True),
        "hostname": text(computed=True, force_new=True),
        "domainname": text(force_new=True),
        "command": texts(computed=True, force_new=True),
        "entrypoints": texts(computed=True, force_new=True, sort_name="entrypoint"),
        "user": text(force_new=True, suppress=_empty_is_unset),
        "dns": text_set(force_new=True),
        "dnsOpts": text_set(force_new=True),
        "dnsSearches": text_set(force_new=True),
        "publishAllPorts": flag(force_new=True),
        "restart": text(default="no", validate=check.one_of("no", "on-failure", "always", "unless-stopped")),
        "maxRetryCount": integer(),
        "workingDir": text(force_new=True, suppress=_empty_is_unset),
        "removeVolumes": flag(default=True),
        "capabilities": one_block(
            {"adds": text_set(force_new=True), "drops": text_set(force_new=True)}, kind=Kind.SET, force_new=True
        ),
        "securityOpts": text_set(computed=True, force_new=True),
        "runtime": text(computed=True, force_new=True),
        "platform": text(computed=True, force_new=True),
        "stopSignal": text(computed=True, force_new=True),
        "stopTimeout": integer(computed=True, force_new=True),
        "mounts": block_set(_MOUNT, force_new=True),
        "volumes": block_set(_VOLUME, force_new=True),
        "tmpfs": text_map(),
        "ports": blocks(_PORT, force_new=True, suppress=_same_ports),
        "hosts": block_set(
            {"ip": text(required=True, force_new=True), "host": text(required=True, force_new=True)}, force_new=True
        ),
        "ulimits": block_set(_ULIMIT, force_new=True),
        "envs": text_set(computed=True, force_new=True),
        "bridge": output(text()),
        "networkDatas": output(blocks(_NETWORK_DATA)),
        "privileged": flag(force_new=True),
        "devices": block_set(_DEVICE, force_new=True),
        "deviceReadBps": _throttle(),
        "deviceReadIops": _throttle(),
        "deviceWriteBps": _throttle(),
        "deviceWriteIops": _throttle(),
        "deviceRequests": block_set(_DEVICE_REQUEST, force_new=True, conflicts=("gpus",)),
        "destroyGraceSeconds": integer(),
        "labels": block_set(LABEL, computed=True, force_new=True),
        "memory": integer(validate=_NOT_NEGATIVE),
        "memoryReservation": integer(default=0, validate=_NOT_NEGATIVE),
        "memorySwap": integer(validate=check.at_least(-1)),
        "shmSize": integer(computed=True, force_new=True, validate=_NOT_NEGATIVE),
        "cpuShares": integer(validate=_NOT_NEGATIVE),
        "cpuSet": text(validate=check.pattern(r"^\d+([,-]\d+)*$", "CPU numbers such as 0-2 or 0,1")),
        "logDriver": text(computed=True, force_new=True),
        "logOpts": text_map(force_new=True),
        "networkMode": text(default="bridge", force_new=True),
        "networksAdvanced": block_set(_NETWORK, force_new=True),
        "pidMode": text(force_new=True),
        "usernsMode": text(force_new=True),
        "uploads": block_set(_UPLOAD, force_new=True),
        "healthcheck": one_block(_HEALTHCHECK, computed=True),
        "containerReadRefreshTimeoutMilliseconds": integer(default=15000),
        "sysctls": text_map(force_new=True),
        "ipcMode": text(computed=True, force_new=True),
        "groupAdds": text_set(force_new=True),
        "init": flag(computed=True),
        "tty": flag(default=False, force_new=True),
        "stdinOpen": flag(default=False, force_new=True),
        "storageOpts": text_map(force_new=True),
        "gpus": text(force_new=True),
        "cpus": text(force_new=True),
        "cpuPeriod": integer(validate=_NOT_NEGATIVE),
        "cpuQuota": integer(validate=_NOT_NEGATIVE),
        "cgroupnsMode": text(force_new=True, validate=check.one_of("private", "host")),
        "cgroupParent": text(force_new=True),
    },
    version=2,
    timeouts=TIMEOUTS,
    delete_before_replace=True,
)
