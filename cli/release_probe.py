"""``--probe``: what the users of a platform notice of a deployment, while it happens."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from cli.console import error
from operate.docker_host import host_of
from operate.probe import Probing, run
from operate.probe.aim import aim
from operate.probe.model import CannotProbe
from operate.stack_files import docker_host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.console import Console
    from cli.deployment import Plan
    from cli.workplace import Workplace
    from operate.probe import Phase, Probe, Summary

_RATE: Final = 50.0
_QUIET_S: Final = 5.0
"""How long requests are sent before the deployment, and after it."""
_FIRST: Final = 5
"""Requests that look whether anybody answers at all."""
_NAMES: Final = ("before", "during", "after")


@dataclass
class Noticed:
    """What was noticed, once the deployment has ended; nothing where nobody asked."""

    probe: Probe | None = None
    summary: Summary | None = None

    @property
    def good(self) -> bool:
        """Whether no request failed, as far as anybody asked."""
        return self.summary is None or self.summary.good

    def to_dict(self) -> dict[str, Any] | None:
        """Return it for the release's record."""
        if self.probe is None or self.summary is None:
            return None
        phases = {name: _figures(phase) for name, phase in self.summary.phases.items()}
        rest = {"sent": self.summary.sent, "failed": self.summary.failed, "gaps_s": list(self.summary.gaps)}
        return {
            "url": self.probe.urls[0],
            "rate": self.probe.rate,
            **rest,
            **phases,
            "errors": dict(self.summary.errors),
        }


@contextmanager
def noticing(path: str | None, work: Workplace, stack: str, plan: Plan, console: Console) -> Iterator[Noticed]:
    """Send requests to the gateway while the block runs, and for a while before and after it.

    Args:
        path: Where; empty to choose, None for no requests at all.
        work: The workplace.
        stack: The stack.
        plan: What will be deployed.
        console: Where to tell.

    Raises:
        CannotProbe: There is nothing to send to, or what there is does not answer well; nothing was changed.
    """
    noticed = Noticed()
    if path is None:
        yield noticed
        return
    host = host_of(work.environ, docker_host(work.root, stack))
    probe = aim(plan.loaded.platform, path, host, _RATE)
    looked = run(replace(probe, seconds=_FIRST / _RATE))
    if looked.failed == looked.sent and all("status" not in text for text in looked.errors):
        console.step(f"nothing answers at {probe.urls[0]} yet: this deployment is not probed")
        yield noticed
        return
    if looked.failed:
        raise CannotProbe(
            f"--probe: {probe.urls[0]} does not answer well even now: {next(iter(looked.errors))}\n"
            "  fix: name a path that does: --probe=/PATH"
        )
    console.step(f"probing {probe.urls[0]}: {_RATE:.0f} requests a second, from {_QUIET_S:.0f} s before to after")
    with Probing(probe) as probing:
        time.sleep(_QUIET_S)  # a span of load, not a wait for something
        probing.mark("during")
        yield noticed
        probing.mark("after")
        time.sleep(_QUIET_S)  # as above
    noticed.probe, noticed.summary = probe, probing.summary


def tell_noticed(noticed: Noticed, console: Console) -> None:
    """Say what was noticed."""
    summary = noticed.summary
    if summary is None:
        return
    header = ["PROBE", "SECONDS", "SENT", "FAILED", "P50", "P99"]
    rows = [_row(name, summary.phases[name]) for name in _NAMES if name in summary.phases]
    console.table(header, rows)
    for text, count in summary.errors.items():
        error(f"{count} x {text}")
    if summary.gaps:
        error(f"nothing was answered for {', '.join(f'{gap:.1f} s' for gap in summary.gaps)}")


def _row(name: str, phase: Phase) -> list[str]:
    figures = _figures(phase)
    times = ["-" if figures[key] is None else f"{figures[key]:.1f} ms" for key in ("p50_ms", "p99_ms")]
    return [name, f"{phase.seconds:.1f}", str(phase.sent), str(phase.failed), *times]


def _figures(phase: Phase) -> dict[str, Any]:
    get = phase.kinds.get("get")
    times = {"p50_ms": get.p50_ms if get else None, "p99_ms": get.p99_ms if get else None}
    return {"seconds": phase.seconds, "sent": phase.sent, "failed": phase.failed, **times}
