"""An update or its preview: the program registers what it wants, then what it no longer wants is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.deployment import Deployment, Stopped
from engine.errors import OperationFailed
from engine.monitor import EngineLog, Monitor
from engine.program import ProgramRun
from engine.steps import Op, Step, delete_op

if TYPE_CHECKING:
    from engine.executor import Executor
    from engine.planner import Planner
    from engine.project import Project
    from engine.provider import Properties
    from engine.state import Entry


def run_update(deployment: Deployment, project: Project) -> Properties:
    """Run the program against the state and return the stack's outputs; failures are in the deployment."""
    monitor = Monitor(deployment)
    run = ProgramRun(
        project,
        deployment.stack,
        deployment.config,
        monitor,
        EngineLog(deployment),
        preview=deployment.options.preview,
        parallel=deployment.options.parallel,
        tell=lambda line: deployment.events.diagnostic("info#out", line, deployment.root_urn),
    )
    error = run.run()
    # When the deployment has failed already, the program only failed because its registrations were refused.
    if error is not None and not deployment.errors and not deployment.cancelled:
        deployment.fail(error, deployment.root_urn)
    if not deployment.errors and not deployment.cancelled:
        delete_unwanted(deployment, monitor.planner, monitor.executor)
    return _finish_stack(deployment, monitor)


def delete_unwanted(deployment: Deployment, planner: Planner, executor: Executor) -> None:
    """Delete, dependents first, what was replaced and what the program no longer has."""
    with deployment.lock:
        steps = [step for entry in deployment.base.resources if (step := _deletion(planner, entry)) is not None]
    delete_in_order(deployment, executor, steps)


def delete_in_order(deployment: Deployment, executor: Executor, steps: list[Step]) -> None:
    """Carry out deletions; after a refusal (protect) what the refused resource depends on stays as well."""
    by_entry = {step.entry: step for step in steps}
    kept: set[Entry] = set()
    for group in deployment.graph.deletion_order(by_entry):
        for entry in group:
            if entry in kept or (entry.protect and by_entry[entry].op is Op.DELETE):
                kept |= deployment.graph.dependencies_of(entry)
        executor.run_parallel([by_entry[entry] for entry in group if entry not in kept])
        try:
            deployment.check_running()
        except Stopped:
            return


def _deletion(planner: Planner, entry: Entry) -> Step | None:
    if entry.delete:
        if planner.was_condemned(entry):
            return None
        planner.deleted.add(entry.urn)
        return Step(delete_op(entry, replacing=True), entry, None)
    if planner.is_dealt_with(entry.urn):
        return None
    planner.deleted.add(entry.urn)
    if entry.pending_replacement:
        return Step(Op.REMOVE_PENDING_REPLACE, entry, None)
    return Step(delete_op(entry, replacing=False), entry, None)


def _finish_stack(deployment: Deployment, monitor: Monitor) -> Properties:
    """Settle the stack's outputs; after a failure a missing output may still come back, so the old ones stay."""
    outputs = monitor.stack_outputs
    old = deployment.olds.get(deployment.root_urn)
    before = old.outputs if old is not None else {}
    if outputs is None:
        return before
    if deployment.errors or deployment.cancelled:
        outputs = {**before, **outputs}
    try:
        monitor.set_outputs(deployment.root_urn, outputs)
    except OperationFailed:
        return before  # the stack itself never got registered
    return outputs
