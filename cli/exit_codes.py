"""What commands end with: the Pulumi CLI's own codes, whichever engine worked."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes; documented in docs/operations.md."""

    OK = 0
    FAILED = 1
    """The operation failed, the stack is locked, the passphrase is wrong, or something is unhealthy."""
    USAGE = 2
    """Wrong arguments or description, or a question that nobody is there to answer."""
    RESOURCE = 4
    """Passed on from the Pulumi CLI, which ends with 1 for most resources that fail."""
    NO_STACK = 6
    """There is no such stack."""
    UNEXPECTED_CHANGES = 7
    """``--expect-no-changes``, and there were some."""
    CANCELLED = 8
    """Stopped by the user."""
    BUG = 255
    """An error in Slipway itself."""
