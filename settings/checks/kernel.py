"""What the kernel and Docker know by name: signals, capabilities, limits, parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from settings.problems import Finding, listing, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings.description import Description

_CAPABILITIES: Final = """
    ALL AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH
    FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE
    NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE
    SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM
"""
_SIGNALS: Final = """
    SIGABRT SIGALRM SIGBUS SIGCHLD SIGCONT SIGFPE SIGHUP SIGILL SIGINT SIGIO SIGKILL SIGPIPE SIGPROF SIGPWR SIGQUIT
    SIGSEGV SIGSTKFLT SIGSTOP SIGSYS SIGTERM SIGTRAP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGUSR1 SIGUSR2 SIGVTALRM SIGWINCH
    SIGXCPU SIGXFSZ
"""
_ULIMITS: Final = "core cpu data fsize locks memlock msgqueue nice nofile rss rtprio rttime sigpending stack"
CAPABILITIES: Final = frozenset(_CAPABILITIES.split())
SIGNALS: Final = frozenset(_SIGNALS.split())
ULIMITS: Final = frozenset(_ULIMITS.split())
_NAMESPACED: Final = ("net.", "kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.")


def signals_exist(description: Description) -> Iterator[Finding]:
    """Docker refuses a signal that it does not know, but only when it stops the container."""
    for path, workload, _ in description.workloads():
        signal = workload.stop_signal
        if signal is not None and signal not in SIGNALS:
            yield Finding(
                (*path, "stop_signal"),
                f"there is no signal {signal}",
                allowed=listing(SIGNALS),
                nearest=nearest(signal, SIGNALS),
            )


def capabilities_exist(description: Description) -> Iterator[Finding]:
    """Docker refuses a capability that it does not know when it creates the container."""
    for path, workload, _ in description.workloads():
        for index, capability in enumerate(workload.capabilities):
            if capability not in CAPABILITIES:
                yield Finding(
                    (*path, "capabilities", index),
                    f"there is no capability {capability}",
                    allowed=listing(CAPABILITIES),
                    nearest=nearest(capability.removeprefix("CAP_"), CAPABILITIES),
                )


def ulimits_exist(description: Description) -> Iterator[Finding]:
    """Docker refuses a limit that it does not know; the number of processes has a key of its own."""
    for path, workload, _ in description.workloads():
        for name, limit in workload.ulimits.items():
            place = (*path, "ulimits", name)
            if name == "nproc":
                yield Finding(
                    place, "the number of processes is set by processes", fix=f"write processes: {limit.hard}"
                )
            elif name not in ULIMITS:
                yield Finding(
                    place, f"there is no limit '{name}'", allowed=listing(ULIMITS), nearest=nearest(name, ULIMITS)
                )
            if limit.soft > limit.hard >= 0 or limit.soft < 0 <= limit.hard:
                yield Finding(place, f"the soft limit {limit.soft} is above the hard one, {limit.hard}")


def kernel_parameters_are_the_containers_own(description: Description) -> Iterator[Finding]:
    """Docker refuses parameters of the whole host, and those of a network that is not the container's own."""
    for path, workload, _ in description.workloads():
        for name in workload.sysctls:
            if not name.startswith(_NAMESPACED):
                yield Finding(
                    (*path, "sysctls", name),
                    f"{name} is one of the whole host, not of a container",
                    allowed=listing(f"{prefix}*" for prefix in _NAMESPACED),
                    fix="set it on the host",
                )
            elif workload.host_network and name.startswith("net."):
                yield Finding(
                    (*path, "sysctls", name),
                    "with host_network, a parameter of the network is the host's",
                    fix="set it on the host",
                )


CHECKS: Final = (
    signals_exist,
    capabilities_exist,
    ulimits_exist,
    kernel_parameters_are_the_containers_own,
)
