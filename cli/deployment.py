"""What ``up`` and ``preview`` do before the engine runs, and what ``up`` tells afterwards."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cli.image_steps import decide_family, provide_images
from cli.status_text import only_well, parts_table, published
from operate.build_check import check_builds
from operate.capacity import check_capacity
from operate.data_guard import Verdict, judge
from operate.diagnosis import last_words
from operate.docker_host import DockerUnreachable, host_of, is_local, machine
from operate.doctor_machine import INSTALLATION
from operate.errors import OperateError
from operate.gpu_check import check_gpus
from operate.labels import filters
from operate.platform_view import addresses, urls
from operate.port_check import check_ports
from operate.release_targets import explain, failed_jobs, jobs_of_data
from operate.settling import settled_status
from operate.stack_files import docker_host, ensure_stack_file
from operate.stack_view import StackView, view_of
from operate.status import PAUSED, broken_containers, read_status
from operate.volumes import lost_volumes
from settings.source import stack_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import docker

    from cli.console import Console
    from cli.engines import Engine
    from cli.workplace import Workplace
    from operate.endings import Endings
    from operate.stack_view import Container
    from operate.status import Status
    from settings import Loaded


_SETTLE_S: Final = 8.0
"""The longest that a finished deployment waits until it can say whether everything is well."""


class NoSuchStack(OperateError):  # noqa: N818 - named as what it reports
    """The stack was never described."""

    exit_code = 6


@dataclass
class Plan:
    """What is known before the engine runs."""

    loaded: Loaded
    """The platform."""
    client: docker.DockerClient | None
    """Docker, if it answers."""
    replace: tuple[str, ...] = ()
    """URNs to replace although nothing of them changed."""
    refresh: bool = False
    """Whether the state no longer tells the truth."""
    reasons: list[str] = field(default_factory=list)
    """Why, for the user."""
    asks: bool = False
    """Whether the user should see the plan first."""
    data: Verdict = field(default_factory=Verdict)
    """What it means for the data."""
    before: frozenset[str] = frozenset()
    """Ids of the stack's containers before the deployment."""
    paused: list[str] = field(default_factory=list)
    """Names of the stack's containers that stand still."""
    made: set[str] = field(default_factory=set)
    """Ids, of 12 digits, of what a release made that must stay up."""
    serving: tuple[Container, ...] = ()
    """The containers that run before."""

    def look_at_state(
        self,
        view: StackView | None,
        engine: Engine,
        replaced: Callable[[StackView], Sequence[str]] | None = None,
    ) -> None:
        """Find out what the state asks for: jobs to run again, containers that are gone, data to be careful with.

        ``replaced`` returns what shall be replaced besides.
        """
        if view is None:
            view = view_of(engine.export())
        self.serving = view.serving
        self.asks = bool(view.containers) and self.loaded.platform.protect_data
        self.data = judge(view, self.loaded, self.client)
        jobs = failed_jobs(view)
        if jobs:
            self.replace = tuple(job.urn for job in jobs)
            self.reasons.append(explain(jobs))
        if replaced is not None:
            self.replace += tuple(replaced(view))
        if self.client is None:
            return
        listed = self.client.api.containers(all=True, filters=filters(self.loaded.project, self.loaded.stack))
        self.before = frozenset(item["Id"] for item in listed)
        if lost := lost_volumes(self.client, view):
            self.refresh = True
            again = [job for job in jobs_of_data(view) if job.urn not in self.replace]
            self.replace += tuple(job.urn for job in again)
            names = ", ".join(job.name for job in again)
            self.reasons.append(
                f"no longer on this host: data volume {', '.join(lost)}; what used it begins empty"
                + (f", and jobs run again: {names}" if names else "")
            )
        self.paused = sorted(item["Names"][0].removeprefix("/") for item in listed if item["State"] == PAUSED)
        broken = broken_containers(view, listed)
        if broken:
            self.refresh = True
            names = ", ".join(container.name for container in broken)
            self.reasons.append(f"not running any more, so the state is refreshed first: {names}")


def preflight(
    work: Workplace,
    stack: str,
    blueprint: str | None,
    console: Console,
    *,
    skip_images: bool,
    create: bool = True,
    needs_docker: bool = True,
) -> Plan:
    """Check everything that can be checked before the engine runs, and provide the images.

    Args:
        work: The workplace.
        stack: The stack.
        blueprint: The blueprint for a stack that has no file yet.
        console: Where to tell.
        skip_images: Whether images are left to the engine.
        create: Whether a stack without a file gets one.
        needs_docker: Whether it is an error that Docker does not answer.

    Raises:
        OperateError: Something is missing; the text says what to do.
        SettingsError: The description can't be used.
    """
    if not create and not (work.root / stack_file(stack)).exists():
        raise NoSuchStack(f"there is no stack {stack}\n  fix: slipway up --stack {stack} --blueprint NAME")
    file = ensure_stack_file(work.root, stack, blueprint)
    if file.created:
        environment = f", environment {file.environment}" if file.environment else ""
        console.step(f"stack {stack}: new, blueprint {file.blueprint}{environment} ({file.path.name})")
    loaded = work.load(stack)
    client = _docker(work, stack, console, needed=needs_docker)
    if client is None:
        return Plan(loaded, None)
    check_builds(loaded.platform, work.root)
    if decide_family(work, loaded, client, console):
        loaded = work.load(stack)
    if not skip_images:
        provide_images(work, loaded, client, console)
    if needs_docker:
        local = is_local(host_of(work.environ, docker_host(work.root, stack)))
        if local:
            check_ports(loaded.platform, client, work.project, stack)
        its_machine = machine(client)
        check_gpus(loaded.platform, its_machine, local=local)
        for warning in check_capacity(loaded.platform, its_machine):
            console.warn(warning)
    return Plan(loaded, client)


def settle(work: Workplace, stack: str, plan: Plan, endings: Endings) -> Status | None:
    """Read the status when what a deployment made has come to stay, or has not; ``None`` without Docker.

    A first deployment waits for health alone: nothing served before it that could be missed.
    """
    if plan.client is None:
        return None
    client, view = plan.client, work.local_view(stack)

    def fresh() -> set[str]:
        times = Counter(item.id for item in endings.by_themselves)
        made = {item.id[:12] for item in view.serving if item.id not in plan.before} if view and plan.before else set()
        return (made | times.keys()) - {name for name, number in times.items() if number > 1}

    status = settled_status(lambda: read_status(client, work.project, stack, view), _SETTLE_S, fresh)
    plan.made = fresh()
    return status


def tell_reached(console: Console, plan: Plan, status: Status) -> None:
    """Show what runs and where it is reached."""
    parts_table(console, status, addresses(plan.loaded))
    for url in urls(plan.loaded.platform):
        console.good(f"open {url}")


def explainer(work: Workplace, stack: str, plan: Plan) -> Callable[[str], str | None] | None:
    """Return what tells of a container by its resource's name, where Docker answers."""
    client = plan.client
    return None if client is None else lambda name: last_words(client, work.project, stack, name)


def still_serving(console: Console, work: Workplace, stack: str, plan: Plan) -> None:
    """After a failure, show what serves nevertheless, where it really is, and what is left that does not serve."""
    if plan.client is None:
        return
    status = read_status(plan.client, work.project, stack, None)
    if any(part.well for part in status.parts):
        console.say("still serving:")
        # Not the addresses of the description, which is the one that failed.
        parts_table(console, only_well(status), published(status))
    left = [item for part in status.parts for item in part.replicas if not item.well]
    if left:
        console.say("does not serve, and is left to be looked at until a deployment succeeds:")
        for item in left:
            console.say(f"  {item.name} {item.trouble}")


def _docker(work: Workplace, stack: str, console: Console, *, needed: bool) -> docker.DockerClient | None:
    try:
        return work.docker_client(stack)
    except DockerUnreachable as unreachable:
        if not needed:
            console.warn(str(unreachable))
            return None
        if "bootstrap" not in unreachable.fix:
            raise
        console.step(f"{unreachable.reason}: running scripts/bootstrap")
    subprocess.run([INSTALLATION / "scripts" / "bootstrap"], check=False, stdout=sys.stderr)
    return work.docker_client(stack)
