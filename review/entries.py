"""A resource's inputs as a flat list of lines that a person can read.

Docker's provider takes maps as lists (``labels: [{label, value}]``, ``envs: ["K=V"]``) and one volume as five fields.
Here each becomes one entry with a stable name, so that two versions can be compared whatever their order.
"""

from __future__ import annotations

import base64
import binascii
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from review.references import Side
from review.values import REDACTED, Hidden, contains, is_sensitive_name, items, mapping, redact, text_of


@dataclass(frozen=True, slots=True)
class Entry:
    """One readable property."""

    label: str
    """How a reader calls it: ``env LOG_LEVEL``, ``volume /data``, ``memory``."""
    path: str
    """The provider's path, as in the engine's detailed diff: ``envs[1]``."""
    value: Any
    """The value, or a :class:`Hidden`."""
    text: str
    """The value as a reader sees it."""
    nameless: bool = False
    """Whether its name could not be read either; the label is then only its place."""

    @property
    def hidden(self) -> bool:
        """Whether the value, or a piece of it, is secret or not yet known."""
        return contains(self.value, Hidden.SECRET) or contains(self.value, Hidden.UNKNOWN)

    @property
    def secret(self) -> bool:
        """Whether the value, or a piece of it, is secret."""
        return contains(self.value, Hidden.SECRET)


READ_ONLY: Final = " (read-only)"
_Reader = Callable[[Side, str, Any], Iterator[Entry]]
EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - what Docker does when no address is given
_COMMANDS: Final = frozenset({"command", "entrypoints", "commands", "args", "tests"})
_POINTERS: Final = ("Id", "Name", ".name")
"""Ends of the names of inputs that point at another resource."""


def entries(side: Side) -> list[Entry]:
    """List one side's inputs."""
    memory = side.inputs.get("memory")
    return [
        entry
        for key, value in side.inputs.items()
        if key != "memorySwap" or value != memory  # equal limits mean "no swap", the usual case
        for entry in _read(side, key, value)
    ]


def _read(side: Side, key: str, value: Any) -> Iterator[Entry]:
    reader = _READERS.get(key)
    if reader is not None and not isinstance(value, Hidden):
        yield from reader(side, key, value)
    elif key == "image" and value is not Hidden.SECRET:
        yield Entry("image", key, value, side.image(value))
    else:
        yield from _generic(side, key, key, value)


def _generic(side: Side, label: str, path: str, value: Any) -> Iterator[Entry]:
    """Walk what has no form of its own."""
    name = label.rpartition(".")[2]
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _generic(side, f"{label}.{key}", f"{path}.{key}", item)
    elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        for index, item in enumerate(value):
            if set(item) == {"label", "value"}:
                yield _entry(f"{label}.{text_of(item['label'])}", f"{path}[{index}].value", item["value"])
            else:
                yield from _generic(side, f"{label}[{_identity(item, index)}]", f"{path}[{index}]", item)
    elif isinstance(value, list):
        text = _command(value) if name in _COMMANDS else redact(", ".join(text_of(item) for item in value))
        yield Entry(label, path, value, text or "(none)")
    elif name == "data":
        yield _entry(label, path, _decoded(value))
    elif isinstance(value, str) and not isinstance(value, Hidden) and label.endswith(_POINTERS):
        yield Entry(label, path, value, redact(side.known(path.partition(".")[0], value)))
    else:
        yield _entry(label, path, value)


def _entry(label: str, path: str, value: Any) -> Entry:
    if isinstance(value, Hidden):
        return Entry(label, path, value, str(value))
    name = label.rpartition(".")[2].rpartition(" ")[2]
    text = text_of(value)
    if is_sensitive_name(name) and isinstance(value, str) and value and not value.startswith(("/", "$")):
        return Entry(label, path, value, REDACTED)
    return Entry(label, path, value, redact(text))


def _identity(item: Mapping[str, Any], index: int) -> str:
    """What tells this element from its neighbours."""
    for key in ("name", "fileName", "containerPath", "target", "path"):
        value = item.get(key)
        if isinstance(value, str) and not isinstance(value, Hidden):
            return value
    return str(index)


def _command(words: list[Any]) -> str:
    return redact(" ".join(str(word) if isinstance(word, Hidden) else shlex.quote(text_of(word)) for word in words))


def _decoded(value: Any) -> Any:
    """Read base64, which is how Swarm's configurations and secrets come."""
    if isinstance(value, Hidden) or not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return value


def _envs(_side: Side, key: str, value: Any) -> Iterator[Entry]:
    for index, item in enumerate(items(value)):
        path = f"{key}[{index}]"
        if isinstance(item, Hidden):
            yield Entry(path, path, item, str(item), nameless=True)
            continue
        name, _, text = text_of(item).partition("=")
        yield _entry(f"env {name}", path, text)


def _hosts(_side: Side, key: str, value: Any) -> Iterator[Entry]:
    for index, item in enumerate(map(mapping, items(value))):
        yield _entry(f"host {text_of(item.get('host'))}", f"{key}[{index}]", item.get("ip"))


def _ulimits(_side: Side, key: str, value: Any) -> Iterator[Entry]:
    for index, item in enumerate(map(mapping, items(value))):
        text = f"{text_of(item.get('soft'))}:{text_of(item.get('hard'))}"
        yield Entry(f"ulimit {text_of(item.get('name'))}", f"{key}[{index}]", dict(item), text)


def _ports(_side: Side, key: str, value: Any) -> Iterator[Entry]:
    for index, item in enumerate(map(mapping, items(value))):
        outside = f"{text_of(item.get('ip') or EVERYWHERE)}:{text_of(item.get('external') or 'any')}"
        label = f"port {outside}/{text_of(item.get('protocol') or 'tcp')}"
        yield Entry(label, f"{key}[{index}]", dict(item), f"to {text_of(item.get('internal'))} of the container")


def _volumes(side: Side, key: str, value: Any) -> Iterator[Entry]:
    for index, item in enumerate(map(mapping, items(value))):
        source = item.get("volumeName") or item.get("hostPath") or item.get("source")
        target = text_of(item.get("containerPath") or item.get("target"))
        shown = side.named(key, source) if source else text_of(item.get("type") or "anonymous volume")
        access = READ_ONLY if item.get("readOnly") else ""
        yield Entry(f"volume {target}", f"{key}[{index}]", dict(item), f"{shown}{access}")


def _networks(side: Side, key: str, value: Any) -> Iterator[Entry]:
    seen: dict[str, int] = {}
    for index, item in enumerate(map(mapping, items(value))):
        name = side.named(key, item.get("name"))
        seen[name] = seen.get(name, 0) + 1
        again = f" #{seen[name]}" if seen[name] > 1 else ""
        aliases = ", ".join(text_of(alias) for alias in items(item.get("aliases")))
        yield Entry(
            f"network {name}{again}",
            f"{key}[{index}]",
            dict(item),
            f"as {aliases}" if aliases else "joined",
            nameless=name == Hidden.UNKNOWN,
        )


def _uploads(_side: Side, key: str, value: Any) -> Iterator[Entry]:
    for index, item in enumerate(map(mapping, items(value))):
        content = item.get("content")
        if content is None:
            content = _decoded(item.get("contentBase64") or item.get("source") or "")
        yield _entry(f"file {text_of(item.get('file'))}", f"{key}[{index}]", content)


_READERS: Final[Mapping[str, _Reader]] = {
    "envs": _envs,
    "hosts": _hosts,
    "ulimits": _ulimits,
    "ports": _ports,
    "volumes": _volumes,
    "mounts": _volumes,
    "networksAdvanced": _networks,
    "uploads": _uploads,
}
