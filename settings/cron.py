"""Cron expressions and time zones, checked before a container finds out that they mean nothing."""

from __future__ import annotations

import re
from typing import Final
from zoneinfo import available_timezones

_FIELDS: Final = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    ("day of the week", 0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)
_ITEM: Final = re.compile(r"(?P<range>\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?")


def parse_cron(value: object) -> str:
    """Return a cron expression of five fields as it is written.

    Raises:
        ValueError: It is none; the text says which field is wrong.
    """
    fields = value.split() if isinstance(value, str) else []
    if len(fields) != len(_FIELDS):
        raise ValueError("five fields are needed: minute, hour, day, month, day of the week, such as '0 2 * * *'")
    for text, (name, low, high, names) in zip(fields, _FIELDS, strict=True):
        for item in text.split(","):
            _check(item, name, low, high, names)
    return " ".join(fields)


def parse_timezone(value: object) -> str:
    """Return the name of a time zone.

    Raises:
        ValueError: There is none of that name.
    """
    if isinstance(value, str):
        known = available_timezones()
        # A machine without the database of time zones can't tell.
        if value == "UTC" or value in known or not known:
            return value
    raise ValueError("the name of a time zone is needed, such as UTC or Europe/Berlin")


def _check(item: str, name: str, low: int, high: int, names: tuple[str, ...]) -> None:
    match = _ITEM.fullmatch(item)
    allowed = f"{low} to {high}" + (f", or {names[0]} to {names[-1]}" if names else "")
    if match is None:
        raise ValueError(f"'{item}' is no {name}: {allowed}, *, a list, a range (a-b) or steps (*/n)")
    if match["step"] == "0":
        raise ValueError(f"'{item}' steps by 0")
    if match["first"] is None:
        return
    ends = [_number(text, names) for text in (match["first"], match["last"]) if text is not None]
    if any(number is None or not low <= number <= high for number in ends):
        raise ValueError(f"'{item}' is no {name}: {allowed}")
    if len(ends) > 1 and (ends[0] or 0) > (ends[1] or 0):
        raise ValueError(f"'{item}' ends before it begins")


def _number(text: str, names: tuple[str, ...]) -> int | None:
    if text.isdigit():
        return int(text)
    lowered = text.lower()
    # Months count from one, days of the week from nought.
    return names.index(lowered) + (1 if names[0] == "jan" else 0) if lowered in names else None
