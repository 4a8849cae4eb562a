"""Every alert by Prometheus' own tool: it fires for its fault, says what is wrong, and stays quiet for what is near it.

No platform is deployed; rules and tests come from one table each, and a test holds that no rule is without its case.
"""

from __future__ import annotations

import io
import tarfile

import pytest

from components.prometheus import RULES, Limits
from operate.image_lock import read_lock
from tests.e2e.harness.alert_cases import CASES, promtool_files
from tests.e2e.harness.docker_view import Daemon

pytestmark = pytest.mark.e2e
_TMPFS = {"/tmp": "size=64m"}  # noqa: S108 - in the container; promtool keeps a database for each test


def promtool(daemon: Daemon, files: dict[str, str]) -> tuple[int, str]:
    """Run the tests of rules in the image of Prometheus."""
    command = ["promtool", "test", "rules", *(f"/prometheus/{name}" for name in files if name.endswith(".test.yml"))]
    reference = read_lock()["prometheus"]["debian"]
    container = daemon.client.containers.create(reference, command, entrypoint="", network_mode="none", tmpfs=_TMPFS)
    try:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name, text in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(text.encode())
                archive.addfile(entry, io.BytesIO(text.encode()))
        container.put_archive("/prometheus", buffer.getvalue())
        container.start()
        code = int(container.wait(timeout=110)["StatusCode"])
        return code, container.logs().decode()
    finally:
        container.remove(force=True)


def test_every_alert_has_its_case() -> None:
    """A new rule comes with the fault that it is for."""
    assert set(CASES) == {rule.name for rule in RULES}


def test_each_alert_fires_for_its_fault_and_for_nothing_near_it(daemon: Daemon) -> None:
    code, said = promtool(daemon, promtool_files())
    assert code == 0, said


def test_a_wrong_limit_is_noticed(daemon: Daemon) -> None:
    """So the tests above can fail."""
    files = promtool_files(Limits(error_share=0.5))
    code, said = promtool(daemon, {name: text for name, text in files.items() if name.startswith("Service")})
    assert code == 1
    assert "ServiceErrors, time: 9m" in said
    assert "ServiceSlow, time" not in said
