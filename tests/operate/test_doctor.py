"""Each check of the doctor, and the command that mends what it finds."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
from collections import namedtuple
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from operate import doctor
from operate.backend import Backend
from operate.checks import Check, Level, fail, ok, warn
from operate.docker_host import DockerUnreachable, Machine
from operate.doctor_machine import (
    check_disk,
    check_docker,
    check_gpus,
    check_images,
    check_memory,
    check_pulumi,
    check_python,
)
from operate.doctor_stack import check_lock, check_passphrase, check_ports, check_state
from operate.images import MissingImage, Remedy
from operate.pulumi_install import PulumiInstall
from settings.model import ModelServer
from tests.operate.fake_docker import client, container, entry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from settings import Loaded

GIB = 1024**3


def test_a_check_as_data() -> None:
    """What --json prints."""
    assert warn("disk", "full", "tidy up").to_dict() == {
        "name": "disk",
        "level": "warn",
        "text": "full",
        "fix": "tidy up",
    }
    assert ok("a", "b").fix == ""


class TestPython:
    """Whether .venv fits requirements.txt."""

    def test_never_bootstrapped(self, tmp_path: Path) -> None:
        """It may work nevertheless."""
        (tmp_path / "requirements.txt").write_text("a==1\n")
        check = check_python(tmp_path)
        assert (check.level, check.fix) == (Level.WARN, "scripts/bootstrap")

    def test_outdated(self, tmp_path: Path) -> None:
        """After a pull that brought new requirements."""
        self._stamp(tmp_path, "0" * 64)
        check = check_python(tmp_path)
        assert (check.level, check.fix) == (Level.FAIL, "scripts/bootstrap")
        assert check.text.endswith(".venv is older than requirements.txt")

    def test_fresh(self, tmp_path: Path) -> None:
        """With or without the development tools."""
        digest = hashlib.sha256(b"a==1\n").hexdigest()
        self._stamp(tmp_path, f"{digest} {'1' * 64}")
        assert check_python(tmp_path).level is Level.OK

    @staticmethod
    def _stamp(root: Path, text: str) -> None:
        (root / "requirements.txt").write_text("a==1\n")
        (root / ".venv").mkdir()
        (root / ".venv" / ".slipway-stamp").write_text(f"{text}\n")


@pytest.mark.parametrize(
    ("version", "level"), [("19.03.1", Level.FAIL), ("20.10.24+dfsg1", Level.OK), ("28.0", Level.OK)]
)
def test_dockers_version(version: str, level: Level) -> None:
    """20.10 is the oldest that is known to work."""
    machine = Machine({"ServerVersion": version, "NCPU": 2, "MemTotal": GIB})
    check = check_docker(machine, "unix:///x")
    assert check.level is level
    assert check.text.startswith(f"{version} at unix:///x, 2 CPUs, 1GiB")


@pytest.mark.parametrize(("free", "level"), [(1, Level.FAIL), (5, Level.WARN), (50, Level.OK)])
def test_disk_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: Level) -> None:
    """Where Docker keeps its images."""
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - as the standard library's own
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage(100 * GIB, 0, free * GIB))
    check = check_disk(Machine({"DockerRootDir": str(tmp_path)}), "unix:///x")
    assert check is not None
    assert (check.level, check.text) == (level, f"{free}.0 GiB free at {tmp_path}")


def test_another_machines_disk_is_not_seen(tmp_path: Path) -> None:
    """So nothing is said of it."""
    assert check_disk(Machine({"DockerRootDir": str(tmp_path)}), "ssh://box") is None
    assert check_disk(Machine({"DockerRootDir": "/no/such"}), "unix:///x") is None


def test_gpus(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said where somebody asks for them, and only there."""
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert check_gpus(loaded, Machine({}), "unix:///x") is None
    servers = {"llm": ModelServer(gpus="all")}
    asking = replace(loaded, platform=loaded.platform.model_copy(update={"model_servers": servers}))
    assert check_gpus(asking, Machine({"Runtimes": {"nvidia": {}}}), "unix:///x") == ok(
        "gpus", "model_servers.llm.gpus: all; Docker has NVIDIA's runtime"
    )
    assert check_gpus(asking, Machine({}), "unix:///x") == fail(
        "gpus",
        "model_servers.llm.gpus: all; Docker's machine has none to give",
        "install the NVIDIA Container Toolkit and restart Docker, or write gpus: none",
    )


def test_capacity(loaded: Loaded) -> None:
    """Enough, too little memory, too few processors."""
    assert check_memory(loaded, Machine({"MemTotal": 8 * GIB, "NCPU": 4})) == ok(
        "capacity", "limits of 1600MiB fit into 8GiB"
    )
    assert check_memory(loaded, Machine({"MemTotal": GIB, "NCPU": 4})).level is Level.WARN
    few = check_memory(loaded, Machine({"MemTotal": 8 * GIB, "NCPU": 1}))
    assert few == fail(
        "capacity",
        "api: cpus is 2, and Docker's machine has 1",
        "lower api's cpus, for instance under slipway:overrides of this stack",
    )


def test_pulumi() -> None:
    """Its absence is no failure: there is another engine."""
    assert check_pulumi(PulumiInstall("/p", on_path=True, missing_plugins=())).level is Level.OK
    check = check_pulumi(PulumiInstall(None, on_path=False, missing_plugins=("docker 1",)))
    assert check == warn("pulumi", "no pulumi on PATH: the embedded engine does the work", "make pulumi")


def test_images(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here, to be built with or without a registry, to be pulled."""
    assert check_images(loaded, []).level is Level.OK
    build, pull = MissingImage("redis", "slipway/redis:1", Remedy.BUILD), MissingImage("nginx", "nginx:1", Remedy.PULL)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert check_images(loaded, [build]).fix == "scripts/bootstrap, or apt-get install mmdebstrap"
    monkeypatch.setattr(shutil, "which", lambda _name: "/usr/bin/mmdebstrap")
    assert check_images(loaded, [build, pull]).fix == "slipway up does it; or slipway images build"
    assert check_images(loaded, [pull]).fix == "slipway up pulls them"


class TestPassphrase:
    """Whether the secrets can be opened."""

    def test_none_yet(self, tmp_path: Path) -> None:
        """The first deployment makes one."""
        assert check_passphrase(tmp_path, {}, "dev", encrypted=False).level is Level.OK

    def test_needed_and_not_here(self, tmp_path: Path) -> None:
        """A colleague has it."""
        check = check_passphrase(tmp_path, {}, "dev", encrypted=True)
        assert check == fail(
            "passphrase",
            "stack dev is encrypted with one that is not on this machine",
            "put it into .state/passphrase, or set PULUMI_CONFIG_PASSPHRASE",
        )

    def test_a_file_that_is_missing(self, tmp_path: Path) -> None:
        """Named by the variable."""
        check = check_passphrase(tmp_path, {"PULUMI_CONFIG_PASSPHRASE_FILE": "/no/such"}, "dev", encrypted=False)
        assert check.level is Level.FAIL

    def test_for_everybody_to_read(self, tmp_path: Path) -> None:
        """A copy by hand loses its mode."""
        file = tmp_path / ".state" / "passphrase"
        file.parent.mkdir()
        file.write_text("x")
        file.chmod(0o644)
        check = check_passphrase(tmp_path, {}, "dev", encrypted=True)
        assert check == warn("passphrase", f"{file} can be read by others", f"chmod 600 {file}")
        file.chmod(0o600)
        assert check_passphrase(tmp_path, {}, "dev", encrypted=True) == ok("passphrase", "from .state/passphrase")


class TestState:
    """Whether the state can be used."""

    def test_not_deployed_yet(self, tmp_path: Path) -> None:
        """Nothing is wrong with that."""
        assert check_state(tmp_path, "shop", "dev") == ok("state", "stack dev is not deployed yet")

    def test_whole(self, tmp_path: Path) -> None:
        """With the manifest that Pulumi writes."""
        self._write(tmp_path, resources=[entry("a"), entry("b", dependencies=[entry("a")["urn"]])])
        assert check_state(tmp_path, "shop", "dev") == ok("state", "2 resources, whole")

    def test_unreadable(self, tmp_path: Path) -> None:
        """The copy beside it is the way back."""
        self._write(tmp_path).write_text("{")
        check = check_state(tmp_path, "shop", "dev")
        assert check.level is Level.FAIL
        assert check.fix.startswith("cp ")

    def test_edited_by_hand(self, tmp_path: Path) -> None:
        """Pulumi refuses it too."""
        self._write(tmp_path, magic="0" * 64)
        check = check_state(tmp_path, "shop", "dev")
        assert check.level is Level.FAIL
        assert check.text.endswith("the manifest's magic does not fit its version: edited by hand?")

    @pytest.mark.parametrize("key", ["dependencies", "parent"])
    def test_a_reference_to_nothing(self, tmp_path: Path, key: str) -> None:
        """Or to what stands later."""
        lost = entry("b")["urn"]
        item = entry("a") | {key: [lost] if key == "dependencies" else lost}
        self._write(tmp_path, resources=[item])
        check = check_state(tmp_path, "shop", "dev")
        assert check.text.endswith(f"refers to {lost}, which does not stand before it")

    def test_interrupted(self, tmp_path: Path) -> None:
        """The next deployment finishes it."""
        self._write(tmp_path, resources=[], pending_operations=[{"resource": entry("a"), "type": "creating"}])
        check = check_state(tmp_path, "shop", "dev")
        assert check == warn("state", "1 operations were interrupted", "slipway up --stack dev finishes them")

    @staticmethod
    def _write(folder: Path, magic: str | None = None, **latest: object) -> Path:
        version = "v3.260.0"
        manifest = {"version": version, "magic": magic or hashlib.sha256(version.encode()).hexdigest()}
        path = folder / ".pulumi" / "stacks" / "shop" / "dev.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"checkpoint": {"latest": {"manifest": manifest, **latest}}}))
        return path


def test_the_lock(tmp_path: Path) -> None:
    """Who holds it, and when it may be broken."""
    assert check_lock(tmp_path, "shop", "dev") == ok("lock", "free")
    folder = tmp_path / ".pulumi" / "locks" / "organization" / "shop" / "dev"
    folder.mkdir(parents=True)
    (folder / "a.json").write_text(
        '{"pid": 1, "username": "eve", "hostname": "box", "timestamp": "2026-01-01T00:00:00Z"}'
    )
    check = check_lock(tmp_path, "shop", "dev")
    assert check == warn(
        "lock",
        "held by eve@box, process 1, since 2026-01-01T00:00:00Z",
        "wait for it; if it has certainly ended: slipway cancel --stack dev",
    )


class TestPorts:
    """Whether the ports that the stack publishes are to be had."""

    def test_free(self, loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
        """As far as the kernel tells."""
        monkeypatch.setattr("operate.doctor_stack.listeners", list)
        assert check_ports(loaded, client(), local=True).level is Level.OK

    def test_taken(self, load_with: Callable[[str], Loaded]) -> None:
        """By whom, and what to do."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            loaded = load_with(f'environments: {{dev: {{gateway: {{publish: "127.0.0.1:{port}"}}}}}}\n')
            check = check_ports(loaded, client(), local=True)
            assert check.level is Level.FAIL
            assert f"127.0.0.1:{port}/tcp by process " in check.text
            mine = container("gateway", ports={"8080/tcp": f"127.0.0.1:{port}"})
            assert check_ports(loaded, client(mine), local=True).level is Level.OK

    def test_another_machines_ports_are_not_seen(self, loaded: Loaded) -> None:
        """Said, not guessed."""
        assert "Docker runs on another machine" in check_ports(loaded, client(), local=False).text


class TestExamination:
    """All checks together."""

    def _names(self, project: Path, monkeypatch: pytest.MonkeyPatch, stack: str = "dev") -> dict[str, Check]:
        monkeypatch.setattr(doctor, "connect", lambda *_: client())
        monkeypatch.setattr(doctor, "missing_images", lambda *_: [])
        backend = Backend(f"file://{project}/.state", "here")
        checks = list(doctor.examine(project, stack, backend, {"HOME": str(project), "PATH": "/none"}))
        return {check.name: check for check in checks}

    def test_in_the_order_in_which_to_mend(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """First what everything else stands on."""
        checks = self._names(project, monkeypatch)
        assert list(checks) == [
            "python",
            "docker",
            "capacity",
            "pulumi",
            "description",
            "images",
            "ports",
            "passphrase",
            "state",
            "lock",
        ]
        assert all(check.fix for check in checks.values() if check.level is not Level.OK)

    def test_without_docker_the_rest_is_looked_at(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """One failure hides no other."""

        def unreachable(*_: object) -> None:
            raise DockerUnreachable("unix:///x", "there is no such socket", "scripts/bootstrap")

        checks = self._names(project, monkeypatch)
        monkeypatch.setattr(doctor, "connect", unreachable)
        again = list(doctor.examine(project, "dev", Backend("s3://bucket", "you"), {"HOME": "/", "PATH": "/none"}))
        assert again[1] == fail("docker", "can't be reached at unix:///x: there is no such socket", "scripts/bootstrap")
        assert {check.name for check in again} == set(checks) - {"capacity", "images", "ports", "lock"}
        assert again[-1].text == "at s3://bucket (you); the Pulumi CLI looks after it"

    def test_a_wrong_description(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """How many problems, and where all of them are told."""
        (project / "blueprints" / "shop.yaml").write_text("name: shop\nservice: {}\n")
        check = self._names(project, monkeypatch)["description"]
        assert (check.level, check.fix) == (Level.FAIL, "slipway config --stack dev tells all of them")
        assert check.text.startswith("1 problem, the first: ")

    def test_no_project_at_all(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing else could be looked at."""
        checks = self._names(tmp_path, monkeypatch)
        assert list(checks) == ["python", "project"]

    def test_secrets_of_a_service(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """No passphrase is needed."""
        path = project / "Pulumi.dev.yaml"
        path.write_text(path.read_text() + "secretsprovider: awskms://key\n")
        text = self._names(project, monkeypatch)["passphrase"].text
        assert text == "not needed: the secrets of dev are encrypted by awskms"
