"""A service whose metrics are what it was told, and that keeps the alerts that it gets. It runs in the sample's image.

A stand-in for agents and for whoever is told of alerts: what the servers make of it is real.
"""
# This file is given to a container as text: it imports nothing of ours, and holds no reference to resolve.

# mypy: disable-error-code="import-not-found, misc, untyped-decorator"

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

state: dict[str, Any] = {"metrics": "", "refuse": False}
alerts: list[dict[str, Any]] = []


async def set_metrics(request: web.Request) -> web.Response:
    """Take a text as the metrics from now on."""
    state["metrics"] = await request.text()
    return web.Response()


async def metrics(_request: web.Request) -> web.Response:
    """Answer with it."""
    return web.Response(text=state["metrics"])


async def take(request: web.Request) -> web.Response:
    """Keep what Alertmanager tells."""
    alerts.extend((await request.json())["alerts"])
    return web.Response()


async def picky(_request: web.Request) -> web.Response:
    """Take what Alertmanager tells, or refuse it."""
    return web.Response(status=500 if state["refuse"] else 200)


async def refuse(request: web.Request) -> web.Response:
    """Say whether the second receiver refuses."""
    state["refuse"] = await request.text() == "yes"
    return web.Response()


async def told(_request: web.Request) -> web.Response:
    """Answer with all alerts so far."""
    return web.json_response(alerts)


async def status(request: web.Request) -> web.Response:
    """Answer with the status that is asked for, and write down for which request."""
    print("answered request", request.headers.get("X-Request-Id"), flush=True)  # noqa: T201 - its log
    return web.Response(status=int(request.match_info["code"]), text="told")


async def slow(_request: web.Request) -> web.Response:
    """Answer late."""
    await asyncio.sleep(1.0)
    return web.Response(text="late")


async def health(_request: web.Request) -> web.Response:
    """Be well."""
    return web.Response(text="ok")


def main() -> None:
    """Serve."""
    app = web.Application()
    app.router.add_get("/health", health)
    app.router.add_get("/metrics", metrics)
    app.router.add_post("/set", set_metrics)
    app.router.add_post("/alerts", take)
    app.router.add_post("/picky", picky)
    app.router.add_post("/refuse", refuse)
    app.router.add_get("/told", told)
    app.router.add_get("/status/{code}", status)
    app.router.add_get("/slow", slow)
    web.run_app(app, host="0.0.0.0", port=8000, print=None)  # noqa: S104 - in its container


if __name__ == "__main__":
    main()
