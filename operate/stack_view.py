"""What a stack's state says that it has: containers, volumes and what is protected, without secrets and without Pulumi.

Read straight from the file backend, so that looking at a platform needs neither passphrase nor engine, or from a
deployment that an engine has exported. Nothing here writes.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from operate import labels
from operate.errors import OperateError

if TYPE_CHECKING:
    from pathlib import Path

CONTAINER: Final = "docker:index/container:Container"
VOLUME: Final = "docker:index/volume:Volume"
NETWORK: Final = "docker:index/network:Network"
GENERATED: Final = "random:index/randomPassword:RandomPassword"
_COMPONENT: Final = "slipway:"


class StateUnreadable(OperateError):  # noqa: N818 - named as what it reports
    """The state's file exists and can't be understood."""


@dataclass(frozen=True)
class Container:
    """A container of the state."""

    urn: str
    """Its URN."""
    name: str
    """Its logical name, the last part of the URN."""
    id: str
    """Docker's id; empty if it was never created."""
    labels: Mapping[str, str]
    """Its labels as the program gave them."""
    exit_code: int | None
    """Exit code of a one-shot container in its deployment, if it is known."""

    @property
    def part(self) -> str:
        """The part that it belongs to, or its own name."""
        return self.labels.get(labels.PART, self.name)

    @property
    def role(self) -> str:
        """What it is to its part."""
        return self.labels.get(labels.ROLE, "")


@dataclass(frozen=True)
class Volume:
    """A volume of the state."""

    urn: str
    """Its URN."""
    name: str
    """Its name on the host."""
    retained: bool
    """Whether it stays on the host when the state forgets it."""
    driver: str = "local"
    """Its volume driver."""


@dataclass(frozen=True)
class Password:
    """A generated credential of the state, without its value."""

    urn: str
    """Its URN."""
    length: int
    """Its characters; another length makes another one."""


@dataclass(frozen=True)
class StackView:
    """A stack's state at a glance."""

    containers: tuple[Container, ...] = ()
    """Its containers."""
    volumes: tuple[Volume, ...] = ()
    """Its volumes."""
    passwords: tuple[Password, ...] = ()
    """Its generated credentials."""
    networks: tuple[str, ...] = ()
    """Names of its networks on the host."""
    protected: tuple[str, ...] = ()
    """URNs that an operation refuses to delete."""
    superseded: frozenset[str] = frozenset()
    """Ids of containers that have a successor and wait for their deletion."""
    pending: tuple[str, ...] = ()
    """URNs of operations that were interrupted."""
    resources: int = 0
    """How many resources it has in all, the stack itself and providers left out."""

    @property
    def serving(self) -> tuple[Container, ...]:
        """The containers that should be running."""
        return tuple(container for container in self.containers if container.role in labels.SERVING_ROLES)


def state_file(folder: Path, project: str, stack: str) -> Path | None:
    """Return a stack's checkpoint in a file backend, or ``None`` if it has none."""
    stacks = folder / ".pulumi" / "stacks" / project
    found = [path for path in (stacks / f"{stack}.json", stacks / f"{stack}.json.gz") if path.exists()]
    return max(found, key=lambda path: path.stat().st_mtime_ns, default=None)


def read_local(folder: Path, project: str, stack: str) -> StackView | None:
    """Return the view of a stack in a file backend; ``None`` if the backend has no such stack.

    Raises:
        StateUnreadable: The file is damaged.
    """
    file = state_file(folder, project, stack)
    if file is None:
        return None
    try:
        content = file.read_bytes()
        document = json.loads(gzip.decompress(content) if file.suffix == ".gz" else content)
        return view_of(document["checkpoint"].get("latest") or {})
    except FileNotFoundError:
        return None
    except (OSError, EOFError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise StateUnreadable(f"{file} can't be read ({error}); {file.name}.bak beside it is the one before") from error


def view_of(deployment: Mapping[str, Any]) -> StackView:
    """Return the view of a deployment as ``pulumi stack export`` has it (the object under ``deployment``)."""
    entries = [entry for entry in deployment.get("resources") or () if not entry.get("delete")]
    return StackView(
        containers=tuple(_container(entry) for entry in entries if entry["type"] == CONTAINER),
        volumes=tuple(_volume(entry) for entry in entries if entry["type"] == VOLUME),
        passwords=tuple(_password(entry) for entry in entries if entry["type"] == GENERATED),
        networks=tuple(_text(entry, "name") for entry in entries if entry["type"] == NETWORK),
        protected=tuple(entry["urn"] for entry in entries if entry.get("protect") and entry.get("custom")),
        superseded=frozenset(
            str(entry["id"])
            for entry in deployment.get("resources") or ()
            if entry.get("delete") and entry["type"] == CONTAINER and entry.get("id")
        ),
        pending=tuple(item["resource"]["urn"] for item in deployment.get("pending_operations") or ()),
        resources=sum(not entry["type"].startswith("pulumi:") for entry in entries),
    )


def logical_name(urn: str) -> str:
    """Return the last part of a URN, the name that the program gave."""
    return urn.split("::", 3)[-1]


def short_type(urn: str) -> str:
    """Return the type of a URN as people say it: ``docker:Container``, ``slipway:Database``."""
    qualified = urn.split("::")[2] if urn.count("::") >= 3 else urn  # noqa: PLR2004 - parts of a URN
    package, _, rest = qualified.rsplit("$", 1)[-1].partition(":")
    return f"{package}:{rest.rsplit(':', 1)[-1]}"


def is_component(urn: str) -> bool:
    """Whether a URN is that of one of Slipway's components, which only group other resources."""
    return urn.split("::")[2].rsplit("$", 1)[-1].startswith(_COMPONENT) if urn.count("::") >= 3 else False  # noqa: PLR2004


def _container(entry: Mapping[str, Any]) -> Container:
    code = (entry.get("outputs") or {}).get("exitCode")
    return Container(
        urn=entry["urn"],
        name=logical_name(entry["urn"]),
        id=str(entry.get("id") or ""),
        labels=_labels((entry.get("inputs") or {}).get("labels")),
        exit_code=int(code) if isinstance(code, int | float) else None,
    )


def _volume(entry: Mapping[str, Any]) -> Volume:
    driver = (entry.get("inputs") or {}).get("driver")
    return Volume(
        urn=entry["urn"],
        name=_text(entry, "name"),
        retained=bool(entry.get("retainOnDelete")),
        driver=driver if isinstance(driver, str) else "local",
    )


def _password(entry: Mapping[str, Any]) -> Password:
    length = (entry.get("inputs") or {}).get("length")
    return Password(urn=entry["urn"], length=int(length) if isinstance(length, int | float) else 0)


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = (entry.get("outputs") or {}).get(key) or (entry.get("inputs") or {}).get(key)
    return value if isinstance(value, str) else str(entry.get("id") or "")


def _labels(value: object) -> dict[str, str]:
    if not isinstance(value, Iterable) or isinstance(value, Mapping):  # a secret's envelope is a mapping
        return {}
    return {str(item["label"]): str(item["value"]) for item in value if isinstance(item, Mapping) and "label" in item}
