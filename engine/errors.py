"""What can go wrong, in words for the user; each error knows the exit code that the Pulumi CLI would end with."""

# ruff: noqa: N818 - part of the public API, named as the conditions that they report

from __future__ import annotations

from typing import ClassVar


class EngineError(Exception):
    """An operation could not be done; the text is meant for the user and holds no secret."""

    exit_code: ClassVar[int] = 1


class LockHeld(EngineError):
    """Another operation holds the stack's lock; ``holder`` says who, where and since when."""

    def __init__(self, message: str, holder: str) -> None:
        super().__init__(message)
        self.holder = holder


class WrongPassphrase(EngineError):
    """The passphrase is missing or does not open the stack's secrets."""


class StackNotFound(EngineError):
    """The backend has no such stack."""

    exit_code = 6


class UnsupportedFeature(EngineError):
    """Something that only the Pulumi CLI can do; it is refused by name, never ignored."""

    def __init__(self, feature: str) -> None:
        super().__init__(f"{feature} needs the Pulumi CLI: make pulumi")
        self.feature = feature


class InvalidProject(EngineError):
    """Pulumi.yaml, a stack's settings file or a configuration value can't be used."""

    exit_code = 2


class ProgramError(EngineError):
    """The user's program failed; the text is its message, or a traceback of its own files."""


class OperationFailed(EngineError):
    """A provider call, a check or an engine rule failed; the text says which and why."""


class StateDamaged(EngineError):
    """The checkpoint can't be read or breaks an invariant, so that nothing is done with it."""


class Cancelled(EngineError):
    """The user stopped the operation. ``hard`` says that running steps were not waited for."""

    exit_code = 8

    def __init__(self, message: str, *, hard: bool = False) -> None:
        super().__init__(message)
        self.hard = hard
