"""Keys that requests must bring: ``Authorization: Bearer <key>``, or ``X-Api-Key: <key>``.

The keys stand in files that the configuration includes, never in its own text, which the stack's state shows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Final

from components.nginx.model import CONFIG_FOLDER, ApiKey, GatewayRoute
from components.nginx.tree import Directive, block, line

HEADERS: Final = ("Authorization", "X-Api-Key")
"""The headers in which keys come; what is behind the gateway does not get them."""
_REFUSAL: Final = {
    "error": {"message": "a valid key is needed", "type": "invalid_request_error", "code": "invalid_api_key"}
}
"""As OpenAI's API says it, so that its clients can."""


def maps(routes: Sequence[GatewayRoute]) -> Iterable[Directive]:
    """Yield the variables that say whether a request brought a key."""
    keys = {route.api_key.name: route.api_key for route in routes if route.api_key is not None}
    for name, key in sorted(keys.items()):
        yield block(
            "map",
            [line("default", "0"), line("include", f"{CONFIG_FOLDER}/{key.file}")],
            "$http_authorization|$http_x_api_key",
            f"$slipway_key_{name}",
        )
        yield block(
            "map", [line("default", "Bearer"), line("1", "")], f"$slipway_key_{name}", f"$slipway_ask_for_{name}"
        )


def of_route(route: GatewayRoute) -> Iterable[Directive]:
    """Yield what turns away a request without the route's key."""
    if route.api_key is not None:
        yield line("default_type", "application/json")
        refuse = line("return", "401", json.dumps(_REFUSAL) + "\n")
        yield block("if", [refuse], f"$slipway_key_{route.api_key.name}", "!=", "1")


def header_of(key: ApiKey) -> Directive:
    """Return the header that says what was missing; it is empty, and not sent, where nothing was."""
    return line("add_header", "WWW-Authenticate", f"$slipway_ask_for_{key.name}", "always")


def key_file(key: str) -> str:
    """Return the file that a map includes: a pattern for each header.

    A plain text would be compared without regard to case. What is no letter or digit is written by its number, since
    nginx and its patterns have meanings of their own for some.
    """
    escaped = re.sub(r"[^A-Za-z0-9]", lambda match: "".join(f"\\x{byte:02x}" for byte in match[0].encode()), key)
    return f'"~^(?i:bearer)\\x20{escaped}\\|" 1;\n"~\\|{escaped}$" 1;\n'
