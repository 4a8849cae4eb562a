"""A container's inputs as the body of the daemon's create call, field by field as the real provider sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.provider import ProviderError
from engine.providers.docker.container_gpus import gpu_requests
from engine.providers.docker.network import label_map
from engine.providers.docker.set_order import hash_ordered
from engine.providers.docker.units import MEBIBYTE, parse_cpus, parse_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.providers.handler import Data

_START_INTERVAL_SINCE = (1, 44)
_SUBPATH_SINCE = (1, 45)
_MEANT_EMPTY = ("MaskedPaths", "ReadonlyPaths")
_UNCONFINED = "systempaths=unconfined"


def container_body(data: Data, api_version: tuple[int, int]) -> dict[str, Any]:
    """Return the JSON body of ``POST /containers/create``. Raises ProviderError for what this daemon does not have."""
    if "" in data["command"]:
        raise ProviderError("Container input 'command' must not contain empty words")
    body: dict[str, Any] = {
        "Image": data["image"],
        "Hostname": data["hostname"],
        "Domainname": data["domainname"],
        "Tty": data["tty"],
        "OpenStdin": data["stdinOpen"],
        "User": data["user"],
        "WorkingDir": data["workingDir"],
        "Env": hash_ordered(data["envs"]) or None,
        "Cmd": data["command"] or None,
        "Entrypoint": data["entrypoints"] or None,
        "Labels": label_map(data["labels"]),
        "HostConfig": _host_config(data, api_version),
    }
    if data["stopSignal"]:
        body["StopSignal"] = data["stopSignal"]
    if data["stopTimeout"]:
        body["StopTimeout"] = data["stopTimeout"]
    if data["healthcheck"]:
        body["Healthcheck"] = _healthcheck(data["healthcheck"], api_version)
    exposed, _ = _ports(data)
    if exposed:
        body["ExposedPorts"] = exposed
    volumes: dict[str, Any] = {item["containerPath"]: {} for item in data["volumes"] if not item["fromContainer"]}
    if volumes:
        body["Volumes"] = volumes
    return body


def _healthcheck(check: Mapping[str, Any], api_version: tuple[int, int]) -> dict[str, Any]:
    interval = parse_duration(check["startInterval"]) or 0
    if interval and api_version < _START_INTERVAL_SINCE:
        raise ProviderError(
            "Container input 'healthcheck.startInterval' needs Docker 25 (API 1.44) or later; leave it out here"
        )
    result: dict[str, Any] = {
        "Test": check["tests"],
        "Interval": parse_duration(check["interval"]) or 0,
        "Timeout": parse_duration(check["timeout"]) or 0,
        "StartPeriod": parse_duration(check["startPeriod"]) or 0,
        "Retries": check["retries"],
    }
    return result | {"StartInterval": interval} if interval else result


def _host_config(data: Data, api_version: tuple[int, int]) -> dict[str, Any]:
    options = [option for option in hash_ordered(data["securityOpts"]) if option != _UNCONFINED]
    config: dict[str, Any] = {
        "Privileged": data["privileged"],
        "PublishAllPorts": data["publishAllPorts"],
        "RestartPolicy": {"Name": data["restart"], "MaximumRetryCount": data["maxRetryCount"]},
        "Runtime": data["runtime"],
        "Mounts": [_mount(item, api_version) for item in data["mounts"]],
        "AutoRemove": data["rm"],
        "ReadonlyRootfs": data["readOnly"],
        "LogConfig": {"Type": data["logDriver"], "Config": data["logOpts"]},
        "Init": data["init"],
        "Tmpfs": data["tmpfs"],
        "PortBindings": _ports(data)[1],
        "ExtraHosts": [f"{item['host']}:{item['ip']}" for item in data["hosts"]],
        "Ulimits": [{"Name": u["name"], "Soft": u["soft"], "Hard": u["hard"]} for u in data["ulimits"]],
        "Dns": hash_ordered(data["dns"]),
        "DnsOptions": hash_ordered(data["dnsOpts"]),
        "DnsSearch": hash_ordered(data["dnsSearches"]),
        "SecurityOpt": options,
        "NetworkMode": data["networkMode"],
        "UsernsMode": data["usernsMode"],
        "PidMode": data["pidMode"],
        "IpcMode": data["ipcMode"],
        "Sysctls": data["sysctls"],
        "GroupAdd": hash_ordered(data["groupAdds"]),
        "CgroupnsMode": data["cgroupnsMode"],
        "CgroupParent": data["cgroupParent"],
        "StorageOpt": data["storageOpts"],
    }
    if len(options) != len(data["securityOpts"]):
        config |= {"MaskedPaths": [], "ReadonlyPaths": []}
    if data["capabilities"]:
        config |= {"CapAdd": data["capabilities"]["adds"], "CapDrop": data["capabilities"]["drops"]}
    config |= _volumes(data) | _devices(data) | _resources(data)
    return {key: value for key, value in config.items() if value not in ([], {}) or key in _MEANT_EMPTY}


def _resources(data: Data) -> dict[str, Any]:
    result: dict[str, Any] = {
        "Memory": data["memory"] * MEBIBYTE,
        "MemoryReservation": data["memoryReservation"] * MEBIBYTE,
        "MemorySwap": swap_bytes(data["memorySwap"]),
        "ShmSize": data["shmSize"] * MEBIBYTE,
        "CpuShares": data["cpuShares"],
        "CpusetCpus": data["cpuSet"],
    }
    if data["cpus"]:
        try:
            return result | {"NanoCpus": parse_cpus(data["cpus"])}
        except ValueError as error:
            raise ProviderError(f"Container input 'cpus': {error}") from error
    return result | {"CpuPeriod": data["cpuPeriod"], "CpuQuota": data["cpuQuota"]}


def swap_bytes(mebibytes: int) -> int:
    """Turn ``memorySwap`` into bytes; -1 (unlimited) stays."""
    return mebibytes * MEBIBYTE if mebibytes > 0 else mebibytes


def throttles(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Turn block I/O limits into the daemon's form."""
    return [{"Path": item["path"], "Rate": item["rate"]} for item in items]


def _devices(data: Data) -> dict[str, Any]:
    requests = [
        {
            "Driver": item["driver"],
            "Count": item["count"],
            "DeviceIDs": item["deviceIds"],
            "Capabilities": [item["capabilities"]],
            "Options": item["options"],
        }
        for item in data["deviceRequests"]
    ]
    if data["gpus"]:
        requests = gpu_requests(data["gpus"])
    return {
        "Devices": [
            {
                "PathOnHost": item["hostPath"],
                "PathInContainer": item["containerPath"] or item["hostPath"],
                "CgroupPermissions": item["permissions"],
            }
            for item in data["devices"]
        ],
        "DeviceRequests": requests,
        "BlkioDeviceReadBps": throttles(data["deviceReadBps"]),
        "BlkioDeviceReadIOps": throttles(data["deviceReadIops"]),
        "BlkioDeviceWriteBps": throttles(data["deviceWriteBps"]),
        "BlkioDeviceWriteIOps": throttles(data["deviceWriteIops"]),
    }


def _volumes(data: Data) -> dict[str, Any]:
    binds, sources = [], []
    for item in data["volumes"]:
        source, path = item["fromContainer"], item["containerPath"]
        if bool(source) == bool(path):
            raise ProviderError("each of Container input 'volumes' needs either containerPath or fromContainer")
        name = item["hostPath"] or item["volumeName"]
        if source:
            sources.append(source)
        elif name:
            options = ["ro" if item["readOnly"] else "rw", *filter(None, [item["selinuxRelabel"]])]
            binds.append(f"{name}:{path}:{','.join(options)}")
    return {"Binds": binds, "VolumesFrom": sources}


def _ports(data: Data) -> tuple[dict[str, Any], dict[str, list[dict[str, str]]]]:
    exposed: dict[str, Any] = {}
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in data["ports"]:
        key = f"{port['internal']}/{port['protocol']}"
        exposed[key] = {}
        bindings.setdefault(key, []).append({"HostIp": port["ip"], "HostPort": str(port["external"])})
    return exposed, bindings


def _mount(item: Mapping[str, Any], api_version: tuple[int, int]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "Type": item["type"],
        "Target": item["target"],
        "Source": item["source"],
        "ReadOnly": item["readOnly"],
    }
    bind, volume, tmpfs = item["bindOptions"], item["volumeOptions"], item["tmpfsOptions"]
    if item["type"] == "bind" and bind:
        result["BindOptions"] = {"Propagation": bind["propagation"]}
    elif item["type"] == "volume" and volume:
        result["VolumeOptions"] = _volume_options(volume, api_version)
    elif item["type"] == "tmpfs" and tmpfs:
        result["TmpfsOptions"] = {"SizeBytes": tmpfs["sizeBytes"], "Mode": tmpfs["mode"]}
    return result


def _volume_options(options: Mapping[str, Any], api_version: tuple[int, int]) -> dict[str, Any]:
    if options["subpath"] and api_version < _SUBPATH_SINCE:
        raise ProviderError("Container input 'mounts.volumeOptions.subpath' needs Docker 26 (API 1.45) or later")
    result: dict[str, Any] = {
        "NoCopy": options["noCopy"],
        "Labels": label_map(options["labels"]),
        "DriverConfig": {"Name": options["driverName"], "Options": options["driverOptions"]},
    }
    return result | {"Subpath": options["subpath"]} if options["subpath"] else result
