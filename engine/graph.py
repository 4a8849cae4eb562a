"""Who depends on whom in a list of entries that stand in dependency order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from engine.state import Entry


class DependencyGraph:
    """The dependencies among the entries of a checkpoint."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = list(entries)
        self._index = {entry: index for index, entry in enumerate(self._entries)}
        self._positions: dict[str, list[int]] = {}
        self._children: dict[str, list[int]] = {}
        for index, entry in enumerate(self._entries):
            self._positions.setdefault(entry.urn, []).append(index)
            parent = entry.parent
            while parent:
                self._children.setdefault(parent, []).append(index)
                places = self._positions.get(parent)
                parent = self._entries[places[-1]].parent if places else ""

    def __contains__(self, entry: Entry) -> bool:
        return entry in self._index

    def depending_on(self, root: Entry, ignore: Collection[str]) -> list[Entry]:
        """All that depends on ``root``, directly or not, in order; being a child alone does not count."""
        found: list[Entry] = []
        urns = {root.urn}
        for candidate in self._entries[self._index[root] + 1 :]:
            if candidate.urn in ignore:
                continue
            if any(urn in urns for urn in candidate.dependency_urns(with_parent=False)):
                found.append(candidate)
                urns.add(candidate.urn)
        return found

    def dependencies_of(self, entry: Entry) -> set[Entry]:
        """What must outlive the entry: direct dependencies, the children of components among them, and the parent."""
        place = self._index[entry]
        found: set[Entry] = set()
        for urn in set(entry.dependency_urns(with_parent=False)):
            for index in self._positions.get(urn, ()):
                if index >= place:
                    continue
                dependency = self._entries[index]
                found.add(dependency)
                if not dependency.custom:
                    found.update(self._entries[child] for child in self._children.get(urn, ()) if child < place)
        found.update(self._entries[index] for index in self._positions.get(entry.parent, ()) if index < place)
        return found

    def deletion_order(self, condemned: Iterable[Entry]) -> list[list[Entry]]:
        """Groups to delete one after the other; the members of a group don't depend on one another."""
        left = list(condemned)
        members = set(left)
        needs = {entry: self.dependencies_of(entry) & members for entry in left}
        groups: list[list[Entry]] = []
        while left:
            free = [entry for entry in left if not needs[entry]]
            gone = set(free)
            left = [entry for entry in left if entry not in gone]
            for entry in left:
                needs[entry] -= gone
            groups.append(free)
        return groups[::-1]
