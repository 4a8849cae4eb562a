"""Backups as other commands need them: the stack's state left for the next one, and one before a deployment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cli.backup_progress import BackupProgress
from operate.backups import BackupFailed, checkpoint_files, find_scheduler_if_any, run
from operate.releases import pinned

if TYPE_CHECKING:
    from collections.abc import Mapping

    import docker

    from cli.console import Console
    from cli.deployment import Plan
    from cli.workplace import Workplace
    from operate.backups import Scheduler
    from operate.releases import Release

_DATA: Final = ("databases", "caches", "volumes", "jobs")
"""Sections whose change can touch data; a job is most often a migration."""
_ROLES: Final = ("postgres", "redis")


def leave_state(work: Workplace, stack: str, scheduler: Scheduler) -> bool:
    """Leave the stack's state where the next backup takes it; return whether there was any in files here."""
    folder = work.backend.folder
    files = checkpoint_files(folder, work.project, stack, work.root) if folder else {}
    if f"{stack}.json" not in files:
        return False
    scheduler.leave_checkpoint(files, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    return True


def after_deployment(work: Workplace, stack: str, client: docker.DockerClient, console: Console) -> None:
    """Leave the state that a deployment came to; that this failed is told and fails nothing."""
    import docker.errors  # noqa: PLC0415 - slow to load

    scheduler = find_scheduler_if_any(client, work.project, stack)
    if scheduler is None:
        return
    try:
        leave_state(work, stack, scheduler)
    except (BackupFailed, docker.errors.APIError) as error:
        console.warn(f"the next backup has the state before this deployment: {error}")


def before_deployment(
    work: Workplace, stack: str, plan: Plan, newest: Release | None, console: Console, *, asked: bool | None
) -> None:
    """Make a backup before a deployment that touches data, where the description or the user says so.

    Args:
        work: The workplace.
        stack: The stack.
        plan: What is about to be deployed.
        newest: The release that runs.
        console: Where to tell.
        asked: What the user says; ``None`` leaves it to the description.

    Raises:
        BackupFailed: It failed, and so nothing was deployed.
    """
    backups = plan.loaded.platform.backups
    if asked is False or plan.client is None or newest is None:
        return
    if asked is None and not (backups is not None and backups.before_deploy and touched(plan, newest)):
        return
    scheduler = find_scheduler_if_any(plan.client, work.project, stack)
    if scheduler is None:
        if asked:
            raise BackupFailed(f"stack {stack} has no container that makes backups yet\n  fix: leave out --backup")
        return
    console.step("this deployment can touch data, so a backup is made first (--no-backup leaves it out)")
    try:
        leave_state(work, stack, scheduler)
        made = run(scheduler, "before-deploy", BackupProgress(console))
    except BackupFailed as error:
        raise BackupFailed(
            f"the backup before this deployment failed, so nothing was deployed: {error}\n"
            f"  fix: mend that, or slipway up --stack {stack} --no-backup"
        ) from error
    console.step(f"backup {made.get('id')}: {'verified' if made.get('verified') else 'stored'}")


def touched(plan: Plan, newest: Release) -> bool:
    """Whether what is about to be deployed differs from a release in something that can touch data."""
    new = pinned(plan.loaded, newest.images)
    old = newest.description
    return any(_section(old, name) != _section(new, name) for name in _DATA) or _images(old) != _images(new)


def _section(description: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return description.get(name) or {}


def _images(description: Mapping[str, Any]) -> list[str | None]:
    references = (description.get("images") or {}).get("references") or {}
    return [references.get(role) for role in _ROLES]
