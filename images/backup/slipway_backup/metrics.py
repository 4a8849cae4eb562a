"""Metrics in Prometheus's text form, from what is written down of earlier runs: a restart loses none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from slipway_backup import history, lock
from slipway_backup.point_in_time import state
from slipway_backup.point_in_time.chain import moment_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slipway_backup.config import Config

PREFIX: Final = "slipway_backup_"
GOOD: Final = ("verified", "stored")


def render(config: Config) -> str:
    """Return the text of all metrics. Times that are not known yet are 0."""
    found = history.entries(config)
    good = history.last(found, history.RUN, *GOOD)
    newest = history.last(found, history.RUN, *GOOD, "failed")
    lines: list[str] = []
    _time(lines, "last_success", "A set was stored in every destination", good)
    _time(lines, "last_verified", "A set was verified", history.last(found, history.RUN, "verified"))
    _time(lines, "last_failure", "A run failed", history.last(found, history.RUN, "failed"))
    _time(lines, "last_read_all", "All that is stored was read", history.last(found, history.READ_ALL, "verified"))
    well = newest is None or newest["result"] in GOOD
    _one(lines, "last_result", "Whether the newest run succeeded", float(well))
    _one(lines, "running", "Whether a run is going on", float(lock.is_held(config.work / "lock")))
    _one(
        lines,
        "alert_after_seconds",
        "From which age of the newest verified set it is time to act",
        config.alert_after_s,
    )
    content: Mapping[str, Any] = good or {}
    _one(lines, "size_bytes", "Size of the newest set", float(content.get("bytes", 0)))
    _head(lines, "duration_seconds", "How long the newest set took")
    for phase, seconds in sorted(content.get("seconds", {}).items()):
        lines.append(f'{PREFIX}duration_seconds{{phase="{phase}"}} {seconds}')
    _head(lines, "store_size_bytes", "Size of each store in the newest set")
    for name, store in sorted(content.get("stores", {}).items()):
        lines.append(f'{PREFIX}store_size_bytes{{store="{name}",kind="{store["kind"]}"}} {store["bytes"]}')
    if config.point_in_time is not None:
        _logs(lines, config)
    return "\n".join(lines) + "\n"


def _logs(lines: list[str], config: Config) -> None:
    """Add what is known of the write-ahead log of each database. What is not known yet is left out."""
    assert config.point_in_time is not None  # noqa: S101 - the only caller asks
    known = {part.name: state.read(config, part.name) for part in state.databases(config)}
    rows: dict[tuple[str, str], dict[str, float | None]] = {
        ("wal_exposure_seconds", "Seconds of writes that would be lost with the host"): {
            name: item.exposure_s() for name, item in known.items()
        },
        ("wal_base_timestamp_seconds", "When the newest base backup was made"): {
            name: moment_of(item.chain).timestamp() if item.chain else None for name, item in known.items()
        },
        ("wal_oldest_timestamp_seconds", "Since when moments can be restored"): {
            name: moment_of(item.oldest).timestamp() if item.oldest else None for name, item in known.items()
        },
        ("wal_slot_bytes", "Write-ahead log that the server keeps until it is fetched"): {
            name: item.slot_bytes for name, item in known.items()
        },
        ("wal_lost", "How often log was lost and a new chain began"): {name: item.lost for name, item in known.items()},
    }
    for (metric, meaning), values in rows.items():
        _head(lines, metric, meaning)
        lines += [
            f'{PREFIX}{metric}{{store="{name}"}} {value:.15g}' for name, value in values.items() if value is not None
        ]
    _one(
        lines,
        "wal_alert_after_seconds",
        "From how many seconds of exposure it is time to act",
        config.point_in_time.alert_after_s,
    )


def _head(lines: list[str], name: str, meaning: str) -> None:
    lines += [f"# HELP {PREFIX}{name} {meaning}.", f"# TYPE {PREFIX}{name} gauge"]


def _one(lines: list[str], name: str, meaning: str, value: float) -> None:
    _head(lines, name, meaning)
    lines.append(f"{PREFIX}{name} {value:.15g}")


def _time(lines: list[str], name: str, meaning: str, entry: Mapping[str, Any] | None) -> None:
    moment = history.moment_of(entry["ended"]).timestamp() if entry else 0.0
    _one(lines, f"{name}_timestamp_seconds", f"When last: {meaning[0].lower()}{meaning[1:]}", moment)
