"""Two versions of one service side by side: what the description says, and what served before.

A version is a service's part of the description as it was written, but for what is the stack's own matter
(:data:`NOT_THE_VERSION`). ``slipway:versions`` of ``Pulumi.<stack>.yaml`` notes the version that serves, whole, so that
a plain ``pulumi up`` sees both; docs/adr/0010-release-strategies.md has the reasons. Here a description with such notes
becomes one in which each version is a service of its own: ``api`` is the one that serves, whichever that is, so that
routes, needs and references mean it; ``api-other`` is the one beside it.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field, ValidationError

from settings.model import Model, Release, Strategy, SwitchWhen
from settings.problems import Finding
from settings.tree import Node, find, from_plain
from settings.yaml_source import as_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from settings.paths import Path

KEY: Final = "versions"
OTHER: Final = "-other"
"""Suffix of the name of the version that does not serve, among the platform's services."""
CANARY: Final = "canary"
NOT_THE_VERSION: Final = ("replicas", "release", "profiles")
"""Keys of a service that hold for both of its versions alike."""
LONGEST_NAME: Final = 33
"""A service's name and the suffixes of its versions are a DNS label of at most 40 characters."""
_NOT_THE_OTHERS: Final = ("aliases", "release")
"""Keys of a service that only the version that serves has."""
_DIGITS: Final = 12
_FIX: Final = "leave the entries to slipway up, promote, abort and switch"


class Colour(StrEnum):
    """The two sets of a blue-green service."""

    BLUE = "blue"
    GREEN = "green"

    @property
    def opposite(self) -> Colour:
        """The other one."""
        return Colour.GREEN if self is Colour.BLUE else Colour.BLUE


class Next(Model):
    """How far the version that the description says has come; nothing once it says another one."""

    version: str
    """Its digest."""
    step: int = Field(default=0, ge=0)
    """Index of a canary's weight."""
    back: bool = False
    """Whether it was sent back: aborted, or switched away from."""


class Entry(Model):
    """What ``slipway:versions`` notes of a service."""

    serving: dict[str, Any]
    """The version that serves."""
    other: dict[str, Any] | None = None
    """The version of a blue-green service's other set."""
    live: Colour = Colour.BLUE
    """The set that serves, of a blue-green service."""
    next: Next | None = None
    """How far the description's version has come."""

    def written(self, *, blue_green: bool) -> dict[str, Any]:
        """Return it as it stands in the file."""
        first = {"live": self.live.value} if blue_green else {}
        return first | self.model_dump(mode="json", exclude_defaults=True)


@dataclass(frozen=True)
class Versions:
    """The versions of one service."""

    service: str
    """Its name."""
    release: Release
    """How its versions take over."""
    described: Mapping[str, Any]
    """The version that the description says."""
    entry: Entry
    """What is to be noted once this is deployed."""
    noted: bool
    """Whether anything was noted before."""
    has_other: bool = False
    """Whether two versions run."""
    step: int = 0
    """Index of a canary's weight."""

    @property
    def other(self) -> str:
        """Name of the version that does not serve, among the platform's services."""
        return self.service + OTHER

    @property
    def blue_green(self) -> bool:
        """Whether it has two sets."""
        return self.release.strategy is Strategy.BLUE_GREEN

    @property
    def weight(self) -> int:
        """Percent of the requests that the other version gets."""
        return 0 if self.blue_green or not self.has_other else self.release.steps[self.step]

    @property
    def slots(self) -> Mapping[str, str]:
        """What its containers' set is called, by the name among the platform's services; empty for the usual one."""
        if self.blue_green:
            return {self.service: self.entry.live.value, self.other: self.entry.live.opposite.value}
        return {self.service: "", self.other: CANARY}

    @property
    def hosts(self) -> Mapping[str, str]:
        """DNS names, which are also the components' names, by the name among the platform's services."""
        return {name: f"{self.service}-{slot}" if slot else self.service for name, slot in self.slots.items()}

    @property
    def other_version(self) -> Mapping[str, Any] | None:
        """The version that does not serve, if two run."""
        if not self.has_other:
            return None
        return self.entry.other if self.blue_green else self.described

    @property
    def sent_back(self) -> bool:
        """Whether the description's version was aborted, and does not run."""
        return not self.blue_green and self.entry.next is not None and self.entry.next.back


def digest(version: Mapping[str, Any] | None) -> str:
    """Return a short name of a version."""
    return hashlib.sha256(json.dumps(version, sort_keys=True).encode()).hexdigest()[:_DIGITS]


def promoted(versions: Versions, *, whole: bool = False) -> Entry:
    """Return what is noted of a canary that goes one step on, or to its end; one that was aborted begins again."""
    name = digest(versions.described)
    if not whole and versions.sent_back:
        return Entry(serving=versions.entry.serving, next=Next(version=name))
    if not whole and versions.step + 1 < len(versions.release.steps):
        return Entry(serving=versions.entry.serving, next=Next(version=name, step=versions.step + 1))
    return Entry(serving=dict(versions.described))


def aborted(versions: Versions) -> Entry:
    """Return what is noted of a canary that is taken away, until the description says another version."""
    return Entry(serving=versions.entry.serving, next=Next(version=digest(versions.described), back=True))


def switched(versions: Versions) -> Entry:
    """Return what is noted of a blue-green service whose other set is to serve."""
    entry = versions.entry
    assert entry.other is not None  # noqa: S101 - the only caller has asked
    return Entry(
        serving=entry.other,
        other=entry.serving,
        live=entry.live.opposite,
        # Without this note a service that switches by itself would switch again.
        next=None if entry.other == versions.described else Next(version=digest(versions.described), back=True),
    )


@dataclass(frozen=True)
class Expanded:
    """A description with each version as a service of its own."""

    tree: Node
    """The description."""
    versions: Mapping[str, Versions] = field(default_factory=dict)
    """The versions of each service that has a strategy with two, by its name."""
    findings: tuple[Finding, ...] = ()
    """What is wrong with the notes, or stands in their way."""

    def written_path(self, path: Path) -> Path:
        """Return the path at which people wrote what stands at a path here."""
        for versions in self.versions.values():
            if path[:2] == ("services", versions.other):
                return ("services", versions.service, *path[2:])
        return path


def expand(tree: Node, notes: Node | None, project: str) -> Expanded:
    """Give each version that shall run a place among the services.

    Args:
        tree: The merged description; not yet validated, so anything may stand in it.
        notes: What ``slipway:versions`` says.
        project: Name of the project, of which the names of built images are made.
    """
    services = find(tree, ("services",))
    if services is None or not services.is_map:
        return Expanded(tree)
    changed: dict[str, Node] = dict(services.value)
    found: dict[str, Versions] = {}
    findings: list[Finding] = []
    for name, node in services.value.items():
        release = _release(node)
        if release is None or release.strategy is Strategy.ROLLING:
            continue
        taken = list(_in_the_way(name, services.value))
        try:
            entry = _entry(notes, name)
        except ValidationError:
            taken.append(Finding((), f"slipway:{KEY}: what is noted of '{name}' is not understood", fix=_FIX))
        if taken:
            findings += taken
            continue
        versions = _versions(name, version_of(as_record(node), f"{project}-{name}"), release, entry)
        found[name] = versions
        changed |= _placed(node, versions, find(notes, (name,)) if notes is not None else None)
    return Expanded(
        replace(tree, value={**tree.value, "services": replace(services, value=changed)}), found, tuple(findings)
    )


def version_of(service: Mapping[str, Any], repository: str) -> dict[str, Any]:
    """Return the version that a service's part of a description says.

    Args:
        service: That part, as it was written.
        repository: Name of the image that is built for it. A version that was built before can't be built again, since
            its sources have changed: it is its image, by its tag.
    """
    version = {key: value for key, value in service.items() if key not in NOT_THE_VERSION}
    build = version.get("build")
    if isinstance(build, dict) and isinstance(build.get("tag"), str):
        del version["build"]
        version["image"] = f"{repository}:{build['tag']}"
    return version


def _release(node: Node) -> Release | None:
    """Read a strategy before the whole is validated; ``None`` where there is none, or none that can be read."""
    said = find(node, ("release",))
    if said is None:
        return None
    plain = as_record(said)
    try:
        return Release.model_validate({"strategy": plain} if isinstance(plain, str) else plain)
    except ValidationError:
        return None


def _entry(notes: Node | None, name: str) -> Entry | None:
    noted = find(notes, (name,)) if notes is not None else None
    return None if noted is None else Entry.model_validate(as_record(noted))


def _in_the_way(name: str, services: Iterable[str]) -> Iterable[Finding]:
    """Find what has the name that a version would need."""
    for suffix in (OTHER, f"-{CANARY}", *(f"-{colour}" for colour in Colour)):
        if name + suffix in services:
            yield Finding(
                ("services", name + suffix),
                f"the name is needed for a version of services.{name}",
                fix="choose another name",
            )
    if len(name) > LONGEST_NAME:
        yield Finding(
            ("services", name, "release"),
            f"the name '{name}' is too long for two versions side by side: they are told apart by a suffix",
            allowed=f"at most {LONGEST_NAME} characters",
            fix="choose a shorter name, or release: rolling",
        )


def _versions(name: str, described: dict[str, Any], release: Release, entry: Entry | None) -> Versions:
    if entry is None:
        return Versions(name, release, described, Entry(serving=described), noted=False)
    ahead = entry.next if entry.next is not None and entry.next.version == digest(described) else None
    if release.strategy is Strategy.BLUE_GREEN:
        return Versions(name, release, described, *_sets(release, described, entry, ahead))
    if described == entry.serving:
        return Versions(name, release, described, Entry(serving=described), noted=True)
    kept = Entry(serving=entry.serving, next=ahead)
    step = min(ahead.step if ahead else 0, len(release.steps) - 1)
    return Versions(name, release, described, kept, noted=True, has_other=not (ahead and ahead.back), step=step)


def _sets(release: Release, described: dict[str, Any], entry: Entry, ahead: Next | None) -> tuple[Entry, bool, bool]:
    """Return which version each set has, that something was noted, and whether both sets run."""
    if described == entry.serving:
        kept = Entry(serving=entry.serving, other=entry.other, live=entry.live)
        return kept, True, entry.other is not None
    if release.switch is SwitchWhen.AUTO and not (ahead and ahead.back):
        return Entry(serving=described, other=entry.serving, live=entry.live.opposite), True, True
    return Entry(serving=entry.serving, other=described, live=entry.live, next=ahead), True, True


def _placed(node: Node, versions: Versions, noted: Node | None) -> dict[str, Node]:
    """Return the services that a service with versions becomes."""
    shared = {key: node.value[key] for key in NOT_THE_VERSION if key in node.value}
    serving = _node(versions.entry.serving, node, versions, noted)
    placed = {versions.service: replace(serving, value={**serving.value, **shared})}
    if versions.other_version is None:
        return placed
    beside = _node(versions.other_version, node, versions, noted)
    value = {key: item for key, item in {**beside.value, **shared}.items() if key not in _NOT_THE_OTHERS}
    if not versions.blue_green:
        value["replicas"] = Node(versions.release.replicas, node.value["release"].origin)
    placed[versions.other] = _leading_to(replace(beside, value=value), versions)
    return placed


def _node(version: Mapping[str, Any], described: Node, versions: Versions, noted: Node | None) -> Node:
    """Return a version with its origins: the description, or the note."""
    if version == versions.described:
        return replace(
            described, value={key: item for key, item in described.value.items() if key not in NOT_THE_VERSION}
        )
    for key in ("serving", "other"):
        found = find(noted, (key,)) if noted is not None else None
        if found is not None and as_record(found) == version:
            return found
    return from_plain(version, described.origin)


def _leading_to(node: Node, versions: Versions) -> Node:
    """Let what a version says of its own address lead to itself, wherever requests go."""
    if isinstance(node.value, dict):
        return replace(node, value={key: _leading_to(item, versions) for key, item in node.value.items()})
    if isinstance(node.value, list):
        return replace(node, value=[_leading_to(item, versions) for item in node.value])
    if isinstance(node.value, str):
        own = rf"(?<!\$)\$\{{services\.{re.escape(versions.service)}\."
        return replace(node, value=re.sub(own, f"${{services.{versions.other}.", node.value))
    return node
