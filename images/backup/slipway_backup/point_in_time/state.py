"""What is known of each database's chain: written by whoever keeps it, read by the metrics and ``slipway status``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from slipway_backup import files
from slipway_backup.point_in_time.chain import moment_of, now

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from slipway_backup.config import Config, Part

FOLDER: Final = "point-in-time"
_FILE: Final = "state.json"
_ASK: Final = "ask"
NONE_YET: Final = "the first base backup is not stored yet"


@dataclass
class State:
    """What is known of one database. Moments are written by :func:`chain.stamp`; empty is none."""

    begun: str = ""
    """Since when log is kept at all."""
    chain: str = ""
    """The chain that goes on."""
    first: str = ""
    system: str = ""
    superuser: str = ""
    major: int = 0
    base_bytes: int = 0
    until: str = ""
    """Everything that was acknowledged before is in every destination."""
    lsn: str = ""
    transactions: str = ""
    """Which transactions had ended then."""
    observed: str = ""
    """Until when no other has ended since."""
    oldest: str = ""
    """Since when moments can be restored."""
    verified: str = ""
    """When it was restored to prove it."""
    error: str = ""
    """Why the last turn failed."""
    slot_bytes: int = 0
    """How much log the server keeps for us."""
    lost: int = 0
    """How often log was lost, so that a new chain began."""
    ticks: int = 0
    """Turns that were ended."""

    @property
    def covered(self) -> datetime | None:
        """Until when every acknowledged write is stored away."""
        text = max(self.until, self.observed) if self.until else ""
        return moment_of(text) if text else None

    def exposure_s(self, moment: datetime | None = None) -> float | None:
        """Return of how many seconds writes would be lost with the host."""
        since = self.covered or (moment_of(self.begun) if self.begun else None)
        return None if since is None else max(0.0, ((moment or now()) - since).total_seconds())

    def document(self) -> dict[str, Any]:
        """Return it for JSON."""
        exposure = self.exposure_s()
        covered = self.covered
        return {
            "since": moment_of(self.oldest).isoformat() if self.oldest else None,
            "until": covered.isoformat() if covered else None,
            "exposure_s": None if exposure is None else round(exposure, 1),
            "verified": self.verified or None,
            "slot_bytes": self.slot_bytes,
            "lost": self.lost,
            "error": self.error or (None if self.until else NONE_YET),
        }


def databases(config: Config) -> list[Part]:
    """Return the stores whose log is kept."""
    return [part for part in config.stores if "log_user" in part.options] if config.point_in_time else []


def folder_of(config: Config, store: str) -> Path:
    """Return where everything of a store lies."""
    return config.work / FOLDER / store


def read(config: Config, store: str) -> State:
    """Return what is known of a store."""
    try:
        content = json.loads((folder_of(config, store) / _FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return State()
    known = {item.name for item in fields(State)}
    return State(**{key: value for key, value in content.items() if key in known})


def write(config: Config, store: str, state: State) -> None:
    """Write down what is known."""
    files.write(folder_of(config, store) / _FILE, json.dumps(asdict(state)))


def ask(config: Config) -> None:
    """Ask for a turn now."""
    (config.work / FOLDER / _ASK).touch()


def asked(config: Config) -> bool:
    """Return whether somebody asked; once."""
    file = config.work / FOLDER / _ASK
    if not file.exists():
        return False
    file.unlink(missing_ok=True)
    return True
