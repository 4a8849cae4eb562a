"""Deploying what ``promote``, ``abort`` and ``switch`` have noted: it holds only if the deployment succeeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.console import Console
from cli.deploy import Deployment, deploy
from cli.versions import changed_notes
from operate.stack_overrides import noted

if TYPE_CHECKING:
    from cli.workplace import Workplace
    from settings import Loaded
    from settings.versions import Entry


def deploy_noted(
    work: Workplace,
    loaded: Loaded,
    entries: dict[str, Entry],
    *,
    question: str,
    message: str,
    engine: str,
    rollback: bool | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Ask, note which versions are to serve, and deploy; the notes of before are back if that fails.

    Args:
        work: The project.
        loaded: The platform, as it was.
        entries: What is to be noted, by service.
        question: What is asked at a terminal.
        message: What the release is recorded as.
        engine: The engine's name.
        rollback: Whether a failure goes back to the last release. Default: as the description says.
        yes: Whether not to ask.
        as_json: Whether to print JSON.

    Raises:
        NotConfirmed: The answer was no, or nobody is there to give one.
    """
    Console(json_mode=as_json).confirm(question, yes=yes)
    with noted(work.root, loaded.stack, changed_notes(work, loaded, entries)):
        deploy(
            work,
            Deployment(
                stack=loaded.stack,
                engine=engine,
                message=message,
                yes=True,
                as_json=as_json,
                rollback=rollback,
                noted=True,
            ),
        )
