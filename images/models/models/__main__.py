"""``fetch``: once, to its end. ``keep``: for ever. ``health``: whether a keeper is ready. ``status``: what it knows."""

from __future__ import annotations

import json
import signal
import sys
import threading
import urllib.error
import urllib.request

from models.config import Config, read
from models.keeper import Keeper, say
from models.ollama import OllamaError
from models.telling import serve

_USAGE = "usage: models fetch|keep|health|status"


def main(arguments: list[str]) -> int:
    """Do one of them; return the exit code."""
    commands = {"fetch": _fetch, "keep": _keep, "health": _health, "status": _status}
    if len(arguments) != 1 or arguments[0] not in commands:
        sys.stderr.write(_USAGE + "\n")
        return 2
    return commands[arguments[0]](read())


def _fetch(config: Config) -> int:
    keeper = Keeper(config)
    try:
        done = keeper.fetch()
    except OllamaError as error:
        say(str(error))
        return 1
    if not done:
        missing = [state for state in keeper.states.values() if state.error]
        say("\n".join(f"{state.model.name}: {state.error}" for state in missing) or "not all models are there")
    return 0 if done else 1


def _keep(config: Config) -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    keeper = Keeper(config)
    pages = serve(keeper, config.port)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    # A download in hand does not keep it from stopping: the server goes on where it was.
    threading.Thread(target=keeper.keep, args=(stop,), daemon=True).start()
    stop.wait()
    return 0


def _health(config: Config) -> int:
    status, text = _ask(config, "/ready")
    content = json.loads(text) if text.startswith("{") else {"models": []}
    waiting = [item for item in content["models"] if item["state"] != "present"]
    say(
        ", ".join(f"{item['name']} {item['state']} {item['progress']:.0%} {item['error']}".rstrip() for item in waiting)
    )
    return 0 if status == 200 else 1  # noqa: PLR2004 - HTTP's own number


def _status(config: Config) -> int:
    status, text = _ask(config, "/status")
    say(text.strip())
    return 0 if status == 200 else 1  # noqa: PLR2004 - as above


def _ask(config: Config, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{config.port}{path}", timeout=4) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
