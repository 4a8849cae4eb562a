"""One JSON object a line on standard output; secrets are cut out of every line, whoever wrote it."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sample.config import Config

log = logging.getLogger("sample")
"""The sample's own logger; fields go in `extra`."""

_STANDARD = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON line with the time, level, message, the fixed fields and the record's own."""

    def __init__(self, fixed: dict[str, str], secrets: tuple[str, ...]) -> None:
        """Remember the fields that every line carries and the texts that none may."""
        super().__init__()
        self._fixed = fixed
        # Longest first: a URL goes before the password within it.
        self._secrets = sorted(secrets, key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields: dict[str, object] = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **self._fixed,
            **{key: value for key, value in record.__dict__.items() if key not in _STANDARD},
        }
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        line = json.dumps(fields, default=str, ensure_ascii=False)
        for secret in self._secrets:
            # Within the line a secret stands as JSON writes it, so both forms are looked for.
            for form in {secret, json.dumps(secret, ensure_ascii=False)[1:-1]}:
                line = line.replace(form, "***")
        return line


def set_up_logging(config: Config, role: str) -> None:
    """Send every logger's lines to standard output as JSON, at the configured level."""
    handler = logging.StreamHandler(sys.stdout)
    fixed = {"role": role, "release": config.release, "replica": config.replica}
    handler.setFormatter(JsonFormatter(fixed, config.secrets))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(config.log_level)
    # One line a request is the gateway's to write.
    logging.getLogger("aiohttp.access").setLevel(max(root.level, logging.WARNING))
