"""What a part needs before it starts exists, can become true, and does not wait for the part itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from settings.model import Condition, Job, Workload
from settings.parts import STORE_SECTIONS, WORKLOAD_SECTIONS, part_names, parts
from settings.problems import Finding, listing, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from settings.description import Description
    from settings.parts import Part
    from settings.paths import Path


def needs_exist(description: Description) -> Iterator[Finding]:
    """Each need names another part of this stack."""
    names = part_names(description.declared)
    everything = {part.name: part for part in parts(description.everything)}
    for path, workload, _ in description.workloads():
        for name in workload.needs:
            place = (*path, "needs", name)
            if name == path[-1]:
                yield Finding(place, "a part can't need itself", fix="remove it")
            elif name in names:
                continue
            elif name == "gateway":
                yield Finding(
                    place,
                    "nothing can need the gateway: it starts after the services that it leads to",
                    fix="need the service itself",
                )
            elif name in everything:
                yield Finding(
                    place,
                    f"'{name}' is a part that this stack's profiles switch off",
                    fix=f"switch on its profile in slipway:profiles, or give '{path[-1]}' the same one",
                    about=((*everything[name].path, "profiles"),),
                )
            else:
                yield Finding(
                    place,
                    f"there is no part '{name}'",
                    allowed=listing(names - {str(path[-1])}),
                    nearest=nearest(name, names),
                    about=tuple((section, name) for section in (*WORKLOAD_SECTIONS, *STORE_SECTIONS)),
                )


def needs_can_become_true(description: Description) -> Iterator[Finding]:
    """Jobs are completed, the others are not; only what has a health check becomes healthy."""
    named = {part.name: part for part in parts(description.declared)}
    for path, workload, _ in description.workloads():
        for name, condition in workload.needs.items():
            part = named.get(name)
            if part is not None and (finding := _impossible(part, condition, (*path, "needs", name))) is not None:
                yield finding


def needs_have_no_cycle(description: Description) -> Iterator[Finding]:
    """Parts that wait for each other would never start."""
    graph = {str(path[-1]): [*workload.needs] for path, _, workload in description.workloads()}
    sections = {str(path[-1]): path for path, _, _ in description.workloads()}
    for cycle in _cycles(graph):
        yield Finding(
            sections[cycle[0]],
            "waits for itself: " + " -> ".join([*cycle, cycle[0]]),
            fix="remove one of these needs; where a reference implies it, write the address as text, such as http://"
            f"{cycle[0]}:8000",
        )


def _impossible(part: Part, condition: Condition, path: Path) -> Finding | None:
    is_job = isinstance(part.spec, Job)
    if is_job and condition is not Condition.COMPLETED:
        return Finding(
            path,
            f"'{part.name}' is a job: it is never {condition.value}",
            allowed="completed",
        )
    if not is_job and condition is Condition.COMPLETED:
        return Finding(
            path,
            f"'{part.name}' is no job and is never completed",
            allowed="healthy, started",
        )
    if condition is Condition.HEALTHY and isinstance(part.spec, Workload) and part.spec.health is None:
        return Finding(
            path,
            f"'{part.name}' has no health check and is never healthy",
            allowed="started",
            fix=f"add a health check to {part.section}.{part.name}, or need it as started",
            about=((*part.path, "health"),),
        )
    return None


def _cycles(graph: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Return one cycle for each knot of parts that wait for each other, beginning at its first name."""
    cycles: list[list[str]] = []
    done: set[str] = set()

    def visit(name: str, trail: list[str]) -> None:
        if name in trail:
            cycle = trail[trail.index(name) :]
            first = cycle.index(min(cycle))
            if len(cycle) > 1 and (ordered := cycle[first:] + cycle[:first]) not in cycles:
                cycles.append(ordered)
            return
        if name in done or name not in graph:
            return
        for needed in graph[name]:
            visit(needed, [*trail, name])
        done.add(name)

    for name in graph:
        visit(name, [])
    return cycles


CHECKS: Final = (needs_exist, needs_can_become_true, needs_have_no_cycle)
