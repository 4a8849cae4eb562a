"""From a stack's files to one validated, resolved platform, or to everything that is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from settings.catalogue import Catalogue, load_catalogue
from settings.checks import CHECKS, PROFILE_CHECKS
from settings.description import Description
from settings.layers import read_layers
from settings.monitoring import apply_monitoring
from settings.paths import dotted
from settings.problems import Finding, Problem, SettingsError
from settings.profiles import apply_profiles
from settings.redaction import known_values, redact
from settings.rendering import as_written, leaves
from settings.resolve import Names, externals, resolve
from settings.tree import DEFAULT, Node, Origin, find, origin_at, origins, to_plain
from settings.validation import validate
from settings.versions import Versions, expand
from settings.yaml_source import as_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from settings.model import Database, Platform
    from settings.paths import Path
    from settings.source import StackSource
    from settings.versions import Expanded


@dataclass(frozen=True)
class Loaded:
    """A platform, ready to be built."""

    platform: Platform
    """Validated; parts of inactive profiles removed; every default filled in."""
    stack: str
    """The stack's name."""
    project: str
    """The project's name."""
    environment: str | None
    """The environment that applied, if any."""
    origins: Mapping[str, Origin]
    """Where each value was written, by its dotted path; the layer is ``default`` for what nobody wrote."""
    catalogue: Catalogue
    """The images that Slipway knows, for what they need beyond their reference."""
    description: Mapping[str, Any] = field(default_factory=dict)
    """All layers merged, as written: what a release records. It names secrets, and holds none."""
    profiles: Sequence[str] = ()
    """Profiles switched on."""
    versions: Mapping[str, Versions] = field(default_factory=dict)
    """Versions of each service whose release strategy lets two of them run; each is one of the platform's services."""
    externals: Mapping[str, Database] = field(default_factory=dict)
    """Databases that somebody else runs: references lead there, and nothing is built for them."""
    rotations: Mapping[str, int] = field(default_factory=dict)
    """Steps of rotation by database or generated secret; they are the stack's, and no release brings old ones back."""

    def described_name(self, part: str) -> str:
        """Return the name that the description has for a part, of which this may be a version."""
        return next((item.service for item in self.versions.values() if part in item.slots), part)


def load_platform(source: StackSource) -> Loaded:
    """Load, merge, validate, check and resolve the platform of a stack.

    Raises:
        SettingsError: With every problem found. Only what keeps the rest from being read at all (a missing file, broken
            YAML, an unknown environment) is reported alone.
    """
    layered = read_layers(source)
    if layered.profiles is not None:
        source = replace(source, profiles=layered.profiles)
    catalogue = load_catalogue(source.root)
    expanded = expand(layered.tree, layered.versions, source.project)
    tree = expanded.tree
    validated = validate(to_plain(tree))
    active = apply_monitoring(apply_profiles(validated.platform, source.profiles))
    description = Description(
        everything=validated.platform,
        declared=active,
        platform=resolve(active, Names(source.project, source.stack, source.root.as_posix()), catalogue),
        catalogue=catalogue,
        source=source,
        environment=layered.environment,
        stack_config=layered.stack_config,
        versions=expanded.versions,
        profile_layers=layered.known_profiles,
    )
    findings = [*layered.findings, *expanded.findings, *validated.findings]
    for check in PROFILE_CHECKS:
        findings += check(description)
    findings += _independent((found for check in CHECKS for found in check(description)), validated.damaged)
    if findings:
        named = find(tree, ("secrets",))
        names = named.value if named is not None and named.is_map else ()
        values = known_values(names, source.secret_lookup).values()
        problems = dict.fromkeys(_problem(finding, expanded) for finding in dict.fromkeys(findings))
        raise SettingsError([redact(problem, values) for problem in problems])
    return Loaded(
        versions={name: item for name, item in expanded.versions.items() if name in description.platform.services},
        rotations={name: int(steps) for name, steps in source.rotations.items()},
        platform=description.platform,
        externals=externals(active),
        stack=source.stack,
        project=source.project,
        environment=layered.environment,
        origins=_all_origins(tree, description.platform),
        catalogue=catalogue,
        description=as_record(layered.tree),
        profiles=source.profiles,
    )


def _all_origins(tree: Node, platform: Platform) -> dict[str, Origin]:
    """Return the origin of every value: of what was written, of what a short form stands for, and of defaults."""
    written = origins(tree)
    for path, _ in leaves(as_written(platform)):
        text = dotted(path)
        if text in written:
            continue
        around = [node for length in range(1, len(path)) if (node := find(tree, path[:length])) is not None]
        short_form = around and not isinstance(around[-1].value, dict | list)
        written[text] = around[-1].origin if short_form else DEFAULT
    return written


def _independent(findings: Iterable[Finding], damaged: Sequence[Path]) -> list[Finding]:
    """Leave out findings that rest on something which is itself in error: they may be mere consequences."""
    return [
        finding
        for finding in findings
        if not any(
            _within(finding.path, broken)
            or any(_within(place, broken) or _within(broken, place) for place in finding.about)
            for broken in damaged
        )
    ]


def _within(inner: Path, outer: Path) -> bool:
    return inner[: len(outer)] == outer


def _problem(finding: Finding, expanded: Expanded) -> Problem:
    origin = finding.at
    if origin is None and find(expanded.tree, finding.path[:1]) is not None:
        origin = origin_at(expanded.tree, finding.path)
    return Problem(
        path=dotted(expanded.written_path(finding.path)),
        file=origin.file if origin is not None else None,
        line=origin.line if origin is not None else None,
        message=finding.message,
        allowed=finding.allowed,
        nearest=finding.nearest,
        fix=finding.fix,
    )
