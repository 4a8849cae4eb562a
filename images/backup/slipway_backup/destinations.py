"""Where sets are kept: a volume of this host, or a store that speaks S3."""

from __future__ import annotations

import http.client
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from slipway_backup.errors import ConfigError, DestinationError
from slipway_backup.restic import Repository

if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway_backup.config import Config, Part

_ANSWERS_S: Final = 10.0
_BROKEN: Final = frozenset({500, 502, 503, 504})


def repositories(config: Config, only: str | None = None) -> list[Repository]:
    """Return the repository of each destination.

    Raises:
        ConfigError: There is none of that name, or of a kind that is not known.
    """
    chosen = [part for part in config.destinations if only in {None, part.name}]
    if not chosen:
        names = ", ".join(part.name for part in config.destinations)
        raise ConfigError(f"there is no destination {only}; there are: {names}")
    return [repository(part, config) for part in chosen]


def repository(part: Part, config: Config) -> Repository:
    """Return a destination's repository."""
    cache = config.work / "cache"
    if part.kind == "local":
        folder = Path(part.text("path"))
        return Repository(part.name, str(folder), config.passphrase_file, cache, config.host)
    if part.kind == "s3":
        endpoint = part.text("endpoint").rstrip("/")
        place = "/".join(piece for piece in (part.text("bucket"), part.options.get("prefix")) if piece)
        ca_file = part.options.get("ca_file")
        return Repository(
            part.name,
            f"s3:{endpoint}/{place}",
            config.passphrase_file,
            cache,
            config.host,
            options=["--cacert", ca_file] if ca_file else [],
            credentials="[default]\n"
            f"aws_access_key_id = {part.secret('access_key_file')}\n"
            f"aws_secret_access_key = {part.secret('secret_key_file')}\n",
            region=part.options.get("region"),
            probe=_probe(part.name, endpoint, ca_file),
        )
    raise ConfigError(f"destination {part.name}: there is no kind {part.kind}; there are local and s3")


def _probe(name: str, endpoint: str, ca_file: str | None) -> Callable[[], None]:
    """Return a question to a store that any sane answer answers: restic would try for a quarter of an hour."""

    def ask() -> None:
        address = urlsplit(endpoint)
        host = address.hostname or ""
        try:
            if address.scheme == "https":
                context = ssl.create_default_context(cafile=ca_file)
                connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                    host, address.port, timeout=_ANSWERS_S, context=context
                )
            else:
                connection = http.client.HTTPConnection(host, address.port, timeout=_ANSWERS_S)
            connection.request("HEAD", "/")
            status = connection.getresponse().status
            connection.close()
        except (OSError, http.client.HTTPException) as error:
            raise DestinationError(f"destination {name}: {endpoint} does not answer: {error}") from None
        if status in _BROKEN:
            raise DestinationError(f"destination {name}: {endpoint} is broken: it answers {status}")

    return ask
