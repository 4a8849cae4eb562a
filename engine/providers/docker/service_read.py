"""A service as the swarm shows it, as the fields that the real provider's read sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.providers.docker.network import label_items
from engine.providers.docker.units import short_duration_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.provider import Properties


def read_fields(found: Mapping[str, Any]) -> Properties:
    """Return what a read of this service sets; what the swarm leaves out stays unset."""
    spec = found["Spec"]
    endpoint = found.get("Endpoint") or {}
    shown = endpoint.get("Spec") or {}
    if shown.get("Mode"):
        endpoint_fields = {"mode": shown["Mode"], "ports": _ports(endpoint.get("Ports"))}
    else:
        planned = spec.get("EndpointSpec") or {}
        endpoint_fields = {"mode": planned.get("Mode", ""), "ports": _ports(planned.get("Ports"))}
    return {
        "name": spec["Name"],
        "labels": label_items(spec.get("Labels")),
        "taskSpec": _task(spec["TaskTemplate"]),
        "mode": _mode(spec.get("Mode") or {}),
        "updateConfig": _rollout(spec.get("UpdateConfig")),
        "rollbackConfig": _rollout(spec.get("RollbackConfig")),
        "endpointSpec": endpoint_fields,
    }


def _set(fields: Properties, pairs: Iterable[tuple[str, Any]]) -> Properties:
    """Add those pairs whose value is there and not empty."""
    return fields | {name: value for name, value in pairs if value}


def _task(task: Mapping[str, Any]) -> Properties:
    fields: Properties = {"forceUpdate": task.get("ForceUpdate", 0)}
    if (container := task.get("ContainerSpec")) is not None:
        fields["containerSpec"] = _container(container)
    if (resources := task.get("Resources")) is not None:
        fields["resources"] = {
            "limits": _amounts(resources.get("Limits")),
            "reservation": _reservation(resources.get("Reservations")),
        }
    if (policy := task.get("RestartPolicy")) is not None:
        fields["restartPolicy"] = _restart(policy)
    if (placement := task.get("Placement")) is not None:
        fields["placement"] = _placement(placement)
    if (driver := task.get("LogDriver")) is not None:
        fields["logDriver"] = _set({"name": driver.get("Name", "")}, [("options", driver.get("Options"))])
    networks = [_network(item) for item in task.get("Networks") or []]
    return _set(fields, [("runtime", task.get("Runtime")), ("networksAdvanceds", networks)])


def _container(spec: Mapping[str, Any]) -> Properties:
    fields = _set(
        {},
        [
            ("image", spec.get("Image")),
            ("labels", label_items(spec.get("Labels"))),
            ("commands", spec.get("Command")),
            ("args", spec.get("Args")),
            ("hostname", spec.get("Hostname")),
            ("env", dict(item.partition("=")[::2] for item in spec.get("Env") or [] if item)),
            ("user", spec.get("User")),
            ("dir", spec.get("Dir")),
            ("groups", spec.get("Groups")),
            ("readOnly", spec.get("ReadOnly")),
            ("mounts", [_mount(item) for item in spec.get("Mounts") or []]),
            ("stopSignal", spec.get("StopSignal")),
            ("hosts", [dict(zip(("ip", "host"), item.split(" "), strict=False)) for item in spec.get("Hosts") or []]),
            ("secrets", [_reference("Secret", "secret", item) for item in spec.get("Secrets") or []]),
            ("configs", [_reference("Config", "config", item) for item in spec.get("Configs") or []]),
            ("isolation", spec.get("Isolation")),
            ("sysctl", spec.get("Sysctls")),
            ("capAdds", spec.get("CapabilityAdd")),
            ("capDrops", spec.get("CapabilityDrop")),
        ],
    )
    if (privileges := spec.get("Privileges")) is not None:
        fields["privileges"] = _privileges(privileges)
    if (grace := spec.get("StopGracePeriod")) is not None:
        fields["stopGracePeriod"] = short_duration_text(grace)
    if (health := spec.get("Healthcheck")) is not None:
        fields["healthcheck"] = _healthcheck(health)
    if (dns := spec.get("DNSConfig")) is not None:
        fields["dnsConfig"] = _set(
            {},
            [("nameservers", dns.get("Nameservers")), ("searches", dns.get("Search")), ("options", dns.get("Options"))],
        )
    if (init := spec.get("Init")) is not None:
        fields["init"] = init
    return fields


def _privileges(spec: Mapping[str, Any]) -> Properties:
    fields: Properties = {}
    if (credential := spec.get("CredentialSpec")) is not None:
        fields["credentialSpec"] = {"file": credential.get("File", ""), "registry": credential.get("Registry", "")}
    if (context := spec.get("SELinuxContext")) is not None:
        names = (("disable", "Disable"), ("user", "User"), ("role", "Role"), ("type", "Type"), ("level", "Level"))
        fields["seLinuxContext"] = {name: context.get(key) for name, key in names}
    return fields


def _mount(item: Mapping[str, Any]) -> Properties:
    fields: Properties = {
        "target": item.get("Target", ""),
        "source": item.get("Source", ""),
        "type": item["Type"],
        "readOnly": item.get("ReadOnly", False),
    }
    if (bind := item.get("BindOptions")) is not None:
        fields["bindOptions"] = _set({}, [("propagation", bind.get("Propagation"))])
    if (volume := item.get("VolumeOptions")) is not None:
        options: Properties = {"noCopy": volume.get("NoCopy", False), "labels": label_items(volume.get("Labels"))}
        if (driver := volume.get("DriverConfig")) is not None:
            options |= _set({"driverOptions": driver.get("Options") or {}}, [("driverName", driver.get("Name"))])
        fields["volumeOptions"] = options
    if (tmpfs := item.get("TmpfsOptions")) is not None:
        fields["tmpfsOptions"] = {"sizeBytes": tmpfs.get("SizeBytes", 0), "mode": tmpfs.get("Mode", 0)}
    return fields


def _healthcheck(check: Mapping[str, Any]) -> Properties:
    fields: Properties = {
        "interval": short_duration_text(check.get("Interval", 0)),
        "timeout": short_duration_text(check.get("Timeout", 0)),
        "startPeriod": short_duration_text(check.get("StartPeriod", 0)),
        "retries": check.get("Retries", 0),
    }
    return _set(fields, [("tests", check.get("Test"))])


def _reference(key: str, name: str, item: Mapping[str, Any]) -> Properties:
    fields = _set({f"{name}Id": item[f"{key}ID"]}, [(f"{name}Name", item.get(f"{key}Name"))])
    if (file := item.get("File")) is not None:
        fields |= {"fileName": file["Name"], "fileMode": file.get("Mode", 0)}
        fields = _set(fields, [("fileUid", file.get("UID")), ("fileGid", file.get("GID"))])
    return fields


def _amounts(found: Mapping[str, Any] | None) -> Properties | None:
    if found is None:
        return None
    return {"nanoCpus": found.get("NanoCPUs", 0), "memoryBytes": found.get("MemoryBytes", 0)}


def _reservation(found: Mapping[str, Any] | None) -> Properties | None:
    fields = _amounts(found)
    if fields is None or found is None:
        return None
    named, discrete = [], []
    for item in found.get("GenericResources") or []:
        if (spec := item.get("NamedResourceSpec")) is not None:
            named.append(f"{spec['Kind']}={spec['Value']}")
        if (spec := item.get("DiscreteResourceSpec")) is not None:
            discrete.append(f"{spec['Kind']}={spec['Value']}")
    if named or discrete:
        fields["genericResources"] = {"namedResourcesSpecs": named, "discreteResourcesSpecs": discrete}
    return fields


def _restart(policy: Mapping[str, Any]) -> Properties:
    fields = _set({}, [("condition", policy.get("Condition"))])
    if policy.get("Delay") is not None:
        fields["delay"] = short_duration_text(policy["Delay"])
    if policy.get("MaxAttempts") is not None:
        fields["maxAttempts"] = policy["MaxAttempts"]
    if policy.get("Window") is not None:
        fields["window"] = short_duration_text(policy["Window"])
    return fields


def _placement(found: Mapping[str, Any]) -> Properties:
    platforms = [
        {"architecture": item.get("Architecture", ""), "os": item.get("OS", "")}
        for item in found.get("Platforms") or []
    ]
    return _set(
        {"maxReplicas": found.get("MaxReplicas", 0)},
        [
            ("constraints", found.get("Constraints")),
            ("prefs", [item["Spread"]["SpreadDescriptor"] for item in found.get("Preferences") or []]),
            ("platforms", platforms),
        ],
    )


def _network(item: Mapping[str, Any]) -> Properties:
    options = [f"{key}={value}" for key, value in (item.get("DriverOpts") or {}).items()]
    return _set({"id": item["Target"], "driverOpts": options}, [("aliases", item.get("Aliases"))])


def _mode(mode: Mapping[str, Any]) -> Properties:
    fields: Properties = {"global": mode.get("Global") is not None}
    if (replicated := mode.get("Replicated")) is not None:
        fields["replicated"] = {"replicas": replicated["Replicas"]} if "Replicas" in replicated else {}
    return fields


def _rollout(config: Mapping[str, Any] | None) -> Properties | None:
    if config is None:
        return None
    return {
        "parallelism": config.get("Parallelism", 0),
        "delay": short_duration_text(config.get("Delay", 0)),
        "failureAction": config.get("FailureAction", ""),
        "monitor": short_duration_text(config.get("Monitor", 0)),
        "maxFailureRatio": f"{config.get('MaxFailureRatio', 0):.1f}",
        "order": config.get("Order", ""),
    }


def _ports(ports: Iterable[Mapping[str, Any]] | None) -> list[Properties]:
    return [
        {
            "name": port.get("Name", ""),
            "protocol": port.get("Protocol", ""),
            "targetPort": port.get("TargetPort", 0),
            "publishedPort": port.get("PublishedPort", 0),
            "publishMode": port.get("PublishMode", ""),
        }
        for port in ports or []
    ]
