"""The recorded program, on real Docker, step by step: plans and checkpoints equal those of the real CLI.

What is of the moment is made neutral first: random name endings, ids, times, addresses. The image ``recording:1`` is
made from the machine's static busybox where it is missing.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine import EmbeddedStack

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # the SDK's own
]
RECORDINGS = Path(__file__).parents[1] / "engine" / "recordings" / "containers"
IMAGE = "recording:1"
PORT = 18290
STEPS = (
    ("00-create", 0),
    ("01-unchanged", 0),
    ("02-env-replace-delete-first", 1),
    ("03-memory-update", 2),
    ("04-label-replace", 3),
    ("05-job-rerun", 4),
    ("06-env-replace-create-first", 5),
    ("07-scale-down", 6),
    ("08-job-fails", 8),
    ("09-back", 0),
    ("10-memory-update-in-place", 2),
    ("11-removed-by-hand", 2),
)
_VOLATILE = re.compile(
    r"""
    (?P<reference>sha256:[0-9a-f]{64}|\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b)
    | (?P<uuid>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})
    | (?P<name>(?<=[a-z0-9])-[0-9a-f]{7}\b)
    | (?P<address>(?:\b172\.\d+\.\d+\.\d+|\b192\.168\.\d+\.\d+|\b10\.\d+\.\d+\.\d+)(?:/\d+)?)
    | (?P<mac>(?:[0-9a-f]{2}:){5}[0-9a-f]{2})
    | (?P<port>\b18090\b|\b18290\b)
    """,
    re.VERBOSE,
)
_RANDOM = frozenset({"b64Std", "b64Url", "dec", "hex", "result", "base64", "bcryptHash"})
_OF_THE_MOMENT = frozenset(
    {"created", "modified", "sourcePosition", "stackTrace", "__pulumi_raw_state_delta", "__meta", "ciphertext"}
)


def neutral(value: Any) -> Any:
    """The value without what differs from run to run."""
    if isinstance(value, dict):
        return {
            key: "RANDOM" if key in _RANDOM else neutral(item)
            for key, item in value.items()
            if key not in _OF_THE_MOMENT
        }
    if isinstance(value, list):
        return [neutral(item) for item in value]
    if isinstance(value, str):
        return _VOLATILE.sub(lambda match: (match.lastgroup or "").upper(), value)
    return "PORT" if value in {18090, PORT} else value


def neutral_entry(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry, with what is a set in order."""
    result: dict[str, Any] = neutral(entry)
    if result["type"].startswith("random:"):
        result["id"] = "RANDOM"
        result.get("outputs", {}).pop("id", None)
    for key in ("dependencies", "additionalSecretOutputs"):
        if key in result:
            result[key] = sorted(result[key])
    for urns in result.get("propertyDependencies", {}).values():
        urns.sort()
    for item in result.get("outputs", {}).get("networkDatas") or ():
        item.pop("ipPrefixLength", None)
    datas = result.get("outputs", {}).get("networkDatas")
    if isinstance(datas, list):
        datas.sort(key=json.dumps)
    return result


def recorded(name: str) -> dict[str, Any]:
    """A recorded document."""
    found: dict[str, Any] = json.loads((RECORDINGS / name).read_text())
    return found


@pytest.fixture(scope="module")
def image() -> None:
    """Make sure that the recorded image exists: busybox as sh, sleep, true and echo."""
    if subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, check=False).returncode == 0:
        return
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip(f"no image {IMAGE} and no busybox (Debian package busybox-static) to make it from")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(busybox, "bin/busybox")
        for name in ("sh", "sleep", "true", "echo"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    change = ["--change", "ENV PATH=/bin"]
    subprocess.run(["docker", "import", *change, "-", IMAGE], input=archive.getvalue(), check=True, capture_output=True)


class Replay:
    """The recorded project on a backend of its own; each step sets the configuration key ``step``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = folder / "project"
        self.project.mkdir()
        program = (RECORDINGS / "program.py").read_text().replace("external=18090", f"external={PORT}")
        (self.project / "__main__.py").write_text(program)
        (self.project / "Pulumi.yaml").write_text("name: recordings\nruntime: python\n")
        EmbeddedStack(self.project, "dev", backend=folder, passphrase="x").init()

    def stack(self, step: int) -> EmbeddedStack:
        """The stack at a step."""
        config = {"step": str(step)}
        return EmbeddedStack(self.project, "dev", backend=self.folder, passphrase="x", config=config)

    def entries(self) -> dict[str, dict[str, Any]]:
        """The state by URN."""
        latest = self.stack(0).export()["deployment"]
        return {entry["urn"]: neutral_entry(entry) for entry in latest.get("resources", ())}


@pytest.fixture
def replay(tmp_path: Path, image: None) -> Iterator[Replay]:
    """The project; whatever is left of it goes at the end, the retained volume included."""
    del image
    found = Replay(tmp_path)
    volumes: set[str] = set()
    try:
        yield found
    finally:
        latest = found.stack(0).export()["deployment"]
        entries = latest.get("resources", ())
        volumes |= {entry["id"] for entry in entries if entry["type"].endswith(":Volume")}
        found.stack(7).destroy()
        listed = subprocess.run(["docker", "volume", "ls", "-q"], capture_output=True, text=True, check=True).stdout
        left = [name for name in listed.split() if name in volumes or name.startswith("box-data-")]
        if left:
            subprocess.run(["docker", "volume", "rm", *left], capture_output=True, check=False)


def test_every_recorded_step(replay: Replay) -> None:
    for name, step in STEPS:
        stack = replay.stack(step)
        by_hand = name == "11-removed-by-hand"
        if by_hand:
            web = next(
                entry for entry in stack.export()["deployment"]["resources"] if entry["urn"].endswith("::box-web-1")
            )
            subprocess.run(["docker", "rm", "-f", web["id"]], check=True, capture_output=True)
        preview = stack.preview(refresh=by_hand)
        assert not preview.failed, (name, preview.errors)
        theirs = recorded(f"{name}.preview.json")
        assert preview.digest["changeSummary"] == theirs["changeSummary"], name
        compared = ("op", "diffReasons", "replaceReasons", "detailedDiff")
        ours = {(item["urn"], item["op"]): [item.get(key) for key in compared] for item in preview.digest["steps"]}
        assert ours == {(item["urn"], item["op"]): [item.get(key) for key in compared] for item in theirs["steps"]}, (
            name
        )
        result = stack.up(refresh=by_hand)
        assert not result.failed, (name, result.errors)
        entries = replay.entries()
        expected = {
            entry["urn"]: neutral_entry(entry)
            for entry in recorded(f"{name}.checkpoint.json")["checkpoint"]["latest"]["resources"]
        }
        assert entries.keys() == expected.keys(), name
        for urn, entry in expected.items():
            assert entries[urn] == entry, (name, urn)
    result = replay.stack(7).destroy()
    assert not result.failed, result.errors
    assert result.summary == {"delete": 16}
    assert replay.entries() == {}


def cli(replay: Replay, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the real CLI on the project."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PULUMI_CONFIG_PASSPHRASE": "x",
        "PULUMI_BACKEND_URL": f"file://{replay.folder}",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    return subprocess.run(
        ["pulumi", *arguments, "--stack", "dev", "--non-interactive"],
        cwd=replay.project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.mark.skipif(shutil.which("pulumi") is None, reason="the Pulumi CLI is not on PATH (make pulumi)")
class TestHandOver:
    """The CLI carries on from our state, and we from its."""

    def write_config(self, replay: Replay, step: int) -> None:
        stack = replay.stack(step)
        stack.set_config("step", str(step))

    def test_to_the_cli_and_back(self, replay: Replay) -> None:
        self.write_config(replay, 0)
        result = replay.stack(0).up()
        assert not result.failed, result.errors
        done = cli(replay, "preview", "--expect-no-changes", "--diff")
        assert done.returncode == 0, done.stdout + done.stderr
        done = cli(replay, "preview", "--refresh", "--expect-no-changes", "--diff")
        assert done.returncode == 0, done.stdout + done.stderr
        self.write_config(replay, 5)
        done = cli(replay, "up", "--yes", "--skip-preview")
        assert done.returncode == 0, done.stdout + done.stderr
        result = replay.stack(5).preview()
        assert not result.failed, result.errors
        assert not result.has_changes, result.digest
        self.write_config(replay, 1)
        result = replay.stack(1).up(refresh=True)
        assert not result.failed, result.errors
        done = cli(replay, "preview", "--expect-no-changes", "--diff")
        assert done.returncode == 0, done.stdout + done.stderr
        done = cli(replay, "stack", "output", "--show-secrets", "--json")
        assert json.loads(done.stdout) == replay.stack(1).outputs(show_secrets=True)

    def test_the_cli_honours_our_lock_and_we_its(self, replay: Replay) -> None:
        from engine import LockHeld, lock  # noqa: PLC0415
        from engine.backend import Backend  # noqa: PLC0415

        self.write_config(replay, 0)
        backend = Backend(replay.folder, "recordings", "dev")
        with lock.hold(backend, lambda _message: None):
            done = cli(replay, "up", "--yes", "--skip-preview")
            assert done.returncode != 0
            assert "currently locked by 1 lock" in done.stdout + done.stderr
            with pytest.raises(LockHeld, match=str(os.getpid())):
                replay.stack(0).up()
