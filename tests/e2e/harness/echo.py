"""A server that tells what reached it: what the gateway's scenarios talk to. It runs in the sample's image.

A stand-in for any service: only what arrives matters, and what becomes of its answers.
"""
# This file is given to a container as text: it imports nothing of ours, and holds no reference to resolve.

# mypy: disable-error-code="import-not-found, misc, untyped-decorator"

from __future__ import annotations

import asyncio
import os
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


async def counted(_request: web.Request) -> web.Response:
    """Tell how often what arrived."""
    return web.json_response(hits)


def main() -> None:
    """Serve."""
    app = web.Application(client_max_size=200 * 2**20)
    app.router.add_get("/hits", counted)
    app.router.add_route("*", "/status/{code}", status)
    app.router.add_get("/slow", slow)
    app.router.add_route("*", "/drop", drop)
    app.router.add_get("/stream", stream)
    app.router.add_get("/verify", verify)
    app.router.add_get("/big", big)
    app.router.add_get("/ws", socket)
    app.router.add_route("*", "/{rest:.*}", echo)
    web.run_app(app, host="0.0.0.0", port=8000, print=None)  # noqa: S104 - in its container


if __name__ == "__main__":
    main()
