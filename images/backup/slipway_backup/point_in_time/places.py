"""Where chains are kept: a repository of their own in each destination, so that nobody waits for the sets' one."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

from slipway_backup.destinations import repository
from slipway_backup.errors import AbsentRepositoryError, BusyError, DestinationError
from slipway_backup.lock import exclusive
from slipway_backup.point_in_time.chain import Window, windows
from slipway_backup.point_in_time.state import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slipway_backup.config import Config
    from slipway_backup.report import Report
    from slipway_backup.restic import Repository

_PATIENCE_S: Final = 600.0
_POLL_S: Final = 0.2


def places(config: Config, only: str | None = None) -> list[Repository]:
    """Return the repository of each destination."""
    found = []
    for part in config.destinations:
        if only not in {None, part.name}:
            continue
        own = repository(part, config)
        location = str(Path(own.location).with_name(FOLDER)) if part.kind == "local" else f"{own.location}/{FOLDER}"
        found.append(replace(own, location=location, cache=config.work / FOLDER / "cache"))
    return found


def all_windows(config: Config, report: Report) -> list[Window]:
    """Return the chains of all destinations. One that can't be asked is warned of.

    Raises:
        DestinationError: None could be asked.
    """
    there = {}
    failed: list[DestinationError] = []
    for place in places(config):
        try:
            there[place.name] = place.snapshots()
        except DestinationError as error:
            report.warning(str(error))
            failed.append(error)
    if failed and not there:
        raise failed[0]
    return windows(there)


def read_all(config: Config, report: Report, only: str | None = None) -> None:
    """Read all that is stored of chains, and look for damage; what is stored meanwhile is left to the next time.

    Args:
        config: The configuration.
        report: Takes the phases.
        only: A destination's name.

    Raises:
        BusyError: Somebody removes chains, or reads them to restore, and does not end.
        DestinationError: There is damage, or a destination can't be asked.
    """
    for place in places(config, only):
        report.phase("read-all", destination=f"{place.name}, point in time")
        with undisturbed(config, "all that is stored for a point in time is read"):
            try:
                place.check(read_all=True)
            except AbsentRepositoryError:
                continue  # the first base backup is on its way
            except DestinationError as error:
                raise type(error)(f"point in time: {error}") from None


@contextmanager
def undisturbed(config: Config, what: str, patience_s: float = _PATIENCE_S) -> Iterator[None]:
    """Hold off whoever removes from the repositories, while something is read from them; and the other way round.

    Raises:
        BusyError: The other one did not end in time.
    """
    deadline = monotonic() + patience_s
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(exclusive(config.work / FOLDER / "lock", what))
                break
            except BusyError:
                if monotonic() >= deadline:
                    raise
                sleep(_POLL_S)
        yield
