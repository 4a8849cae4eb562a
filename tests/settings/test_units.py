"""Units as people write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from settings.units import (
    DURATION_SCHEMA,
    MEMORY_SCHEMA,
    format_duration,
    format_memory,
    parse_cpus,
    parse_duration_s,
    parse_memory_mib,
    write_duration,
)

QUICK = settings(max_examples=60, deadline=None)


@QUICK
@given(st.integers(1, 2**40))
def test_a_size_survives_being_written(mib: int) -> None:
    assert parse_memory_mib(format_memory(mib)) == mib


@QUICK
@given(st.integers(0, 10**9).map(lambda ms: ms / 1000))
def test_a_duration_survives_being_written(seconds: float) -> None:
    for text in (format_duration(seconds), write_duration(seconds)):
        assert parse_duration_s(text) == pytest.approx(seconds, abs=1e-3 if seconds < 1 else 0.01)


@QUICK
@given(st.integers(0, 10**6))
def test_a_duration_of_whole_seconds_survives_exactly(seconds: int) -> None:
    assert parse_duration_s(format_duration(seconds)) == seconds
    assert parse_duration_s(write_duration(seconds)) == seconds


@QUICK
@given(st.integers(10, 100_000).map(lambda hundredths: hundredths / 100))
def test_cpus_survive_being_written(cpus: float) -> None:
    assert parse_cpus(cpus) == parse_cpus(str(cpus)) == cpus


@QUICK
@given(st.text(max_size=8) | st.from_regex(re.compile(r"\d{1,3}(\.\d)?[a-zA-Z]{0,3}", re.ASCII), fullmatch=True))
def test_the_schema_accepts_what_the_parser_accepts(text: str) -> None:
    for parse, schema in ((parse_memory_mib, MEMORY_SCHEMA), (parse_duration_s, DURATION_SCHEMA)):
        try:
            parse(text)
        except ValueError:
            continue
        assert re.search(schema["pattern"], text.strip().lower() if parse is parse_duration_s else text.strip())


@pytest.mark.parametrize(
    ("text", "mib"),
    [
        ("512MiB", 512),
        ("2GiB", 2048),
        ("0.5g", 512),
        ("1B", 1),
        ("1000KB", 1),
        ("1500KiB", 2),
        ("1TiB", 2**20),
        ("1M", 1),
    ],
)
def test_a_size_in_mib(text: str, mib: int) -> None:
    assert parse_memory_mib(text) == mib


@pytest.mark.parametrize("value", ["", "512", 512, 0, None, True, "0MiB", "-1MiB", "1 PiB", "MiB", "1e3MiB", ["1MiB"]])
def test_what_is_no_size(value: object) -> None:
    with pytest.raises(ValueError, match="a size with its unit is needed, such as 512MiB or 2GiB"):
        parse_memory_mib(value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("500ms", 0.5),
        ("0s", 0),
        ("2d", 172_800),
        ("1.5h", 5400),
        ("7200S", 7200),
    ],
)
def test_a_duration_in_seconds(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize("value", ["", "30", 30, None, "-1s", "1s1m", "s", "1w", "1m500ms", [1]])
def test_what_is_no_duration(value: object) -> None:
    with pytest.raises(ValueError, match="a duration with its unit is needed, such as 90s, 5m or 1h30m"):
        parse_duration_s(value)


@pytest.mark.parametrize("value", [0, 0.09, "50m", True, None, "two", "-1", [1], float("nan")])
def test_what_is_no_number_of_cpus(value: object) -> None:
    with pytest.raises(ValueError, match=re.escape("a number of CPUs of at least 0.1 is needed, such as 0.5 or 2")):
        parse_cpus(value)


@pytest.mark.parametrize(
    ("seconds", "gos", "peoples"),
    [(0, "0s", "0s"), (30, "30s", "30s"), (90, "1m30s", "1m30s"), (300, "5m0s", "5m"), (7200, "2h0m0s", "2h"),
     (3630, "1h0m30s", "1h30s"), (0.5, "500ms", "500ms"), (600, "10m0s", "10m"), (36000, "10h0m0s", "10h")],
)  # fmt: skip
def test_a_duration_as_go_and_as_people_write_it(seconds: float, gos: str, peoples: str) -> None:
    assert (format_duration(seconds), write_duration(seconds)) == (gos, peoples)
