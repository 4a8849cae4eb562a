"""From what the program wants of a resource, and what the state says of it, to the steps that lead there.

Runs for one resource at a time, under the deployment's lock. The order of the decisions is Pulumi's own
(``pkg/resource/deploy/step_generator.go``).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine import boundary, differ
from engine.aliases import Alias, alias_urns
from engine.differ import Difference
from engine.errors import OperationFailed
from engine.paths import parse_path, reset_path
from engine.provider import Properties, Provider, ProviderError, Unknown
from engine.replacement import ReplacementPlanner
from engine.state import Entry
from engine.steps import Op, Step
from engine.urn import make_urn, split_reference
from engine.values import contains

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.deployment import Deployment
    from engine.goal import Goal


@dataclass(eq=False)
class Registration:
    """One resource on its way from the program's wish to steps."""

    goal: Goal
    urn: str
    old: Entry | None
    new: Entry
    imported: bool = False
    properties: Properties = field(default_factory=dict)
    """The program's inputs, with ``ignoreChanges`` applied."""


class Planner:
    """Plans the steps of each registered resource and remembers what was planned."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self.urns: set[str] = set()
        self.processed: set[str] = set()
        """URNs for which steps are planned (created, kept, updated, replaced or read)."""
        self.replaced: set[str] = set()
        self.deleted: set[str] = set()
        self.aliased: dict[str, str] = {}
        """Old URN to new, for every resource that was found under another URN."""
        self.renamed: dict[str, str] = {}
        """New URN to old."""
        self.providers: dict[str, Entry] = {}
        self._replacements = ReplacementPlanner(deployment, self)

    def begin(self, goal: Goal) -> Registration:
        """Give the resource its URN and find what the state knows of it. Raises OperationFailed."""
        deployment = self._deployment
        if goal.parent and goal.parent not in self.urns:
            raise OperationFailed(f"could not find parent resource {goal.parent}")
        urn = self._claim(goal.parent, goal.type, goal.name)
        old, alias = self.find_old(urn, goal.parent, goal.aliases)
        new = self._new_entry(goal, urn, old)
        if alias:
            new.aliases = [alias]
        if new.is_provider:
            self.providers[urn] = new
        if goal.custom:
            deployment.registry.require_type(goal.type)
        return Registration(goal, urn, old, new, properties=goal.properties)

    def _claim(self, parent: str, type_: str, name: str) -> str:
        urn = make_urn(self._deployment.stack, self._deployment.project, parent, type_, name)
        if urn in self.urns:
            raise OperationFailed(f"Duplicate resource URN '{urn}'; try giving it a unique name")
        self.urns.add(urn)
        return urn

    def find_old(self, urn: str, parent: str, aliases: Sequence[Alias]) -> tuple[Entry | None, str]:
        """The old entry and, if it had another URN, that URN."""
        deployment = self._deployment
        if urn in self.aliased:
            raise OperationFailed(f"{urn} was claimed as the old name of {self.aliased[urn]}")
        if urn in deployment.olds:
            return deployment.olds[urn], ""
        for candidate in alias_urns(urn, parent, aliases, self.renamed):
            old = deployment.olds.get(candidate)
            if old is None:
                continue
            if candidate in self.urns or candidate in self.aliased:
                raise OperationFailed(f"{urn} has the alias {candidate}, which another resource of this run is already")
            self.aliased[candidate] = urn
            self.renamed[urn] = candidate
            return old, candidate
        return None, ""

    @staticmethod
    def _new_entry(goal: Goal, urn: str, old: Entry | None) -> Entry:
        return Entry(
            urn=urn,
            type=goal.type,
            custom=goal.custom,
            inputs=goal.properties,
            parent=goal.parent,
            protect=bool(goal.protect),
            dependencies=goal.dependencies,
            provider=goal.provider,
            property_dependencies=goal.property_dependencies,
            additional_secret_outputs=goal.additional_secret_outputs,
            custom_timeouts=goal.custom_timeouts,
            import_id=goal.import_id,
            retain_on_delete=bool(goal.retain_on_delete),
            deleted_with=goal.deleted_with,
            replace_with=goal.replace_with,
            created=old.created if old else "",
            modified=old.modified if old else "",
            source_position=goal.source_position,
            ignore_changes=goal.ignore_changes,
            hide_diff=goal.hide_diff,
            replace_on_changes=goal.replace_on_changes,
            replacement_trigger=goal.replacement_trigger,
        )

    def was_condemned(self, entry: Entry) -> bool:
        """Whether the entry was deleted in this run as the dependent of another."""
        return self._replacements.was_condemned(entry)

    def plan_import(self, registration: Registration) -> list[Step]:
        """The steps that take an existing resource into the state; none if there is nothing (more) to import."""
        goal, old, new = registration.goal, registration.old, registration.new
        known = (old.import_id or old.id) if old is not None else ""
        if not goal.custom or not goal.import_id or (old is not None and not old.external and known == goal.import_id):
            return []
        registration.imported = True
        new.replacement_trigger = None
        if old is None or registration.urn in self.deleted:
            return [Step(Op.IMPORT, None, new, ignore_changes=goal.ignore_changes)]
        return [
            Step(Op.IMPORT_REPLACEMENT, old, new, supersedes=True, ignore_changes=goal.ignore_changes),
            Step(Op.REPLACE, old, new, supersedes=True),
        ]

    def after_import(self, registration: Registration) -> None:
        """Take what was imported as the old state of the ordinary planning that follows."""
        imported = registration.new
        registration.old = imported
        registration.new = self._new_entry(registration.goal, registration.urn, imported)
        registration.new.replacement_trigger = None
        registration.new.aliases = imported.aliases

    def plan(self, registration: Registration) -> list[Step]:
        """The steps of a resource; empty if an import was all that it took. Raises OperationFailed."""
        goal, urn, old, new = registration.goal, registration.urn, registration.old, registration.new
        provider, known = (None, True)
        if goal.custom:
            provider, known = self._deployment.registry.of(new)
        recreating = urn in self.deleted
        if old is not None and goal.ignore_changes:
            registration.properties = self._ignoring(urn, goal, old)
            new.inputs = registration.properties
        if provider is not None and known:
            afresh = old is None or recreating or old.external or self._is_targeted(urn, old)
            self.check(registration, provider, None if afresh else old)
        self.processed |= {urn, self.renamed.get(urn, urn)}
        if recreating and old is not None:
            return self._replacements.recreate(old, new)
        if old is not None and old.external:
            return [
                Step(Op.CREATE_REPLACEMENT, old, new, supersedes=True),
                Step(Op.REPLACE, old, new, supersedes=True),
            ]
        if old is None:
            return [Step(Op.CREATE, None, new)]
        difference = self._difference(registration, old, provider, known=known)
        return self._replacements.steps(registration, old, provider, difference)

    def plan_read(self, goal: Goal, resource_id: str) -> list[Step]:
        """The steps that look at an existing resource without managing it. Raises OperationFailed."""
        if goal.parent and goal.parent not in self.urns:
            raise OperationFailed(f"could not find parent resource {goal.parent}")
        urn = self._claim(goal.parent, goal.type, goal.name)
        if not resource_id:
            raise OperationFailed(f"expected an id for {urn}")
        old, alias = self.find_old(urn, goal.parent, ())
        new = self._new_entry(goal, urn, None)
        new.id, new.external = resource_id, True
        if alias:
            new.aliases = [alias]
        self.processed |= {urn, self.renamed.get(urn, urn)}
        if old is None or old.external or old.id == resource_id:
            return [Step(Op.READ, old, new)]
        self.replaced.add(urn)
        return [Step(Op.READ_REPLACEMENT, old, new, supersedes=True), Step(Op.REPLACE, old, new, supersedes=True)]

    def check(self, registration: Registration, provider: Provider, old: Entry | None) -> None:
        """Let the provider check the inputs (against ``old``'s, where they count). Raises OperationFailed."""
        properties = registration.properties if old is not None else registration.goal.properties
        try:
            result = boundary.check(provider, registration.new, old.inputs if old else None, properties)
        except ProviderError as error:
            raise OperationFailed(f"{registration.urn}: {error}") from error
        if result.failures:
            what = f"{registration.goal.type} resource {registration.goal.name!r}"
            reasons = [f"{item.property}: {item.reason}" if item.property else item.reason for item in result.failures]
            raise OperationFailed(f"{what} has a problem: {'; '.join(reasons)}")
        registration.new.inputs = result.inputs

    def _ignoring(self, urn: str, goal: Goal, old: Entry) -> Properties:
        properties = copy.deepcopy(goal.properties)
        before = copy.deepcopy(old.inputs)
        missed = [path for path in goal.ignore_changes if not reset_path(parse_path(path), before, properties)]
        if missed:
            text = f"cannot ignore changes in added or removed elements of the path: {', '.join(missed)}"
            self._deployment.events.diagnostic("info", text, urn)
        return properties

    def _is_targeted(self, urn: str, old: Entry | None) -> bool:
        return urn in self._deployment.options.replace or (old is not None and old.taint)

    def is_targeted(self, registration: Registration) -> bool:
        """Whether the resource is replaced because it was asked for, so that its inputs are already fresh."""
        return self._is_targeted(registration.urn, registration.old)

    def _difference(  # noqa: PLR0911 - one return a reason, in Pulumi's order
        self, registration: Registration, old: Entry, provider: Provider | None, *, known: bool
    ) -> Difference:
        new, goal = registration.new, registration.goal
        if not self._deployment.options.preview and contains(new.replacement_trigger, Unknown):
            raise OperationFailed(f"replacement trigger contains unknowns for {registration.urn}")
        if differ.is_triggered(old.replacement_trigger, new.replacement_trigger):
            return Difference(changes=True, triggered=True)
        if self._is_targeted(registration.urn, old):
            return differ.blame("id")
        if any(urn in self.replaced for urn in new.replace_with):
            return differ.blame("replaceWith")
        if new.deleted_with in self.replaced:
            return differ.blame("deletedWith")
        if self._provider_changed(old, new):
            return differ.blame("provider")
        if provider is None:
            return differ.NONE if differ.same_values(old.inputs, new.inputs) else Difference(changes=True)
        if not known:
            text = "the provider's configuration is not known yet, so neither is what this resource will need"
            self._deployment.events.diagnostic("warning", text, registration.urn)
            return Difference(changes=True)
        try:
            return differ.provider_difference(provider, old, new.inputs, goal.ignore_changes)
        except ProviderError as error:
            raise OperationFailed(f"{registration.urn}: {error}") from error

    def _provider_changed(self, old: Entry, new: Entry) -> bool:
        # Another configuration of the same provider never means other resources here: `host` is an update of the
        # provider only, so a change from one reference to another is none of the resource's.
        if old.provider == new.provider or not (old.provider or new.provider):
            return False
        if not old.provider or not new.provider:
            return True
        before, after = split_reference(old.provider)[0], split_reference(new.provider)[0]
        return self.aliased.get(before, before) != after and self._other_package(before, after)

    def _other_package(self, before: str, after: str) -> bool:
        old, new = self._deployment.olds.get(before), self.providers.get(after)
        return old is not None and new is not None and old.type != new.type

    def is_dealt_with(self, urn: str) -> bool:
        """Whether the program has this resource, perhaps under a new URN."""
        return self.aliased.get(urn, urn) in self.processed
