"""Jobs run once, to their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from settings.model import JobPhase, RestartPolicy
from settings.problems import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings.description import Description

_NO_EFFECT: Final = {
    "health": "a job is not asked for its health: its exit code is the answer",
    "publish": "a job takes no requests",
    "metrics": "a job is gone before its metrics are read",
    "aliases": "a job takes no requests",
}


def jobs_run_once(description: Description) -> Iterator[Finding]:
    """One container, not restarted: a job that fails fails the deployment."""
    for name, job in description.declared.jobs.items():
        path = ("jobs", name)
        if job.replicas != 1:
            yield Finding(
                (*path, "replicas"), f"a job runs once, not {job.replicas} times", allowed="1", fix="remove it"
            )
        if job.restart is not RestartPolicy.NO:
            yield Finding(
                (*path, "restart"),
                "a job is not restarted: its failure fails the deployment",
                allowed="no",
                fix="remove it; what must always run is a worker",
            )


def jobs_serve_nobody(description: Description) -> Iterator[Finding]:
    """What only a lasting container can have is not silently ignored."""
    for name, job in description.declared.jobs.items():
        for field, reason in _NO_EFFECT.items():
            if getattr(job, field):
                yield Finding(("jobs", name, field), reason, fix=f"remove {field}")


def nothing_waits_for_the_last(description: Description) -> Iterator[Finding]:
    """A job after the release, or one that runs when somebody asks, can't be before a part of it."""
    jobs = description.declared.jobs
    late = {name: job.phase for name, job in jobs.items() if job.phase is not JobPhase.BEFORE}
    for path, _, resolved in description.workloads():
        if path[0] == "jobs" and late.get(str(path[1])) is JobPhase.AFTER:
            continue
        for name in resolved.needs:
            if name in late:
                when = "after the release" if late[name] is JobPhase.AFTER else "when somebody asks for it"
                yield Finding(
                    (*path, "needs", name),
                    f"jobs.{name} runs {when} (phase: {late[name].value}), so nothing of it can wait for it",
                    fix=f"remove it from needs, or write phase: before at jobs.{name}",
                    about=(("jobs", name, "phase"),),
                )


CHECKS: Final = (jobs_run_once, jobs_serve_nobody, nothing_waits_for_the_last)
