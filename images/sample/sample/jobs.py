"""What a job is, apart from where it is kept: the checked request, the claim, the event, the work itself."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MAX_TEXT = 10_000
MAX_WORK_MS = 600_000
MAX_KEY = 200
DEFAULT_WORK_MS = 1_000
STEPS = 20
"""A job reports its progress this many times."""

FINAL_STATES = frozenset({"done", "failed"})


class RequestError(ValueError):
    """The request cannot become a job; the text says why, for the caller."""


@dataclass(frozen=True)
class JobRequest:
    """What a caller asks for."""

    text: str
    work_ms: int
    idempotency_key: str | None = None

    @property
    def digest(self) -> bytes:
        """The same for the same request: tells a repeated call from another one under the same key."""
        return hashlib.sha256(json.dumps([self.text, self.work_ms]).encode()).digest()

    @classmethod
    def parse(cls, body: Any, idempotency_key: str | None) -> JobRequest:
        """Check a decoded JSON body.

        Raises:
            RequestError: it is not an object with a usable `text` and `work_ms`, or the key is too long.
        """
        if not isinstance(body, dict):
            raise RequestError('send a JSON object, such as {"text": "hello"}')
        unknown = sorted(set(body) - {"text", "work_ms"})
        if unknown:
            raise RequestError(f"unknown field {unknown[0]!r}; a job has text and work_ms")
        text, work_ms = body.get("text"), body.get("work_ms", DEFAULT_WORK_MS)
        if not isinstance(text, str) or not 1 <= len(text) <= MAX_TEXT or "\0" in text:
            raise RequestError(f"text must be 1 to {MAX_TEXT} characters, without NUL")
        if isinstance(work_ms, bool) or not isinstance(work_ms, int) or not 0 <= work_ms <= MAX_WORK_MS:
            raise RequestError(f"work_ms must be a whole number from 0 to {MAX_WORK_MS}")
        if idempotency_key is not None and not 1 <= len(idempotency_key) <= MAX_KEY:
            raise RequestError(f"Idempotency-Key must be 1 to {MAX_KEY} characters")
        return cls(text, work_ms, idempotency_key)


@dataclass(frozen=True)
class Claim:
    """A worker's right to do one job: it holds while the fence in the database is still this one."""

    job_id: str
    fence: int
    text: str
    work_ms: int


@dataclass(frozen=True)
class Event:
    """One step of one job, as it is published and streamed."""

    job: str
    state: str
    progress: int
    fence: int
    worker: str | None = None
    release: str | None = None

    def newer_than(self, other: Event | None) -> bool:
        """Whether this says more than `other`: events may arrive late, twice or in another order."""
        return other is None or self.rank > other.rank

    @property
    def rank(self) -> tuple[bool, int, bool, int]:
        """Orders the events of one job by how far the job has come."""
        return (self.state in FINAL_STATES, self.fence, self.state == "running", self.progress)

    def to_json(self) -> str:
        """The event as it travels."""
        return json.dumps(self.__dict__)

    @classmethod
    def from_json(cls, text: str | bytes) -> Event:
        """Read what `to_json` wrote.

        Raises:
            ValueError, TypeError: it is something else.
        """
        return cls(**json.loads(text))


class Report(Protocol):
    """Takes the progress of the work, in percent."""

    async def __call__(self, progress: int) -> None:
        """Take one step's progress."""


def result_of(text: str) -> dict[str, Any]:
    """The answer to a job: what can be said about its text."""
    return {
        "words": len(text.split()),
        "characters": len(text),
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }


async def work(
    claim: Claim, report: Report, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> dict[str, Any]:
    """Take `work_ms` in equal steps, reporting each, and return the result.

    The time stands for what a real worker would spend: a model call, a conversion.
    """
    for step in range(1, STEPS + 1):
        await sleep(claim.work_ms / 1000 / STEPS)
        # 100 is said by the completion alone, when the effect is in the database.
        await report(min(99, step * 100 // STEPS))
    return result_of(claim.text)
