"""A row of a system's table: what a requirement became, and what shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.systems.look.view import Check


@dataclass(frozen=True)
class Probe:
    """A request through the gateway of a running system, and what must come back. It is sent by ``make systems``."""

    path: str
    """Path that is asked for."""
    part: str = ""
    """The part that must have got it, by what its stand-in says; empty: the gateway answers itself."""
    port: int = 0
    """The port on which that part got it."""
    seen: str | None = None
    """The path that the part saw. Default: the same."""
    host: str = "localhost"
    """Host name that is asked for."""
    body: Mapping[str, Any] | None = None
    """JSON to POST. Default: GET."""
    status: int = 200
    """Status of the answer."""
    holds: Sequence[str] = ()
    """Words in the answer's body."""
    headers: Sequence[str] = ()
    """Headers that the answer must have."""
    tls: bool | None = None
    """Whether it is asked over HTTPS. Default: where the environment has it."""


@dataclass(frozen=True)
class Row:
    """One requirement."""

    where: str
    """Where it is in the blueprint, and how it was settled where the document leaves it open."""
    check: Check | None = None
    """What shows it on the graph."""
    probes: Sequence[Probe] = ()
    """What shows it on the running system."""
    test: str = ""
    """A test that shows it: file, or file::name."""
    command: str = ""
    """The command that does it."""
    missing: str = ""
    """What is not there yet; then the check must fail."""
    envs: Sequence[str] = field(default=())
    """Environments in which probes are sent. Default: the requirement's."""


def graph(where: str, check: Check) -> Row:
    """Return a row that the graph shows."""
    return Row(where, check=check)


def running(where: str, *probes: Probe, test: str = "", check: Check | None = None) -> Row:
    """Return a row that only a running system shows."""
    return Row(where, check=check, probes=probes, test=test)


def by_command(command: str, test: str, where: str = "") -> Row:
    """Return a row that a command does, and the test of that command."""
    return Row(where, command=command, test=test)


def not_yet(missing: str, check: Check | None = None, where: str = "") -> Row:
    """Return a row that is open; its check, if it can have one yet, fails."""
    return Row(where, check=check, missing=missing)
