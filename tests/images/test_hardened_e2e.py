"""Every image, run as strictly as Slipway runs it: what is seen in /proc, not what was asked for."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from operate.image_lock import names, read_catalogue

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container

pytestmark = pytest.mark.e2e

_NOBODY = "{route: {receiver: nobody}, receivers: [{name: nobody}]}"
SERVERS: dict[str, dict[str, Any]] = {
    "postgres": {"environment": {"POSTGRES_PASSWORD": "a-password"}, "data": "/var/lib/postgresql/data"},
    "redis": {"data": "/data"},
    "nginx": {},
    # Of an empty file everything is Prometheus' default; Alertmanager wants at least somebody to tell.
    "prometheus": {
        "command": ["--config.file=/dev/null", "--storage.tsdb.path=/prometheus"],
        "data": "/prometheus",
    },
    "alertmanager": {
        "entrypoint": ["sh", "-c", f"echo '{_NOBODY}' >/tmp/own.yml && exec alertmanager \"$@\"", "alertmanager"],
        "command": ["--config.file=/tmp/own.yml", "--storage.path=/alertmanager", "--cluster.listen-address="],
        "data": "/alertmanager",
    },
}
FORBIDDEN_LEFT = "-perm /6000 -o -name '*.deb' -o -path '/var/lib/apt/lists/*' -type f -size +0"


def start(lab: Any, role: str) -> Container:
    """Start a server with a volume where it keeps data."""
    options = dict(SERVERS[role])
    data = options.pop("data", None)
    if data is not None:
        options["volumes"] = {lab.volume(): {"bind": data, "mode": "rw"}}
    container: Container = lab.run(role, **options)
    return container


def processes(container: Container) -> dict[str, dict[str, str]]:
    """Return the fields of /proc/PID/status of every process of a container, read from the host."""
    found = {}
    for row in container.top(ps_args="-eo pid")["Processes"]:
        with open(f"/proc/{row[0]}/status", encoding="utf-8") as status:  # noqa: PTH123  (a process may end meanwhile)
            found[row[0]] = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
    return found


def needs(references: dict[str, str], name: str) -> None:
    """Skip a test of an image that is built on request and was not."""
    if name not in references:
        pytest.skip(f"the image {name} was not built, since it takes minutes: ./slipway images build {name}")


@pytest.mark.parametrize("role", SERVERS)
def test_every_process_is_an_ordinary_user_without_any_right(lab: Any, role: str) -> None:
    """User and group as the catalogue says, no capability at all, no way to new ones, system calls filtered."""
    container = start(lab, role)
    lab.healthy(container)
    uid, gid = read_catalogue()[role]["debian"]["user"].split(":")
    seen = processes(container)
    assert seen
    for status in seen.values():
        assert set(status["Uid"].split()) == {uid}
        assert set(status["Gid"].split()) == {gid}
        assert {status[key] for key in ("CapEff", "CapPrm", "CapBnd", "CapInh")} == {"0" * 16}
        assert status["NoNewPrivs"] == "1"
        assert status["Seccomp"] == "2"


@pytest.mark.parametrize("role", SERVERS)
def test_the_root_cannot_be_written(lab: Any, role: str) -> None:
    """Nor can a program be started from what can be."""
    container = start(lab, role)
    lab.healthy(container)
    status, output = container.exec_run(["sh", "-c", "echo x >/opt/x"])
    assert (status, b"Read-only file system" in output) == (2, True)
    lab.sh(container, "sh", "-c", "cp /bin/true /tmp/true")
    status, output = container.exec_run(["/tmp/true"])  # noqa: S108
    assert (status, b"permission denied" in output) == (126, True)


@pytest.mark.parametrize("role", SERVERS)
def test_it_comes_back_after_a_stop_and_after_a_kill(lab: Any, role: str) -> None:
    """On the volume that it has filled: images that change user at the start die here."""
    container = start(lab, role)
    lab.healthy(container)
    container.stop(timeout=30)
    container.reload()
    assert container.attrs["State"]["ExitCode"] == 0
    container.start()
    lab.healthy(container)
    container.kill()
    container.start()
    lab.healthy(container)


@pytest.mark.parametrize("name", [name for name in names() if name != "carrier"])
def test_nothing_is_left_that_is_not_needed(lab: Any, docker_client: docker.DockerClient, name: str) -> None:
    """No set-uid or set-gid file or folder, no package list, no package. Root looks, so that nothing is hidden."""
    needs(lab.references, name)
    search = rf"find / -xdev \( {FORBIDDEN_LEFT} \) -print -quit"
    output = docker_client.containers.run(
        lab.references[name],
        ["-c", search],
        entrypoint="/bin/sh",
        user="0",
        remove=True,
        network_mode="none",
    )
    assert output == b""


@pytest.mark.parametrize("name", names())
def test_what_the_image_says_of_itself(
    docker_client: docker.DockerClient, references: dict[str, str], name: str
) -> None:
    """User, labels, health check, no volume that Docker would make on its own, no secret in the environment."""
    needs(references, name)
    image = docker_client.images.get(references[name])
    settings = image.attrs["Config"]
    assert settings["User"] == read_catalogue()[name]["debian"]["user"]
    assert settings["Labels"]["org.opencontainers.image.revision"] == references[name].rpartition("-")[2]
    assert settings["Labels"]["org.opencontainers.image.title"] == f"slipway {name}"
    assert not settings.get("Volumes")
    has_check = settings["Healthcheck"]["Test"] != ["NONE"]
    assert has_check == (name not in {"base", "carrier", "certbot", "exporters"})
    assert not [entry for entry in settings.get("Env") or [] if "PASSWORD" in entry or "SECRET" in entry]


def test_certbot_runs_with_nothing_but_memory_to_write_to(lab: Any) -> None:
    """Beside it what the gateway's certificates need: Python with cryptography. A fresh volume is its own."""
    what = "certbot --version && python3 -c 'import cryptography' && cd /var/lib/acme && touch mine && stat -c %a ."
    volumes = {lab.volume(): {"bind": "/var/lib/acme", "mode": "rw"}}
    container = lab.run("certbot", ["-c", what], entrypoint=["sh"], volumes=volumes)
    status, said = lab.ends(container)
    assert (status, said.split()) == (0, ["certbot", "2.1.0", "700"])


def test_a_carrier_is_one_file(lab: Any, docker_client: docker.DockerClient) -> None:
    """No shell and no library: nothing that anybody could run in it. What is empty Docker has put there."""
    carrier = docker_client.containers.create(lab.references["carrier"])
    try:
        packed: Any = carrier.export()  # its stubs say text
        with tarfile.open(fileobj=io.BytesIO(b"".join(packed))) as root:
            assert [entry.name for entry in root if entry.size] == ["carrier"]
    finally:
        carrier.remove(force=True)


def test_a_carrier_brings_files_without_ever_running(lab: Any, docker_client: docker.DockerClient) -> None:
    """Files copied into a created container land in the volume with the owner and mode that were packed."""
    volume = lab.volume()
    carrier = docker_client.containers.create(lab.references["carrier"], volumes={volume: {"bind": "/files"}})
    try:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            entry = tarfile.TarInfo("secret")
            entry.size, entry.mode, entry.uid, entry.gid = 3, 0o400, 999, 1000
            archive.addfile(entry, io.BytesIO(b"abc"))
        assert carrier.put_archive("/files", buffer.getvalue())
    finally:
        carrier.remove(force=True)
    command = ["sh", "-c", "stat -c %u:%g:%a /in/secret; cat /in/secret"]
    reader = lab.run("redis", command, volumes={volume: {"bind": "/in", "mode": "ro"}})
    assert lab.ends(reader) == (0, "999:1000:400\nabc")
