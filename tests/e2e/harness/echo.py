"""A server that tells what reached it: what the gateway's scenarios talk to. It runs in the sample's image.

A stand-in for any service: only what arrives matters, and what becomes of its answers.
"""
# This file is given to a container as text: it imports nothing of ours, and holds no reference to resolve.

# mypy: disable-error-code="import-not-found, misc, untyped-decorator"

from __future__ import annotations

import asyncio
import os
import socket as net
from typing import Any

from aiohttp import web

hits: dict[str, int] = {}


async def echo(request: web.Request) -> web.Response:
    """Answer with what arrived."""
    body = await request.read()
    hits[request.path] = hits.get(request.path, 0) + 1
    told: dict[str, Any] = {
        "name": os.environ.get("NAME", ""),
        "method": request.method,
        "path": request.path_qs,
        "headers": {key.lower(): value for key, value in request.headers.items()},
        "bytes": len(body),
    }
    return web.json_response(told, headers={"X-Frame-Options": "SAMEORIGIN", "Cache-Control": "no-cache"})


async def status(request: web.Request) -> web.Response:
    """Answer with the status that is asked for."""
    return web.Response(status=int(request.match_info["code"]), text="told")


async def slow(request: web.Request) -> web.Response:
    """Answer after some seconds."""
    await asyncio.sleep(float(request.query.get("s", "1")))
    return web.Response(text="late")


async def drop(request: web.Request) -> web.Response:
    """Take the request, count it, and close the connection."""
    await request.read()
    hits[request.method] = hits.get(request.method, 0) + 1
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def stream(request: web.Request) -> web.StreamResponse:
    """Send a line, and the next one only when told that the first has arrived, or after a long time."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    await response.write(b"data: first\n\n")
    await asyncio.sleep(2.0)
    await response.write(b"data: last\n\n")
    return response


async def verify(request: web.Request) -> web.Response:
    """Let pass who says the word."""
    if request.headers.get("X-Word") != "please":
        return web.Response(status=401)
    return web.Response(headers={"X-User": f"ada@{request.headers['X-Original-URI']}"})


async def big(_request: web.Request) -> web.Response:
    """Answer with much text."""
    return web.json_response({"text": "slipway " * 1000})


async def socket(request: web.Request) -> web.WebSocketResponse:
    """Say one thing."""
    answer = web.WebSocketResponse()
    await answer.prepare(request)
    await answer.send_json({"said": "hello"})
    await answer.close()
    return answer


async def stuck(_request: web.Request) -> web.Response:
    """Take nothing of the body for a long time."""
    await asyncio.sleep(30.0)
    return web.Response()


def refuse_connections() -> list[Any]:
    """Open a port whose queue is full, so that connecting to it takes for ever; return what keeps it so."""
    listener = net.create_server(("0.0.0.0", 8002), backlog=0)  # noqa: S104 - in its container
    waiting = [net.socket() for _ in range(4)]
    for each in waiting:
        each.setblocking(False)
        each.connect_ex(("127.0.0.1", 8002))
    return [listener, *waiting]


async def counted(_request: web.Request) -> web.Response:
    """Tell how often what arrived."""
    return web.json_response(hits)


def main() -> None:
    """Serve."""
    full = refuse_connections()
    app = web.Application(client_max_size=200 * 2**20)
    app.router.add_get("/hits", counted)
    app.router.add_route("*", "/status/{code}", status)
    app.router.add_get("/slow", slow)
    app.router.add_route("*", "/drop", drop)
    app.router.add_get("/stream", stream)
    app.router.add_get("/verify", verify)
    app.router.add_get("/big", big)
    app.router.add_get("/ws", socket)
    app.router.add_route("*", "/stuck", stuck)
    app.router.add_route("*", "/{rest:.*}", echo)
    web.run_app(app, host="0.0.0.0", port=8000, print=None)  # noqa: S104 - in its container
    for each in full:
        each.close()


if __name__ == "__main__":
    main()
