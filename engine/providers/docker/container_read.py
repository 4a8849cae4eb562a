"""A container as the daemon shows it, as the fields that the real provider's read sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.providers.docker.container_gpus import gpus_text
from engine.providers.docker.units import MEBIBYTE, cpus_text, duration_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.provider import Properties
    from engine.providers.handler import Data


def read_fields(found: Mapping[str, Any], data: Data) -> Properties:
    """Return what a read of this container sets.

    Args:
        found: The answer of ``GET /containers/{id}/json``.
        data: The stored or planned state. Some fields are only read where they are configured, and environment,
            labels, volumes, uploads and networks are never read.
    """
    config, host, state = found["Config"], found["HostConfig"], found["State"]
    fields = _plain(found, config, host) | _resources(host) | _collections(config, host) | _network(found, data)
    if not state["Running"]:
        fields["exitCode"] = state["ExitCode"]
        if data["mustRun"]:
            fields["mustRun"] = False  # the next diff shows that it has to be started
    by_id = data["image"].startswith("sha256:")
    fields["image"] = found["Image"] if by_id else config["Image"]
    if data["ulimits"]:
        fields["ulimits"] = [
            {"name": item["Name"], "soft": item["Soft"], "hard": item["Hard"]} for item in host.get("Ulimits") or []
        ]
    if data["devices"]:
        fields["devices"] = _devices(host, data)
    fields["logOpts"] = (host["LogConfig"].get("Config") or {}) if data["logOpts"] else {}
    if data["pidMode"]:
        fields["pidMode"] = host.get("PidMode", "")
    return fields | _requests(host, data)


def _plain(found: Mapping[str, Any], config: Mapping[str, Any], host: Mapping[str, Any]) -> Properties:
    health = config.get("Healthcheck")
    fields: Properties = {
        "name": found["Name"].lstrip("/"),
        "platform": found.get("Platform", ""),
        "hostname": config["Hostname"],
        "domainname": config["Domainname"],
        "user": config["User"],
        "workingDir": config["WorkingDir"],
        "tty": config["Tty"],
        "stdinOpen": config["OpenStdin"],
        "stopSignal": config.get("StopSignal", ""),
        "stopTimeout": config.get("StopTimeout") or 0,
        "rm": host["AutoRemove"],
        "readOnly": host["ReadonlyRootfs"],
        "publishAllPorts": host["PublishAllPorts"],
        "restart": host["RestartPolicy"]["Name"],
        "maxRetryCount": host["RestartPolicy"]["MaximumRetryCount"],
        "init": bool(host.get("Init")),
        "runtime": host.get("Runtime", ""),
        "privileged": host["Privileged"],
        "logDriver": host["LogConfig"]["Type"],
        "networkMode": host["NetworkMode"],
        "usernsMode": host.get("UsernsMode", ""),
        "ipcMode": host.get("IpcMode", ""),
    }
    if health is not None:
        fields["healthcheck"] = {
            "tests": health.get("Test") or [],
            "interval": duration_text(health.get("Interval", 0)),
            "timeout": duration_text(health.get("Timeout", 0)),
            "startPeriod": duration_text(health.get("StartPeriod", 0)),
            "startInterval": duration_text(health.get("StartInterval", 0)),
            "retries": health.get("Retries", 0),
        }
    return fields


def _resources(host: Mapping[str, Any]) -> Properties:
    swap = host.get("MemorySwap", 0)
    reservation = host.get("MemoryReservation", 0)
    fields: Properties = {
        "memory": host.get("Memory", 0) // MEBIBYTE,
        "memoryReservation": reservation // MEBIBYTE if reservation > 0 else reservation,
        "memorySwap": swap // MEBIBYTE if swap > 0 else swap,
        "shmSize": host.get("ShmSize", 0) // MEBIBYTE,
        "cpuShares": host.get("CpuShares", 0),
        "cpuSet": host.get("CpusetCpus", ""),
    }
    if host.get("NanoCpus", 0) > 0:
        fields["cpus"] = cpus_text(host["NanoCpus"])
    for name, key in (
        ("deviceReadBps", "BlkioDeviceReadBps"),
        ("deviceReadIops", "BlkioDeviceReadIOps"),
        ("deviceWriteBps", "BlkioDeviceWriteBps"),
        ("deviceWriteIops", "BlkioDeviceWriteIOps"),
    ):
        fields[name] = [{"path": item["Path"], "rate": item["Rate"]} for item in host.get(key) or []]
    return fields


def _collections(config: Mapping[str, Any], host: Mapping[str, Any]) -> Properties:
    fields: Properties = {
        "command": config.get("Cmd") or [],
        "entrypoints": config.get("Entrypoint") or [],
        "dns": host.get("Dns") or [],
        "dnsOpts": host.get("DnsOptions") or [],
        "dnsSearches": host.get("DnsSearch") or [],
        "securityOpts": host.get("SecurityOpt") or [],
        "groupAdds": host.get("GroupAdd") or [],
        "tmpfs": host.get("Tmpfs") or {},
        "sysctls": host.get("Sysctls") or {},
        "storageOpts": host.get("StorageOpt") or {},
        "hosts": [_extra_host(item) for item in host.get("ExtraHosts") or []],
    }
    mounts = host.get("Mounts") or []
    # The real provider's read fails on labels of volume options, and then keeps what the state said.
    if not any((item.get("VolumeOptions") or {}).get("Labels") for item in mounts):
        fields["mounts"] = [_mount(item) for item in mounts]
    if host.get("CapAdd") or host.get("CapDrop"):
        fields["capabilities"] = {"adds": host.get("CapAdd") or [], "drops": host.get("CapDrop") or []}
    return fields


def _extra_host(entry: str) -> Properties:
    parts = entry.split(":")  # an IPv6 address is cut at its first colon, as in the real provider
    return {"host": parts[0], "ip": parts[1] if len(parts) > 1 else ""}


def _mount(item: Mapping[str, Any]) -> Properties:
    fields: Properties = {
        "target": item.get("Target", ""),
        "source": item.get("Source", ""),
        "type": item["Type"],
        "readOnly": item.get("ReadOnly", False),
    }
    if (bind := item.get("BindOptions")) is not None:
        fields["bindOptions"] = {"propagation": bind.get("Propagation", "")}
    if (volume := item.get("VolumeOptions")) is not None:
        driver = volume.get("DriverConfig") or {}
        fields["volumeOptions"] = {
            "noCopy": volume.get("NoCopy", False),
            "labels": [],
            "driverName": driver.get("Name", ""),
            "driverOptions": driver.get("Options") or {},
            "subpath": volume.get("Subpath", ""),
        }
    if (tmpfs := item.get("TmpfsOptions")) is not None:
        fields["tmpfsOptions"] = {"sizeBytes": tmpfs.get("SizeBytes", 0), "mode": tmpfs.get("Mode", 0)}
    return fields


def _network(found: Mapping[str, Any], data: Data) -> Properties:
    settings = found.get("NetworkSettings")
    if not settings:
        return {}
    fields: Properties = {"bridge": settings.get("Bridge", "")}
    if (found["State"]["Running"] or data["mustRun"]) and data["ports"]:
        fields["ports"] = _ports(settings.get("Ports") or {})
    fields["networkDatas"] = [
        {
            "networkName": name,
            "ipAddress": endpoint.get("IPAddress", ""),
            "ipPrefixLength": endpoint.get("IPPrefixLen", 0),
            "gateway": endpoint.get("Gateway", ""),
            "globalIpv6Address": endpoint.get("GlobalIPv6Address", ""),
            "globalIpv6PrefixLength": endpoint.get("GlobalIPv6PrefixLen", 0),
            "ipv6Gateway": endpoint.get("IPv6Gateway", ""),
            "macAddress": endpoint.get("MacAddress", ""),
        }
        for name, endpoint in sorted((settings.get("Networks") or {}).items())
    ]
    return fields


def _ports(published: Mapping[str, Any]) -> list[Properties]:
    result = []
    for key in sorted(published, key=lambda key: int(key.partition("/")[0])):
        internal, _, protocol = key.partition("/")
        result += [
            {
                "internal": int(internal),
                "external": int(binding["HostPort"] or 0),
                "ip": binding["HostIp"],
                "protocol": protocol,
            }
            for binding in published[key] or []
        ]
    return result


def _devices(host: Mapping[str, Any], data: Data) -> list[Properties]:
    told = {item["hostPath"] for item in data["devices"] if item["containerPath"]}
    result = []
    for item in host.get("Devices") or []:
        fields: Properties = {"hostPath": item["PathOnHost"], "permissions": item["CgroupPermissions"]}
        if item["PathOnHost"] in told:
            fields["containerPath"] = item["PathInContainer"]
        result.append(fields)
    return result


def _requests(host: Mapping[str, Any], data: Data) -> Properties:
    requests = host.get("DeviceRequests") or []
    if data["gpus"]:
        text = gpus_text(requests)
        return {} if text is None else {"gpus": text}
    if not data["deviceRequests"]:
        return {}
    return {
        "deviceRequests": [
            {
                "driver": item.get("Driver", ""),
                "count": item.get("Count", 0),
                "deviceIds": item.get("DeviceIDs") or [],
                "capabilities": (item.get("Capabilities") or [[]])[0],
                "options": item.get("Options") or {},
            }
            for item in requests
        ]
    }
