"""A service's inputs as the specification that the swarm takes, field by field as the real provider sends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.provider import ProviderError
from engine.providers.docker.network import label_map
from engine.providers.docker.units import parse_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.providers.handler import Data


def service_spec(data: Data) -> dict[str, Any]:
    """Return the JSON body of a service's create or update."""
    spec: dict[str, Any] = {
        "Name": data["name"],
        "Labels": label_map(data["labels"]),
        "TaskTemplate": _task(data["taskSpec"]),
        "Mode": _mode(data["mode"]),
        "EndpointSpec": _endpoint(data["endpointSpec"]),
    }
    if data["updateConfig"]:
        spec["UpdateConfig"] = _rollout(data["updateConfig"])
    if data["rollbackConfig"]:
        spec["RollbackConfig"] = _rollout(data["rollbackConfig"])
    return spec


def nanoseconds(text: str) -> int:
    """Read a duration; what is no duration counts as none, as in the real provider."""
    return parse_duration(text) or 0


def _task(task: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ContainerSpec": _container(task["containerSpec"]),
        "Resources": _resources(task["resources"]),
        "RestartPolicy": _restart(task["restartPolicy"]),
        "Placement": _placement(task["placement"]),
        "ForceUpdate": task["forceUpdate"],
        "Networks": [_network(item) for item in task["networksAdvanceds"]],
    }
    if task["runtime"]:
        result["Runtime"] = task["runtime"]
    if task["logDriver"]:
        result["LogDriver"] = {"Name": task["logDriver"]["name"], "Options": task["logDriver"]["options"]}
    return result


def _container(spec: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "Image": _tagged(spec["image"]),
        "Labels": label_map(spec["labels"]),
        "Command": spec["commands"],
        "Args": spec["args"],
        "Hostname": spec["hostname"],
        "Env": [f"{key}={value}" for key, value in sorted(spec["env"].items()) if key],
        "Dir": spec["dir"],
        "User": spec["user"],
        "Groups": spec["groups"],
        "ReadOnly": spec["readOnly"],
        "Mounts": [_mount(item) for item in spec["mounts"]],
        "StopSignal": spec["stopSignal"],
        "StopGracePeriod": nanoseconds(spec["stopGracePeriod"]),
        "Healthcheck": _healthcheck(spec["healthcheck"]),
        "Hosts": [f"{item['ip']} {item['host']}" for item in spec["hosts"]],
        "DNSConfig": _dns(spec["dnsConfig"]),
        "Secrets": [_reference("Secret", "secret", item) for item in spec["secrets"]],
        "Configs": [_reference("Config", "config", item) for item in spec["configs"]],
        "Isolation": spec["isolation"],
        "Sysctls": spec["sysctl"],
        "CapabilityAdd": spec["capAdds"],
        "CapabilityDrop": spec["capDrops"],
        "Init": spec["init"],
    }
    if spec["privileges"]:
        result["Privileges"] = _privileges(spec["privileges"])
    return result


def _tagged(image: str) -> str:
    name = image.rpartition("/")[2]
    return image if "@" in image or ":" in name or image.startswith("sha256:") else f"{image}:latest"


def _privileges(spec: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if spec["credentialSpec"]:
        # The real provider stores the registry key under the file, too.
        result["CredentialSpec"] = {"File": spec["credentialSpec"]["registry"] or spec["credentialSpec"]["file"]}
    if context := spec["seLinuxContext"]:
        names = (("Disable", "disable"), ("User", "user"), ("Role", "role"), ("Type", "type"), ("Level", "level"))
        result["SELinuxContext"] = {key: context[name] for key, name in names}
    return result


def _mount(item: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "Type": item["type"],
        "Target": item["target"],
        "Source": item["source"],
        "ReadOnly": item["readOnly"],
    }
    if item["bindOptions"]:
        result["BindOptions"] = {"Propagation": item["bindOptions"]["propagation"]}
    if options := item["volumeOptions"]:
        result["VolumeOptions"] = {
            "NoCopy": options["noCopy"],
            "Labels": label_map(options["labels"]),
            "DriverConfig": {"Name": options["driverName"], "Options": options["driverOptions"]},
        }
    if item["tmpfsOptions"]:
        result["TmpfsOptions"] = {"SizeBytes": item["tmpfsOptions"]["sizeBytes"], "Mode": item["tmpfsOptions"]["mode"]}
    return result


def _healthcheck(check: Mapping[str, Any] | None) -> dict[str, Any]:
    if not check:
        return {}
    return {
        "Test": check["tests"],
        "Interval": nanoseconds(check["interval"]),
        "Timeout": nanoseconds(check["timeout"]),
        "StartPeriod": nanoseconds(check["startPeriod"]),
        "Retries": check["retries"],
    }


def _dns(config: Mapping[str, Any] | None) -> dict[str, Any]:
    if not config:
        return {}
    return {"Nameservers": config["nameservers"], "Search": config["searches"], "Options": config["options"]}


def _reference(key: str, name: str, item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"{key}ID": item[f"{name}Id"],
        f"{key}Name": item[f"{name}Name"],
        "File": {
            "Name": item["fileName"],
            "UID": item["fileUid"],
            "GID": item["fileGid"],
            "Mode": item["fileMode"],
        },
    }


def _resources(spec: Mapping[str, Any] | None) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if spec and (limits := spec["limits"]):
        result["Limits"] = {"NanoCPUs": limits["nanoCpus"], "MemoryBytes": limits["memoryBytes"]}
    if spec and (reserved := spec["reservation"]):
        generic = reserved["genericResources"]
        result["Reservations"] = {
            "NanoCPUs": reserved["nanoCpus"],
            "MemoryBytes": reserved["memoryBytes"],
            "GenericResources": [*_named(generic), *_discrete(generic)] if generic else [],
        }
    return result


def _named(generic: Mapping[str, Any]) -> list[dict[str, Any]]:
    pairs = (item.partition("=")[::2] for item in generic["namedResourcesSpecs"])
    return [{"NamedResourceSpec": {"Kind": kind, "Value": value}} for kind, value in pairs]


def _discrete(generic: Mapping[str, Any]) -> list[dict[str, Any]]:
    pairs = (item.partition("=")[::2] for item in generic["discreteResourcesSpecs"])
    return [{"DiscreteResourceSpec": {"Kind": kind, "Value": int(value or 0)}} for kind, value in pairs]


def _restart(policy: Mapping[str, Any] | None) -> dict[str, Any]:
    if not policy:
        return {}
    return {
        "Condition": policy["condition"],
        "Delay": nanoseconds(policy["delay"]),
        "MaxAttempts": policy["maxAttempts"],
        "Window": nanoseconds(policy["window"]),
    }


def _placement(spec: Mapping[str, Any] | None) -> dict[str, Any]:
    if not spec:
        return {}
    return {
        "Constraints": spec["constraints"],
        "Preferences": [{"Spread": {"SpreadDescriptor": item}} for item in spec["prefs"]],
        "MaxReplicas": spec["maxReplicas"],
        "Platforms": [{"Architecture": item["architecture"], "OS": item["os"]} for item in spec["platforms"]],
    }


def _network(item: Mapping[str, Any]) -> dict[str, Any]:
    target = item["id"] or item["name"]
    if not target:
        raise ProviderError("each of Service input 'taskSpec.networksAdvanceds' needs an id or a name")
    options = dict(option.partition("=")[::2] for option in item["driverOpts"] if "=" in option)
    return {"Target": target, "Aliases": item["aliases"], "DriverOpts": options}


def _mode(mode: Mapping[str, Any] | None) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if mode and mode["replicated"]:
        result["Replicated"] = {"Replicas": mode["replicated"]["replicas"]}
    if mode and mode["global"]:
        result["Global"] = {}
    return result


def _rollout(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Parallelism": config["parallelism"],
        "Delay": nanoseconds(config["delay"]),
        "FailureAction": config["failureAction"],
        "Monitor": nanoseconds(config["monitor"]),
        "MaxFailureRatio": float(config["maxFailureRatio"] or 0),
        "Order": config["order"],
    }


def _endpoint(spec: Mapping[str, Any] | None) -> dict[str, Any]:
    if not spec:
        return {}
    return {
        "Mode": spec["mode"],
        "Ports": [
            {
                "Name": port["name"],
                "Protocol": port["protocol"],
                "TargetPort": port["targetPort"],
                "PublishedPort": port["publishedPort"],
                "PublishMode": port["publishMode"],
            }
            for port in spec["ports"]
        ],
    }
