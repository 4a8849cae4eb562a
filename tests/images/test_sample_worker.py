"""The worker's loop over a store and a queue in memory: once, to the end, and never with a lost lease."""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

import pytest

jobs: Any = importlib.import_module("sample.jobs")
worker_module: Any = importlib.import_module("sample.worker")


class AwayError(Exception):
    """What this test's store and queue raise while they are away."""


class MemoryStore:
    """Jobs with fences, as the database keeps them."""

    def __init__(self) -> None:
        """Start empty."""
        self.fences: dict[str, int] = {}
        self.held = True
        self.completed: list[str] = []
        self.failures: list[Exception] = []
        self.neglected_ids: list[str] = []
        self.renewed: list[int] = []

    async def claim(self, job_id: str, _worker: str, _lease: float) -> Any:
        """Give a job that is not claimed yet."""
        if job_id in self.fences:
            return None
        self.fences[job_id] = 1
        return jobs.Claim(job_id, 1, "text", 0)

    async def renew(self, _claim: Any, _lease: float, progress: int) -> bool:
        """Say whether the lease still holds."""
        self.renewed.append(progress)
        return self.held

    async def complete(self, claim: Any, _result: Any, _worker: str, _release: str) -> bool:
        """Complete, after the failures that were asked for."""
        if self.failures:
            raise self.failures.pop(0)
        if self.held:
            self.completed.append(claim.job_id)
        return self.held

    async def give_up(self) -> list[Any]:
        """Give up one job."""
        return [jobs.Event("lost", "failed", 10, 5)]

    async def neglected(self, _older: float, _limit: int) -> list[str]:
        """Return what was forgotten."""
        return self.neglected_ids


class MemoryQueue:
    """A list of ids and the news that were told."""

    def __init__(self, *ids: str) -> None:
        """Hold `ids`."""
        self.ids = list(ids)
        self.news: list[Any] = []
        self.failures: list[Exception] = []
        self.on_take: Any = lambda: None

    async def take(self, _timeout: int) -> str | None:
        """Return the next id, or None after a moment."""
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop(0)
        self.on_take()
        return self.ids.pop(0) if self.ids else None

    async def give_back(self, job_id: str) -> None:
        """Put an id at the head."""
        self.ids.insert(0, job_id)

    async def push_if_absent(self, job_id: str) -> bool:
        """Append an id that is missing."""
        missing = job_id not in self.ids
        if missing:
            self.ids.append(job_id)
        return missing

    async def publish(self, event: Any) -> None:
        """Remember the news."""
        self.news.append(event)


def make(store: MemoryStore, queue: MemoryQueue, sleep: Any = None) -> Any:
    """Return a worker that sleeps no longer than it must."""
    return worker_module.Worker(
        store,
        queue,
        name="w",
        release="1",
        lease_seconds=0.03,
        unavailable=(AwayError,),
        sleep=sleep or (lambda _seconds: asyncio.sleep(0)),
    )


def test_a_job_is_done_and_its_story_told_to_the_end() -> None:
    """From running 0 to done 100, in order."""
    store, queue = MemoryStore(), MemoryQueue()
    assert asyncio.run(make(store, queue).do("a"))
    assert store.completed == ["a"]
    told = [(event.state, event.progress) for event in queue.news]
    assert told[0] == ("running", 0)
    assert told[-1] == ("done", 100)
    assert told == sorted(told, key=lambda news: news[1])


def test_a_second_hint_for_the_same_job_does_nothing() -> None:
    """The queue may hold an id twice; the store decides."""
    store, queue = MemoryStore(), MemoryQueue()
    worker = make(store, queue)
    assert [asyncio.run(worker.do("a")), asyncio.run(worker.do("a"))] == [True, False]
    assert store.completed == ["a"]


def test_a_lost_lease_ends_the_work_and_completes_nothing() -> None:
    """Somebody else has the job: nothing of this worker's may count, and it must not say that the job is done."""
    store, queue = MemoryStore(), MemoryQueue()
    store.held = False
    worker = make(store, queue, sleep=lambda _seconds: asyncio.sleep(10))
    assert not asyncio.run(asyncio.wait_for(worker.do("a"), 5))
    assert store.completed == []
    assert all(event.state == "running" for event in queue.news)


def test_a_lease_is_renewed_while_the_work_lasts() -> None:
    """The work may take much longer than a lease."""
    store, queue = MemoryStore(), MemoryQueue()
    assert asyncio.run(make(store, queue, sleep=lambda _seconds: asyncio.sleep(0.005)).do("a"))
    assert len(store.renewed) >= 2
    assert store.renewed == sorted(store.renewed)


def test_a_completion_that_failed_on_the_way_is_tried_again() -> None:
    """The answer of a commit may be lost; the store knows whether it happened."""
    store, queue = MemoryStore(), MemoryQueue()
    store.failures = [AwayError()]
    worker = worker_module.Worker(
        store,
        queue,
        name="w",
        release="1",
        lease_seconds=5,
        unavailable=(AwayError,),
        sleep=lambda _seconds: asyncio.sleep(0),
    )
    assert asyncio.run(worker.do("a"))
    assert store.completed == ["a"]


def test_an_error_of_the_program_is_not_swallowed() -> None:
    """Only what is known to pass is waited out."""
    store, queue = MemoryStore(), MemoryQueue()
    store.failures = [ZeroDivisionError()]
    with pytest.raises(ZeroDivisionError):
        asyncio.run(make(store, queue).do("a"))


def test_on_a_stop_the_job_in_hand_is_finished_and_no_other_begun() -> None:
    """Also when the stop comes between taking an id and claiming the job: then it goes back."""

    async def scenario() -> tuple[MemoryStore, MemoryQueue]:
        store, queue, stop = MemoryStore(), MemoryQueue("a", "b", "c"), asyncio.Event()
        worker = make(store, queue)

        def stop_at_the_second() -> None:
            if "a" not in queue.ids:
                stop.set()

        queue.on_take = stop_at_the_second
        await asyncio.wait_for(worker.run(stop), 5)
        return store, queue

    store, queue = asyncio.run(scenario())
    assert store.completed == ["a"]
    assert queue.ids == ["b", "c"]


def test_an_outage_is_waited_out() -> None:
    """The loop goes on when the queue is back."""

    async def scenario() -> MemoryStore:
        store, queue, stop = MemoryStore(), MemoryQueue("a"), asyncio.Event()
        queue.failures = [AwayError()]

        def stop_when_empty() -> None:
            if store.completed:
                stop.set()

        queue.on_take = stop_when_empty
        await asyncio.wait_for(make(store, queue).run(stop), 5)
        return store

    assert asyncio.run(scenario()).completed == ["a"]


def test_a_sweep_brings_back_what_is_missing_and_only_that() -> None:
    """Jobs that the queue holds are not doubled; jobs given up are announced."""
    store, queue = MemoryStore(), MemoryQueue("a")
    store.neglected_ids = ["a", "b"]
    assert asyncio.run(make(store, queue).sweep()) == 1
    assert queue.ids == ["a", "b"]
    assert [(event.job, event.state) for event in queue.news] == [("lost", "failed")]
