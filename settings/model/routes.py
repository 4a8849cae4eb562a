"""Routes of the gateway: what becomes of a request, by its host name and path."""
# ruff: noqa: RUF012 - pydantic copies mutable defaults, and needs the names of annotations when it runs

from __future__ import annotations

import json
import re
from enum import IntEnum, StrEnum
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from settings.model.base import Model, Name, SecretName
from settings.units import MemoryMiB, Port, Seconds, parse_duration_s

_VALUE: Final = r"""^[^\x00-\x1f$]*$"""
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]*$")]
"""Name of an HTTP header."""
HeaderValue = Annotated[str, Field(pattern=_VALUE)]
"""Value of a header: one line, no ``$`` (nginx would read a variable)."""
PathText = Annotated[str, Field(pattern=r"""^/[^\s{};"'$]*$""")]
"""A path of a URL."""
HostName = Annotated[str, Field(pattern=r"^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$")]
"""A host name; ``*.example.org`` is every name below it."""
_RATE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(s|m|h)")
_PER_SECOND: Final = {"s": 1, "m": 60, "h": 3600}
_LONGEST_S: Final = 7200


class RedirectStatus(IntEnum):
    """How a browser takes another address."""

    MOVED = 301
    FOUND = 302
    SEE_OTHER = 303
    TEMPORARY = 307
    PERMANENT = 308


class Slash(StrEnum):
    """What becomes of a path's final slash."""

    LEAVE = "leave"
    ADD = "add"
    REMOVE = "remove"


class Balance(StrEnum):
    """How requests are spread over replicas."""

    ROUND_ROBIN = "round_robin"
    LEAST_CONN = "least_conn"
    IP_HASH = "ip_hash"
    STICKY = "sticky"


class RouteVersion(StrEnum):
    """Which version of a service a route leads to."""

    SERVING = "serving"
    OTHER = "other"


def _rate(value: object) -> object:
    """Read ``10/s``, ``100/m``."""
    if not isinstance(value, str):
        return value
    match = _RATE.fullmatch(value.strip())
    if match is None:
        raise ValueError("a rate is written 10/s, 100/m or 1000/h")
    return {"requests": value}


def _requests(value: object) -> object:
    if isinstance(value, str) and (match := _RATE.fullmatch(value.strip())):
        return float(match[1]) / _PER_SECOND[match[2]]
    return value


class Rate(Model):
    """A limit of requests by client; what is beyond it gets 429. Short form: ``10/s``."""

    per_second: Annotated[float, BeforeValidator(_requests, json_schema_input_type=str | float)] = Field(
        alias="requests", gt=0, le=100_000
    )
    """How many: ``10/s``, ``100/m`` (at least one a minute)."""
    burst: int = Field(default=0, ge=0, le=100_000)
    """How many more are let through at once."""
    header: HeaderName | None = None
    """Count by this header's value, such as ``X-Api-Key``; a request without it counts by address. Default: by
    address."""


RateForm = Annotated[Rate, BeforeValidator(_rate, json_schema_input_type=Rate | str)]
"""``10/s``, or the whole form."""


class Redirect(Model):
    """An answer that names another address. Short form: the address."""

    to: Annotated[str, Field(pattern=r"""^(https?://|/)[^\s{};"'$]*$""")]
    """A path of the same host, or a whole address."""
    status: RedirectStatus = RedirectStatus.PERMANENT
    """301, 302, 303, 307 or 308 (which keeps method and body)."""
    keep_path: bool = False
    """Whether the request's path and query follow the address."""


RedirectForm = Annotated[
    Redirect,
    BeforeValidator(
        lambda value: {"to": value} if isinstance(value, str) else value, json_schema_input_type=Redirect | str
    ),
]
"""The address, or the whole form."""


class Answer(Model):
    """A fixed answer: a text, or ``json``."""

    status: int = Field(default=200, ge=200, le=599)
    """Its status."""
    text: Annotated[str, Field(pattern=r"^[^$]*$")] | None = None
    """Its text."""
    json_: Any = Field(default=None, alias="json")
    """What it says as JSON, such as a list of the platform's services."""
    content_type: HeaderValue | None = None
    """Its type. Default: ``text/plain``, or ``application/json``."""

    def body(self) -> str:
        """Return its text."""
        return self.text if self.text is not None else json.dumps(self.json_, indent=2) + "\n"


class StaticFiles(Model):
    """Files of the project that the gateway serves itself. Short form: the folder."""

    folder: str
    """Folder, relative to the project; at most 5 MiB in all."""
    index: Annotated[str, Field(pattern=r"""^[^\s{};"'$/]+$""")] = "index.html"
    """File that stands for a folder."""
    fallback: PathText | None = None
    """Path that is served for what does not exist, as single-page applications want it. Default: 404."""


StaticForm = Annotated[
    StaticFiles,
    BeforeValidator(
        lambda value: {"folder": value} if isinstance(value, str) else value,
        json_schema_input_type=StaticFiles | str,
    ),
]
"""The folder, or the whole form."""


class BasicAuth(Model):
    """Name and password, asked for by the browser; use it with TLS."""

    users: dict[Annotated[str, Field(pattern=r"^[\w.@-]+$")], SecretName] = Field(min_length=1)
    """The declared secret with each user's password."""
    realm: Annotated[str, Field(pattern=_VALUE)] = "restricted"
    """What the browser shows."""


class SubrequestAuth(Model):
    """A service that decides: 2xx lets a request pass; 401 and 403 are answered."""

    to: Name
    """The service that is asked."""
    path: PathText = "/"
    """Path that is asked; it gets ``X-Original-URI`` and ``X-Original-Method``, and no body."""
    headers: list[HeaderName] = []
    """Headers of its answer that the route's service gets."""


def _targets(value: object) -> object:
    return {value: 1} if isinstance(value, str) else value


def _cache(value: object) -> object:
    """Read ``1h`` as ``public, max-age=3600``; anything else is a header's value."""
    try:
        return f"public, max-age={parse_duration_s(value):.0f}"
    except ValueError:
        return value


class Route(Model):
    """A rule for requests: exactly one of ``to``, ``redirect``, ``answer`` and ``files``."""

    targets: Annotated[
        dict[Name, Annotated[int, Field(ge=0, le=1000)]],
        BeforeValidator(_targets, json_schema_input_type=dict[Name, int] | Name),
    ] = Field(default={}, alias="to")
    """The service, or several with their weights: ``{api: 90, next: 10}``; or a model server."""
    port: Port | None = None
    """Port of that service, where it listens on several. Default: its ``port``."""
    version: RouteVersion = RouteVersion.SERVING
    """``other`` leads to the version that does not serve, to try it out: the canary, or the set that is idle. 404 while
    there is none. Only for services with such a ``release`` strategy."""
    redirect: RedirectForm | None = None
    """Answer with another address."""
    answer: Answer | None = None
    """Answer with a text or JSON of your own."""
    files: StaticForm | None = None
    """Serve files of the project."""
    path: PathText = "/"
    """Path prefix (or, with ``exact``, the whole path)."""
    exact: bool = False
    """Whether only this very path matches."""
    host: HostName | None = None
    """Host name. Default: any."""
    strip: bool = False
    """Whether the prefix is removed before the request is passed on."""
    rewrite: PathText | None = None
    """What stands in the place of the prefix (with ``exact``: of the path) when the request is passed on."""
    slash: Slash = Slash.LEAVE
    """``add`` and ``remove`` redirect the path without, and with, a final slash to the other one."""
    websocket: bool = False
    """Whether the connection may become a websocket."""
    streaming: bool = False
    """Whether each piece of an answer is passed on at once: server-sent events, tokens of a model. To a model server:
    yes, unless it says no."""
    stream_upload: bool = False
    """Whether a body is passed on while it arrives, instead of when it is whole: large uploads."""
    timeout_s: Seconds = Field(default=60.0, alias="timeout", le=_LONGEST_S)
    """The longest silence of the service while a request waits, at most 7200 s. To a model server: 10 minutes, unless
    it says another."""
    send_timeout_s: Seconds | None = Field(default=None, alias="send_timeout", le=_LONGEST_S)
    """The longest that the service may take nothing of a request. Default: ``timeout``."""
    connect_timeout_s: Seconds = Field(default=5.0, alias="connect_timeout", le=75)
    """The longest that connecting to it may take, at most 75 s."""
    retries: int = Field(default=2, ge=0, le=10)
    """Further replicas that are tried; a POST, LOCK or PATCH only as long as nothing of it was sent."""
    max_body_mib: MemoryMiB | None = Field(default=None, alias="max_body")
    """Largest request body. Default: the gateway's."""
    rate: RateForm | None = None
    """Limit of requests by client: ``10/s``, or ``{requests: 10/s, burst: 20, header: X-Api-Key}``."""
    connections: int | None = Field(default=None, ge=1, le=65_535)
    """Most connections of one address at a time; 429 beyond."""
    compress: bool | None = None
    """Whether text is compressed. Default: the gateway's; never with ``streaming``."""
    cache: Annotated[HeaderValue, BeforeValidator(_cache)] | None = None
    """How long browsers may keep its answers (``1h``), or a whole ``Cache-Control`` such as ``no-store``. Default: as
    the service says."""
    headers: dict[HeaderName, HeaderValue] = {}
    """Headers of its answers; an empty one removes the gateway's, and the service's."""
    request_headers: dict[HeaderName, HeaderValue] = {}
    """Headers that the service gets."""
    api_key: SecretName | None = None
    """The declared secret that a request must bring, as ``Authorization: Bearer <key>`` or in ``X-Api-Key``; 401
    without. The service gets neither header. Needed for a route to a model server."""
    basic_auth: BasicAuth | None = None
    """Ask for name and password."""
    auth: SubrequestAuth | None = None
    """Ask another service whether a request may pass."""
    allow: list[str] = []
    """Addresses and ranges that may come; others get 403. Default: all."""
    deny: list[str] = []
    """Addresses and ranges that get 403."""
    balance: Balance = Balance.ROUND_ROBIN
    """How requests are spread over replicas; ``sticky`` leads a client to the same one by a cookie, as long as the same
    ones are there."""
    max_fails: int = Field(default=2, ge=1)
    """Failures within ``fail_timeout`` after which a replica is left out for that time."""
    fail_timeout_s: Seconds = Field(default=2.0, alias="fail_timeout", gt=0)
    """That time, in whole seconds."""

    @property
    def services(self) -> list[str]:
        """The services or model servers that it leads to."""
        return list(self.targets)
