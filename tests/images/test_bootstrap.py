"""scripts/bootstrap with the programs it calls replaced: what it installs, starts, refuses, and says.

What this cannot prove, a fresh Debian does: that the packages' names are right and that dockerd starts from them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TOOLS = "bash cat cut dirname env flock mkdir mktemp rm setsid sha256sum sleep tail timeout touch"
HAS_SYSTEMD = Path("/run/systemd/system").is_dir()


class Machine:
    """A checkout and a PATH on which every program is a stand-in that notes how it was called."""

    def __init__(self, folder: Path) -> None:
        """A machine where all is in place: root, Python, Docker, images' tools."""
        self.repo, self._bin, self._state = folder / "repo", folder / "bin", folder / "state"
        for path in (self.repo / "scripts", self.repo / ".venv" / "bin", self._bin, self._state):
            path.mkdir(parents=True)
        shutil.copy(ROOT / "scripts" / "bootstrap", self.repo / "scripts")
        for name in ("requirements.txt", "requirements-dev.txt"):
            (self.repo / name).write_text(f"# {name}\n", encoding="utf-8")
        for tool in TOOLS.split():
            found = shutil.which(tool)
            assert found is not None
            (self._bin / tool).symlink_to(found)
        (self._bin / "python3").symlink_to(sys.executable)
        self.program("id", "echo 0")
        self.program("docker", f"test -e {self._state}/up")
        self.program("apt-get")
        self.program("mmdebstrap")
        self.program("dockerd", f"touch {self._state}/up; exec sleep 5")
        (self._state / "up").touch()
        # The virtual environment's Python notes what is installed into it.
        self._write(self.repo / ".venv" / "bin" / "python", f'[ "$1" = -c ] || echo "$*" >>{self._state}/pip')
        self.run("--no-docker")
        (self._state / "pip").unlink()

    def program(self, name: str, body: str = "exit 0") -> None:
        """Put a stand-in on the PATH."""
        self._write(self._bin / name, f'echo "{name} $*" >>{self._state}/calls\n{body}')

    def without(self, name: str) -> None:
        """Take a program off the PATH."""
        (self._bin / name).unlink()

    def docker_is_down(self) -> None:
        """Let no daemon answer."""
        (self._state / "up").unlink()

    def calls(self, name: str) -> list[str]:
        """Return how a program was called."""
        file = self._state / "calls"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return [line for line in lines if line.split()[0] == name]

    @property
    def installed(self) -> str:
        """What pip was asked for."""
        file = self._state / "pip"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def run(self, *arguments: str, **environment: str) -> tuple[int, str]:
        """Run the script as make does, without a terminal; return its status and all it said."""
        settings = {
            "PATH": str(self._bin),
            "SLIPWAY_DOCKERD_LOG": str(self._state / "log"),
            "SLIPWAY_DOCKERD_PID": str(self._state / "pid"),
            **environment,
        }
        result = subprocess.run(
            [str(self._bin / "bash"), "scripts/bootstrap", *arguments],
            cwd=self.repo,
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=90,
        )
        return result.returncode, result.stdout

    @staticmethod
    def _write(file: Path, body: str) -> None:
        file.write_text(f"#!/bin/bash\n{body}\n", encoding="utf-8")
        file.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine that is ready."""
    return Machine(tmp_path)


def test_where_all_is_there_nothing_is_done(machine: Machine) -> None:
    """Every make target begins with this: it must be fast and silent about what is in place."""
    assert machine.run() == (0, "bootstrap: ready\n")
    assert machine.calls("apt-get") == machine.calls("dockerd") == []
    assert not machine.installed


def test_changed_requirements_are_installed_with_their_hashes(machine: Machine) -> None:
    """Once; the next run finds them done."""
    (machine.repo / "requirements.txt").write_text("# new\n", encoding="utf-8")
    assert machine.run("--no-docker")[0] == 0
    assert "install --require-hashes --requirement requirements.txt\n" in machine.installed
    before = machine.installed
    machine.run("--no-docker")
    assert machine.installed == before


def test_the_tools_stay_once_they_are_there(machine: Machine) -> None:
    """A plain run neither misses them nor leaves them behind when the pins change."""
    machine.run("--dev", "--no-docker")
    assert "--requirement requirements.txt --requirement requirements-dev.txt" in machine.installed
    before = machine.installed
    machine.run("--no-docker")
    assert machine.installed == before
    (machine.repo / "requirements.txt").write_text("# new\n", encoding="utf-8")
    machine.run("--no-docker")
    assert machine.installed.count("requirements-dev.txt") == 2


@pytest.mark.skipif(HAS_SYSTEMD, reason="systemd starts Docker there")
def test_a_daemon_that_does_not_run_is_started_and_waited_for(machine: Machine) -> None:
    """Until it answers, not for a while."""
    machine.docker_is_down()
    assert machine.run() == (0, "bootstrap: starting the Docker daemon\nbootstrap: ready\n")
    assert machine.calls("dockerd")


@pytest.mark.skipif(HAS_SYSTEMD, reason="systemd starts Docker there")
def test_a_machine_where_docker_cannot_run_can_still_run_unit_tests(machine: Machine) -> None:
    """Status 3, the daemon's own last words, and what remains possible."""
    machine.docker_is_down()
    machine.program("dockerd", "echo 'failed to mount cgroup'; exit 1")
    status, said = machine.run()
    assert status == 3
    assert "failed to mount cgroup" in said
    assert "dockerd cannot run here" in said
    assert "unit tests can run" in said


def test_an_ordinary_user_is_told_the_command(machine: Machine) -> None:
    """Nothing is tried that cannot succeed."""
    machine.program("id", "echo 1000")
    machine.without("mmdebstrap")
    machine.program("docker", '[ "$1" = version ]')
    status, said = machine.run()
    assert status == 0
    assert "sudo sh -c 'apt-get update && apt-get install --yes --no-install-recommends mmdebstrap'" in said
    assert "only where the registry of debian:bookworm-slim answers" in said
    assert machine.calls("apt-get") == []


def test_missing_packages_are_named_and_installed(machine: Machine) -> None:
    """Without a terminal nobody can be asked: it is said and done."""
    machine.without("mmdebstrap")
    machine.program("docker", '[ "$1" = version ]')
    status, said = machine.run()
    assert status == 0
    assert "missing and will be installed: mmdebstrap" in said
    assert machine.calls("apt-get") == [
        "apt-get -q update",
        "apt-get -q install --yes --no-install-recommends mmdebstrap",
    ]


def test_images_that_are_there_need_no_tool_to_build_them(machine: Machine) -> None:
    """A machine that got its images by other means installs nothing."""
    machine.without("mmdebstrap")
    machine.program("docker", "echo 0123456789ab")
    assert machine.run() == (0, "bootstrap: ready\n")
    assert machine.calls("apt-get") == []


def test_a_failing_installation_shows_its_last_lines(machine: Machine) -> None:
    """And what it means for what follows."""
    machine.without("mmdebstrap")
    machine.program("docker", '[ "$1" = version ]')
    machine.program("apt-get", "echo 'E: no route to the mirror'; exit 100")
    status, said = machine.run()
    assert status == 0
    assert "apt-get failed; its last lines:\nE: no route to the mirror" in said


def test_a_docker_elsewhere_is_not_replaced_by_one_here(machine: Machine) -> None:
    """DOCKER_HOST is a decision; it is named, and no daemon is installed or started."""
    machine.docker_is_down()
    status, said = machine.run(DOCKER_HOST="tcp://192.0.2.1:2376")
    assert status == 3
    assert "DOCKER_HOST is tcp://192.0.2.1:2376 and nothing answers there" in said
    assert machine.calls("apt-get") == machine.calls("dockerd") == []


def test_wrong_arguments_are_refused_with_the_usage(machine: Machine) -> None:
    """Before anything is done."""
    status, said = machine.run("--docker")
    assert status == 2
    assert said.startswith("usage: scripts/bootstrap")
    assert machine.run("--help")[0] == 0
