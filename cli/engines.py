"""The two engines behind one interface, and the choice between them.

Pulumi where it is installed, the embedded engine elsewhere; the user is always told which and why.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from operate.errors import OperateError
from operate.passphrase import FILE, VALUE, ensure_passphrase
from operate.pulumi_install import find_pulumi
from operate.stack_files import is_encrypted, other_secrets_provider

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cli.console import Console
    from cli.workplace import Workplace
    from operate.backend import Backend
    from operate.outcome import Event
    from operate.passphrase import Passphrase
    from operate.pulumi_install import PulumiInstall

PULUMI: Final = "pulumi"
EMBEDDED: Final = "embedded"
AUTO: Final = "auto"


class EngineUnavailable(OperateError):  # noqa: N818 - named as what it reports
    """The engine that was asked for can't work here."""


@dataclass(frozen=True)
class Run:
    """How an operation ended; what it did is in its events."""

    exit_code: int
    """As Pulumi's."""
    error: str = ""
    """What the engine says if it failed; may repeat the events' errors."""
    digest: Mapping[str, Any] = field(default_factory=dict)
    """Of a preview: the document that ``pulumi preview --json`` prints."""


@dataclass(frozen=True)
class PastOperation:
    """An operation of the stack's history."""

    kind: str
    """``update``, ``destroy``, ``refresh``, …"""
    result: str
    """``succeeded`` or ``failed``."""
    start: float
    """Unix seconds."""
    end: float
    """Unix seconds."""
    changes: Mapping[str, int]
    """How many resources were created, updated, …"""
    message: str = ""
    """What its author said about it."""


class Engine(Protocol):
    """What a command asks of an engine, for one stack."""

    name: str
    """``pulumi`` or ``embedded``."""

    def exists(self) -> bool:
        """Whether the backend has the stack."""

    def create(self) -> None:
        """Make the stack, with nothing in it."""

    def preview(self, sink: Callable[[Event], None], *, refresh: bool = False, replace: Sequence[str] = ()) -> Run:
        """Say what :meth:`up` would do."""

    def up(self, sink: Callable[[Event], None], *, refresh: bool = False, replace: Sequence[str] = ()) -> Run:
        """Run the program and make the world as it says; ``replace`` are URNs to replace in any case."""

    def refresh(self, sink: Callable[[Event], None]) -> Run:
        """Bring the state up to what really is there."""

    def destroy(self, sink: Callable[[Event], None], *, keep_protected: bool = False) -> Run:
        """Delete everything that the state has, or all but what is protected."""

    def outputs(self, *, show_secrets: bool) -> Mapping[str, Any]:
        """Return the stack's outputs; secret ones as ``[secret]`` unless asked for."""

    def history(self) -> Sequence[PastOperation]:
        """Return past operations, the newest first."""

    def export(self) -> Mapping[str, Any]:
        """Return the deployment, as under ``deployment`` in ``pulumi stack export``; secrets encrypted."""

    def set_config(self, key: str, value: str, *, secret: bool) -> None:
        """Write a value into the stack's settings file."""

    def interrupt(self, *, hard: bool) -> None:
        """Stop the running operation: after the steps under way, or at once. Called from a signal handler."""


@dataclass(frozen=True)
class Choice:
    """Which engine works, and why."""

    name: str
    """``pulumi`` or ``embedded``."""
    why: str
    """In words for the user."""

    def __str__(self) -> str:
        """Return the line that every deployment begins with."""
        return f"engine: {self.name} ({self.why})"


def choose(wanted: str, install: PulumiInstall, backend: Backend) -> Choice:
    """Choose an engine.

    Raises:
        EngineUnavailable: The one that was asked for can't work here, or none can.
    """
    if wanted == PULUMI and not install.usable:
        raise EngineUnavailable(f"--engine pulumi: {install.lack}\n  fix: make pulumi, or --engine embedded")
    if wanted == EMBEDDED or (wanted == AUTO and not install.usable):
        if backend.folder is None:
            fix = "use --engine pulumi" if install.usable else f"make pulumi ({install.lack})"
            raise EngineUnavailable(
                f"the backend {backend.url} ({backend.source}) needs the Pulumi CLI; the embedded engine knows files"
                f"\n  fix: {fix}"
            )
        why = "asked for" if wanted == EMBEDDED else f"{install.lack}; make pulumi installs it"
        return Choice(EMBEDDED, why)
    return Choice(PULUMI, "asked for" if wanted == PULUMI else str(install.executable))


def open_engine(work: Workplace, stack: str, wanted: str, console: Console) -> Engine:
    """Choose an engine for a stack, say which, and make it ready.

    Raises:
        EngineUnavailable: See :func:`choose`.
        PassphraseError: The stack's passphrase is not to be had.
    """
    install = find_pulumi(work.environ)
    choice = choose(wanted, install, work.backend)
    console.step(str(choice))
    passphrase = find_stack_passphrase(work, stack, console)
    folder = work.backend.folder
    if choice.name == EMBEDDED:
        from cli.engine_embedded import EmbeddedEngine  # noqa: PLC0415 - imports Pulumi's SDK

        assert folder is not None  # noqa: S101 - otherwise choose() has refused
        return EmbeddedEngine(work.root, stack, folder, passphrase.value if passphrase else "")
    from cli.engine_pulumi import PulumiEngine  # noqa: PLC0415 - only where it is used

    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    assert install.executable is not None  # noqa: S101 - as above
    return PulumiEngine(work.root, stack, install.executable, pulumi_environment(work, passphrase), state=folder)


def pulumi_environment(work: Workplace, passphrase: Passphrase | None) -> dict[str, str]:
    """Return what ``pulumi`` needs in its environment to work on the same state, beyond what is set already."""
    extra = {}
    if work.environ.get("PULUMI_BACKEND_URL") != work.backend.url and work.backend.folder is not None:
        extra["PULUMI_BACKEND_URL"] = work.backend.url
    if passphrase is not None and passphrase.file is not None and VALUE not in work.environ:
        extra[FILE] = str(passphrase.file)
    return extra


def needs_passphrase(work: Workplace, stack: str) -> bool:
    """Whether the stack's secrets are encrypted with a passphrase, not by a service."""
    return not work.backend.url.startswith(("https://", "http://")) and other_secrets_provider(work.root, stack) is None


def find_stack_passphrase(work: Workplace, stack: str, console: Console) -> Passphrase | None:
    """Return the passphrase of a stack, generating one for a first stack; ``None`` if a service does the encryption.

    Raises:
        PassphraseError: It is needed and not to be had.
    """
    if not needs_passphrase(work, stack):
        return None
    found = ensure_passphrase(work.root, work.environ, encrypted=is_encrypted(work.root, stack), stack=stack)
    if found.generated:
        console.say(
            "passphrase: generated into .state/passphrase; it encrypts the secrets in the state. Keep a copy of it: "
            "without it they are lost"
        )
    return found
