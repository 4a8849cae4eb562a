"""A database's login is rotated while clients use it: no failed request, and the old one is refused afterwards."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import NewPlatform
from tests.e2e.harness.blueprints import Blueprint, small
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.ports import free_port
from tests.e2e.harness.prober import Prober, get_release

pytestmark = pytest.mark.e2e

SERVER = """
import asyncio, os
import asyncpg
from aiohttp import web

async def ask(request):
    connection = await asyncpg.connect(open(os.environ["DATABASE_URL_FILE"]).read(), timeout=5)
    try:
        return web.Response(text=await connection.fetchval("select current_user"))
    finally:
        await connection.close()

async def health(request):
    return web.Response(text="ok")

app = web.Application()
app.add_routes([web.get("/health", health), web.get("/ask", ask)])
web.run_app(app, port=8000, print=None)
"""
"""Opens a new connection for every request, so that a login which is refused for a moment fails a request."""


def _blueprint(port: int) -> Blueprint:
    blueprint = small(port)
    blueprint["databases"] = {"main": {"health_interval": "1s", "stop_grace": "10s", "memory": "128MiB"}}
    del blueprint["caches"]
    blueprint["secrets"] = {"token": {"source": "generated"}}
    api = blueprint["services"]["api"]
    api["env"] = {"DATABASE_URL": "${databases.main.url}", "RELEASE": "one"}
    api["entrypoint"], api["command"] = ["python3"], ["-c", SERVER]
    api["secrets"] = ["token"]
    return blueprint


def _url(platform: Platform) -> str:
    """Return the address that a client has, with its password."""
    client = platform.world.of("api")[0].id
    code, text = platform.daemon.exec(client, "cat", "/run/secrets/DATABASE_URL")
    assert code == 0, text
    return text.strip()


def _login(platform: Platform, url: str) -> tuple[int, str]:
    """Log in over the network with an address."""
    client = platform.world.of("api")[0].id
    code = f"import asyncio, asyncpg; asyncio.run(asyncpg.connect({url!r}, timeout=5))"
    return platform.daemon.exec(client, "python3", "-c", code)


def _rotate(platform: Platform, *what: str) -> None:
    command = ("./slipway", "rotate", *what, "--stack", platform.workspace.stack, "--engine", platform.engine, "--yes")
    platform.workspace.run(*command).ended()


def test_rotating_a_database_fails_no_request(new_platform: NewPlatform) -> None:
    """Twice, with a client that connects for each request; the server keeps running, and each old login is refused."""
    port = free_port()
    platform = new_platform(_blueprint(port), port=port)
    platform.up().ended()
    server = platform.world.ids("main")
    urls = [_url(platform)]
    for generation in (1, 2):
        with Prober(port, "/ask", rate=10) as prober:
            _rotate(platform, "database", "main")
        prober.answers.assert_none_failed()
        assert platform.world.ids("main") == server
        urls.append(_url(platform))
        assert f"//main_{generation}:" in urls[-1]
        assert _login(platform, urls[-1])[0] == 0
        for old in urls[:-1]:
            code, text = _login(platform, old)
            assert code != 0, old
            assert "password authentication failed" in text
    platform.assert_converged()
    # A restart of the server does not bring the first password back.
    platform.daemon.api.restart(platform.world.of("main")[0].id)
    platform.world.assert_well(main=1)
    assert _login(platform, urls[0])[0] != 0
    assert _login(platform, urls[-1])[0] == 0
    # Without its state, which nothing protects here, the stack sets its logins up again on the data that are there.
    platform.destroy().ended()
    platform.up().ended()
    assert _url(platform) not in urls
    assert get_release(port, "/ask")[0] == 200
    assert _login(platform, urls[-1])[0] != 0
    assert _login(platform, urls[0])[0] != 0
