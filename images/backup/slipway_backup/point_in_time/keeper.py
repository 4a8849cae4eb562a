"""Keeps one database's chain: its log is fetched and stored away, base backups are made now and then, all is proved."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from slipway_backup import files, history, webhook
from slipway_backup.errors import BackupError, BusyError
from slipway_backup.point_in_time import base, chain, recover, segments, state
from slipway_backup.point_in_time.chain import BASE, FACTS, LOG, Facts
from slipway_backup.point_in_time.places import places, undisturbed
from slipway_backup.point_in_time.receiver import Receiver
from slipway_backup.point_in_time.segments import LostError
from slipway_backup.point_in_time.server import LogServer, Mark, connected

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from slipway_backup.config import Config, Part, PointInTime
    from slipway_backup.report import Report
    from slipway_backup.restic import Repository

_RETRY_S: Final = 60.0


class Keeper:
    """One database.

    Args:
        config: The configuration.
        part: The database.
        wanted: What is wanted of it.
        worker: Runs what takes long, one at a time.
        report: Takes what is worth saying.
    """

    def __init__(
        self, config: Config, part: Part, wanted: PointInTime, worker: ThreadPoolExecutor, report: Report
    ) -> None:
        self._config = config
        self._part = part
        self._wanted = wanted
        self._worker = worker
        self._report = report
        self._folder = state.folder_of(config, part.name)
        self._folder.mkdir(parents=True, exist_ok=True)
        for name in ("base", "drill"):
            files.remove(self._folder / name)  # what a killed one left
        self.state = state.read(config, part.name)
        self.state.begun = self.state.begun or chain.stamp(chain.now())
        self.receiver = Receiver(part, self._folder / "incoming")
        self._ready: set[str] = set()
        self._making: Future[state.State] | None = None
        self._proving: Future[str] | None = None
        self._not_before = chain.now()
        self._stored = True
        self._fetching = False
        self._first_turn = True
        self._pending: Facts | None = None

    def tick(self) -> None:
        """Do one turn; whatever is wrong is written down."""
        try:
            self._turn()
            self.state.error = ""
        except (BackupError, OSError) as error:
            if str(error) != self.state.error:
                self._report.warning(f"point in time of {self._part.name}: {error}")
            self.state.error = str(error)
        self.state.ticks += 1
        state.write(self._config, self._part.name, self.state)

    def stop(self) -> None:
        """End what was started."""
        self.receiver.stop()

    def look_after(self) -> None:
        """Start the receiver again where it has ended, and end it before the disk is full; a turn may take its time."""
        if self._fetching and self._kept() >= 2 * self._wanted.wal_limit_bytes:
            self._pause()
        elif self._fetching:
            self.receiver.keep_running()

    @property
    def waits(self) -> bool:
        """Whether a base backup is made and stored, and waits for a turn: until then it covers nothing."""
        return self._making is not None and self._making.done()

    @property
    def _chain(self) -> str:
        return self.state.chain

    def _turn(self) -> None:
        with connected(self._part) as server:
            if self._first_turn:
                server.release()  # one that was killed has left its receiver running
                self._first_turn = False
            self._look_at_slot(server)
            self._receive()
            problems = self._collect(server)
            if self._chain:
                self._ship(server)
            self._begin_base()
        if problems:
            raise problems[0]

    def _look_at_slot(self, server: LogServer) -> None:
        slot, system = server.slot(), server.system()
        reason = ""
        if self.state.system and system != self.state.system:
            reason = "the server has another cluster than before"
        elif slot is None:
            reason = "the server has no slot for it"
        elif slot.lost:
            reason = "more was written than the server keeps (wal_limit) before it could be fetched"
        self.state.slot_bytes = slot.behind if slot else 0
        if not reason:
            return
        lost = bool(self._chain)
        self._break(server)
        self.state.system = system
        if lost:
            self._report.warning(f"point in time of {self._part.name}: {self._lost(reason)}")

    def _break(self, server: LogServer) -> None:
        """Give up the chain that goes on; what is stored of it stays restorable."""
        self._fetching = False
        self.receiver.forget()
        files.remove(self._folder / "chains")
        self.state.chain = self.state.first = self.state.lsn = self.state.transactions = self.state.verified = ""
        self._making = self._pending = None  # what is under way began before the gap
        self._not_before = chain.now()
        server.make_slot()

    def _lost(self, reason: str) -> str:
        """Note that log was lost, tell who wants to know of failures, and return it in words."""
        self.state.lost += 1
        state.write(self._config, self._part.name, self.state)  # telling takes its time, and this is known now
        entry = {"what": history.LOG, "store": self._part.name, "result": "failed", "lost": self.state.lost}
        webhook.tell(
            self._config,
            {**entry, "message": f"{reason}; moments from now on can be had once a new base backup is stored"},
            self._report,
        )
        return f"{reason}; a new base backup begins a new chain"

    def _receive(self) -> None:
        """Fetch, unless the disk would fill: then the server keeps the log, as far as its own bound allows."""
        # While everything is stored away a new base backup is on its way, and with it the end of what is kept here.
        limit = self._wanted.wal_limit_bytes * (2 if self._stored else 1)
        if self._kept() < limit:
            self._fetching = True
            self.receiver.keep_running()
        elif self._fetching:
            self._pause()

    def _kept(self) -> int:
        """Return the bytes of log that are here."""
        kept = segments.size_of(self._folder / "chains" / self._chain) if self._chain else 0
        return kept + segments.waiting(self.receiver.folder)

    def _pause(self) -> None:
        self._fetching = False
        self.receiver.stop()
        self._report.warning(
            f"point in time of {self._part.name}: as much log is here as may be (wal_limit), so no more is fetched"
            " until it is stored away, or a new base backup is made"
        )

    def _collect(self, server: LogServer) -> list[BackupError]:
        """Take what the worker has finished, and return what has failed."""
        problems: list[BackupError] = []
        if self._making is not None and self._making.done():
            job, self._making = self._making, None
            try:
                self._go_over(server, job.result())
            except BackupError as error:
                self._not_before = chain.now() + timedelta(seconds=_RETRY_S)
                problems.append(error)
        if self._proving is not None and self._proving.done():
            job_, self._proving = self._proving, None
            try:
                self.state.verified = job_.result()
            except BackupError as error:
                problems.append(BackupError(f"the chain {self._chain} was not proved: {error}"))
        return problems

    def _begin_base(self) -> None:
        """Let a base backup be made where it is time for one."""
        now = chain.now()
        if self._making is not None or self._proving is not None or now < self._not_before:
            return
        if self._chain:
            age = (now - chain.moment_of(self._chain)).total_seconds()
            much = self._kept() >= self._wanted.wal_limit_bytes
            if age < self._wanted.base_every_s and not much:
                return
        self._making = self._worker.submit(self._make_base)

    def _make_base(self) -> state.State:
        """Make a base backup and store it in every destination; return the state that begins with it."""
        aside = self._folder / "base" / "data"
        files.remove(aside.parent)
        try:
            made = base.take(self._part, aside)
            with connected(self._part) as server:
                begun = state.State(
                    chain=chain.stamp(server.now()),
                    first=made.first,
                    system=server.system(),
                    superuser=server.superuser(),
                    major=server.major(),
                    base_bytes=made.bytes,
                )
            for place in self._places():
                place.store(aside, f"{self._part.name}/{begun.chain}", BASE, lambda *_: None)
        finally:
            files.remove(aside.parent)
        return begun

    def _go_over(self, server: LogServer, begun: state.State) -> None:
        """End the chain that goes on after the beginning of the new one, so that no moment lies between; go over."""
        old = self._folder / "chains" / self._chain if self._chain else None
        self._fetching = True
        self.receiver.keep_running()  # even where as much is here as may be: with the new chain most of it goes
        if old is not None:
            self._ship(server, anyway=True)
        new = self._folder / "chains" / begun.chain
        new.mkdir(parents=True, exist_ok=True)
        if old is not None:
            segments.link(list(segments.finished(old)), new, begun.first)
        for name in ("chain", "first", "system", "superuser", "major", "base_bytes"):
            setattr(self.state, name, getattr(begun, name))
        self.state.verified = ""
        self._ship(server, anyway=True)
        if old is not None:
            files.remove(old)
        self._report.emit("base", store=self._part.name, since=begun.chain, bytes=begun.base_bytes)
        try:
            self._tidy()
        except BackupError as error:
            self._report.warning(f"point in time of {self._part.name}: nothing old was removed: {error}")
        if self._config.verify:
            self._proving = self._worker.submit(self._prove, begun.chain)

    def _ship(self, server: LogServer, *, anyway: bool = False) -> None:
        """Store the log away, in every destination, if anything was written since the last time."""
        if self._stored and not self._fetching:
            return  # a new base backup makes room
        moment = server.now()
        if not anyway and self._stored and server.transactions() == self.state.transactions:
            self.state.observed = chain.stamp(moment)
            return
        self._stored = False
        if self._fetching:
            self._pending, transactions = self._gather(server)
        else:
            transactions = ""  # what is here is stored: then more is fetched
        if self._pending is not None:
            self._store(self._pending)
            self._stored = True
            self.state.until, self.state.lsn = self._pending.until, self._pending.lsn
            self.state.transactions = transactions

    def _gather(self, server: LogServer) -> tuple[Facts, str]:
        """Bring the log into the chain's folder, up to a mark; return what is there, and which transactions ended."""
        mark = server.mark()
        folder = self._folder / "chains" / self._chain
        try:
            self._wait_until_fetched(server, mark)
            segments.gather(self.receiver.folder, folder, self.state.first)
        except LostError as error:
            self._break(server)
            raise BackupError(self._lost(str(error))) from None
        facts = Facts(
            store=self._part.name,
            chain=self._chain,
            until=chain.stamp(mark.moment),
            lsn=chain.text_of(mark.lsn),
            first=self.state.first,
            system=self.state.system,
            superuser=self.state.superuser,
            major=self.state.major,
            base_bytes=self.state.base_bytes,
        )
        files.write(folder / FACTS, facts.text())
        return facts, mark.transactions

    def _store(self, facts: Facts) -> None:
        """Store the chain's folder in every destination; one that is away keeps the others from nothing."""
        folder = self._folder / "chains" / facts.chain
        failed: list[BackupError] = []
        for place in self._places():
            try:
                place.store(folder, f"{self._part.name}/{facts.chain}/{facts.until}", LOG, lambda *_: None)
            except BackupError as error:
                failed.append(error)
        if failed:
            raise failed[0]

    def _wait_until_fetched(self, server: LogServer, mark: Mark) -> None:
        if self.state.lsn and mark.lsn < chain.lsn_of(self.state.lsn):
            raise LostError("the server has gone back behind what was fetched of its log")
        try:
            server.wait_until_fetched(mark.lsn)
        except BackupError as error:
            said = "" if self.receiver.running else self.receiver.said()
            raise BackupError(f"{error}: {said}" if said else str(error)) from None

    def _places(self) -> list[Repository]:
        """Return the destinations, each with a repository."""
        found = places(self._config)
        for place in found:
            if place.name not in self._ready:
                place.ensure()
                self._ready.add(place.name)
        return found

    def _tidy(self) -> None:
        """Remove what is older than is kept, unless somebody reads."""
        oldest = chain.now() - timedelta(seconds=self._wanted.keep_s)
        since: dict[str, str] = {}
        with contextlib.suppress(BusyError), undisturbed(self._config, "chains are removed", patience_s=0.0):
            for place in self._places():
                there = place.snapshots()
                known = chain.windows({place.name: there})
                gone, chains = chain.superfluous(there, known, oldest, place.name)
                place.forget(gone)
                for window in known:
                    if window.since not in chains and window.until and window.store == self._part.name:
                        since.setdefault(place.name, window.since)
        if since:
            # Each destination has its own; what is said holds for all of them.
            self.state.oldest = max(since.values())

    def _prove(self, since: str) -> str:
        """Restore the chain as every destination has it, and mark it there."""
        moment = history.text_of(history.now())
        with undisturbed(self._config, "a chain is proved"):
            there = {place.name: place.snapshots() for place in self._places()}
            (window,) = (
                found for found in chain.windows(there) if (found.store, found.since) == (self._part.name, since)
            )
            for place in self._places():
                recover.prove(place, window, self._folder / "drill", self._part.text("database"), self._report)
                place.mark_verified(window.bases[place.name], moment)
        return moment
