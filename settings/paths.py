"""Where something stands in the description: ``services.api.env.DATABASE_URL``, ``gateway.routes[1].to``."""

from __future__ import annotations

import re
from typing import Final

Path = tuple[str | int, ...]
"""Keys of maps and indexes of lists, from the top of the description downwards."""

_PLAIN: Final = re.compile(r"[A-Za-z_][\w-]*")


def dotted(path: Path) -> str:
    """Write a path as people do; a key that is no plain word is quoted: ``services.api.files["/etc/app.conf"]``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text
