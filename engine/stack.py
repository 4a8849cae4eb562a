"""One stack on a file backend: the operations that the Pulumi CLI offers, in this process."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine import checkpoint as files
from engine import history, lock
from engine.backend import Backend
from engine.builtins import BuiltinProvider
from engine.crypto import Crypter
from engine.deployment import Deployment, Options, Stopped
from engine.destroy import destroy_all
from engine.digest import DigestBuilder
from engine.errors import Cancelled, EngineError, InvalidProject, StackNotFound, UnsupportedFeature, WrongPassphrase
from engine.events import EventSink, EventStream
from engine.executor import Executor
from engine.history import HistoryEntry
from engine.project import ConfigValue, load_config, load_project, read_yaml
from engine.provider import Properties
from engine.recovery import recover
from engine.refresh import refresh_state
from engine.registry import ProviderSource, Registry
from engine.settings_file import with_salt, with_value
from engine.snapshot import Snapshot, SnapshotText
from engine.state import plain_secret, write_value
from engine.steps import UNCHANGED
from engine.update import run_update
from engine.urn import stack_urn
from engine.values import HIDDEN, hide, plain

if TYPE_CHECKING:
    from engine.checkpoint import Checkpoint

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
    """The stack's outputs, secrets as ``[secret]``."""
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


class EmbeddedStack:
    """One stack of one project on a file backend.

    ``backend`` is the folder that contains ``.pulumi``. ``passphrase`` defaults to ``PULUMI_CONFIG_PASSPHRASE`` or the
    content of ``PULUMI_CONFIG_PASSPHRASE_FILE``. ``providers`` maps packages to providers, or to functions that make a
    fresh one for each configuration; the default is Docker and random. ``parallel`` bounds the steps at a time
    (default: ``PULUMI_PARALLEL``, or four a processor, at least 32). ``config`` holds plain values that go over those of
    ``Pulumi.<stack>.yaml`` for this object's operations, as ``-c`` does.

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
        self._passphrase = passphrase
        self._providers = providers
        self._parallel = parallel
        self._overrides = dict(config or {})
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
        return self._project.settings_file(self._backend.stack)

    def exists(self) -> bool:
        """Whether the backend has the stack."""
        return files.exists(self._backend)

    def init(self) -> None:
        """Make the stack. Raises EngineError if there is one already."""
        with lock.hold(self._backend, lambda _message: None):
            if self.exists():
                raise InvalidProject(f"stack {self.name!r} already exists")
            self._crypter(self._salt(), persist=True)
            files.save_empty(self._backend)

    def preview(
        self, *, refresh: bool = False, replace: Sequence[str] = (), on_event: EventSink | None = None
    ) -> Result:
        """What :meth:`up` would do; changes nothing and needs no lock. ``replace`` holds URNs to replace in any case."""
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

    def destroy(self, *, preview_only: bool = False, on_event: EventSink | None = None) -> Result:
        """Delete everything that the state knows; the program is not run, and the stack itself stays."""

        def body(deployment: Deployment) -> Properties:
            deleted: set[str] = set()
            destroy_all(deployment, Executor(deployment, deleted), deleted)
            return {}

        return self._operate("destroy", body, on_event, preview=preview_only)

    def outputs(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """The stack's outputs as of the last update; secrets as ``[secret]`` unless asked for."""
        checkpoint, _ = self._load()
        found = self._outputs_of(checkpoint, self._backend)
        return dict(plain(found) if show_secrets else hide(found))

    def history(self) -> list[HistoryEntry]:
        """The finished operations, the newest first."""
        return history.read(self._backend)

    def export(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """The state as ``pulumi stack export`` prints it; secrets encrypted unless asked for."""
        raw = files.read_raw(self._backend)
        latest = raw.get("latest") or {}
        if show_secrets:
            crypter = self._crypter(files.salt_of(raw) or self._salt())
            from engine.state import read_value  # noqa: PLC0415 - the only use

            latest = write_value(read_value(latest, crypter, ()), plain_secret, ())
        return {"version": 3, "deployment": latest}

    def config_value(self, key: str) -> str | None:
        """A configuration value as the program reads it, secrets opened; None if it is not set."""
        value = self._config(self._crypter_of_settings()).get(self._project.qualified(key))
        return value.text if value is not None else None

    def set_config(self, key: str, value: Any, *, secret: bool = False) -> None:
        """Set a value in ``Pulumi.<stack>.yaml``, as ``pulumi config set`` does; the rest of the file stays as it is."""
        stored = value
        if secret:
            text = value if isinstance(value, str) else json.dumps(value)
            stored = {"secure": self._crypter(self._salt(), persist=True).encrypt(text)}
        text = self.settings_file.read_text(encoding="utf-8") if self.settings_file.exists() else ""
        content = with_value(text, self._project.qualified(key), stored)
        self._write_settings(content)

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
            raise StackNotFound(f"no stack named {self.name!r} of project {self._project.name!r} in {self._backend.home}")
        if preview:
            return self._run(kind, body, events, digest, Options(True, self._workers(), frozenset(replace)), message)
        with lock.hold(self._backend, lambda text: events.diagnostic("warning", text)):
            return self._run(kind, body, events, digest, Options(False, self._workers(), frozenset(replace)), message)

    def _run(
        self,
        kind: str,
        body: Callable[[Deployment], Properties],
        events: EventStream,
        digest: DigestBuilder,
        options: Options,
        message: str,
    ) -> Result:
        started, start_time = time.monotonic(), int(time.time())
        deployment = self._prepare(events, options)
        config = {key: HIDDEN if value.secret else value.text for key, value in deployment.config.items()}
        events.prelude(config)
        outputs = self._in_thread(deployment, body)
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
            history.record(self._backend, self._record(kind, deployment, result, start_time, message))
        return result

    def _prepare(self, events: EventStream, options: Options) -> Deployment:
        checkpoint, crypter = self._load(persist=not options.preview)
        config = self._config(crypter)
        events.hide_text(*(value.text for value in config.values() if value.secret))
        for entry in checkpoint.resources:
            events.hide_values(entry.inputs)
            events.hide_values(entry.outputs)
        text = None if options.preview else SnapshotText(self._backend, crypter)
        deployment = Deployment(
            project=self._project.name,
            stack=self.name,
            directory=self._project.directory,
            config=config,
            options=options,
            base=checkpoint,
            registry=Registry({**self._sources(), "pulumi": BuiltinProvider(self._stack_outputs)}),
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
                if not deployment.options.preview:
                    recover(deployment)
                outputs.update(body(deployment))
            except Stopped:
                pass
            except EngineError as error:
                deployment.fail(error)
            except BaseException as error:  # noqa: BLE001 - a thread has nobody else to tell
                deployment.fail(EngineError(f"the engine failed: {type(error).__name__}: {error}"))
            try:
                deployment.snapshot.flush()
            except EngineError as error:
                deployment.fail(error)
            self._wake.set()

        worker = threading.Thread(target=work, name="deployment", daemon=True)
        worker.start()
        self._wake.wait()
        self._deployment = None
        if self._cancels > 1:
            raise Cancelled("stopped at once: the steps that were running are recorded as pending", hard=True)
        worker.join()
        return outputs

    def _record(
        self, kind: str, deployment: Deployment, result: Result, start_time: int, message: str
    ) -> HistoryEntry:
        return HistoryEntry(
            kind=kind,
            start_time=start_time,
            end_time=int(time.time()),
            message=message,
            result="failed" if result.failed else "succeeded",
            resource_changes=result.summary,
            environment={"exec.kind": "embedded"},
            config={key: value.stored for key, value in deployment.config.items()},
        )

    def _workers(self) -> int:
        if self._parallel:
            return max(1, self._parallel)
        given = os.environ.get("PULUMI_PARALLEL", "")
        return int(given) if given.isdigit() and int(given) else max(_LEAST_PARALLEL, 4 * (os.cpu_count() or 1))

    def _sources(self) -> Mapping[str, ProviderSource]:
        if self._providers is not None:
            return self._providers
        from engine.providers import default_providers  # noqa: PLC0415 - they import the Docker client

        return {package: lambda package=package: default_providers()[package] for package in default_providers()}

    def _load(self, *, persist: bool = False) -> tuple[Checkpoint, Crypter]:
        """The state, and what writes its secrets (they may have been written with another salt than the settings')."""
        raw = files.read_raw(self._backend)
        settings_salt, state_salt = self._salt(), files.salt_of(raw)
        crypter = self._crypter(settings_salt or state_salt, persist=persist)
        reader = self._crypter(state_salt) if state_salt and state_salt != crypter.salt else crypter
        return files.parse(raw, reader), crypter

    def _salt(self) -> str:
        settings = read_yaml(self.settings_file)
        provider = settings.get("secretsprovider")
        if provider and provider != "passphrase":
            raise UnsupportedFeature(f"{self.settings_file}: the secrets provider {provider}")
        return str(settings.get("encryptionsalt") or "")

    def _crypter(self, salt: str, *, persist: bool = False) -> Crypter:
        passphrase = self._find_passphrase()
        if salt:
            return Crypter(passphrase, salt)
        crypter = Crypter.create(passphrase)
        if persist:
            text = self.settings_file.read_text(encoding="utf-8") if self.settings_file.exists() else ""
            self._write_settings(with_salt(text, crypter.salt))
        return crypter

    def _crypter_of_settings(self) -> Crypter | None:
        salt = self._salt()
        return self._crypter(salt) if salt else None

    def _find_passphrase(self) -> str:
        if self._passphrase is not None:
            return self._passphrase
        if (given := os.environ.get("PULUMI_CONFIG_PASSPHRASE")) is not None:
            return given
        if path := os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE"):
            try:
                return Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise WrongPassphrase(f"PULUMI_CONFIG_PASSPHRASE_FILE={path}: {error.strerror}") from error
        raise WrongPassphrase("passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE")

    def _config(self, crypter: Crypter | None) -> dict[str, ConfigValue]:
        config = load_config(self._project, self.name, crypter)
        for key, text in self._overrides.items():
            config[self._project.qualified(key)] = ConfigValue(text, secret=False, stored=text)
        return config

    def _write_settings(self, content: str) -> None:
        path = self.settings_file
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text(content, encoding="utf-8")
        if path.exists():
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)

    def _stack_outputs(self, name: str) -> Properties:
        parts = name.split("/")
        project = parts[-2] if len(parts) > 1 else None
        backend = self._backend.sibling(parts[-1], project)
        raw = files.read_raw(backend)
        salt = files.salt_of(raw)
        crypter = Crypter(self._find_passphrase(), salt) if salt else None
        return self._outputs_of(files.parse(raw, crypter), backend)

    @staticmethod
    def _outputs_of(checkpoint: Checkpoint, backend: Backend) -> Properties:
        root = checkpoint.live().get(stack_urn(backend.stack, backend.project))
        return dict(root.outputs) if root is not None else {}
