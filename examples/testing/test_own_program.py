"""A program of your own, with the components or without."""

import pulumi
import pytest

from components import Job, JobArgs, Service, ServiceArgs
from testing import render


def program() -> None:
    """Release an API after its migration."""
    migrate = Job("migrate", JobArgs(image="example/api:1.4", command=["migrate"]))
    Service("api", ServiceArgs(image="example/api:1.4", replicas=2, needs=[migrate.succeeded]))


def test_two_replicas() -> None:
    """The whole set of children, so that nothing comes or goes unseen."""
    assert [child.name for child in render(program).children("api")] == ["api-0", "api-1"]


def test_a_failed_migration_stops_the_release() -> None:
    """Say what a resource answers, and see what becomes of it."""
    with pytest.raises(pulumi.RunError, match="no such table"):
        render(program, outputs={"migrate-run": {"exitCode": 1, "containerLogs": "no such table: jobs"}})


def test_a_preview_composes_too() -> None:
    """Ids and hashes are unknown there."""
    assert len(render(program, preview=True)) == len(render(program))
