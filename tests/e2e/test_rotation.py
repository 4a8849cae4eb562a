"""A credential is rotated while clients use it: no failed request, and the old one is refused afterwards."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Stacks
from tests.e2e.harness.blueprints import Blueprint, small
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.ports import free_port
from tests.e2e.harness.prober import Prober, get_release

pytestmark = pytest.mark.e2e

SERVER = """
import asyncio, os
import asyncpg
from aiohttp import web
from redis.asyncio import Redis

async def ask(request):
    connection = await asyncpg.connect(open(os.environ["DATABASE_URL_FILE"]).read(), timeout=5)
    try:
        return web.Response(text=await connection.fetchval("select current_user"))
    finally:
        await connection.close()

async def count(request):
    async with Redis.from_url(open(os.environ["REDIS_URL_FILE"]).read(), socket_timeout=5) as redis:
        return web.Response(text=str(await redis.incr("asked")))

async def health(request):
    return web.Response(text="ok")

app = web.Application()
app.add_routes([web.get("/health", health), web.get("/ask", ask), web.get("/count", count)])
web.run_app(app, port=8000, print=None)
"""
"""Opens a new connection for every request, so that a credential which is refused for a moment fails a request."""


def _blueprint(port: int) -> Blueprint:
    blueprint = small(port)
    blueprint["databases"] = {"main": {"health_interval": "1s", "stop_grace": "10s", "memory": "128MiB"}}
    blueprint["secrets"] = {"token": {"source": "generated"}}
    api = blueprint["services"]["api"]
    api["env"] = {"DATABASE_URL": "${databases.main.url}", "REDIS_URL": "${caches.queue.url}", "RELEASE": "one"}
    api["entrypoint"], api["command"] = ["python3"], ["-c", SERVER]
    api["secrets"] = ["token"]
    return blueprint


def _url(platform: Platform, of: str = "DATABASE_URL") -> str:
    """Return the address that a client has, with its password."""
    client = platform.world.of("api")[0].id
    code, text = platform.daemon.exec(client, "cat", f"/run/secrets/{of}")
    assert code == 0, text
    return text.strip()


def _login(platform: Platform, url: str) -> tuple[int, str]:
    """Log in over the network with an address."""
    client = platform.world.of("api")[0].id
    code = f"import asyncio, asyncpg; asyncio.run(asyncpg.connect({url!r}, timeout=5))"
    return platform.daemon.exec(client, "python3", "-c", code)


def _ask_redis(platform: Platform, url: str) -> str:
    """Ask Redis over the network with an address."""
    client = platform.world.of("api")[0].id
    code = f"import redis; r = redis.from_url({url!r}, socket_timeout=5); print(r.ping())"
    return platform.daemon.exec(client, "python3", "-c", code)[1]


def _count(platform: Platform) -> int:
    """Ask the service, and return how often it was asked before."""
    with urllib.request.urlopen(f"http://127.0.0.1:{platform.port}/count", timeout=10) as answer:
        return int(answer.read())


def _rotate(platform: Platform, *what: str) -> None:
    command = ("./slipway", "rotate", *what, "--stack", platform.workspace.stack, "--engine", platform.engine, "--yes")
    platform.workspace.run(*command).ended()


@pytest.fixture(scope="module")
def live(stacks: Stacks, engine: str) -> Iterator[Platform]:
    """Deploy a platform with clients of a database and of a Redis."""
    port = free_port()
    platform = stacks.new(engine, _blueprint(port), port=port)
    platform.up().ended()
    yield platform
    stacks.remove(platform)


def test_rotating_a_cache_fails_no_request(live: Platform) -> None:
    """Twice; the server keeps running and its data; each old password is refused, also after a restart."""
    server = live.world.ids("queue")
    urls, asked = [_url(live, "REDIS_URL")], 0
    assert _ask_redis(live, urls[0]) == "True\n"
    for _ in (1, 2):
        with Prober(live.port, "/count", rate=10) as prober:
            _rotate(live, "cache", "queue")
        prober.answers.assert_none_failed()
        assert live.world.ids("queue") == server
        urls.append(_url(live, "REDIS_URL"))
        assert _ask_redis(live, urls[-1]) == "True\n"
        for old in urls[:-1]:
            assert "invalid username-password pair" in _ask_redis(live, old)
        before, asked = asked, _count(live)
        assert asked > before
    live.assert_converged()
    live.daemon.api.restart(live.world.of("queue")[0].id)
    live.world.assert_well(queue=1)
    assert _ask_redis(live, urls[-1]) == "True\n"
    assert "invalid username-password pair" in _ask_redis(live, urls[0])
    assert _count(live) > asked
    run = live.workspace.run("./slipway", "redis-cli", "--stack", live.workspace.stack, "--", "PING").ended()
    assert "PONG" in run.out


def test_rotating_a_database_fails_no_request(live: Platform) -> None:
    """Twice, with a client that connects for each request; the server keeps running, and each old login is refused."""
    platform, port = live, live.port
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
    assert get_release(port, "/count")[0] == 200
    assert _login(platform, urls[-1])[0] != 0
    assert _login(platform, urls[0])[0] != 0
