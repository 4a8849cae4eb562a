"""The Pulumi CLI as an engine: one process an operation, its events read from ``--json`` as they come.

Pulumi's Automation API does the same with four more processes an operation (version, select, outputs, history), which
cost 0.8 s of a 1.3 s update, and gives no handle on the process to pass a Ctrl-C on.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from cli.engines import PULUMI, PastOperation, Run
from cli.exit_codes import ExitCode
from operate.errors import OperateError
from operate.stack_files import project_name
from operate.stack_view import state_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from operate.outcome import Event

_QUIET: Final = {
    "PULUMI_SKIP_UPDATE_CHECK": "true",
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",  # the plugins are here; a download would be a surprise
}
_SKIPPED: Final = "debug"


class PulumiFailed(OperateError):  # noqa: N818 - named as what it reports
    """A command of the Pulumi CLI failed."""

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code  # type: ignore[misc]  # one class for all of the CLI's codes


class PulumiEngine:
    """Drives the Pulumi CLI for one stack.

    Args:
        root: The project's folder.
        stack: The stack's name.
        executable: The CLI.
        environment: Variables beyond this process's own.
        state: Folder of the file backend, if it is one: there the CLI need not be asked for every question.
    """

    name = PULUMI

    def __init__(
        self, root: Path, stack: str, executable: str, environment: Mapping[str, str], *, state: Path | None = None
    ) -> None:
        self._root = root
        self._stack = stack
        self._state = state
        self._executable = executable
        self._environment = {**os.environ, **_QUIET, **environment}
        self._process: subprocess.Popen[str] | None = None
        self._interrupted = False

    def exists(self) -> bool:
        """Whether the backend has the stack."""
        if self._state is not None:
            return state_file(self._state, project_name(self._root), self._stack) is not None
        return self._capture("stack", "--show-name", allowed=(0, ExitCode.NO_STACK)) is not None

    def create(self) -> None:
        """Make the stack; the user's selected stack stays selected."""
        self._capture("stack", "init", self._stack, "--no-select", stack=False)

    def preview(self, sink: Callable[[Event], None], *, refresh: bool = False, replace: Sequence[str] = ()) -> Run:
        """Say what :meth:`up` would do; the events come all at once with the digest, at the end."""
        process = self._start("preview", "--json", *_options(refresh, replace))
        stdout, stderr = self._communicate(process)
        document = _document(stdout)
        for diagnostic in document.get("diagnostics") or ():
            sink({"diagnosticEvent": diagnostic})
        sink({"summaryEvent": {"resourceChanges": document.get("changeSummary") or {}, "isPreview": True}})
        return Run(self._ended(process.returncode), _error_text(stderr), document)

    def up(self, sink: Callable[[Event], None], *, refresh: bool = False, replace: Sequence[str] = ()) -> Run:
        """Run the program and make the world as it says."""
        return self._stream(sink, "up", *_options(refresh, replace))

    def refresh(self, sink: Callable[[Event], None]) -> Run:
        """Bring the state up to what really is there."""
        return self._stream(sink, "refresh")

    def destroy(self, sink: Callable[[Event], None], *, keep_protected: bool = False) -> Run:
        """Delete everything that the state has, or all but what is protected."""
        return self._stream(sink, "destroy", *(["--exclude-protected"] if keep_protected else []))

    def outputs(self, *, show_secrets: bool) -> Mapping[str, Any]:
        """Return the stack's outputs."""
        text = self._capture("stack", "output", "--json", *(["--show-secrets"] if show_secrets else []))
        found: dict[str, Any] = json.loads(text or "{}")
        return found

    def history(self) -> Sequence[PastOperation]:
        """Return past operations, the newest first."""
        return [
            PastOperation(
                kind=item["kind"],
                result=item.get("result", ""),
                start=_seconds(item.get("startTime")),
                end=_seconds(item.get("endTime")),
                changes=item.get("resourceChanges") or {},
                message=item.get("message", ""),
            )
            for item in json.loads(self._capture("stack", "history", "--json") or "[]")
        ]

    def export(self) -> Mapping[str, Any]:
        """Return the deployment, secrets encrypted."""
        deployment: dict[str, Any] = json.loads(self._capture("stack", "export") or "{}").get("deployment") or {}
        return deployment

    def set_config(self, key: str, value: str, *, secret: bool) -> None:
        """Write a value into the stack's settings file; it goes through stdin, where no process list shows it."""
        self._capture("config", "set", key, "--secret" if secret else "--plaintext", typed=value)

    def forget_interrupted(self) -> None:
        """Compare the state with what is there, and forget creations that were interrupted."""
        self._capture("refresh", "--yes", "--skip-preview", "--clear-pending-creates")

    def break_lock(self) -> None:
        """Remove the stack's lock, wherever the backend keeps it."""
        self._capture("cancel", self._stack, "--yes", stack=False)

    def interrupt(self, *, hard: bool) -> None:
        """Pass the user's wish on: the CLI itself knows a first and a second signal."""
        process = self._process
        if process is not None and process.poll() is None:
            self._interrupted = True
            process.send_signal(signal.SIGTERM if hard else signal.SIGINT)

    def _command(self, arguments: Sequence[str], *, stack: bool = True) -> list[str]:
        return [
            self._executable,
            *arguments,
            *(["--stack", self._stack] if stack else []),
            "--non-interactive",
            "--color",
            "never",
        ]

    def _start(self, *arguments: str) -> subprocess.Popen[str]:
        self._interrupted = False
        # A session of its own: a Ctrl-C then reaches it once, from us, and not a second time from the terminal.
        self._process = subprocess.Popen(
            self._command(arguments),
            cwd=self._root,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        return self._process

    def _communicate(self, process: subprocess.Popen[str]) -> tuple[str, str]:
        with process:
            stdout, stderr = process.communicate()
        return stdout, stderr

    def _stream(self, sink: Callable[[Event], None], *arguments: str) -> Run:
        process = self._start(*arguments, "--json", "--yes", "--skip-preview")
        errors: list[str] = []
        with process:
            assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 - asked for above
            reader = threading.Thread(target=_read_all, args=(process.stderr, errors), daemon=True)
            reader.start()
            for line in process.stdout:
                event = _event(line)
                if event is not None:
                    sink(event)
            process.wait()
            reader.join()
        return Run(self._ended(process.returncode), _error_text("".join(errors)))

    def _ended(self, code: int) -> int:
        """The CLI calls an update that was cancelled a failed one: 1, where 8 is its own code for it."""
        return ExitCode.CANCELLED if code and self._interrupted else code

    def _capture(
        self, *arguments: str, stack: bool = True, allowed: tuple[int, ...] = (0,), typed: str = ""
    ) -> str | None:
        """Run a short command; return what it prints, or ``None`` if it ended with an allowed code other than 0."""
        done = subprocess.run(
            self._command(arguments, stack=stack),
            cwd=self._root,
            env=self._environment,
            input=typed,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode not in allowed:
            raise PulumiFailed(_error_text(done.stderr) or f"pulumi {arguments[0]} failed", done.returncode)
        return done.stdout if done.returncode == 0 else None


def _options(refresh: bool, replace: Sequence[str]) -> list[str]:
    options = ["--refresh"] if refresh else []
    for urn in replace:
        options += ["--replace", urn]
    return options


def _event(line: str) -> Event | None:
    """The event of a line; ``None`` for what is no event, and for debug messages, of which there are many."""
    if not line.startswith("{"):
        return None
    try:
        event: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return None if (event.get("diagnosticEvent") or {}).get("severity") == _SKIPPED else event


def _document(text: str) -> dict[str, Any]:
    """The digest that a preview printed; empty if it failed before that."""
    try:
        document = json.loads(text) if text.strip() else {}
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _error_text(stderr: str) -> str:
    lines = [line.removeprefix("error: ").rstrip() for line in stderr.splitlines()]
    return "\n".join(line for line in lines if line and not line.startswith("warning: "))


def _seconds(moment: object) -> float:
    return datetime.fromisoformat(moment).timestamp() if isinstance(moment, str) else 0.0


def _read_all(stream: Any, into: list[str]) -> None:
    into.append(stream.read())
