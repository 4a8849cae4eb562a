"""Deployments that meet another one, or are stopped."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import NewPlatform
from tests.e2e.harness.blueprints import new_release, small
from tests.e2e.harness.engines import EMBEDDED, PULUMI
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.ports import free_port
from tests.e2e.harness.run import alive
from tests.e2e.harness.waiting import until

pytestmark = pytest.mark.e2e

CANCELLED = 8
"""The exit code of an operation that the user stopped."""
KILLS = {EMBEDDED: 6, PULUMI: 4}
"""How many times a deployment is killed in an ordinary run; ``SLIPWAY_KILLS=20`` for the whole promise."""
SEED = int(os.environ.get("SLIPWAY_KILL_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)
"""Decides the moments; printed, to repeat a run."""


def test_of_two_deployments_at_once_one_waits_for_nobody(platform: Platform) -> None:
    """While one deployment runs, a second is refused and told who holds the lock; the first is not disturbed."""
    release = new_release()
    platform.workspace.write(small(platform.port, release=release))
    first = platform.slipway.start_up()
    locks = until(lambda: platform.workspace.locks, "the first deployment has its lock", 20)
    holder = json.loads(locks[0].read_text(encoding="utf-8"))
    second = platform.up()
    assert first.alive, "the first deployment was over too soon to say anything"
    second.failed("lock", str(holder["pid"]))
    first.wait().ended()
    assert platform.release() == release
    platform.assert_settled()


def test_ctrl_c_ends_with_its_own_exit_code_and_up_converges(platform: Platform) -> None:
    """After SIGINT in the middle of a deployment the old release serves, and the next `up` finishes the work."""
    before, release = platform.world, new_release()
    platform.workspace.write(small(platform.port, release=release))
    with platform.prober() as probe:
        running = platform.slipway.start_up()
        until(lambda: platform.world.ids("api") - before.ids("api"), "a new container is there", 30)
        running.interrupt()
        running.wait().ended(CANCELLED)
        assert platform.world.ids("api") >= before.ids("api")
        assert not platform.workspace.locks
        platform.up().ended()
    assert platform.release() == release
    probe.answers.assert_none_failed()
    platform.assert_converged()


def test_a_deployment_killed_at_any_moment_is_finished_by_the_next(new_platform: NewPlatform) -> None:
    """Kill -9 at random moments: each time the next `up` converges, with no orphan of any kind and nothing pending.

    Every fourth deployment starts from nothing, the others change the application; the moment is uniform over the time
    that such a deployment takes. Every third kill hits the command alone, and the CLI that it drives must end by itself
    then; the others hit all of its processes.
    """
    port = free_port()
    platform = new_platform(small(port), port=port)
    kills = int(os.environ.get("SLIPWAY_KILLS", "") or KILLS[platform.engine])
    print(f"SLIPWAY_KILLS={kills} SLIPWAY_KILL_SEED={SEED}")  # noqa: T201 - shown when it fails
    moments = random.Random(SEED)  # noqa: S311 - to be repeated, not to be secret
    usual = {True: 8.0, False: 5.0}
    for number in range(kills):
        from_nothing = number % 4 == 0
        if from_nothing:
            platform.destroy("--volumes").ended()
        platform.workspace.write(small(port, release=f"r{number}"))
        running = platform.slipway.start_up()
        running.let_run(moments.uniform(0.3, usual[from_nothing]))
        left = running.kill(alone=number % 3 == 2)
        killed = running.wait()
        print(f"{number}: from nothing {from_nothing}, alone {bool(left)}, after {killed.seconds:.2f} s")  # noqa: T201
        until(lambda: not any(map(alive, _lock_holders(platform))), "whoever held the lock has ended", 60)
        started = time.monotonic()
        platform.up().ended()
        usual[from_nothing] = time.monotonic() - started
        assert platform.release() == f"r{number}"
        platform.world.assert_well(api=2, gateway=1, queue=1)
        platform.assert_converged()
        _end_plugins(left)


def _lock_holders(platform: Platform) -> list[int]:
    return [int(json.loads(lock.read_text(encoding="utf-8"))["pid"]) for lock in platform.workspace.locks]


def _end_plugins(processes: list[int]) -> None:
    """Pulumi's plugins look after their CLI only every five minutes; they do nothing without it."""
    for pid in processes:
        with contextlib.suppress(OSError):
            if b"pulumi" in Path("/proc", str(pid), "cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
