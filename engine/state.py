"""One entry of a checkpoint: in memory with plain secrets, at rest as Pulumi's ``ResourceV3``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from engine.errors import StateDamaged
from engine.provider import UNKNOWN, Properties, Unknown
from engine.urn import is_provider_type, split_reference
from engine.values import SECRET_SIGNATURE, SIGNATURE, UNKNOWN_TEXT, Secret, is_signed

if TYPE_CHECKING:
    from engine.crypto import Crypter

SecretWriter = Callable[[Secret, tuple[str, ...]], Any]
"""How a secret at a place is written: encrypted, in plain text or hidden."""


@dataclass(slots=True, eq=False)
class Entry:
    """What Pulumi remembers of one resource. Two entries are the same only if they are one object.

    ``inputs`` and ``outputs`` are never changed in place, always exchanged, so that a shallow copy is a record.
    """

    urn: str
    type: str
    custom: bool
    id: str = ""
    inputs: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)
    parent: str = ""
    delete: bool = False
    protect: bool = False
    taint: bool = False
    external: bool = False
    dependencies: list[str] = field(default_factory=list)
    init_errors: list[str] = field(default_factory=list)
    provider: str = ""
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    pending_replacement: bool = False
    additional_secret_outputs: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    custom_timeouts: dict[str, float] = field(default_factory=dict)
    import_id: str = ""
    retain_on_delete: bool = False
    deleted_with: str = ""
    replace_with: list[str] = field(default_factory=list)
    created: str = ""
    modified: str = ""
    source_position: str = ""
    stack_trace: list[Any] = field(default_factory=list)
    ignore_changes: list[str] = field(default_factory=list)
    hide_diff: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    replacement_trigger: Any = None
    extra: dict[str, Any] = field(default_factory=dict)
    """Keys of the file that this engine has no use for and keeps."""

    @property
    def is_provider(self) -> bool:
        """Whether this is a provider resource."""
        return is_provider_type(self.type)

    def copy(self, **changes: Any) -> Entry:
        """A new entry with some attributes changed."""
        return replace(self, **changes)

    def dependency_urns(self, *, with_parent: bool = True) -> Iterator[str]:
        """Every URN that must stand before this entry, repeats included."""
        if self.provider:
            yield split_reference(self.provider)[0]
        if with_parent and self.parent:
            yield self.parent
        yield from self.dependencies
        for urns in self.property_dependencies.values():
            yield from urns
        if self.deleted_with:
            yield self.deleted_with
        yield from self.replace_with


# Attribute and JSON key, in the order in which Pulumi writes them; all but the first three are left out when empty.
_KEYS: Final = (
    ("urn", "urn"),
    ("custom", "custom"),
    ("delete", "delete"),
    ("id", "id"),
    ("type", "type"),
    ("inputs", "inputs"),
    ("outputs", "outputs"),
    ("parent", "parent"),
    ("protect", "protect"),
    ("taint", "taint"),
    ("external", "external"),
    ("dependencies", "dependencies"),
    ("init_errors", "initErrors"),
    ("provider", "provider"),
    ("property_dependencies", "propertyDependencies"),
    ("pending_replacement", "pendingReplacement"),
    ("additional_secret_outputs", "additionalSecretOutputs"),
    ("aliases", "aliases"),
    ("custom_timeouts", "customTimeouts"),
    ("import_id", "importID"),
    ("retain_on_delete", "retainOnDelete"),
    ("deleted_with", "deletedWith"),
    ("replace_with", "replaceWith"),
    ("created", "created"),
    ("modified", "modified"),
    ("source_position", "sourcePosition"),
    ("stack_trace", "stackTrace"),
    ("ignore_changes", "ignoreChanges"),
    ("hide_diff", "hideDiff"),
    ("replace_on_changes", "replaceOnChanges"),
    ("replacement_trigger", "replacementTrigger"),
)
_ALWAYS: Final = frozenset({"urn", "custom", "type"})
_ENCODED: Final = frozenset({"inputs", "outputs", "replacement_trigger"})
_JSON_KEYS: Final = frozenset(key for _, key in _KEYS)


def write_entry(entry: Entry, write_secret: SecretWriter) -> dict[str, Any]:
    """The entry as JSON-like data."""
    written: dict[str, Any] = {}
    for attribute, key in _KEYS:
        value = getattr(entry, attribute)
        if attribute == "replacement_trigger":
            if value is None:
                continue
        elif not value and attribute not in _ALWAYS:
            continue
        if attribute in _ENCODED:
            value = write_value(value, write_secret, (entry.urn, entry.id, key))
        elif attribute in {"property_dependencies", "custom_timeouts"}:
            value = {name: value[name] for name in sorted(value)}
        written[key] = value
    written.update(entry.extra)
    return written


def read_entry(data: dict[str, Any], crypter: Crypter | None) -> Entry:
    """An entry of a file; without a crypter secrets must be absent or in plain text."""
    try:
        entry = Entry(urn=data["urn"], type=data["type"], custom=bool(data.get("custom")), id=data.get("id", ""))
    except KeyError as error:
        raise StateDamaged(f"an entry of the state has no {error.args[0]}") from error
    for attribute, key in _KEYS:
        value = data.get(key)
        if value is None or attribute in {"urn", "type", "custom", "id"}:
            continue
        if attribute in _ENCODED:
            value = read_value(value, crypter, (entry.urn, entry.id, key))
        setattr(entry, attribute, value)
    entry.extra = {key: value for key, value in data.items() if key not in _JSON_KEYS}
    return entry


def write_value(value: Any, write_secret: SecretWriter, place: tuple[str, ...]) -> Any:
    """A property value as JSON-like data, objects in the order of their keys."""
    if isinstance(value, Secret):
        return write_secret(value, place)
    if isinstance(value, Unknown):
        return UNKNOWN_TEXT
    if isinstance(value, dict):
        return {key: write_value(value[key], write_secret, (*place, key)) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [write_value(item, write_secret, (*place, str(index))) for index, item in enumerate(value)]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def read_value(value: Any, crypter: Crypter | None, place: tuple[str, ...]) -> Any:
    """A property value from JSON-like data, secrets opened."""
    if isinstance(value, dict):
        if is_signed(value, SECRET_SIGNATURE):
            return Secret(_open_secret(value, crypter, place))
        return {key: read_value(item, crypter, (*place, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [read_value(item, crypter, (*place, str(index))) for index, item in enumerate(value)]
    return UNKNOWN if value == UNKNOWN_TEXT else value


def _open_secret(value: dict[str, Any], crypter: Crypter | None, place: tuple[str, ...]) -> Any:
    if "plaintext" in value:
        return json.loads(value["plaintext"])
    if crypter is None or "ciphertext" not in value:
        raise StateDamaged("the state holds a secret, but no secrets provider that could open it")
    plaintext = crypter.decrypt(value["ciphertext"])
    crypter.remember(place, plaintext, value["ciphertext"])
    return read_value(json.loads(plaintext), crypter, ())


def dump_secret(value: Secret) -> str:
    """The JSON text of a secret's value, which is what gets encrypted."""
    inner = write_value(value.value, lambda nested, place: write_value(nested.value, plain_secret, place), ())
    return json.dumps(inner, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def encrypted_secret(crypter: Crypter) -> SecretWriter:
    """Writes secrets encrypted, as at rest."""

    def write(value: Secret, place: tuple[str, ...]) -> Any:
        return {SIGNATURE: SECRET_SIGNATURE, "ciphertext": crypter.encrypt(dump_secret(value), place)}

    return write


def plain_secret(value: Secret, _place: tuple[str, ...]) -> Any:
    """Writes secrets in plain text, for ``export --show-secrets``."""
    return {SIGNATURE: SECRET_SIGNATURE, "plaintext": dump_secret(value)}


def now() -> str:
    """This moment as RFC 3339 in UTC, as Pulumi writes times."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def timestamp(text: str) -> float | None:
    """A time of the state in Unix seconds; None when there is none or it can't be read."""
    if not text:
        return None
    head, dot, fraction = text.rstrip("Z").partition(".")
    try:
        moment = datetime.fromisoformat(f"{head}{dot}{fraction[:6]}" if dot else head)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
