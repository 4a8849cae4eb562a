"""After an operation of the Pulumi CLI that was killed: its lock, what it made without recording, and its open entries.

The CLI itself leaves all three to its user. The embedded engine recovers by itself, but does not judge the CLI's locks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.engine_pulumi import PulumiEngine
from operate.locks import break_locks, lock_holders
from operate.orphans import find_orphans, remove_orphans

if TYPE_CHECKING:
    import docker

    from cli.console import Console
    from cli.engines import Engine
    from cli.workplace import Workplace
    from engine.backend import Backend


def recover(console: Console, work: Workplace, stack: str, engine: Engine, client: docker.DockerClient | None) -> None:
    """Make a stack fit for an operation if the last one was killed; do nothing if it was not.

    Args:
        console: Where to tell.
        work: The workplace.
        stack: The stack.
        engine: What will work on it.
        client: The stack's Docker; without one, what was made and not recorded stays.
    """
    folder = work.backend.folder
    if folder is None:  # a service or a bucket: who holds its lock is not this machine's to judge
        return
    dead = [holder for holder in lock_holders(folder, work.project, stack) if holder.dead]
    for holder in dead:
        console.warn(f"removing the lock of an operation that died: {holder.text}")
    break_locks(dead)
    view = work.local_view(stack)
    if isinstance(engine, PulumiEngine) and view is not None and view.pending:
        from engine.backend import Backend  # noqa: PLC0415 - only after a crash

        if client is not None:
            _remove_unrecorded(console, Backend(folder, work.project, stack), engine, client)
        console.step("the last operation was interrupted, so the state is compared with what is there")
        engine.forget_interrupted()


def _remove_unrecorded(console: Console, backend: Backend, engine: PulumiEngine, client: docker.DockerClient) -> None:
    from engine.lock import hold  # noqa: PLC0415 - only after a crash

    with hold(backend, console.warn):  # what another deployment makes now is not recorded yet either
        orphans = find_orphans(client, backend.project, backend.stack, engine.export())
        for orphan in orphans:
            console.warn(f"removing {orphan.kind} {orphan.name}, made by an interrupted operation and not recorded")
        remove_orphans(client, orphans)
