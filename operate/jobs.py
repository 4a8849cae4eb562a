"""Running a job's container again, as the deployment made it: same image, environment, files and networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from operate.errors import OperateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import docker

    from operate.find_containers import Found


class CannotRun(OperateError):  # noqa: N818 - named as what it reports
    """There is no such job, or it can't be started now."""

    exit_code: ClassVar[int] = 2


def find_job(containers: Iterable[Found], name: str, stack: str) -> Found:
    """Return the container of a job.

    Raises:
        CannotRun: There is none of that name; those that there are are named.
    """
    jobs = {item.part: item for item in containers if item.role == "job"}
    if name not in jobs:
        known = ", ".join(sorted(jobs)) or "none was deployed"
        raise CannotRun(f"stack {stack} has no job '{name}'\n  allowed: {known}\n  fix: slipway up --stack {stack}")
    return jobs[name]


def run_again(client: docker.DockerClient, job: Found, write: Callable[[int, bytes], None]) -> int:
    """Start a job's container, hand on what it writes to file descriptors 1 and 2, and return its exit code.

    Raises:
        CannotRun: It is running already.
    """
    import docker.errors  # noqa: PLC0415 - slow to load

    if job.running:
        raise CannotRun(f"{job.part} is running already\n  fix: slipway logs {job.part} --follow")
    # Attached before it starts, so that nothing of this run is missed, and nothing of an earlier one is shown.
    stream: Any = client.api.attach(job.id, stdout=True, stderr=True, stream=True, logs=False, demux=True)
    try:
        client.api.start(job.id)
    except docker.errors.APIError as error:
        raise CannotRun(f"{job.part} can't be started: {error.explanation or error}") from error
    for out, err in stream:
        for descriptor, data in ((1, out), (2, err)):
            if data:
                write(descriptor, data)
    return int(client.api.wait(job.id)["StatusCode"])
