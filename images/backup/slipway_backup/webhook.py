"""Tells somebody how a run ended. Who can't be told does not make a good run a bad one."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Final

from slipway_backup import history
from slipway_backup.config import Config, read_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slipway_backup.report import Report

_TRIES: Final = 3
_ANSWERS_S: Final = 10.0
_MIB: Final = 1 << 20
_WORDS: Final = {history.RUN: "Backup", history.READ_ALL: "Reading all backups", history.LOG: "Point in time"}


def tell(config: Config, entry: Mapping[str, Any], report: Report) -> None:
    """Send one message, if this end of a run is one to be told of. Its address is a secret and never shown."""
    hook = config.webhook
    outcome = "failure" if entry["result"] == "failed" else "success"
    if hook is None or outcome not in hook.on:
        return
    body = json.dumps(message(config, entry, hook.template)).encode()
    problem = ""
    for _ in range(_TRIES):
        try:
            request = urllib.request.Request(  # noqa: S310 - an address of the platform's own description
                read_secret(hook.url_file), data=body, headers={"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=_ANSWERS_S):  # noqa: S310 - an address of the platform's own description
                return
        except urllib.error.HTTPError as error:
            problem = f"it answers {error.code}"
        except (OSError, ValueError) as error:
            problem = type(getattr(error, "reason", error)).__name__
    report.warning(f"the webhook could not be told: {problem}")


def message(config: Config, entry: Mapping[str, Any], template: str) -> dict[str, Any]:
    """Return what is sent: all that is known, or a sentence for people."""
    if template == "json":
        return {"project": config.project, "stack": config.stack, "platform": config.platform, **entry}
    store = entry.get("store")
    what = _WORDS[entry["what"]] + (f" of {store}" if store else "")
    where = f"{what} of {config.platform} ({config.stack})"
    if entry["result"] == "failed":
        return {"text": f":red_circle: {where} failed: {_escaped(entry['message'])}"}
    seconds = sum(entry.get("seconds", {}).values())
    size = f", {entry['bytes'] / _MIB:.1f} MiB" if "bytes" in entry else ""
    return {"text": f":large_green_circle: {where} {entry['result']}: {entry.get('id', '')}{size}, {seconds:.0f} s"}


def _escaped(text: str) -> str:
    """Return a text in which Slack sees no links or mentions: a tool's message may have anything in it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
