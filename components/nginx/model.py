"""What a gateway can be asked for: routes, what leads to them, limits, certificates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

LISTEN_PORT: Final = 8080
"""Port inside the container; above 1024, since nginx is not root."""
TLS_PORT: Final = 8443
"""Port for HTTPS inside the container."""
STATUS_PORT: Final = 8081
"""Port of the page with nginx's own figures: for the platform's networks, never published."""
HEALTH_PATH: Final = "/.slipway/health"
"""Answered by the gateway itself, on every host name."""
STATUS_PATH: Final = "/stub_status"
"""Path of nginx's own figures, on :data:`STATUS_PORT`."""
CONFIG_FOLDER: Final = "/etc/nginx/conf.d"
"""The folder of the gateway's volume, where configurations and what they name are staged."""
ERRORS: Final = ".errors"
"""File of that folder with what nginx said when it refused a configuration."""
FLAGS_FOLDER: Final = f"{CONFIG_FOLDER}/.flags"
"""A file ``maintenance`` (or ``maintenance.<service>``) here shows the maintenance page, with no reload."""
FLAGS_VALID_S: Final = 1.0
"""How long nginx goes by what it last saw there; it knows no shorter time."""
LOG_FOLDER: Final = "/run/slipway"
"""The folder of the volume that the gateway shares with the exporter that counts its requests."""
LOG_SOCKET: Final = f"{LOG_FOLDER}/requests.sock"
"""The exporter's socket."""
ACME_FOLDER: Final = "/var/lib/acme"
"""The folder of the volume that the gateway shares with what obtains certificates."""


@dataclass(frozen=True, kw_only=True)
class Backend:
    """One container behind an upstream."""

    address: str
    """``host:port``; the host is a container name."""
    weight: int = 1
    """Share of requests among the others; 0 sends it none."""


@dataclass(frozen=True, kw_only=True)
class Balancing:
    """How requests are spread over an upstream's backends."""

    method: str = "round_robin"
    """``round_robin``, ``least_conn`` or ``ip_hash``."""
    sticky: bool = False
    """Whether a cookie leads each client to one backend, for as long as there are the same ones."""
    max_fails: int = 2
    """Failures within :attr:`fail_timeout_s` after which a backend is left out."""
    fail_timeout_s: float = 2.0
    """That time, and how long it is left out, in seconds."""


@dataclass(frozen=True, kw_only=True)
class RateLimit:
    """A limit of requests, by client."""

    per_second: float
    """Requests a second."""
    burst: int = 0
    """Requests beyond it that are let through at once before 429 is answered."""
    header: str | None = None
    """Count by this header's value instead of the client's address; by address where a request has none."""


@dataclass(frozen=True, kw_only=True)
class BasicAuth:
    """A name and a password, asked for by the browser."""

    realm: str
    """What the browser shows."""
    file: str
    """htpasswd file, below the configuration's folder."""


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """A key that a request must bring."""

    name: str
    """What it is called, in letters, digits and underscores; routes with one key share its name."""
    file: str
    """File with its patterns (:func:`components.nginx.key_file`), below the configuration's folder."""


@dataclass(frozen=True, kw_only=True)
class SubrequestAuth:
    """Another service decides: 2xx lets a request pass, 401 and 403 are answered."""

    upstream: str
    """Name of the upstream that is asked."""
    path: str
    """Path that is asked; it gets ``X-Original-URI`` and ``X-Original-Method``, and no body."""
    headers: Sequence[str] = ()
    """Headers of its answer that are passed on to the route's service."""


@dataclass(frozen=True, kw_only=True)
class Redirect:
    """An answer that names another address."""

    to: str
    """The address, or a path of this host."""
    status: int = 308
    """301, 302, 303, 307 or 308."""
    keep_path: bool = False
    """Whether the request's path follows the address."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A fixed answer."""

    body: str
    """Its text."""
    content_type: str = "text/plain"
    """Its type."""
    status: int = 200
    """Its status."""


@dataclass(frozen=True, kw_only=True)
class StaticFiles:
    """Files that the gateway serves itself."""

    root: str
    """Folder below the configuration's folder in which the files stand under the route's path."""
    index: str = "index.html"
    """File that stands for a folder."""
    fallback: str | None = None
    """Path that is served for what does not exist (a single-page application). Default: 404."""


@dataclass(frozen=True, kw_only=True)
class GatewayRoute:
    """A rule for requests. Exactly one of ``upstream``, ``redirect``, ``answer`` and ``files`` is given."""

    upstream: str | None = None
    """Name of an upstream."""
    redirect: Redirect | None = None
    """Answer with another address."""
    answer: Answer | None = None
    """Answer with a text."""
    files: StaticFiles | None = None
    """Serve files."""
    services: Sequence[str] = ()
    """Services whose maintenance closes this route."""
    path: str = "/"
    """Path prefix, or the whole path with ``exact``."""
    exact: bool = False
    """Whether only this very path matches."""
    host: str | None = None
    """Host name. Default: any."""
    strip: bool = False
    """Whether the prefix is removed before the request is passed on."""
    rewrite: str | None = None
    """What stands in its place. Default: nothing with ``strip``, else the path stays."""
    slash: str = "leave"
    """``add`` and ``remove`` lead the path without, and with, a final slash to the other one."""
    websocket: bool = False
    """Whether the connection may become a websocket."""
    streaming: bool = False
    """Whether each piece of an answer is passed on at once (server-sent events, tokens of a model)."""
    stream_upload: bool = False
    """Whether a body is passed on while it arrives, instead of when it is whole."""
    timeout_s: float = 60.0
    """The longest silence of the upstream, in seconds."""
    send_timeout_s: float | None = None
    """The longest that it may take nothing of a request. Default: ``timeout_s``."""
    connect_timeout_s: float = 5.0
    """The longest that connecting may take, in seconds."""
    retries: int = 2
    """Further backends that are tried; a POST only as long as nothing of it was sent."""
    max_body_mib: int | None = None
    """Largest request body in MiB. Default: the server's."""
    rate: RateLimit | None = None
    """Limit of requests."""
    connections: int | None = None
    """Most connections of one address at a time."""
    compress: bool | None = None
    """Whether text is compressed. Default: the server's; never with ``streaming``."""
    cache_control: str | None = None
    """``Cache-Control`` of its answers, instead of the upstream's."""
    headers: Mapping[str, str | None] = field(default_factory=dict)
    """Headers of its answers; None removes one of the server's."""
    request_headers: Mapping[str, str] = field(default_factory=dict)
    """Headers that the upstream gets."""
    api_key: ApiKey | None = None
    """Ask for a key; the upstream gets none of the headers in which it comes."""
    basic_auth: BasicAuth | None = None
    """Ask for name and password."""
    auth: SubrequestAuth | None = None
    """Ask another service."""
    allow: Sequence[str] = ()
    """Addresses and ranges that may come; all others get 403. Default: all."""
    deny: Sequence[str] = ()
    """Addresses and ranges that get 403."""


@dataclass(frozen=True, kw_only=True)
class TcpRoute:
    """A port that leads, unread, to an upstream."""

    port: int
    """Port inside the container."""
    upstream: str
    """Name of the upstream."""
    idle_s: float = 3600.0
    """The longest silence, in seconds."""


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A certificate with its key, as files that nginx can read."""

    certificate: str
    """PEM file of the certificate and those that signed it: an absolute path."""
    key: str
    """PEM file of the key."""
    hosts: Sequence[str] = ()
    """Host names that it is for; none: those that no other certificate is for."""
    trusted: str | None = None
    """PEM file with which its revocation answers are checked; stapling is on where it is given."""


@dataclass(frozen=True, kw_only=True)
class Tls:
    """HTTPS by Mozilla's intermediate profile (version 6.0)."""

    certificates: Sequence[Certificate]
    """At least one."""
    redirect: bool = True
    """Whether plain HTTP leads to HTTPS."""
    port: int = 443
    """Port at which HTTPS is reached from outside, for that."""
    hsts_s: int = 0
    """For how long browsers shall come by HTTPS alone, in seconds; 0 says nothing."""
    hsts_subdomains: bool = False
    """Whether subdomains too."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """What holds for all routes."""

    workers: int = 2
    """Worker processes."""
    ports: Sequence[int] = (LISTEN_PORT,)
    """Ports for plain HTTP inside the container; the first is that of the health check."""
    max_body_mib: int = 16
    """Largest request body in MiB."""
    drain_s: float = 30.0
    """The longest that requests in flight may go on after a reload, in seconds."""
    hosts: Sequence[str] = ()
    """Host names that it serves; requests for any other are closed unanswered. Default: any."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of every answer whose upstream does not send its own."""
    compress: bool = True
    """Whether text is compressed."""
    trusted_proxies: Sequence[str] = ()
    """Ranges of proxies before it whose ``X-Forwarded-For`` is believed."""
    health_path: str | None = None
    """A further path on which the gateway says that it is well."""
    maintenance_page: str | None = None
    """HTML file, below the configuration's folder, that is shown with 503 during maintenance."""
    maintenance_retry_s: int = 60
    """``Retry-After`` during maintenance, in seconds."""
    tls: Tls | None = None
    """HTTPS. Default: none."""
    acme: bool = False
    """Whether certificates are obtained over HTTP: challenges are answered from :data:`ACME_FOLDER`."""
    tcp: Sequence[TcpRoute] = ()
    """Ports that are passed through."""
    stream_module: str | None = None
    """File of nginx's stream module, where it is not built in; for ``tcp``."""
    mime_types: str = "/etc/nginx/mime.types"
    """File with the types of static files."""
    report: bool = False
    """Whether each request is also reported to the exporter at :data:`LOG_SOCKET`."""
    http2_directive: bool = False
    """Whether nginx knows ``http2 on`` (1.25.1), instead of a word of ``listen``."""
