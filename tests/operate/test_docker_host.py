"""Reaching Docker: which daemon, and what to do if it does not answer."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from operate.docker_host import DEFAULT_HOST, DockerUnreachable, Machine, connect, host_of, is_local

if TYPE_CHECKING:
    from pathlib import Path


def test_which_daemon() -> None:
    """The stack's own host, then DOCKER_HOST, then the local socket."""
    assert host_of({}) == DEFAULT_HOST
    assert host_of({"DOCKER_HOST": "tcp://box:1"}) == "tcp://box:1"
    assert host_of({"DOCKER_HOST": "tcp://box:1"}, "ssh://prod") == "ssh://prod"
    assert is_local(DEFAULT_HOST)
    assert not is_local("ssh://prod")


def test_no_socket_on_a_machine_without_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way to install it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    host = f"unix://{tmp_path}/docker.sock"
    with pytest.raises(DockerUnreachable) as caught:
        connect({"DOCKER_HOST": host})
    assert str(caught.value) == (
        f"Docker can't be reached at {host}: there is no such socket\n"
        "  fix: scripts/bootstrap (it installs Docker Engine)"
    )


def test_a_socket_that_nobody_listens_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon is installed and has ended."""
    (tmp_path / "dockerd").write_text("")
    (tmp_path / "dockerd").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "docker.sock"))
    with pytest.raises(
        DockerUnreachable, match="nothing answers\n  fix: scripts/bootstrap, or sudo service docker start"
    ):
        connect({"DOCKER_HOST": f"unix://{tmp_path}/docker.sock"})


def test_a_socket_that_one_may_not_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """The group is what is missing."""

    class Closed(socket.socket):
        def connect(self, _address: object) -> None:
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("operate.docker_host.socket.socket", Closed)
    with pytest.raises(DockerUnreachable, match="this user may not use it\n  fix: sudo usermod -aG docker"):
        connect({"DOCKER_HOST": "unix:///var/run/docker.sock"})


def test_another_machine_that_does_not_answer() -> None:
    """Bootstrapping this one would not help."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(DockerUnreachable, match=r"nothing answers\n  fix: check DOCKER_HOST or docker:host"):
            connect({"DOCKER_HOST": host})


def test_an_impossible_address() -> None:
    """Said as an unreachable Docker, not as a traceback."""
    with pytest.raises(DockerUnreachable, match="nonsense"):
        connect({}, "nonsense://x")


def test_what_the_daemon_says_of_its_machine() -> None:
    """In MiB; 0 where it does not say."""
    machine = Machine({"MemTotal": 2048 * 1024 * 1024, "NCPU": 2, "ServerVersion": "1.2", "DockerRootDir": "/d"})
    assert (machine.memory_mib, machine.cpus, machine.version, machine.root) == (2048, 2, "1.2", "/d")
    assert (Machine({}).memory_mib, Machine({}).cpus) == (0, 0)
