"""What can go wrong, each with the exit code that says so."""

from __future__ import annotations

from typing import ClassVar


class BackupError(Exception):
    """A run failed; the text says what and what to do."""

    code: ClassVar[int] = 1


class ConfigError(BackupError):
    """The configuration or the arguments are wrong."""

    code = 2


class BusyError(BackupError):
    """Another run holds the lock."""

    code = 3


class SpaceError(BackupError):
    """There is not enough space."""

    code = 4


class NotVerifiedError(BackupError):
    """What was fetched or restored differs from what was backed up."""

    code = 5


class NoSuchSetError(BackupError):
    """There is no such set."""

    code = 6


class DestinationError(BackupError):
    """A destination does not answer, or refuses."""

    code = 7


class AbsentRepositoryError(DestinationError):
    """A destination answers, and nothing was ever stored there."""


class FullDestinationError(DestinationError):
    """A destination, or the disk that is needed on the way to it, has no space left."""

    code = 4


class PassphraseError(BackupError):
    """The repository was made with another passphrase."""

    code = 8
