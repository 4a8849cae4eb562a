"""Metrics in Prometheus's text form, from what is written down of earlier runs: a restart loses none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from slipway_backup import history, lock

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
    return "\n".join(lines) + "\n"


def _head(lines: list[str], name: str, meaning: str) -> None:
    lines += [f"# HELP {PREFIX}{name} {meaning}.", f"# TYPE {PREFIX}{name} gauge"]


def _one(lines: list[str], name: str, meaning: str, value: float) -> None:
    _head(lines, name, meaning)
    lines.append(f"{PREFIX}{name} {value:.15g}")


def _time(lines: list[str], name: str, meaning: str, entry: Mapping[str, Any] | None) -> None:
    moment = history.moment_of(entry["ended"]).timestamp() if entry else 0.0
    _one(lines, f"{name}_timestamp_seconds", f"When last: {meaning[0].lower()}{meaning[1:]}", moment)
