"""The text of alertmanager.yml. It holds the receivers' addresses, so that all of it is secret."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from components.prometheus.config import Timing, duration

_TITLE: Final = "[{{ .Status | toUpper }}] {{ .CommonLabels.alertname }}"
_TEXT: Final = "{{ range .Alerts }}{{ .Annotations.summary }}\n{{ .Annotations.do }}\n{{ end }}"


@dataclass(frozen=True, kw_only=True)
class Mail:
    """Where alerts are mailed to."""

    to: str
    sender: str
    server: str
    user: str | None = None
    tls: bool = True


@dataclass(frozen=True, kw_only=True)
class Notify:
    """Somebody who is told of alerts; what is secret (an address, a mail server's password) comes beside it."""

    way: str
    """``webhook``, ``slack`` or ``email``."""
    severities: Sequence[str] = ("warning", "critical")
    """Which alerts."""
    repeat_s: float = 14_400.0
    """When one that goes on is told again, in seconds."""
    channel: str | None = None
    """Slack's channel."""
    mail: Mail | None = None
    """Of ``email``."""


def alertmanager_config(receivers: Mapping[str, Notify], secrets: Mapping[str, str], timing: Timing) -> str:
    """Return the text of the configuration; JSON is YAML.

    Args:
        receivers: Who is told, by name.
        secrets: The address, or the mail server's password, by the receiver's name.
        timing: Alerts of one kind that come within ``hold_s`` of each other are told together.
    """
    together = duration(max(1.0, min(30.0, timing.hold_s)))
    content = {
        "route": {
            "receiver": "nobody",
            "group_by": ["alertname", "part"],
            "group_wait": together,
            "group_interval": duration(max(1.0, min(300.0, 2 * timing.hold_s))),
            "routes": [
                {
                    "receiver": name,
                    "matchers": [f'severity=~"{"|".join(notify.severities)}"'],
                    "repeat_interval": duration(notify.repeat_s),
                    "continue": True,
                }
                for name, notify in receivers.items()
            ],
        },
        "receivers": [
            {"name": "nobody"},
            *({"name": name, **_receiver(notify, secrets.get(name))} for name, notify in receivers.items()),
        ],
    }
    return json.dumps(content, indent=1) + "\n"


def _receiver(notify: Notify, secret: str | None) -> dict[str, Any]:
    if notify.way == "webhook":
        return {"webhook_configs": [{"url": secret, "send_resolved": True}]}
    if notify.way == "slack":
        slack: dict[str, Any] = {"api_url": secret, "send_resolved": True, "title": _TITLE, "text": _TEXT}
        return {"slack_configs": [slack | ({"channel": notify.channel} if notify.channel else {})]}
    mail = notify.mail
    assert mail is not None  # noqa: S101 - the description was checked
    config: dict[str, Any] = {
        "to": mail.to,
        "from": mail.sender,
        "smarthost": mail.server,
        "require_tls": mail.tls,
        "send_resolved": True,
        "headers": {"Subject": _TITLE},
    }
    if mail.user is not None:
        config |= {"auth_username": mail.user, "auth_password": secret or ""}
    return {"email_configs": [config]}
