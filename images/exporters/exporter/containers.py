"""What containers use, from cgroup files and /proc of the host, of version 1 or 2, without asking Docker.

Which container is which stands in a file that the deployment writes: Docker's id, and the labels of its metrics. When a
container has started is when its first process has; it runs while it has one.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.text import Page

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_ID = re.compile(r"[0-9a-f]{64}")
_DEPTH = 4
"""Docker's groups stand at most this deep (system.slice/docker-….scope, docker/…, or below a parent of one's own)."""
_SHORT = 12
_NANO = 1e9
_MICRO = 1e6
_UNLIMITED = 1 << 60
"""What version 1 says where there is no limit is beyond this."""


@dataclass
class Use:
    """What a container uses."""

    started: float | None = None
    pid: int | None = None
    processes: int = 0
    figures: dict[str, float] = field(default_factory=dict)


class Containers:
    """Reads all containers of a file.

    Args:
        known: Labels by Docker's id.
        proc: Where the host's /proc is.
        cgroup: Where the host's /sys/fs/cgroup is.
    """

    def __init__(self, known: Mapping[str, Mapping[str, str]], proc: Path, cgroup: Path) -> None:
        """Find out which version of cgroups the host has."""
        self._known = known
        self._proc = proc
        self._cgroup = cgroup
        self._unified = (cgroup / "cgroup.controllers").exists()
        self._ticks = os.sysconf("SC_CLK_TCK")

    @classmethod
    def load(cls, file: Path, proc: Path, cgroup: Path) -> Containers:
        """Read the file of containers."""
        return cls(json.loads(file.read_text(encoding="utf-8")), proc, cgroup)

    def metrics(self) -> str:
        """Return the page."""
        page = Page()
        uses = self._uses()
        for identity, labels in sorted(self._known.items()):
            own = {**labels, "container": identity[:_SHORT]}
            use = uses.get(identity, Use())
            page.add("slipway_container_running", "gauge", "Whether it runs.", float(use.processes > 0), own)
            for name, value in use.figures.items():
                kind, meaning = _FIGURES[name]
                page.add(f"slipway_container_{name}", kind, meaning, value, own)
        for device, (received, sent) in self._network(self._proc / "1").items():
            labels = {"device": device}
            page.add("slipway_host_network_receive_bytes_total", "counter", "Bytes that came.", received, labels)
            page.add("slipway_host_network_transmit_bytes_total", "counter", "Bytes that went.", sent, labels)
        return page.text()

    def _uses(self) -> dict[str, Use]:
        uses = self._processes()
        for identity, group in self._groups():
            if identity in self._known and identity in uses:
                uses[identity].figures |= self._figures(group)
        for use in uses.values():
            if use.started is not None:
                use.figures["start_time_seconds"] = use.started
                use.figures["processes"] = use.processes
            if use.pid is not None:
                devices = self._network(self._proc / str(use.pid))
                counted = [both for device, both in devices.items() if device != "lo"]
                use.figures["network_receive_bytes_total"] = sum(received for received, _ in counted)
                use.figures["network_transmit_bytes_total"] = sum(sent for _, sent in counted)
        return uses

    def _processes(self) -> dict[str, Use]:
        """Return the containers that have processes, with when the first of each has started."""
        booted = self._booted()
        uses: dict[str, Use] = {}
        for entry in os.scandir(self._proc):
            if not entry.name.isdigit():
                continue
            try:
                found = _ID.search((self._proc / entry.name / "cgroup").read_text(encoding="utf-8"))
                if found is None or found[0] not in self._known:
                    continue
                stat = (self._proc / entry.name / "stat").read_text(encoding="utf-8")
            except OSError:
                continue  # it has ended meanwhile
            # The name of the program stands in brackets, and may hold anything.
            fields = stat.rpartition(")")[2].split()
            started = booted + int(fields[19]) / self._ticks
            use = uses.setdefault(found[0], Use())
            use.processes += 1
            if use.started is None or started < use.started:
                use.started, use.pid = started, int(entry.name)
        return uses

    def _booted(self) -> float:
        text = (self._proc / "stat").read_text(encoding="utf-8")
        return float(next(line for line in text.splitlines() if line.startswith("btime ")).split()[1])

    def _groups(self) -> Iterator[tuple[str, Path]]:
        """Yield each container's group, relative to the root (of version 2, or of each controller)."""
        root = self._cgroup if self._unified else self._cgroup / "memory"
        yield from ((identity, path.relative_to(root)) for identity, path in _walk(root, _DEPTH))

    def _figures(self, group: Path) -> dict[str, float]:
        return self._figures_2(self._cgroup / group) if self._unified else self._figures_1(group)

    @staticmethod
    def _figures_2(group: Path) -> dict[str, float]:
        found: dict[str, float] = {}
        cpu = _table(group / "cpu.stat")
        _put(found, "cpu_seconds_total", cpu.get("usage_usec"), _MICRO)
        _put(found, "cpu_throttled_seconds_total", cpu.get("throttled_usec"), _MICRO)
        quota, _, period = _text(group / "cpu.max").partition(" ")
        if quota.isdigit():
            found["cpu_limit_cpus"] = int(quota) / int(period)
        used = _number(group / "memory.current")
        _put(found, "memory_bytes", _working(used, _table(group / "memory.stat").get("inactive_file")))
        _put(found, "memory_limit_bytes", _number(group / "memory.max"))
        _put(found, "oom_kills_total", _table(group / "memory.events").get("oom_kill"))
        return found

    def _figures_1(self, group: Path) -> dict[str, float]:
        found: dict[str, float] = {}
        _put(found, "cpu_seconds_total", _number(self._cgroup / "cpuacct" / group / "cpuacct.usage"), _NANO)
        cpu = self._cgroup / "cpu" / group
        _put(found, "cpu_throttled_seconds_total", _table(cpu / "cpu.stat").get("throttled_time"), _NANO)
        quota, period = _number(cpu / "cpu.cfs_quota_us"), _number(cpu / "cpu.cfs_period_us")
        if quota is not None and quota > 0 and period:
            found["cpu_limit_cpus"] = quota / period
        memory = self._cgroup / "memory" / group
        used = _number(memory / "memory.usage_in_bytes")
        _put(found, "memory_bytes", _working(used, _table(memory / "memory.stat").get("total_inactive_file")))
        limit = _number(memory / "memory.limit_in_bytes")
        _put(found, "memory_limit_bytes", limit if limit is not None and limit < _UNLIMITED else None)
        _put(found, "oom_kills_total", _table(memory / "memory.oom_control").get("oom_kill"))
        return found

    @staticmethod
    def _network(process: Path) -> dict[str, tuple[float, float]]:
        """Return bytes received and sent by device, as that process sees them."""
        found = {}
        for line in _text(process / "net" / "dev").splitlines()[2:]:
            device, _, numbers = line.partition(":")
            fields = numbers.split()
            found[device.strip()] = (float(fields[0]), float(fields[8]))
        return found


_FIGURES: dict[str, tuple[str, str]] = {
    "start_time_seconds": ("gauge", "When its first process has started."),
    "processes": ("gauge", "Its processes."),
    "cpu_seconds_total": ("counter", "CPU time that it has used."),
    "cpu_throttled_seconds_total": ("counter", "Time for which it was held back by its limit."),
    "cpu_limit_cpus": ("gauge", "CPUs that it may use."),
    "memory_bytes": ("gauge", "Memory that it uses, without pages that can be dropped."),
    "memory_limit_bytes": ("gauge", "Memory that it may use."),
    "oom_kills_total": ("counter", "Processes of it that the kernel has ended for want of memory."),
    "network_receive_bytes_total": ("counter", "Bytes that came to it."),
    "network_transmit_bytes_total": ("counter", "Bytes that it has sent."),
}


def _walk(folder: Path, depth: int) -> Iterator[tuple[str, Path]]:
    try:
        entries: Iterable[os.DirEntry[str]] = [entry for entry in os.scandir(folder) if entry.is_dir()]
    except OSError:
        return
    for entry in entries:
        found = _ID.search(entry.name)
        if found is not None:
            yield found[0], Path(entry.path)
        elif depth > 1:
            yield from _walk(Path(entry.path), depth - 1)


def _put(found: dict[str, float], name: str, value: float | None, unit: float = 1.0) -> None:
    if value is not None:
        found[name] = value / unit


def _working(used: float | None, inactive: float | None) -> float | None:
    return None if used is None else max(0.0, used - (inactive or 0.0))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""  # the container has ended, or this kernel does not count it


def _number(file: Path) -> float | None:
    text = _text(file).strip()
    return float(text) if text.lstrip("-").isdigit() else None


def _table(file: Path) -> dict[str, float]:
    rows = (line.split() for line in _text(file).splitlines())
    return {row[0]: float(row[1]) for row in rows if len(row) > 1 and row[1].isdigit()}
