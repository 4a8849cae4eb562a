"""Property values as a preview gives them, with what must not or cannot be shown taken out at the door.

Secrets come as the text ``[secret]`` or in Pulumi's envelope; values that are known only after the deployment come as
one of Pulumi's fixed identifiers. Both become a :class:`Hidden` here, so that no later step can print them.

A plain value can still be a password that somebody forgot to mark. What is named like one, or stands as one in a URL,
is therefore hidden as well (:func:`redact`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final


class Hidden(StrEnum):
    """A value of which only its kind is known; the text is what a reader sees."""

    SECRET = "[secret]"  # noqa: S105 - the word for one, not one
    UNKNOWN = "(known after deployment)"


_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET_SIGNATURES: Final = frozenset(
    {
        "1b47061264138c4ac30d75fd1eb44270",  # a secret
        "d0e6a833031e9bbcd3f4e8bde6ca49a4",  # an output, which may be one
    }
)
_UNKNOWN: Final = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # text
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # truth value
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # list
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
    }
)
_DEFAULTS: Final = "__defaults"
"""Where the provider lists the inputs that it filled in itself, such as a generated name: nobody wrote those."""

REDACTED: Final = "[hidden]"
"""Stands for a plain value that looks like a credential."""
_SENSITIVE_NAME: Final = re.compile(
    r"(?:pass(?:word|wd|phrase)?|secret|token|api[_-]?key|private[_-]?key|access[_-]?key|credential)s?(?![a-z])",
    re.IGNORECASE,
)
_FILE_NAME: Final = re.compile(r"(?:_|-)(?:file|path|dir|folder|name|id)s?$", re.IGNORECASE)
# Possessive quantifiers and the look-behinds keep the time linear: the text can be a stranger's, made to be slow.
_USER_INFO: Final = re.compile(r"(?<![a-z0-9+.-])([a-z][a-z0-9+.-]*+://[^\s/@:]*+):([^\s@]{1,512})@", re.IGNORECASE)
_ASSIGNED: Final = re.compile(
    r"(?<![\w.-])(?P<name>[\w.-]++)(?P<is>['\"]?+\s*+[=:]\s*+)(?P<value>\"[^\"\n]*+\"|'[^'\n]*+'|[^\s'\"]\S*+)"
)


def scrub(value: Any) -> Any:
    """Return the value without provider defaults, with secret and unknown values as :class:`Hidden`, at any depth."""
    if isinstance(value, str):
        if value == Hidden.SECRET:
            return Hidden.SECRET
        return Hidden.UNKNOWN if value in _UNKNOWN else value
    if isinstance(value, Mapping):
        if value.get(_SIGNATURE) in _SECRET_SIGNATURES:
            return Hidden.SECRET
        left_out = {_DEFAULTS, _SIGNATURE, *items(value.get(_DEFAULTS))}
        return {str(key): scrub(item) for key, item in value.items() if key not in left_out}
    if isinstance(value, Sequence):
        return [scrub(item) for item in value]
    return value


def text_of(value: Any) -> str:
    """Return a value as a person would write it; numbers that are whole have no fraction."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if value is None:
        return "null"
    if isinstance(value, int | float):
        return str(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def contains(value: Any, kind: Hidden) -> bool:
    """Whether a value of this kind stands anywhere in ``value``."""
    if isinstance(value, Hidden):
        return value is kind
    if isinstance(value, Mapping):
        return any(contains(item, kind) for item in value.values())
    if isinstance(value, list):
        return any(contains(item, kind) for item in value)
    return False


def is_sensitive_name(name: str) -> bool:
    """Whether something of this name is probably a credential; the name of a file that holds one is not."""
    return _SENSITIVE_NAME.search(name) is not None and _FILE_NAME.search(name) is None


def redact(text: str) -> str:
    """Hide passwords in URLs and what is assigned to a name that looks like a credential's."""
    return _ASSIGNED.sub(_hide_assigned, _USER_INFO.sub(rf"\1:{REDACTED}@", text))


def _hide_assigned(found: re.Match[str]) -> str:
    value = found["value"].strip("\"'")
    # A path or a reference says where the credential is, not what it is.
    harmless = value.startswith(("/", "$", "./")) or value in {"", Hidden.SECRET, REDACTED}
    if harmless or not is_sensitive_name(found["name"]):
        return found[0]
    return f"{found['name']}{found['is']}{REDACTED}"


def number(value: Any) -> float:
    """Return a number, 0 for what is none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a mapping, empty for what is none."""
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> list[Any]:
    """Return a list, empty for what is none."""
    return list(value) if isinstance(value, list) else []
