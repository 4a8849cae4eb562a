"""The checkpoint as a deployment changes it: written before and after every call that touches the world.

The file holds the entries of this run in the order of their completion, then the old entries not yet dealt with, and
the operations under way. Several threads report at once; those that wait while one writes share the next write.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from engine import checkpoint as files
from engine.aliases import normalized
from engine.checkpoint import Checkpoint, Pending
from engine.errors import EngineError
from engine.state import encrypted_secret, write_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.crypto import Crypter
    from engine.state import Entry

_FIELDS = [
    "urn",
    "id",
    "inputs",
    "outputs",
    "parent",
    "delete",
    "protect",
    "taint",
    "external",
    "dependencies",
    "init_errors",
    "provider",
    "property_dependencies",
    "pending_replacement",
    "additional_secret_outputs",
    "aliases",
    "custom_timeouts",
    "import_id",
    "retain_on_delete",
    "deleted_with",
    "replace_with",
    "created",
    "modified",
    "source_position",
    "ignore_changes",
    "hide_diff",
    "replace_on_changes",
    "replacement_trigger",
]


class Snapshot:
    """Follows the entries of one run; with a store it also keeps the file up to date."""

    def __init__(self, base: Checkpoint, write: Callable[[bytes], None] | None, compose: SnapshotText | None) -> None:
        self._base = base
        self._write = write
        self._compose = compose
        self._new: list[Entry] = []
        self._done: set[Entry] = set()
        self._pending: list[Pending] = []
        self._condition = threading.Condition()
        self._version = 0
        self._persisted = 0
        self._writing = False
        self._closed = False

    def begin(self, entry: Entry, operation: str) -> None:
        """Record that an operation on the entry is about to reach the world; it is on disk when this returns."""
        with self._condition:
            self._pending.append(Pending(entry, operation))
            self._version += 1
        self.flush()

    def end(self, entry: Entry | None = None, *, done: Entry | None = None, new: Entry | None = None) -> None:
        """Change the entries in one go (an operation's end, an old entry dealt with, a new one); nothing is written."""
        with self._condition:
            if entry is not None:
                self._pending = [pending for pending in self._pending if pending.entry is not entry]
            if done is not None:
                self._done.add(done)
            if new is not None:
                self._new.append(new)
            self._version += 1

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change entries in here, so that no write sees half of it."""
        with self._condition:
            yield
            self._version += 1

    def rebase(self, base: Checkpoint) -> None:
        """Continue from other old entries: those that a refresh or a recovery found."""
        with self._condition:
            self._base = base
            self._version += 1

    def entries(self) -> list[Entry]:
        """The entries as they would be written now."""
        with self._condition:
            return self._entries()

    def _entries(self) -> list[Entry]:
        return [entry for entry in (*self._new, *self._base.resources) if entry not in self._done]

    def flush(self) -> None:
        """Have all that was reported so far on disk; does nothing after :meth:`close` and in a preview."""
        if self._write is None or self._compose is None:
            return
        with self._condition:
            wanted = self._version
            while self._persisted < wanted and not self._closed:
                if self._writing:
                    self._condition.wait()
                    continue
                self._writing = True
                version = self._version
                try:
                    content = self._compose.bytes(self._base, self._entries(), self._pending)
                    self._condition.release()
                    try:
                        self._write(content)
                    finally:
                        self._condition.acquire()
                finally:
                    self._writing = False
                    self._condition.notify_all()
                self._persisted = max(self._persisted, version)

    def close(self) -> None:
        """Write nothing any more: the user wants to stop at once, and what is under way must stay recorded as such."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()


class SnapshotText:
    """Turns entries into the file's bytes; an entry that did not change since the last time is not written anew."""

    def __init__(self, name: str, crypter: Crypter) -> None:
        self._name = name
        self._salt = crypter.salt
        self._secret = encrypted_secret(crypter)
        self._cache: dict[Entry, tuple[tuple[Any, ...], str]] = {}

    def bytes(self, base: Checkpoint, entries: list[Entry], pending: list[Pending]) -> bytes:
        """The whole file. Raises EngineError (StateDamaged) if the entries break an invariant, and then names it."""
        written = normalized(entries)
        files.verify(written)
        texts = [self._text(entry, cached=written is entries) for entry in written]
        under_way = [
            f'{{"resource":{self._text(item.entry, cached=False)},"type":{files.dump(item.type)}}}'
            for item in (*pending, *(item for item in base.pending if item.type == "creating"))
        ]
        features = files.features_of(written)
        return files.compose(self._name, base, self._salt, resources=texts, pending=under_way, features=features)

    def _text(self, entry: Entry, *, cached: bool) -> str:
        # Attributes are exchanged, never changed in place, so that an entry is as it was if all of them are the same.
        state = tuple(getattr(entry, name) for name in _FIELDS)
        known = self._cache.get(entry) if cached else None
        if known is not None and all(a is b for a, b in zip(known[0], state, strict=True)):
            return known[1]
        try:
            text = files.dump(write_entry(entry, self._secret))
        except (TypeError, ValueError) as error:
            raise EngineError(f"{entry.urn} holds a value that a checkpoint can't: {error}") from error
        if cached:
            self._cache[entry] = (state, text)
        return text
