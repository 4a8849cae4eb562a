"""The order in which the real provider hands the elements of a set of strings to the daemon.

It is the order of their hashes, which is as good as any for most, but decides which of several DNS servers is asked
first: both engines give a container the same one.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def hash_ordered(values: Iterable[str]) -> list[str]:
    """Return strings in the order of Terraform's ``schema.Set``: by the decimal text of their CRC-32."""
    return sorted(values, key=lambda value: str(zlib.crc32(value.encode())))
