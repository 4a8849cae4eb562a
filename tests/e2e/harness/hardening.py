"""The hardening that Docker and the kernel really apply to a running container, check by check.

Each check comes with a way to break what it looks at, so that a test can show that it would notice.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.e2e.harness.docker_view import SERVING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.e2e.harness.docker_view import Daemon, World

_NUMERIC: Final = re.compile(r"[1-9]\d*:[1-9]\d*")
_NO_CAPABILITY: Final = "0000000000000000"
_FLAGS: Final = frozenset({"noexec", "nosuid", "nodev"})
_FILTERED: Final = "2"
"""What /proc says where a seccomp filter applies."""


@dataclass
class Probe:
    """A running container, as Docker describes it and as the kernel runs it."""

    inspect: dict[str, Any]
    processes: list[dict[str, str]]
    """``/proc/<pid>/status`` of each of its processes."""
    networks: frozenset[str] = field(default_factory=frozenset)
    """Ids of the stack's own networks."""
    volumes: frozenset[str] = field(default_factory=frozenset)
    """Names of the stack's own volumes."""

    @property
    def config(self) -> dict[str, Any]:
        """What the container is."""
        found: dict[str, Any] = self.inspect["Config"]
        return found

    @property
    def host(self) -> dict[str, Any]:
        """What the host grants it."""
        found: dict[str, Any] = self.inspect["HostConfig"]
        return found

    @property
    def part(self) -> str:
        """The part of the platform that it belongs to."""
        return str(self.config["Labels"]["slipway.part"])

    @property
    def role(self) -> str:
        """What it is to its part."""
        return str(self.config["Labels"]["slipway.role"])

    def all(self, key: str, *values: str) -> bool:
        """Whether a line of ``/proc/<pid>/status`` says one of these for every process."""
        return bool(self.processes) and all(process[key] in values for process in self.processes)


def probe(daemon: Daemon, world: World, roles: Iterable[str] = SERVING) -> list[Probe]:
    """Probe every container of a stack that serves; those of other roles where they are named."""
    return [
        Probe(
            inspect=daemon.api.inspect_container(seen.id),
            processes=[_status(pid) for pid in _pids(daemon, seen.id)],
            networks=world.networks,
            volumes=world.volumes,
        )
        for seen in world.of(roles=roles)
    ]


def _pids(daemon: Daemon, container: str) -> list[str]:
    top = daemon.api.top(container, "-eo pid")
    return [row[0] for row in top["Processes"]]


def _status(pid: str) -> dict[str, str]:
    try:
        lines = Path("/proc", pid, "status").read_text(encoding="utf-8").splitlines()
    except OSError:  # a health probe that has ended since
        return _ENDED
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


_ENDED: Final[dict[str, str]] = {
    "Uid": "1\t1\t1\t1",
    "CapEff": _NO_CAPABILITY,
    "CapBnd": _NO_CAPABILITY,
    "NoNewPrivs": "1",
    "Seccomp": _FILTERED,
}

Holds = Callable[[Probe], bool]
Breaks = Callable[[Probe], None]


def _tmpfs_is_bounded(probe: Probe) -> bool:
    mounted = (probe.host.get("Tmpfs") or {}).values()
    return all(set(options.split(",")) >= _FLAGS and "size=" in options for options in mounted)


def _publishes_as_it_should(probe: Probe) -> bool:
    bindings = [item for items in (probe.host.get("PortBindings") or {}).values() for item in items or ()]
    if probe.part != "gateway":
        return not bindings
    return bool(bindings) and all(item["HostIp"] == "127.0.0.1" for item in bindings)


def _is_on_its_own_networks(probe: Probe) -> bool:
    joined = {network["NetworkID"] for network in probe.inspect["NetworkSettings"]["Networks"].values()}
    return bool(joined) and joined <= probe.networks


def _mounts_only_its_own_volumes(probe: Probe) -> bool:
    return all(mount["Type"] == "volume" and mount["Name"] in probe.volumes for mount in _mounts(probe))


def _mounts(probe: Probe) -> list[dict[str, Any]]:
    return [mount for mount in probe.inspect["Mounts"] if mount["Type"] != "tmpfs"]


def _limits(probe: Probe) -> dict[str, int]:
    return {limit["Name"]: limit["Hard"] for limit in probe.host.get("Ulimits") or ()}


CHECKS: Final[dict[str, tuple[Holds, Breaks]]] = {
    "runs as a numeric user that is not root": (
        lambda p: bool(_NUMERIC.fullmatch(p.config["User"])),
        lambda p: p.config.update(User="root"),
    ),
    "no process of it is root": (
        lambda p: all("0" not in process["Uid"].split() for process in p.processes),
        lambda p: p.processes[0].update(Uid="0\t0\t0\t0"),
    ),
    "root filesystem is read-only": (
        lambda p: p.host["ReadonlyRootfs"] is True,
        lambda p: p.host.update(ReadonlyRootfs=False),
    ),
    "drops every capability": (
        lambda p: p.host["CapDrop"] == ["ALL"] and not p.host["CapAdd"],
        lambda p: p.host.update(CapAdd=["CAP_NET_RAW"]),
    ),
    "no process of it has a capability": (
        lambda p: p.all("CapEff", _NO_CAPABILITY) and p.all("CapBnd", _NO_CAPABILITY),
        lambda p: p.processes[0].update(CapBnd="00000000a80425fb"),
    ),
    "gains no privileges": (
        lambda p: "no-new-privileges:true" in (p.host["SecurityOpt"] or []) and p.all("NoNewPrivs", "1"),
        lambda p: p.processes[0].update(NoNewPrivs="0"),
    ),
    "is under the seccomp filter": (
        lambda p: p.all("Seccomp", _FILTERED) and "unconfined" not in str(p.host["SecurityOpt"]),
        lambda p: p.host.update(SecurityOpt=["seccomp=unconfined"]),
    ),
    "is not privileged and has no device": (
        lambda p: not p.host["Privileged"] and not p.host["Devices"],
        lambda p: p.host.update(Privileged=True),
    ),
    "shares no namespace of the host": (
        lambda p: "host" not in {p.host[key] for key in ("NetworkMode", "PidMode", "IpcMode", "UTSMode", "UsernsMode")},
        lambda p: p.host.update(PidMode="host"),
    ),
    "memory folders are bounded and not executable": (
        _tmpfs_is_bounded,
        lambda p: p.host.update(Tmpfs={"/tmp": "rw,noexec,nosuid,nodev"}),  # noqa: S108 - inside the container
    ),
    "memory is limited, without swap": (
        lambda p: p.host["Memory"] > 0 and p.host["MemorySwap"] == p.host["Memory"],
        lambda p: p.host.update(MemorySwap=-1),
    ),
    "CPU is limited": (lambda p: p.host["NanoCpus"] > 0, lambda p: p.host.update(NanoCpus=0)),
    "processes and open files are limited": (
        lambda p: {"nproc", "nofile"} <= _limits(p).keys() and 0 < _limits(p)["nproc"] <= 4096,
        lambda p: p.host.update(Ulimits=[]),
    ),
    "starts again unless stopped": (
        lambda p: p.host["RestartPolicy"]["Name"] == "unless-stopped",
        lambda p: p.host.update(RestartPolicy={"Name": "no"}),
    ),
    "has a health check with its times": (
        lambda p: all(p.config["Healthcheck"].get(key) for key in ("Test", "Interval", "Timeout", "Retries")),
        lambda p: p.config.update(Healthcheck={"Test": ["NONE"]}),
    ),
    "has time to stop": (lambda p: p.config["StopTimeout"] >= 1, lambda p: p.config.update(StopTimeout=0)),
    "rotates its log": (
        lambda p: (
            p.host["LogConfig"]["Type"] == "json-file"
            and {"max-size", "max-file"} <= p.host["LogConfig"]["Config"].keys()
        ),
        lambda p: p.host.update(LogConfig={"Type": "json-file", "Config": {}}),
    ),
    "publishes no port unless it is the gateway, and that for this machine alone": (
        _publishes_as_it_should,
        lambda p: p.host.update(PortBindings={"5432/tcp": [{"HostIp": "0.0.0.0", "HostPort": "1"}]}),  # noqa: S104
    ),
    "is on the stack's own networks alone": (
        _is_on_its_own_networks,
        lambda p: p.inspect["NetworkSettings"]["Networks"].update(bridge={"NetworkID": "another"}),
    ),
    "mounts the stack's own volumes alone": (
        _mounts_only_its_own_volumes,
        lambda p: p.inspect["Mounts"].append({"Type": "bind", "Source": "/var/run/docker.sock"}),
    ),
    "is made from an image id": (
        lambda p: p.config["Image"].startswith("sha256:"),
        lambda p: p.config.update(Image="slipway/sample:latest"),
    ),
    "is labelled with its stack, part and specification": (
        lambda p: {"slipway.project", "slipway.stack", "slipway.part", "slipway.spec"} <= p.config["Labels"].keys(),
        lambda p: p.config["Labels"].pop("slipway.spec"),
    ),
}
"""What must hold, and how to break it."""
