"""The process that stays: it runs what is due, one at a time, each in a process of its own, and serves the metrics."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from slipway_backup import history, metrics

if TYPE_CHECKING:
    from slipway_backup.config import Config

HEARTBEAT: Final = Path("/tmp/heartbeat")  # noqa: S108 - memory of the container
_BEAT_S: Final = 5.0
_DEAD_S: Final = 60.0
_GRACE_S: Final = 10.0


def next_after(expression: str, timezone: str, moment: datetime) -> datetime:
    """Return when a cron expression is due next after a moment."""
    from croniter import croniter  # noqa: PLC0415 - only where it is needed

    due: datetime = croniter(expression, moment.astimezone(ZoneInfo(timezone))).get_next(datetime)
    return due


def missed(config: Config, now: datetime) -> bool:
    """Return whether a backup was due while nothing ran: then it is made at once, and not a day later."""
    newest = history.last(history.entries(config), history.RUN, *metrics.GOOD, "failed")
    if config.schedule is None or newest is None:
        return False
    return next_after(config.schedule, config.timezone, history.moment_of(newest["started"])) <= now


def serve(config: Config) -> int:
    """Run until a signal comes."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    server = _metrics_server(config)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    if config.point_in_time is not None:
        threading.Thread(target=_keep, args=(("keep-log",), ended), name="keep-log").start()
    due = {name: next_after(expression, config.timezone, history.now()) for name, expression in _jobs(config).items()}
    if "run" in due and missed(config, history.now()):
        due["run"] = history.now()
    for name, moment in due.items():
        print(f"next {name}: {moment:%Y-%m-%d %H:%M %Z}", flush=True)
    while not ended.is_set():
        HEARTBEAT.touch()
        for name, moment in list(due.items()):
            if moment <= history.now() and not ended.is_set():
                _run(_COMMANDS[name], ended)
                due[name] = next_after(_jobs(config)[name], config.timezone, history.now())
                print(f"next {name}: {due[name]:%Y-%m-%d %H:%M %Z}", flush=True)
        ended.wait(_BEAT_S)
    server.shutdown()
    return 0


def health() -> int:
    """Return 0 while the loop goes round."""
    try:
        age = time.time() - HEARTBEAT.stat().st_mtime
    except FileNotFoundError:
        return 1
    return int(age > _DEAD_S)


_COMMANDS: Final = {"run": ("run", "--trigger", "schedule"), "read-all": ("verify", "latest", "--read-all")}


def _jobs(config: Config) -> dict[str, str]:
    jobs = {"run": config.schedule, "read-all": config.read_all}
    return {name: expression for name, expression in jobs.items() if expression}


def _run(command: tuple[str, ...], ended: threading.Event) -> None:
    """Run a command as a process, so that no fault of it ends this one; pass the end of this one on."""
    process = subprocess.Popen([sys.executable, "-m", "slipway_backup", *command])
    while process.poll() is None and not ended.is_set():
        HEARTBEAT.touch()
        _wait(process, 1.0)
    if process.poll() is None:
        process.terminate()
        _wait(process, _GRACE_S)
        process.kill()
        process.wait()
    if process.returncode:
        print(f"{command[0]} ended with {process.returncode}", flush=True)


def _keep(command: tuple[str, ...], ended: threading.Event) -> None:
    """Run a command that stays, and again when it has ended."""
    while not ended.is_set():
        process = subprocess.Popen([sys.executable, "-m", "slipway_backup", *command])
        while process.poll() is None and not ended.is_set():
            ended.wait(1.0)
        if process.poll() is None:
            process.terminate()
            _wait(process, _GRACE_S)
            process.kill()
            process.wait()
        else:
            print(f"{command[0]} ended with {process.returncode}; it is started again", flush=True)
            ended.wait(_BEAT_S)


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=seconds)


def _metrics_server(config: Config) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        """Answers /metrics."""

        def do_GET(self) -> None:
            if self.path != "/metrics":
                self.send_error(404)
                return
            body = metrics.render(config).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing: it is asked every few seconds."""

    return ThreadingHTTPServer(("0.0.0.0", config.metrics_port), Handler)  # noqa: S104 - its networks are internal
