"""What a user is told when something can't be done: a text without traceback, and the exit code."""

from __future__ import annotations

from typing import ClassVar


class OperateError(Exception):
    """Something that the user can mend; the text says how and holds no secret."""

    exit_code: ClassVar[int] = 1
    """What the command ends with, as the Pulumi CLI would."""
