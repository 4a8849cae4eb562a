"""One stack on a file backend: the operations that the Pulumi CLI offers, in this process."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine import checkpoint as files
from engine import history, lock
from engine.backend import Backend
from engine.builtins import BuiltinProvider
from engine.deployment import Deployment, Options, Stopped
from engine.destroy import destroy_all
from engine.digest import DigestBuilder
from engine.errors import Cancelled, EngineError, InvalidProject, StackNotFound
from engine.events import EventSink, EventStream
from engine.executor import Executor
from engine.history import HistoryEntry
from engine.project import load_project
from engine.recovery import recover
from engine.refresh import refresh_state
from engine.registry import ProviderSource, Registry
from engine.snapshot import Snapshot, SnapshotText
from engine.stack_files import StackFiles
from engine.steps import UNCHANGED
from engine.update import run_update
from engine.values import HIDDEN, hide, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from engine.provider import Properties, Provider

_LEAST_PARALLEL: Final = 32
"""Steps mostly wait for the Docker daemon or a health check, so more of them than processors run at a time."""


@dataclass(frozen=True)
class Result:
    """How an operation ended."""

    digest: Mapping[str, Any] = field(repr=False)
    """What ``pulumi preview --json`` would print."""
    summary: Mapping[str, int]
    """How many resources were (or would be) subject to each operation."""
    outputs: Mapping[str, Any]
    """The stack's outputs, secrets as ``[secret]``; in a preview what only the update will tell as ``[unknown]``."""
    diagnostics: Sequence[Mapping[str, Any]]
    """``{urn?, message, severity}``, in order."""
    duration_s: float
    errors: tuple[EngineError, ...] = ()
    """What went wrong; empty after a success."""

    @property
    def failed(self) -> bool:
        """Whether anything went wrong, a cancellation included."""
        return bool(self.errors)

    @property
    def has_changes(self) -> bool:
        """Whether ``--expect-no-changes`` would complain."""
        return any(count and op not in UNCHANGED for op, count in self.summary.items())

    @property
    def exit_code(self) -> int:
        """What the CLI would exit with."""
        return self.errors[0].exit_code if self.errors else 0

    def raise_for_failure(self) -> None:
        """Raise the error, if there is one."""
        if self.errors:
            raise self.errors[0]


@dataclass(frozen=True)
class Operation:
    """What is to be done: ``body`` does it and returns the stack's outputs."""

    kind: str
    body: Callable[[Deployment], Properties]
    message: str


class EmbeddedStack:
    """One stack of one project on a file backend.

    ``backend`` is the folder that contains ``.pulumi``. ``passphrase`` defaults to ``PULUMI_CONFIG_PASSPHRASE`` or the
    content of ``PULUMI_CONFIG_PASSPHRASE_FILE``. ``providers`` maps packages to providers, or to functions that make a
    fresh one for each configuration; the default is Docker and random. ``parallel`` bounds the steps at a time
    (default: ``PULUMI_PARALLEL``, or four a processor, at least 32). ``config`` holds plain values that go over those
    of ``Pulumi.<stack>.yaml`` for this object's operations, as ``-c`` does.

    Operations raise :class:`EngineError` if they could not begin (lock held, wrong passphrase, no such stack, unusable
    project). Once begun they return a :class:`Result`, whose ``errors`` say what failed; only a second :meth:`cancel`
    ends them with :class:`Cancelled`. One operation at a time.
    """

    def __init__(
        self,
        project_dir: Path,
        stack: str,
        *,
        backend: Path,
        passphrase: str | None = None,
        providers: Mapping[str, ProviderSource] | None = None,
        parallel: int | None = None,
        config: Mapping[str, str] | None = None,
    ) -> None:
        self._project = load_project(Path(project_dir))
        self._backend = Backend(backend, self._project.name, stack)
        self._files = StackFiles(self._project, self._backend, passphrase, config)
        self._providers = providers
        self._parallel = parallel
        self._deployment: Deployment | None = None
        self._cancels = 0
        self._wake = threading.Event()

    @property
    def name(self) -> str:
        """The stack's name."""
        return self._backend.stack

    @property
    def settings_file(self) -> Path:
        """``Pulumi.<stack>.yaml``."""
        return self._files.settings

    def exists(self) -> bool:
        """Whether the backend has the stack."""
        return files.exists(self._backend)

    def init(self) -> None:
        """Make the stack. Raises EngineError if there is one already."""
        with lock.hold(self._backend, lambda _message: None):
            if self.exists():
                raise InvalidProject(f"stack {self.name!r} already exists")
            self._files.create()

    def preview(
        self, *, refresh: bool = False, replace: Sequence[str] = (), on_event: EventSink | None = None
    ) -> Result:
        """What :meth:`up` would do; changes nothing, needs no lock. ``replace`` holds URNs to replace in any case."""
        return self._operate("update", self._update_body(refresh), on_event, preview=True, replace=replace)

    def up(
        self,
        *,
        refresh: bool = False,
        replace: Sequence[str] = (),
        on_event: EventSink | None = None,
        message: str = "",
    ) -> Result:
        """Bring the world to what the program says. ``message`` goes into the history."""
        return self._operate("update", self._update_body(refresh), on_event, replace=replace, message=message)

    def refresh(self, *, preview_only: bool = False, on_event: EventSink | None = None) -> Result:
        """Bring the state to what the world is; the program is not run."""

        def body(deployment: Deployment) -> Properties:
            refresh_state(deployment, counted=True)
            root = deployment.olds.get(deployment.root_urn)
            return root.outputs if root is not None else {}

        return self._operate("refresh", body, on_event, preview=preview_only)

    def destroy(
        self, *, preview_only: bool = False, exclude_protected: bool = False, on_event: EventSink | None = None
    ) -> Result:
        """Delete everything that the state knows; the program is not run, and the stack itself stays.

        ``exclude_protected`` leaves protected resources and what they need, where otherwise they would be refused.
        """

        def body(deployment: Deployment) -> Properties:
            deleted: set[str] = set()
            destroy_all(deployment, Executor(deployment, deleted), deleted, exclude_protected=exclude_protected)
            return {}

        return self._operate("destroy", body, on_event, preview=preview_only)

    def outputs(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """The stack's outputs as of the last update; secrets as ``[secret]`` unless asked for."""
        found = self._files.outputs()
        return dict(plain(found) if show_secrets else hide(found))

    def history(self) -> list[HistoryEntry]:
        """The finished operations, the newest first."""
        return history.read(self._backend)

    def export(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """The state as ``pulumi stack export`` prints it; secrets encrypted unless asked for."""
        return self._files.export(show_secrets=show_secrets)

    def config_value(self, key: str) -> str | None:
        """A configuration value as the program reads it, secrets opened; None if it is not set."""
        value = self._files.config().get(self._project.qualified(key))
        return value.text if value is not None else None

    def set_config(self, key: str, value: Any, *, secret: bool = False) -> None:
        """Set a value in ``Pulumi.<stack>.yaml`` as ``pulumi config set`` does; every other byte stays as it is."""
        self._files.set_config(key, value, secret=secret)

    def cancel(self) -> None:
        """Stop the operation under way; meant for a signal handler.

        The first call lets running steps finish and be recorded. The second ends the operation at once: what runs stays
        recorded as pending, and the process should leave with ``os._exit``, since threads of the operation live on.
        """
        self._cancels += 1
        deployment = self._deployment
        if deployment is not None:
            deployment.cancel()
        if self._cancels > 1:
            if deployment is not None:
                deployment.snapshot.close()
            self._wake.set()

    def _update_body(self, refresh: bool) -> Callable[[Deployment], Properties]:
        def body(deployment: Deployment) -> Properties:
            if refresh or self._project.always_refresh:
                refresh_state(deployment, counted=False)
            return run_update(deployment, self._project)

        return body

    def _operate(
        self,
        kind: str,
        body: Callable[[Deployment], Properties],
        on_event: EventSink | None,
        *,
        preview: bool = False,
        replace: Sequence[str] = (),
        message: str = "",
    ) -> Result:
        digest = DigestBuilder()
        events = EventStream([digest, *([on_event] if on_event else [])], planning=preview)
        self._cancels = 0
        self._wake.clear()
        if not self.exists():
            raise StackNotFound(f"no stack {self.name!r} of project {self._project.name!r} in {self._backend.home}")
        self._files.prefetch_key()
        options = Options(preview, self._workers(), frozenset(replace))
        with contextlib.ExitStack() as held:
            if not preview:
                held.enter_context(lock.hold(self._backend, lambda text: events.diagnostic("warning", text)))
            return self._run(Operation(kind, body, message), events, digest, options)

    def _run(self, operation: Operation, events: EventStream, digest: DigestBuilder, options: Options) -> Result:
        started, start_time = time.monotonic(), int(time.time())
        deployment = self._prepare(events, options)
        config = {key: HIDDEN if value.secret else value.text for key, value in deployment.config.items()}
        events.prelude(config)
        outputs = self._in_thread(deployment, operation.body)
        duration = time.monotonic() - started
        error = deployment.outcome()
        events.summary("failed" if error else "succeeded", duration, damaged=deployment.damaged)
        events.end()
        result = Result(
            digest=digest.digest(duration),
            summary=dict(events.counts),
            outputs=dict(hide(outputs)),
            diagnostics=tuple(events.diagnostics),
            duration_s=duration,
            errors=(error,) if error else (),
        )
        if not options.preview:
            history.record(self._backend, _record(operation, deployment, result, start_time))
        return result

    def _prepare(self, events: EventStream, options: Options) -> Deployment:
        sources = self._sources()
        checkpoint, crypter = self._files.load(persist=not options.preview)
        config = self._files.config(crypter)
        events.hide_text(*(value.text for value in config.values() if value.secret))
        for entry in checkpoint.resources:
            events.hide_values(entry.inputs)
            # A container's output is kept secret, since it may hold anything; but a line of it is no secret text that
            # would have to be blanked out wherever it appears.
            events.hide_values({key: value for key, value in entry.outputs.items() if key != "containerLogs"})
        text = None if options.preview else SnapshotText(self._backend.qualified_name, crypter)
        deployment = Deployment(
            project=self._project.name,
            stack=self.name,
            directory=self._project.directory,
            config=config,
            options=options,
            base=checkpoint,
            registry=Registry({**sources, "pulumi": BuiltinProvider(self._files.outputs_of_stack)}),
            events=events,
            snapshot=Snapshot(checkpoint, lambda content: files.save(self._backend, content), text),
        )
        self._deployment = deployment
        return deployment

    def _in_thread(self, deployment: Deployment, body: Callable[[Deployment], Properties]) -> Properties:
        """Do the work in another thread, so that a signal's handler runs here, and a hard stop need not wait."""
        outputs: Properties = {}

        def work() -> None:
            try:
                _guarded(deployment, lambda: outputs.update(_recovered(deployment, body)))
                _guarded(deployment, deployment.snapshot.flush)
            finally:
                self._wake.set()

        worker = threading.Thread(target=work, name="deployment", daemon=True)
        worker.start()
        self._wake.wait()
        self._deployment = None
        if self._cancels > 1:
            raise Cancelled("stopped at once: the steps that were running are recorded as pending", hard=True)
        worker.join()
        return outputs

    def _workers(self) -> int:
        if self._parallel:
            return max(1, self._parallel)
        given = os.environ.get("PULUMI_PARALLEL", "")
        return int(given) if given.isdigit() and int(given) else max(_LEAST_PARALLEL, 4 * (os.cpu_count() or 1))

    def _sources(self) -> Mapping[str, ProviderSource]:
        if self._providers is not None:
            return self._providers
        from engine.providers import default_providers  # noqa: PLC0415 - it imports the Docker client

        def fresh(package: str) -> Callable[[], Provider]:
            return lambda: default_providers()[package]

        return {package: fresh(package) for package in default_providers()}


def _record(operation: Operation, deployment: Deployment, result: Result, start_time: int) -> HistoryEntry:
    return HistoryEntry(
        kind=operation.kind,
        start_time=start_time,
        end_time=int(time.time()),
        message=operation.message,
        result="failed" if result.failed else "succeeded",
        resource_changes=result.summary,
        environment={"exec.kind": "embedded"},
        config={key: value.stored for key, value in deployment.config.items()},
    )


def _recovered(deployment: Deployment, body: Callable[[Deployment], Properties]) -> Properties:
    if not deployment.options.preview:
        recover(deployment)
    return body(deployment)


def _guarded(deployment: Deployment, action: Callable[[], None]) -> None:
    """Do something in a thread, which has nobody but the deployment to tell what went wrong."""
    try:
        action()
    except Stopped:
        return  # whoever stopped it has said why
    except EngineError as error:
        deployment.fail(error)
    except Exception as error:  # noqa: BLE001 - a defect of ours must end the operation, not hang it
        deployment.fail(EngineError(f"the engine failed: {type(error).__name__}: {error}"))
