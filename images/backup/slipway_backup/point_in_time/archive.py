"""``slipway-backup keep-log``: stays, and keeps the chains of all databases going."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from slipway_backup.errors import ConfigError
from slipway_backup.point_in_time import state
from slipway_backup.point_in_time.keeper import Keeper

if TYPE_CHECKING:
    from slipway_backup.config import Config
    from slipway_backup.report import Report

_LOOK_S: Final = 0.5


def serve(config: Config, report: Report) -> int:
    """Run until a signal comes.

    Raises:
        ConfigError: Nothing of the kind is configured.
    """
    if config.point_in_time is None:
        raise ConfigError("point_in_time is not configured")
    (config.work / state.FOLDER).mkdir(parents=True, exist_ok=True)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="worker")
    keepers = [Keeper(config, part, config.point_in_time, worker, report) for part in state.databases(config)]
    threading.Thread(target=_look_after, args=(keepers, ended), name="receivers", daemon=True).start()
    due = 0.0
    while not ended.is_set():
        # What a worker has finished is taken at once: until then it covers nothing.
        if time.monotonic() >= due or state.asked(config) or any(keeper.waits for keeper in keepers):
            due = time.monotonic() + config.point_in_time.ship_every_s
            for keeper in keepers:
                if not ended.is_set():
                    keeper.tick()
        ended.wait(_LOOK_S)
    worker.shutdown(wait=False, cancel_futures=True)
    for keeper in keepers:
        keeper.stop()
    return 0


def _look_after(keepers: list[Keeper], ended: threading.Event) -> None:
    """Keep receivers running and disks free while a turn takes its time: a destination may hang for minutes."""
    while not ended.wait(_LOOK_S):
        for keeper in keepers:
            # A file that was counted may be gone by then; the next look counts anew.
            with contextlib.suppress(OSError):
                keeper.look_after()
