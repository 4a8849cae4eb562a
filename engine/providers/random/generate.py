"""Generating random values, with the operating system's cryptographic generator throughout."""

from __future__ import annotations

import base64
import secrets
import string
import uuid
from dataclasses import dataclass

import bcrypt

SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
"""The special characters where ``overrideSpecial`` names no others."""

_BCRYPT_COST = 10
_BCRYPT_BYTES = 72
_random = secrets.SystemRandom()


@dataclass(frozen=True)
class TextRules:
    """What a random password or string consists of."""

    length: int
    upper: bool = True
    lower: bool = True
    numeric: bool = True
    special: bool = True
    min_upper: int = 0
    min_lower: int = 0
    min_numeric: int = 0
    min_special: int = 0
    override_special: str = ""

    def groups(self) -> tuple[tuple[str, bool, int], ...]:
        """Return each group of characters, whether it is allowed, and how many of it are wanted at least."""
        return (
            (string.ascii_uppercase, self.upper, self.min_upper),
            (string.ascii_lowercase, self.lower, self.min_lower),
            (string.digits, self.numeric, self.min_numeric),
            (self.override_special or SPECIAL, self.special, self.min_special),
        )


def random_text(rules: TextRules) -> str:
    """Return a random text: the wanted minimum of each group, the rest from all allowed ones, well shuffled.

    A minimum holds for a group that is not allowed otherwise, too, as in the real provider.
    """
    allowed = "".join(characters for characters, use, _ in rules.groups() if use)
    picked = [_random.choice(characters) for characters, _, least in rules.groups() for _ in range(least)]
    picked += [_random.choice(allowed) for _ in range(rules.length - len(picked))]
    _random.shuffle(picked)
    return "".join(picked)


def bcrypt_hash(text: str) -> str:
    """Return the bcrypt hash of a text's first 72 bytes."""
    return bcrypt.hashpw(text.encode()[:_BCRYPT_BYTES], bcrypt.gensalt(_BCRYPT_COST, prefix=b"2a")).decode()


def id_forms(raw: bytes, prefix: str) -> dict[str, str]:
    """Return the spellings of a RandomId; the prefix stands before all but the id itself."""
    plain = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return {
        "id": plain,
        "b64Url": prefix + plain,
        "b64Std": prefix + base64.b64encode(raw).decode(),
        "hex": prefix + raw.hex(),
        "dec": prefix + str(int.from_bytes(raw, "big")),
    }


def bytes_forms(raw: bytes) -> dict[str, str]:
    """Return the spellings of RandomBytes."""
    return {"base64": base64.b64encode(raw).decode(), "hex": raw.hex()}


def random_integer(low: int, high: int) -> int:
    """Return a number from ``low`` to ``high``, both included."""
    return _random.randint(low, high)


def random_uuid() -> str:
    """Return a random UUID (version 4)."""
    return str(uuid.uuid4())
