"""Two versions of a service: noting which one serves, saying so, and what ``promote``, ``abort`` and ``switch`` share.

The stack's file says it, from where the program reads it on either engine (docs/adr/0010-release-strategies.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.deployment import NoSuchStack
from operate.errors import OperateError
from operate.releases import notes_of
from operate.stack_files import StackFileError
from operate.stack_overrides import noted
from settings.problems import listing, nearest
from settings.source import read_stack_file, stack_file
from settings.versions import Entry, version_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cli.console import Console
    from cli.workplace import Workplace
    from operate.releases import Release
    from settings import Loaded
    from settings.model import Strategy
    from settings.versions import Versions


class NoOtherVersion(OperateError):  # noqa: N818 - named as what it reports
    """Nothing is there to promote, abort or switch to."""

    exit_code = 2


def served_then(loaded: Loaded, latest: Release) -> dict[str, Any]:
    """Return what would be noted of services of which nothing is, and of which the last release had another version."""
    found: dict[str, Any] = {}
    ran = latest.description.get("services") or {}
    for name, versions in loaded.versions.items():
        if versions.noted or name not in ran:
            continue
        served = Entry(serving=version_of(ran[name], f"{loaded.project}-{name}")).written(
            blue_green=versions.blue_green
        )
        noted_then = latest.versions.get(name, served)
        if noted_then != versions.entry.written(blue_green=versions.blue_green):
            found[name] = noted_then
    return found


def adopt(work: Workplace, loaded: Loaded, latest: Release | None) -> bool:
    """Note what serves of each service of which nothing is noted, from the last release; return whether anything was.

    So a strategy holds for the very deployment that brings it, and where the notes of the last one were not committed.
    """
    found = served_then(loaded, latest) if work.release is None and latest is not None else {}
    if not found:
        return False
    with noted(work.root, loaded.stack, {**read_stack_file(work.root, loaded.stack).versions, **found}):
        work.load(loaded.stack)  # what can't be is said before anything is changed
    return True


def tell_stale(console: Console, work: Workplace, stack: str, latest: Release | None) -> None:
    """Warn of notes that say another version than the last release had: most likely a commit is missing."""
    if work.release is not None or latest is None:
        return
    said = read_stack_file(work.root, stack).versions
    stale = [
        name
        for name, entry in latest.versions.items()
        if name in said and any(said[name].get(key) != entry.get(key) for key in ("serving", "live"))
    ]
    if stale:
        console.warn(
            f"{stack_file(stack)} notes another version of {', '.join(stale)} as serving than release {latest.number}"
            " had, and is followed\n  if that is not meant: take the file from where that release was made, or run"
            f" slipway rollback {latest.number} --stack {stack}"
        )


def note_versions(console: Console, work: Workplace, loaded: Loaded) -> None:
    """Note which versions run, after they were deployed."""
    notes = notes_of(loaded)
    if notes == read_stack_file(work.root, loaded.stack).versions:
        return
    try:
        with noted(work.root, loaded.stack, notes) as file:
            console.step(f"{file.name}: slipway:versions now says what serves: {listing(notes, 'nothing is noted')}")
    except StackFileError as error:
        console.warn(f"{error}\nwhat serves could not be noted there: the next change is no canary and no second set")


def tell_versions(console: Console, loaded: Loaded) -> None:
    """Say who gets the requests of each service that has, or could have, another version, and how to go on."""
    for versions in loaded.versions.values():
        for line in _lines(versions):
            console.say(line)


def _lines(versions: Versions) -> list[str]:
    name = versions.service
    serving, other = (versions.hosts[key] for key in (name, versions.other))
    if versions.blue_green:
        if not versions.has_other:
            return []
        which = "the described version" if versions.other_version == versions.described else "the version before"
        return [
            f"{name}: all requests go to {serving}; {other} is up with {which}, without requests",
            f"  slipway switch {name} leads them there",
        ]
    if versions.sent_back:
        return [
            f"{name}: the described version was aborted and does not run",
            f"  describe another one, or begin again: slipway promote {name}",
        ]
    if not versions.has_other:
        return []
    steps = versions.release.steps
    later = steps[versions.step + 1 :]
    then = f"{later[0]} %" if later else "the only version"
    return [
        f"{name}: {versions.weight} % of its requests go to the described version ({other}), all others to the old one",
        f"  slipway promote {name} goes on ({then}), slipway abort {name} takes it away",
    ]


def load_versions(work: Workplace, stack: str) -> Loaded:
    """Load a stack that exists."""
    if not (work.root / stack_file(stack)).exists():
        raise NoSuchStack(f"there is no stack {stack}")
    return work.load(stack)


def chosen(
    loaded: Loaded,
    names: Sequence[str],
    strategy: Strategy,
    wanted: Callable[[Versions], bool],
    lack: str,
) -> list[Versions]:
    """Return the services that a command is about: those named, or all for which it can be.

    Args:
        loaded: The platform.
        names: Names on the command line.
        strategy: The strategy that the command is for.
        wanted: Whether there is something to do.
        lack: What is missing where there is nothing to do, and how it comes about.

    Raises:
        NoOtherVersion: A service is unknown, has another strategy, or there is nothing to do.
    """
    those = {name: item for name, item in loaded.versions.items() if item.release.strategy is strategy}
    for name in names:
        if name in those:
            continue
        others = {versions.other for versions in loaded.versions.values()}
        known = name in loaded.platform.services and name not in others
        near = None if known else nearest(name, those)
        raise NoOtherVersion(
            (f"{name} has another strategy than {strategy}" if known else f"there is no service '{name}'")
            + f"\n  allowed: {listing(those, f'no service says release: {strategy}')}"
            + (f"\n  nearest: {near}" if near else "")
        )
    found = [those[name] for name in names or those]
    if not found:
        raise NoOtherVersion(
            f"no service of stack {loaded.stack} says release: {strategy}\n"
            f"  fix: add to a service of the blueprint: release: {strategy}"
        )
    idle = [item.service for item in found if not wanted(item)]
    if names and idle:
        raise NoOtherVersion(f"{', '.join(idle)}: {lack}")
    ready = [item for item in found if wanted(item)]
    if not ready:
        raise NoOtherVersion(f"{', '.join(idle)}: {lack}")
    return ready


def changed_notes(work: Workplace, loaded: Loaded, entries: dict[str, Entry]) -> dict[str, object]:
    """Return all of the stack's notes with some of them changed."""
    return {
        **read_stack_file(work.root, loaded.stack).versions,
        **{name: entry.written(blue_green=loaded.versions[name].blue_green) for name, entry in entries.items()},
    }
