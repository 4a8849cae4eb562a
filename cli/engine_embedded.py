"""The embedded engine behind the common interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.engines import EMBEDDED, PastOperation, Run
from engine import EmbeddedStack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from engine import Event as EngineEvent
    from engine import Result
    from operate.outcome import Event


class EmbeddedEngine:
    """Runs operations in this process.

    Args:
        root: The project's folder.
        stack: The stack's name.
        folder: The folder of the file backend.
        passphrase: What the stack's secrets are encrypted with.
    """

    name = EMBEDDED

    def __init__(self, root: Path, stack: str, folder: Path, passphrase: str) -> None:
        self._stack = EmbeddedStack(root, stack, backend=folder, passphrase=passphrase)

    def exists(self) -> bool:
        """Whether the backend has the stack."""
        return self._stack.exists()

    def create(self) -> None:
        """Make the stack."""
        self._stack.init()

    def preview(self, sink: Callable[[Event], None], *, refresh: bool = False, replace: Sequence[str] = ()) -> Run:
        """Say what :meth:`up` would do."""
        return _run(self._stack.preview(refresh=refresh, replace=replace, on_event=_as_data(sink)))

    def up(self, sink: Callable[[Event], None], *, refresh: bool = False, replace: Sequence[str] = ()) -> Run:
        """Run the program and make the world as it says."""
        return _run(self._stack.up(refresh=refresh, replace=replace, on_event=_as_data(sink)))

    def refresh(self, sink: Callable[[Event], None]) -> Run:
        """Bring the state up to what really is there."""
        return _run(self._stack.refresh(on_event=_as_data(sink)))

    def destroy(self, sink: Callable[[Event], None], *, keep_protected: bool = False) -> Run:
        """Delete everything that the state has."""
        return _run(self._stack.destroy(exclude_protected=keep_protected, on_event=_as_data(sink)))

    def outputs(self, *, show_secrets: bool) -> Mapping[str, Any]:
        """Return the stack's outputs."""
        return self._stack.outputs(show_secrets=show_secrets)

    def history(self) -> Sequence[PastOperation]:
        """Return past operations, the newest first."""
        return [
            PastOperation(
                kind=entry.kind,
                result=entry.result,
                start=entry.start_time,
                end=entry.end_time,
                changes=entry.resource_changes,
                message=entry.message,
            )
            for entry in self._stack.history()
        ]

    def export(self) -> Mapping[str, Any]:
        """Return the deployment, secrets encrypted."""
        deployment: dict[str, Any] = self._stack.export()["deployment"]
        return deployment

    def set_config(self, key: str, value: str, *, secret: bool) -> None:
        """Write a value into the stack's settings file."""
        self._stack.set_config(key, value, secret=secret)

    def interrupt(self, *, hard: bool) -> None:  # noqa: ARG002 - the engine itself counts the calls
        """Stop the running operation."""
        self._stack.cancel()


def _as_data(sink: Callable[[Event], None]) -> Callable[[EngineEvent], None]:
    return lambda event: sink(event.to_dict())


def _run(result: Result) -> Run:
    return Run(result.exit_code, "\n".join(str(error) for error in result.errors), result.digest)
