"""When a certificate ends, and nothing else of it: Python's own library reads no certificate that it can't verify."""

from __future__ import annotations

import datetime as dt

_SEQUENCE = 0x30
_UTC_TIME = 0x17
_GENERALIZED_TIME = 0x18
_CONTEXT_0 = 0xA0
_LONG = 0x80
_BEFORE_VALIDITY = 3
"""Serial number, algorithm and issuer; the version, which may be left out, is not counted."""


def not_after(der: bytes) -> float:
    """Return when a certificate ends, in seconds since 1970.

    Raises:
        ValueError: It is no certificate.
    """
    try:
        certificate = _items(_items(der)[0][1])
        fields = [item for item in _items(certificate[0][1]) if item[0] != _CONTEXT_0]
        tag, validity = fields[_BEFORE_VALIDITY]
        if tag != _SEQUENCE:
            raise ValueError("where its time should stand is something else")
        kind, text = _items(validity)[1]
    except IndexError:
        raise ValueError("it is no certificate") from None
    form = {_UTC_TIME: "%y%m%d%H%M%SZ", _GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}.get(kind)
    if form is None:
        raise ValueError("its end is written in an unknown form")
    return dt.datetime.strptime(text.decode("ascii"), form).replace(tzinfo=dt.UTC).timestamp()


def _items(data: bytes) -> list[tuple[int, bytes]]:
    """Return the elements of a DER value, with their tags."""
    items = []
    place = 0
    while place < len(data):
        tag, length = data[place], data[place + 1]
        place += 2
        if length >= _LONG:
            digits = length - _LONG
            length = int.from_bytes(data[place : place + digits], "big")
            place += digits
        if place + length > len(data):
            raise ValueError("it ends too early")
        items.append((tag, data[place : place + length]))
        place += length
    return items
