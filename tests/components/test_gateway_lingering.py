"""Which old workers a reload ends; that the rest of it works is shown on real nginx in tests/e2e."""

from __future__ import annotations

import subprocess

import pytest

from components.probes import script


@pytest.mark.parametrize(
    ("lingering", "ended"), [("", ""), ("9\n10\n", ""), ("9\n10\n11\n", "9\n"), ("9\n101\n11\n100\n", "11\n9\n")]
)
def test_only_the_oldest_of_too_many_lingering_workers_end(lingering: str, ended: str) -> None:
    """By number, of which nginx gives higher ones to newer workers; two may stay here."""
    (line,) = [each for each in script("gateway-reload.sh").splitlines() if "kill -TERM" in each]
    program = f'kill() {{ echo "$2"; }}\nold="$1"\nset -- 30 2\n{line}'
    done = subprocess.run(
        ["sh", "-euc", program, "reload", lingering.rstrip("\n")],
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    assert done.stdout == ended
