"""The operations on single resources of which a deployment consists."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.provider import PropertyDiff
    from engine.state import Entry


class Op(StrEnum):
    """What a step does, in Pulumi's words."""

    SAME = "same"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    REPLACE = "replace"
    CREATE_REPLACEMENT = "create-replacement"
    DELETE_REPLACED = "delete-replaced"
    READ = "read"
    READ_REPLACEMENT = "read-replacement"
    REFRESH = "refresh"
    DISCARD = "discard"
    DISCARD_REPLACED = "discard-replaced"
    REMOVE_PENDING_REPLACE = "remove-pending-replace"
    IMPORT = "import"
    IMPORT_REPLACEMENT = "import-replacement"


LOGICAL: Final = frozenset({Op.SAME, Op.CREATE, Op.UPDATE, Op.DELETE, Op.REPLACE, Op.READ, Op.DISCARD, Op.IMPORT})
"""What a person counts; the rest are the mechanics of a replacement."""

UNCHANGED: Final = frozenset({Op.SAME, Op.READ, Op.READ_REPLACEMENT, Op.DISCARD})
"""What ``--expect-no-changes`` passes over."""

DELETES: Final = frozenset({Op.DELETE, Op.DELETE_REPLACED, Op.DISCARD, Op.DISCARD_REPLACED})


@dataclass(eq=False)
class Step:
    """One operation on one resource."""

    op: Op
    old: Entry | None
    new: Entry | None
    keys: Sequence[str] = ()
    """Why it is replaced: top-level names, or Pulumi's special words."""
    diffs: Sequence[str] = ()
    """The top-level names that differ."""
    detailed: Mapping[str, PropertyDiff] | None = None
    supersedes: bool = False
    """A replacement that is created first: the old entry waits for its deletion at the end."""
    precedes: bool = False
    """A deletion before the replacement is created: the old entry stays, marked as pending replacement."""
    ignore_changes: Sequence[str] = field(default_factory=list)

    @property
    def entry(self) -> Entry:
        """The entry that the step is about: the new one where there is one."""
        entry = self.new or self.old
        if entry is None:
            raise AssertionError("a step without old and new state")
        return entry

    @property
    def urn(self) -> str:
        """The resource's URN."""
        return self.entry.urn

    @property
    def logical(self) -> bool:
        """Whether a person would count it."""
        return self.op in LOGICAL


def delete_op(entry: Entry, *, replacing: bool) -> Op:
    """How the removal of an entry is called; what was only read is forgotten, not deleted."""
    if entry.external:
        return Op.DISCARD_REPLACED if replacing else Op.DISCARD
    return Op.DELETE_REPLACED if replacing else Op.DELETE
