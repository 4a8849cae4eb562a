"""Waiting until a service runs as it was specified: every replica, with the new task template, healthy.

The swarm counts a task with a health check as running only once it is healthy. The real provider waits seven seconds
before it first looks at an update and then counts running tasks; here a task counts only if it was made from the new
template, so that nothing old is mistaken for new and no fixed time is spent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.provider import ProviderError
from engine.providers.docker.daemon import segment
from engine.providers.docker.errors import LOG_LINES, DaemonError
from engine.providers.docker.health import container_logs
from engine.providers.handler import Limit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.providers.docker.daemon import Daemon

_POLL_S = 0.3
_RUNNING = "running"
_FAILED = ("failed", "rejected")
_HALTED = ("paused", "rollback_paused", "rollback_completed")
_UNDER_WAY = ("updating", "rollback_started")


def wait_until_converged(
    daemon: Daemon, service: str, seconds: float, limit: Limit, before: Mapping[str, Any] | None
) -> None:
    """Wait for a service's replicas. Raises ProviderError with the tasks' errors and last log lines.

    Args:
        daemon: A manager of the swarm.
        service: The service's id.
        seconds: ``convergeConfig.timeout``.
        limit: The operation's limit, for cancellation.
        before: The update status before an update; None for a create.
    """
    wait = Limit(min(seconds, limit.remaining()), limit.cancelled)
    while True:
        found = daemon.get(f"/services/{segment(service)}")
        replicas = (found["Spec"]["Mode"].get("Replicated") or {}).get("Replicas")
        if replicas is None:
            raise ProviderError("Service input 'convergeConfig' needs a replicated service, not a global one")
        status = found.get("UpdateStatus") or {}
        fresh = status if status.get("StartedAt") != (before or {}).get("StartedAt") else {}
        if fresh.get("State") in _HALTED:
            raise ProviderError(
                f"the update of service {found['Spec']['Name']} ended as {fresh['State']}:"
                f" {fresh.get('Message', '')}{_story(daemon, service)}"
            )
        if fresh.get("State") not in _UNDER_WAY and _running(daemon, found) == replicas:
            return
        if wait.remaining() <= 0:
            raise ProviderError(
                f"service {found['Spec']['Name']} did not converge within {seconds:.0f} s: {_running(daemon, found)} of"
                f" {replicas} replicas run as specified{_story(daemon, service)}"
            )
        wait.pause(_POLL_S)


def _running(daemon: Daemon, service: Mapping[str, Any]) -> int:
    """Count the slots whose task runs from the service's present template."""
    tasks = daemon.get("/tasks", filters={"service": [service["ID"]], "desired-state": [_RUNNING]})
    template = service["Spec"]["TaskTemplate"]
    slots = {
        task.get("Slot")
        for task in tasks
        if task["Status"]["State"] == _RUNNING and _same_template(task["Spec"], template)
    }
    return len(slots)


def _same_template(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    parts = ("ContainerSpec", "ForceUpdate")
    return all((one.get(part) or None) == (other.get(part) or None) for part in parts)


def _story(daemon: Daemon, service: str) -> str:
    """Return the errors of a service's failed tasks and the log of the last one."""
    tasks = daemon.get("/tasks", filters={"service": [service]})
    failed = [task for task in tasks if task["Status"]["State"] in _FAILED]
    failed.sort(key=lambda task: str(task["Status"].get("Timestamp", "")))
    errors = sorted({str(task["Status"].get("Err") or task["Status"].get("Message", "")) for task in failed} - {""})
    text = f"; its tasks failed with: {'; '.join(errors)}" if errors else ""
    for task in reversed(failed):
        container = (task["Status"].get("ContainerStatus") or {}).get("ContainerID")
        if not container:
            continue
        try:
            logs = container_logs(daemon, container, tty=False, tail=LOG_LINES)
        except DaemonError:
            continue  # it ran on another node, or is gone
        return f"{text}; the last log lines of one:\n{logs.rstrip()}" if logs.strip() else text
    return text
