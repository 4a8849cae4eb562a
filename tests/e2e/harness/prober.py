"""Requests at a constant rate, each counted: Slipway's own prober in a thread, so that a scenario can look on."""

from __future__ import annotations

import http.client
import tempfile
import threading
from collections import Counter
from typing import TYPE_CHECKING, Final, Self

from operate.probe import Control, Probe, run

if TYPE_CHECKING:
    from types import TracebackType

    from operate.probe import Record

_TIMEOUT_S: Final = 10.0
UNCHECKED: Final = ""
"""As ``trust``: take any certificate."""


class Answers:
    """What came back so far.

    Args:
        records: Every request, written down as it ends.
    """

    def __init__(self, records: list[Record]) -> None:
        self._records = records

    @property
    def good(self) -> int:
        """Requests answered with 200."""
        return sum(not _problem(item) for item in list(self._records))

    @property
    def failures(self) -> list[str]:
        """What went wrong with each of the others."""
        return [problem for item in list(self._records) if (problem := _problem(item))]

    @property
    def slowest_s(self) -> float:
        """The longest that an answer took."""
        return max((item.seconds for item in list(self._records)), default=0.0)

    @property
    def releases(self) -> dict[str, int]:
        """How many answers each release of the sample gave."""
        return dict(Counter(item.by for item in list(self._records) if not _problem(item)))

    def assert_none_failed(self, at_least: int = 20) -> None:
        """Assert that no request failed, and that there were enough of them to say so."""
        good, failures = self.good, self.failures
        assert good + len(failures) >= at_least, f"only {good + len(failures)} requests were made"
        assert not failures, f"{len(failures)} of {good + len(failures)} failed: {failures[:5]}"


class Prober:
    """Sends ``GET path`` to ``127.0.0.1:port``, a new connection each, until its context ends.

    Args:
        port: The gateway's port.
        path: What to get.
        rate: Requests a second.
        host: The host name to ask for, over HTTPS. Default: none, over HTTP.
        trust: PEM text of the authority that must have signed its certificate; empty for any.
    """

    def __init__(
        self, port: int, path: str = "/health", rate: float = 25.0, *, host: str | None = None, trust: str = UNCHECKED
    ) -> None:
        url = f"http://127.0.0.1:{port}{path}" if host is None else f"https://{host}:{port}{path}"
        self._file = tempfile.NamedTemporaryFile("w", suffix=".pem")  # noqa: SIM115 - closed at the end of the context
        self._file.write(trust)
        self._file.flush()
        self._probe = Probe(
            urls=(url,),
            rate=rate,
            connect="127.0.0.1",
            trust=self._file.name if trust else None,
            verify=bool(trust),
            timeout_s=_TIMEOUT_S,
        )
        self._begun = threading.Event()
        self._thread = threading.Thread(target=lambda: run(self._probe, self._begin), daemon=True)

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        assert self._begun.wait(_TIMEOUT_S), "the prober did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop and wait for the answers that are due."""
        self._control.stop()
        self._thread.join()
        self._file.close()

    def _begin(self, control: Control) -> None:
        self._control = control
        self.answers = Answers(control.records)
        self._begun.set()


def _problem(record: Record) -> str:
    return record.error or ("" if record.status == http.client.OK else f"status {record.status}")


def get_release(port: int, path: str = "/health") -> tuple[int, str]:
    """Return the status of one request, and the release of the sample that answered."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        return response.status, response.headers.get("X-Release", "")
    finally:
        connection.close()
