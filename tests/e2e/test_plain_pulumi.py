"""The Pulumi CLI alone, without Slipway's command: the whole truth is in the program.

The scenarios stand in the order of a platform's life, and share one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.conftest import Stacks
from tests.e2e.harness.blueprints import small
from tests.e2e.harness.engines import PULUMI, PlainPulumi, lack_of
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.ports import free_port
from tests.e2e.harness.prober import get_release
from tests.e2e.harness.run import Run

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(bool(lack_of(PULUMI)), reason=lack_of(PULUMI) or "")]


@dataclass
class Life:
    """The platform that these scenarios share."""

    platform: Platform
    pulumi: PlainPulumi
    first: Run
    """How its first deployment went."""


@pytest.fixture(scope="module")
def life(stacks: Stacks) -> Iterator[Life]:
    """Deploy a small platform from nothing."""
    port = free_port()
    platform = stacks.new("pulumi", small(port), port=port)
    pulumi = PlainPulumi(platform.workspace)
    pulumi.init().ended()
    yield Life(platform, pulumi, pulumi.up())
    stacks.remove(platform)


def test_pulumi_up_alone_brings_the_platform_up(life: Life) -> None:
    """From `stack init` with nothing but `pulumi`: everything is healthy and answers; a second `up` does nothing."""
    life.first.ended()
    assert get_release(life.platform.port) == (200, "one")
    before = life.platform.world
    before.assert_well(api=2, gateway=1, queue=1)
    life.pulumi.up("--expect-no-changes").ended()
    assert life.platform.world == before
    life.pulumi.preview("--expect-no-changes").ended()


def test_a_container_removed_by_hand_goes_unnoticed_without_refresh(life: Life) -> None:
    """Plain `pulumi up` trusts its state: only `--refresh` finds what somebody removed; `slipway up` looks itself."""
    before = life.platform.world
    lost = before.of("api")[0].id
    life.platform.daemon.api.remove_container(lost, force=True)
    life.pulumi.up("--expect-no-changes").ended()
    assert len(life.platform.world.of("api")) == 1
    life.pulumi.up("--refresh").ended()
    after = life.platform.world
    after.assert_well(api=2)
    assert before.ids() - after.ids() == {lost}


def test_pulumi_destroy_alone_leaves_the_data_and_nothing_else(life: Life) -> None:
    """Without Slipway's command there is no `--volumes`: the data volume stays for `docker volume rm`."""
    life.pulumi.destroy().ended()
    after = life.platform.world
    assert not after.containers
    assert not after.networks
    assert after.volumes == {f"slipway-{life.platform.workspace.stack}-queue-data"}


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_both_stacks_of_the_project_can_be_previewed(stacks: Stacks, stack: str) -> None:
    """`pulumi preview --stack dev` and `--stack prod` work on the files as they are committed."""
    workspace = stacks.new("pulumi", "starter").workspace
    workspace.stack = stack
    pulumi = PlainPulumi(workspace)
    pulumi.init().ended()
    run = pulumi.preview("--json").ended()
    assert '"op": "create"' in run.out
