"""Running one operation of an engine: progress, Ctrl-C, and telling how it ended."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cli.console import error
from cli.exit_codes import ExitCode
from cli.interrupts import interruptible
from cli.progress import display
from operate.outcome import Outcome
from operate.stack_view import logical_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.console import Console
    from cli.engines import Engine, Run
    from operate.outcome import Event

_NOT_HEALTHY = "container failed to be in healthy state"
"""All that the Docker provider of Pulumi says of a container whose wait for health was in vain."""
_LONGEST = 40  # lines of one failure's text


def operate(console: Console, engine: Engine, action: Callable[[Callable[[Event], None]], Run]) -> tuple[Run, Outcome]:
    """Run an operation with progress and return how it ended and what it did."""
    outcome = Outcome()
    try:
        with display(console) as shown, interruptible(engine):

            def sink(event: Event) -> None:
                outcome(event)
                shown(event)

            run = action(sink)
    except Exception as failure:
        if getattr(failure, "hard", False):  # stopped at once: threads of the operation live on
            error(str(failure))
            os._exit(ExitCode.CANCELLED)
        raise
    return run, outcome


def tell_failures(run: Run, outcome: Outcome, explain: Callable[[str], str | None] | None = None) -> None:
    """Say which resources failed and why; of what the user stopped, only that.

    ``explain`` returns what there is to say of the container of a resource, by its logical name.
    """
    if run.exit_code == ExitCode.CANCELLED:
        error("stopped; what had finished by then is recorded, and the next `slipway up` goes on from there")
        return
    told = False
    for failure in outcome.failures:
        error(f"{failure.what}: {_shortened(failure.message)}")
        if explain is not None and _NOT_HEALTHY in failure.message and (story := explain(logical_name(failure.urn))):
            error(_shortened(story))
        told = True
    if not told and run.error:
        error(_shortened(run.error))


def _shortened(text: str) -> str:
    lines = text.splitlines()
    if len(lines) <= _LONGEST:
        return text
    return "\n".join([*lines[: _LONGEST // 2], f"… {len(lines) - _LONGEST} lines left out …", *lines[-_LONGEST // 2 :]])
