"""Which sets there are, in all destinations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from slipway_backup import files, manifest
from slipway_backup.destinations import repositories
from slipway_backup.errors import BackupError, DestinationError, NoSuchSetError

if TYPE_CHECKING:
    from slipway_backup.config import Config
    from slipway_backup.manifest import Manifest
    from slipway_backup.report import Report
    from slipway_backup.restic import Repository, Snapshot


@dataclass
class Listed:
    """A set, and where it is."""

    id: str
    trigger: str
    places: dict[str, Snapshot] = field(default_factory=dict)
    """By the destination's name."""
    manifest: Manifest | None = None

    @property
    def verified(self) -> str | None:
        """When it was verified, or nothing."""
        return max((item.verified for item in self.places.values() if item.verified), default=None)

    def document(self) -> dict[str, Any]:
        """Return it for JSON."""
        found = self.manifest
        return {
            "id": self.id,
            "trigger": self.trigger,
            "verified": self.verified,
            "destinations": sorted(self.places),
            **(
                {"started": found.started, "seconds": found.seconds, "bytes": found.bytes}
                | {"stores": {store.name: store.kind for store in found.stores}}
                if found
                else {}
            ),
        }


def sets(config: Config, report: Report, only: str | None = None, *, manifests: bool = True) -> list[Listed]:
    """Return the sets of all destinations, the newest first. A destination that can't be asked is warned of.

    Raises:
        DestinationError: None could be asked.
    """
    found: dict[str, Listed] = {}
    places = {place.name: place for place in repositories(config, only)}
    failed: list[DestinationError] = []
    for place in places.values():
        try:
            there = place.snapshots()
        except DestinationError as error:
            report.warning(str(error))
            failed.append(error)
            continue
        for snapshot in there:
            listed = found.setdefault(snapshot.id, Listed(snapshot.id, snapshot.trigger))
            listed.places[place.name] = snapshot
    if len(failed) == len(places):
        raise failed[0]
    if manifests:
        for listed in found.values():
            name, snapshot = next(iter(listed.places.items()))
            listed.manifest = read_manifest(config, places[name], snapshot, report)
    return sorted(found.values(), key=lambda item: item.id, reverse=True)


def choose(config: Config, wanted: str, report: Report, only: str | None = None) -> tuple[Listed, Repository]:
    """Return a set and a destination that has it.

    Args:
        config: The configuration.
        wanted: An id, or ``latest``: the newest verified set, or the newest where none was verified.
        report: Takes warnings.
        only: A destination's name.

    Raises:
        NoSuchSetError: There is none.
    """
    there = sets(config, report, only, manifests=False)
    if wanted == "latest":
        chosen = next((item for item in there if item.verified), there[0] if there else None)
    else:
        chosen = next((item for item in there if item.id == wanted), None)
    if chosen is None:
        shown = ", ".join(item.id for item in there[:5]) or "none yet: slipway backup makes one"
        raise NoSuchSetError(f"there is no backup {wanted}; there are: {shown}")
    name = next(iter(chosen.places))
    return chosen, repositories(config, name)[0]


def read_manifest(config: Config, place: Repository, snapshot: Snapshot, report: Report) -> Manifest | None:
    """Return a set's manifest, kept here once it was read; nothing, with a warning, if it can't be."""
    kept = config.work / "manifests" / f"{snapshot.id}.json"
    if kept.exists():
        return manifest.parse(kept.read_bytes(), str(kept))
    try:
        text = place.read(snapshot, manifest.NAME)
        found = manifest.parse(text, f"{snapshot.id}/{manifest.NAME}")
    except BackupError as error:
        report.warning(str(error))
        return None
    kept.parent.mkdir(parents=True, exist_ok=True)
    files.write(kept, text)
    return found
