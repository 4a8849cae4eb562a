"""Which one-shot containers of the last deployment must run again.

Docker's provider calls a job created whatever its exit code was, so an unchanged deployment would leave a failed one as
it is. Naming it as a target to replace makes it run again. So it is with jobs whose work went with a lost volume.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from operate import labels

if TYPE_CHECKING:
    from operate.stack_view import Container, StackView


def failed_jobs(view: StackView | None) -> tuple[Container, ...]:
    """Return the jobs, configuration checks and reloads that ended with another exit code than 0."""
    if view is None:
        return ()
    return tuple(
        container for container in view.containers if container.role in labels.ONE_SHOT_ROLES and container.exit_code
    )


def jobs_of_data(view: StackView) -> tuple[Container, ...]:
    """Return the one-shot containers that leave something in a store: migrations, logins, the owner of a folder."""
    return tuple(container for container in view.containers if container.role in labels.DATA_JOB_ROLES)


def explain(jobs: tuple[Container, ...]) -> str:
    """Say in one line that they run again."""
    named = ", ".join(f"{job.name} (exit code {job.exit_code})" for job in jobs)
    return f"failed in the last deployment, so run again: {named}"
