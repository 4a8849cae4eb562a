"""Property values as the engine holds them, and the two encodings of what JSON can't say.

In memory a property bag is JSON-like data plus :class:`Secret` and :data:`engine.provider.UNKNOWN`; assets, archives
and resource references stay objects with the signature key. On the wire (the SDK's protobuf) a secret carries its
plain ``value``, in a checkpoint its ``ciphertext``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from google.protobuf import struct_pb2

from engine.errors import EngineError, UnsupportedFeature
from engine.provider import UNKNOWN, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - Pulumi's marker, not a secret
ASSET_SIGNATURE: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE_SIGNATURE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
REFERENCE_SIGNATURE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT_SIGNATURE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
HIDDEN: Final = "[secret]"

_UNKNOWN_TEXTS: Final = frozenset(
    {
        UNKNOWN_TEXT,  # string; the others are the older constants for typed unknowns
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)


class Secret:
    """A value that must not be shown, nor stored in plain text."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "Secret([secret])"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash(("Secret", repr(self.value)))


def secret(value: Any) -> Secret:
    """The value as a secret; one that is a secret already stays as it is."""
    return value if isinstance(value, Secret) else Secret(value)


def is_signed(value: Any, signature: str) -> bool:
    """Whether the value is an object with this signature."""
    return isinstance(value, dict) and value.get(SIGNATURE) == signature


def contains(value: Any, kind: type[Secret | Unknown]) -> bool:
    """Whether a secret, or an unknown, stands anywhere in the value."""
    if isinstance(value, kind):
        return True
    if isinstance(value, Secret):
        return contains(value.value, kind)
    if isinstance(value, dict):
        return any(contains(item, kind) for item in value.values())
    if isinstance(value, list):
        return any(contains(item, kind) for item in value)
    return False


def plain(value: Any) -> Any:
    """The value without its secret marks, and with ids in the place of resource references: what a provider gets."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, dict):
        if value.get(SIGNATURE) == REFERENCE_SIGNATURE:
            return plain(value["id"]) if "id" in value else value["urn"]
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def hide(value: Any) -> Any:
    """The value for a human: secrets as ``[secret]``, what is not known yet as ``[unknown]``."""
    if isinstance(value, Secret):
        return HIDDEN
    if isinstance(value, Unknown):
        return "[unknown]"
    if isinstance(value, dict):
        return {key: hide(item) for key, item in value.items()}
    if isinstance(value, list):
        return [hide(item) for item in value]
    return value


def annotate(values: dict[str, Any], marked: Mapping[str, Any]) -> dict[str, Any]:
    """Mark ``values`` secret by name, as Pulumi does for providers that don't speak secrets.

    Two objects under one name are compared further in; anything else becomes a secret as a whole if its namesake in
    ``marked`` contains one.
    """
    result = dict(values)
    for key, mark in marked.items():
        if key not in result or isinstance(result[key], Secret):
            continue
        value = result[key]
        if isinstance(value, dict) and isinstance(mark, dict):
            result[key] = annotate(value, mark)
        elif contains(mark, Secret):
            result[key] = Secret(value)
    return result


def mark_secret(values: dict[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """Make the values under these names (``a`` or ``a.b``) secret, where they are set."""
    result = dict(values)
    for path in paths:
        key, _, rest = path.partition(".")
        value = result.get(key)
        if value is None or isinstance(value, Secret):
            continue
        result[key] = mark_secret(value, [rest]) if rest and isinstance(value, dict) else secret(value)
    return result


def number(value: float) -> int | float:
    """A wire number as an int where it is whole."""
    return int(value) if value.is_integer() and abs(value) < 2**63 else value


def decode_wire(value: struct_pb2.Value, directory: Path | None = None) -> Any:
    """A value that the SDK sent; ``directory`` is where the paths of assets start."""
    kind = value.WhichOneof("kind")
    match kind:
        case "null_value" | None:
            return None
        case "bool_value":
            return value.bool_value
        case "number_value":
            return number(value.number_value)
        case "string_value":
            return UNKNOWN if value.string_value in _UNKNOWN_TEXTS else value.string_value
        case "list_value":
            return [decode_wire(item, directory) for item in value.list_value.values]
    return _decode_object(value.struct_value, directory)


def decode_struct(struct: struct_pb2.Struct, directory: Path | None = None) -> dict[str, Any]:
    """The property bag of a request."""
    return {key: decode_wire(value, directory) for key, value in struct.fields.items()}


def _decode_object(struct: struct_pb2.Struct, directory: Path | None) -> Any:
    fields = struct.fields
    signature = fields[SIGNATURE].string_value if SIGNATURE in fields else ""
    if signature == SECRET_SIGNATURE:
        return secret(decode_wire(fields["value"], directory))
    if signature == OUTPUT_SIGNATURE:
        inner = decode_wire(fields["value"], directory) if "value" in fields else UNKNOWN
        return secret(inner) if "secret" in fields and fields["secret"].bool_value else inner
    decoded = {key: decode_wire(value, directory) for key, value in fields.items()}
    if signature == ASSET_SIGNATURE:
        return _hashed_asset(decoded, directory)
    if signature == ARCHIVE_SIGNATURE:
        raise UnsupportedFeature("An archive as a resource's property")
    return decoded


def _hashed_asset(asset: dict[str, Any], directory: Path | None) -> dict[str, Any]:
    if asset.get("text") is not None:
        content = str(asset["text"]).encode()
    elif asset.get("path"):
        path = (directory or Path()) / asset["path"]
        try:
            content = path.read_bytes()
        except OSError as error:
            raise EngineError(f"asset {asset['path']}: {error.strerror}") from error
    else:
        raise UnsupportedFeature("A remote asset as a resource's property")
    return {**asset, "hash": hashlib.sha256(content).hexdigest()}


def encode_wire(value: Any) -> struct_pb2.Value:  # noqa: PLR0911 - one return a kind of value
    """A value for the SDK."""
    match value:
        case None:
            return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        case bool():
            return struct_pb2.Value(bool_value=value)
        case int() | float():
            return struct_pb2.Value(number_value=float(value))
        case str():
            return struct_pb2.Value(string_value=value)
        case Unknown():
            return struct_pb2.Value(string_value=UNKNOWN_TEXT)
        case Secret():
            fields = {SIGNATURE: SECRET_SIGNATURE, "value": value.value}
            return struct_pb2.Value(struct_value=encode_struct(fields))
        case list() | tuple():
            return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[encode_wire(item) for item in value]))
        case dict():
            return struct_pb2.Value(struct_value=encode_struct(value))
    raise EngineError(f"a provider returned a value of type {type(value).__name__}, which Pulumi does not know")


def encode_struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """A property bag for the SDK."""
    return struct_pb2.Struct(fields={key: encode_wire(value) for key, value in values.items()})
