"""What a prober is asked for, and what it writes down."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from operate.errors import OperateError

_PORTS: Final = {"http": 80, "https": 443}
_PLACE: Final = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[^\[\]:/\s]+))(?::(?P<port>\d{1,5}))?")
MOST: Final = 2000.0
"""Requests a second that are asked for at most: one Python process sends no more."""


class CannotProbe(OperateError):  # noqa: N818 - named as what it reports
    """Something that was asked for can't be."""

    exit_code = 2


class Kind(StrEnum):
    """What is sent."""

    GET = "get"
    """A GET."""
    POST = "post"
    """A POST whose body must arrive once: whole, and not twice."""
    STREAM = "stream"
    """Server-sent events, which must come to their end."""
    WEBSOCKET = "websocket"
    """A websocket, which must stay up or be closed with a word."""
    UPLOAD = "upload"
    """A large body, which must arrive whole."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What is asked for. Paths are of the first URL's server."""

    urls: tuple[str, ...]
    """Where GETs go, in turn; the first one names the server of everything else."""
    rate: float = 50.0
    """GETs a second."""
    seconds: float | None = None
    """For how long. Default: until told to stop."""
    reuse: bool = False
    """Whether GETs share connections, as those of a browser do. Default: each has its own."""
    post: str | None = None
    """Path for POSTs: see docs/operations.md for what must answer there."""
    post_rate: float = 10.0
    """POSTs a second."""
    stream: str | None = None
    """Path of a stream."""
    stream_every_s: float = 5.0
    """Seconds between the starts of two streams."""
    websocket: str | None = None
    """Path of a websocket."""
    websockets: int = 1
    """How many are held open."""
    upload: str | None = None
    """Path for uploads."""
    upload_every_s: float = 10.0
    """Seconds between two uploads."""
    upload_mib: int = 50
    """Size of an upload."""
    connect: str | None = None
    """Host, or ``host:port``, to connect to, whatever the URLs say; they still name the host."""
    trust: str | None = None
    """PEM file of the authority to trust. Default: the system's."""
    verify: bool = True
    """Whether certificates are checked."""
    timeout_s: float = 10.0
    """How long an answer may take; a stream and an upload, how long they may stand still."""
    records: str | None = None
    """File for the records, a JSON object a line. Default: they are not kept."""

    def __post_init__(self) -> None:
        """Refuse what can't be.

        Raises:
            CannotProbe: Says what, and what is allowed.
        """
        if not self.urls:
            raise CannotProbe("no URL to send to\n  fix: slipway probe http://127.0.0.1:8080/")
        for url in self.urls:
            Address.parse(url, self.connect)
        for name in ("rate", "post_rate"):
            if not 0 < getattr(self, name) <= MOST:
                raise CannotProbe(
                    f"{name} is {getattr(self, name):g}\n  allowed: above 0 and at most {MOST:g} a second"
                )

    @property
    def address(self) -> Address:
        """The server of everything but GETs."""
        return Address.parse(self.urls[0], self.connect)

    def to_json(self) -> str:
        """Return it as a line of JSON."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(line: str) -> Probe:
        """Read what :meth:`to_json` wrote."""
        data = json.loads(line)
        return Probe(**{**data, "urls": tuple(data["urls"])})


@dataclass(frozen=True)
class Address:
    """Where a request goes."""

    connect: tuple[str, int]
    """Host and port to connect to."""
    name: str
    """What the host is called: the header ``Host``, and the name of its certificate."""
    host: str
    """The name without a port."""
    path: str
    """Path and query."""
    tls: bool
    """Whether over HTTPS."""

    @staticmethod
    def parse(url: str, connect: str | None = None) -> Address:
        """Read a URL.

        Raises:
            CannotProbe: It is none of HTTP.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS[parts.scheme]
        except (ValueError, KeyError):
            raise CannotProbe(f"'{url}' is no URL of HTTP\n  allowed: http://HOST[:PORT][/PATH] or https://…") from None
        if not parts.hostname:
            raise CannotProbe(f"'{url}' names no host\n  allowed: http://HOST[:PORT][/PATH] or https://…")
        place = (parts.hostname, port)
        if connect is not None:
            place = _place(connect, port)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return Address(place, parts.netloc.rpartition("@")[2], parts.hostname, path, tls=parts.scheme == "https")

    def at(self, path: str) -> Address:
        """Return another path of the same server."""
        return Address(self.connect, self.name, self.host, path if path.startswith("/") else f"/{path}", self.tls)


def _place(text: str, port: int) -> tuple[str, int]:
    """Read ``host``, ``host:port`` or ``[::1]:port``."""
    form = _PLACE.fullmatch(text)
    if form is None:
        raise CannotProbe(f"'{text}' is no address to connect to\n  allowed: HOST or HOST:PORT")
    return form["v6"] or form["host"], int(form["port"] or port)


@dataclass(frozen=True, slots=True)
class Record:
    """One request. Times are Unix time, in seconds."""

    kind: str
    """A :class:`Kind`."""
    due: float
    """When it was to be sent."""
    sent: float
    """When it was sent: later than ``due`` where the prober itself was held up."""
    done: float
    """When its last byte came, or it failed."""
    status: int = 0
    """Status of the answer; for a websocket, the code that it was closed with. 0: there was none."""
    bytes: int = 0
    """Bytes of the answer's body; of an upload, bytes sent."""
    error: str = ""
    """Why it failed; empty if it did not."""
    retried: bool = False
    """Whether it was sent again since a kept connection turned out to be closed, as every client does."""
    by: str = ""
    """Who answered: the header ``X-Release``, where there is one."""

    @property
    def seconds(self) -> float:
        """How long it took, from when it was due."""
        return self.done - self.due

    def to_json(self) -> str:
        """Return it as a line of JSON."""
        data: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        for name in ("due", "sent", "done"):
            data[name] = round(data[name], 6)
        return json.dumps({name: value for name, value in data.items() if value not in ("", False)})


@dataclass(frozen=True)
class Mark:
    """A moment with a name: what is due from then on belongs to it."""

    name: str
    at: float

    def to_json(self) -> str:
        """Return it as a line of JSON."""
        return json.dumps({"mark": self.name, "at": round(self.at, 6)})
