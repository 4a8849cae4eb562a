"""Settings from the environment, all problems reported at once and no value of a secret in any message."""

from __future__ import annotations

import dataclasses
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEFAULT_PORTS = {"fanout": 8001}
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_SCHEMES = {"DATABASE_URL": ("postgresql", "postgres"), "REDIS_URL": ("redis", "rediss", "unix")}
_SHORTEST_SECRET = 5
_NEEDS = {"migrate": ("DATABASE_URL",)}


class ConfigError(ValueError):
    """One or more settings are missing or wrong; the text names each and what to set."""


@dataclass(frozen=True)
class Config:
    """What one process of the sample needs to know. Secrets stay out of its `repr`."""

    database_url: str = dataclasses.field(repr=False)
    redis_url: str = dataclasses.field(repr=False)
    release: str
    """The version that answers, shown to users."""
    replica: str
    """Which copy of the service this is; the host name, which Docker sets to the container's id, by default."""
    log_level: str
    port: int
    drain_seconds: float
    """How long a stopping server still accepts, so that whoever routes to it can learn that it stops."""
    lease_seconds: float
    """How long a worker's claim on a job holds without being renewed."""
    wait_seconds: float
    """How long `migrate` waits for the database."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that must never be written anywhere: both URLs and the passwords in them, as written and decoded."""
        urls = [url for url in (self.database_url, self.redis_url) if url]
        written = [urlsplit(url).password or "" for url in urls]
        passwords = {*written, *map(unquote, written)}
        # Cutting a word of four letters out of every line would hide more than it protects.
        return (*urls, *sorted(password for password in passwords if len(password) >= _SHORTEST_SECRET))

    @classmethod
    def load(cls, environment: Mapping[str, str], role: str) -> Config:
        """Read and check what `role` needs.

        Raises:
            ConfigError: naming every setting that is missing or wrong.
        """
        problems: list[str] = []
        needed = _NEEDS.get(role, tuple(_SCHEMES))
        urls = {name: _url(environment, name, name in needed, problems) for name in _SCHEMES}
        level = environment.get("LOG_LEVEL", "INFO").upper()
        if level not in _LEVELS:
            problems.append(f"LOG_LEVEL is {level!r}; it must be one of {', '.join(_LEVELS)}")
        port = _number(environment, "PORT", _DEFAULT_PORTS.get(role, 8000), (1, 65535), problems)
        drain = _number(environment, "DRAIN_SECONDS", 0.5, (0, 600), problems)
        lease = _number(environment, "LEASE_SECONDS", 10, (1, 3600), problems)
        wait = _number(environment, "WAIT_SECONDS", 60, (0, 3600), problems)
        if problems:
            raise ConfigError("\n  ".join(["the settings do not work:", *problems]))
        return cls(
            database_url=urls["DATABASE_URL"],
            redis_url=urls["REDIS_URL"],
            release=environment.get("RELEASE", "unknown"),
            replica=environment.get("REPLICA") or socket.gethostname(),
            log_level=level,
            port=int(port),
            drain_seconds=drain,
            lease_seconds=lease,
            wait_seconds=wait,
        )


def _url(environment: Mapping[str, str], name: str, required: bool, problems: list[str]) -> str:
    """Read `name`, from the file that `<name>_FILE` names where that is set; the file wins."""
    file = environment.get(f"{name}_FILE", "")
    if file:
        try:
            value = Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            problems.append(f"{name}_FILE names {file}, which cannot be read: {error.strerror}")
            return ""
        source = f"the file {file} ({name}_FILE)"
    else:
        value, source = environment.get(name, "").strip(), name
    if not value:
        if required:
            problems.append(f"{name} is not set; set {name}, or {name}_FILE to a file that holds it")
        return ""
    if urlsplit(value).scheme not in _SCHEMES[name]:
        problems.append(f"{source} does not hold a URL that starts with {' or '.join(_SCHEMES[name])}://")
    return value


def _number(
    environment: Mapping[str, str], name: str, default: float, bounds: tuple[float, float], problems: list[str]
) -> float:
    """Read a number within `bounds`; `default` where it is unset, empty or wrong (then with a problem)."""
    text = environment.get(name, "").strip()
    if not text:
        return default
    low, high = bounds
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        problems.append(f"{name} is {text!r}; it must be a number from {low} to {high}")
        return default
    return value
