"""The configuration that the gateway is measured beside does the same as the gateway's own; no time is asserted."""

from __future__ import annotations

import http.client
import shutil

import pytest

from benchmarks import gateway
from operate import image_lock

pytestmark = pytest.mark.e2e
_OF_THE_REQUEST = {"date", "x-request-id"}


def answer(port: int, path: str, **headers: str) -> tuple[int, dict[str, str]]:
    """Return status and headers, those that are each request's own left out."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    named = {name.lower(): value for name, value in response.headers.items()}
    assert named.keys() >= _OF_THE_REQUEST
    return response.status, {name: value for name, value in named.items() if name not in _OF_THE_REQUEST}


def test_both_configurations_answer_the_same() -> None:
    """Status and every header; then one short pair of runs, where wrk is installed."""
    image = image_lock.own_reference("nginx")
    with gateway.running(image) as ((_, _, ours), (_, _, by_hand)):
        assert answer(ours, "/") == answer(by_hand, "/")
        assert {"x-frame-options", "permissions-policy"} <= answer(ours, "/")[1].keys()
    if shutil.which("wrk") is None:
        pytest.skip("both answer the same; wrk is not installed here, so they were not measured")
    shown = gateway.table(gateway.measure(image, rounds=1, seconds=1))
    assert "| slipway |" in shown
    assert "| by hand |" in shown
    assert shown.count("ratio of the pairs") == 2
