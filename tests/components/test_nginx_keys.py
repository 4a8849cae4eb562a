"""Keys of routes: read back by the parser, and tried on what requests bring."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import crossplane
import pytest

from components import GatewayRoute, Server
from components.nginx import ApiKey, Backend, key_file, render

if TYPE_CHECKING:
    from pathlib import Path

KEY = ApiKey(name="llm_key", file="@files/key-llm_key")
API = {"api": [Backend(address="10.0.0.1:80")]}
Block = list[dict[str, Any]]


def parsed(tmp_path: Path, *routes: GatewayRoute) -> Block:
    """Return the directives of the http block."""
    file = tmp_path / "nginx.conf"
    file.write_text(render(routes, API, Server()), encoding="utf-8")
    found = crossplane.parse(str(file), single=True)
    assert found["status"] == "ok", found["errors"]
    return next(item["block"] for item in found["config"][0]["parsed"] if item["directive"] == "http")


def location(http: Block, path: str) -> Block:
    """Return a location of the gateway's own server."""
    servers = [item["block"] for item in http if item["directive"] == "server"]
    found = [item for block in servers for item in block if item["directive"] == "location" and item["args"] == [path]]
    return next(item["block"] for item in found if len(item["block"]) > 1)


def test_a_request_without_the_key_gets_401(tmp_path: Path) -> None:
    """With what OpenAI's clients read, and the header that HTTP asks for."""
    http = parsed(tmp_path, GatewayRoute(upstream="api", path="/v1/", api_key=KEY))
    block = location(http, "/v1/")
    refusal = next(item for item in block if item["directive"] == "if" and "$slipway_key_llm_key" in item["args"])
    assert refusal["args"] == ["$slipway_key_llm_key", "!=", "1"]
    assert refusal["block"][0]["args"][0] == "401"
    headers = {item["args"][0]: item["args"][1] for item in block if item["directive"] == "add_header"}
    assert headers["WWW-Authenticate"] == "$slipway_ask_for_llm_key"
    assert headers["X-Request-Id"] == "$slipway_id"


def test_what_is_behind_the_gateway_does_not_get_the_key(tmp_path: Path) -> None:
    """An author's own header for it stays."""
    given = {"Authorization": "Basic own"}
    http = parsed(tmp_path, GatewayRoute(upstream="api", path="/v1/", api_key=KEY, request_headers=given))
    passed = {
        item["args"][0]: item["args"][1] for item in location(http, "/v1/") if item["directive"] == "proxy_set_header"
    }
    assert (passed["Authorization"], passed["X-Api-Key"]) == ("Basic own", "")


def test_routes_with_one_key_share_its_map(tmp_path: Path) -> None:
    """The key stands in a file that is included, and not in the configuration."""
    routes = [GatewayRoute(upstream="api", path=path, api_key=KEY) for path in ("/v1/", "/api/")]
    maps = [
        item for item in parsed(tmp_path, *routes) if item["directive"] == "map" and "$slipway_key" in item["args"][1]
    ]
    assert len(maps) == 1
    assert maps[0]["args"] == ["$http_authorization|$http_x_api_key", "$slipway_key_llm_key"]
    assert {item["directive"]: item["args"] for item in maps[0]["block"]} == {
        "default": ["0"],
        "include": ["/etc/nginx/conf.d/@files/key-llm_key"],
    }


def test_without_a_key_nothing_of_it_is_there() -> None:
    """Configurations of those who use none stay as they are."""
    assert "slipway_key" not in render([GatewayRoute(upstream="api")], API, Server())


def accepts(key: str, authorization: str, x_api_key: str) -> bool:
    """Whether nginx would find a match; PCRE and Python agree on these patterns."""
    patterns = re.findall(r'^"~(.*)" 1;$', key_file(key), re.MULTILINE)
    assert len(patterns) == 2
    return any(re.search(pattern, f"{authorization}|{x_api_key}") for pattern in patterns)


@pytest.mark.parametrize("key", ["abcDEF123", 'a"b\\c$d{e};|f (g) ^h*', "schlüssel-7"])
def test_only_the_very_key_is_accepted(key: str) -> None:
    """Whatever characters it has; with regard to case, unlike nginx's plain texts."""
    key = key.encode().decode("latin-1")  # nginx compares bytes
    assert accepts(key.encode("latin-1").decode(), f"Bearer {key}", "")
    assert accepts(key.encode("latin-1").decode(), f"bearer {key}", "")
    assert accepts(key.encode("latin-1").decode(), "", key)
    for authorization, header in [
        ("", ""),
        (key, ""),
        (f"Bearer {key}x", ""),
        (f"Bearer x{key}", ""),
        (f"Basic {key}", ""),
        (f"Bearer {key.swapcase()}", ""),
        ("", f"x{key}"),
        ("", f"{key}x"),
    ]:
        assert not accepts(key.encode("latin-1").decode(), authorization, header), (authorization, header)


def test_no_key_can_end_the_text_that_it_stands_in() -> None:
    """Nothing of it is read as configuration."""
    for line in key_file('x" 1; } http {').splitlines():
        assert re.fullmatch(r'"~[^"]*" 1;', line)
