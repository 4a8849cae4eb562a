"""What a restore restores, and what it did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from operate.errors import OperateError
from operate.moments import covering

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from operate.outside_postgres import Outside


class RestoreRefused(OperateError):  # noqa: N818 - named as what it reports
    """Nothing was touched."""


@dataclass(frozen=True)
class Source:
    """What is restored."""

    set_id: str | None
    """A backup; ``None`` for a file."""
    stores: Mapping[str, Mapping[str, Any]]
    """What it has, by name: the manifest's records of those that are restored."""
    left_out: Sequence[str] = ()
    """What it has and a restore does not bring back, each with its kind."""
    taken: str = ""
    """When it was made."""
    verified: bool = False
    file: str | None = None
    """Path in the backup container of a file that was given."""
    name: str = ""
    """What the user calls that file."""
    moment: str = ""
    """The moment that databases are restored to, as ISO 8601; empty for a backup or a file."""


@dataclass(frozen=True)
class Stores:
    """What a description says of the stores."""

    users: Mapping[str, frozenset[str]]
    """By store, the parts that use it."""
    databases: Mapping[str, str]
    """By store, the name of the database on its server, those that others run among them."""
    outside: Mapping[str, Outside] = field(default_factory=dict)
    """Where those are that others run."""


@dataclass
class Done:
    """What a restore did."""

    safety: str | None = None
    """The backup that was made before."""
    kept: dict[str, str] = field(default_factory=dict)
    """By store, how what was live before is called now."""
    rows: dict[str, int] = field(default_factory=dict)
    held_s: float = 0.0
    reached: dict[str, str | None] = field(default_factory=dict)
    """By database that was restored to a moment, when the last transaction in it ended."""


def of_moment(
    windows: Sequence[Mapping[str, Any]], databases: Mapping[str, str], moment: datetime, only: Sequence[str]
) -> Source:
    """Return what restores databases to a moment.

    Args:
        windows: What ``slipway-backup moments`` says that there is.
        databases: By store, the name of the database on its server.
        moment: The moment.
        only: Databases; all whose moments are kept where it is empty.

    Raises:
        RestoreRefused: Something else is asked for than a database whose moments are kept.
        WrongMoment: One has no such moment.
    """
    known = sorted({str(item["store"]) for item in windows} & set(databases))
    if not known:
        raise RestoreRefused(
            "no database has moments that can be restored\n"
            "  fix: backups: {point_in_time: true} (docs/backups.md), slipway up, and wait for the first base backup"
        )
    if other := [name for name in only if name not in known]:
        raise RestoreRefused(
            f"--to restores databases, and no moments are kept of {', '.join(other)}\n  allowed: {', '.join(known)}"
        )
    chosen = {name: covering(windows, name, moment) for name in known if not only or name in only}
    return Source(
        None,
        {name: {"name": name, "kind": "postgres", "bytes": 0, "content": {}} for name in chosen},
        verified=all(item["verified"] for item in chosen.values()),
        moment=moment.isoformat(),
    )
