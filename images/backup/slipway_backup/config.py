"""What the container is told: one JSON file, and secrets as files that it names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from slipway_backup.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEFAULT_FILE: Final = Path("/etc/slipway-backup/config.json")
FORMAT: Final = 1


@dataclass(frozen=True)
class Keep:
    """Which sets stay; one that any rule keeps stays."""

    days: int = 30
    """All that are younger than this many days."""
    last: int = 0
    """The newest ones."""
    daily: int = 0
    """The newest of each of the last days that have one."""
    weekly: int = 0
    """The same by ISO week."""
    monthly: int = 0
    """The same by month."""


@dataclass(frozen=True)
class Part:
    """A store or a destination: its name, its kind, and what that kind needs."""

    name: str
    kind: str
    options: Mapping[str, Any]

    def text(self, key: str) -> str:
        """Return a value that has to be there.

        Raises:
            ConfigError: It is missing.
        """
        value = self.options.get(key)
        if value is None:
            raise ConfigError(f"{self.kind} {self.name}: {key} is missing in the configuration")
        return str(value)

    def secret(self, key: str) -> str:
        """Return the content of the file that a key names.

        Raises:
            ConfigError: It can't be read.
        """
        return read_secret(Path(self.text(key)))


@dataclass(frozen=True)
class Webhook:
    """Who is told of the end of a run."""

    url_file: Path
    on: frozenset[str]
    template: str


@dataclass(frozen=True)
class PointInTime:
    """How databases are kept restorable to any moment."""

    ship_every_s: float = 30.0
    """Seconds between two looks whether there is log to store away."""
    base_every_s: float = 86_400.0
    """Age of a base backup from which a new one is made."""
    keep_s: float = 604_800.0
    """How far back moments stay restorable."""
    wal_limit_bytes: int = 1 << 30
    """How much log the server keeps for whoever fetches it, and how much waits here to be stored away."""
    alert_after_s: float = 600.0
    """Seconds of writes that are not stored away from which it is time to act."""


@dataclass(frozen=True)
class Config:
    """Everything that the container is told."""

    project: str
    stack: str
    platform: str
    stores: Sequence[Part]
    destinations: Sequence[Part]
    passphrase_file: Path
    keep: Keep
    schedule: str | None = None
    timezone: str = "UTC"
    webhook: Webhook | None = None
    verify: bool = True
    read_all: str | None = None
    alert_after_s: float = 93_600.0
    metrics_port: int = 9750
    point_in_time: PointInTime | None = None
    work: Path = Path("/work")

    @property
    def host(self) -> str:
        """Under which name sets stand in a repository."""
        return f"{self.project}/{self.stack}"


def read_secret(file: Path) -> str:
    """Return a secret without the newline that an editor may have added.

    Raises:
        ConfigError: The file can't be read.
    """
    try:
        return file.read_text(encoding="utf-8").rstrip("\n")
    except OSError as error:
        raise ConfigError(f"can't read the secret in {file}: {error.strerror}") from None


def load(file: Path = DEFAULT_FILE) -> Config:
    """Read the configuration.

    Raises:
        ConfigError: It can't be read, or is not of the form that this version knows.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ConfigError(f"{file} has format {content['format']}; this image knows {FORMAT}: use its own version")
        hook = content.get("webhook")
        return Config(
            project=content["project"],
            stack=content["stack"],
            platform=content["platform"],
            stores=[_part(item) for item in content["stores"]],
            destinations=[_part(item) for item in content["destinations"]],
            passphrase_file=Path(content["passphrase_file"]),
            keep=Keep(**content["keep"]),
            schedule=content.get("schedule"),
            timezone=content.get("timezone", Config.timezone),
            webhook=Webhook(Path(hook["url_file"]), frozenset(hook["on"]), hook["template"]) if hook else None,
            verify=content.get("verify", Config.verify),
            read_all=content.get("read_all"),
            alert_after_s=content.get("alert_after_s", Config.alert_after_s),
            metrics_port=content.get("metrics_port", Config.metrics_port),
            point_in_time=PointInTime(**content["point_in_time"]) if content.get("point_in_time") else None,
            work=Path(content.get("work", Config.work)),
        )
    except OSError as error:
        raise ConfigError(f"can't read {file}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{file} is no configuration of a backup: {error!r}") from error


def _part(item: Mapping[str, Any]) -> Part:
    return Part(item["name"], item["kind"], {key: item[key] for key in item if key not in {"name", "kind"}})
