"""What the image tests share: a Docker, the built images, and containers run as strictly as Slipway runs them."""

from __future__ import annotations

import contextlib
import sys
import time
import uuid
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import docker
import docker.errors
import pytest

from operate import image_lock
from operate.image_lock import IMAGES_FOLDER, read_catalogue
from operate.images import build_images

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from docker.models.containers import Container
    from docker.models.networks import Network

# Programs of their own, not rooms of Slipway.
sys.path[:0] = [str(IMAGES_FOLDER / "sample"), str(IMAGES_FOLDER / "backup")]


SLOW = frozenset({"ollama", "pgadmin", "mailhog", "n8n"})
"""Images that are built on request and take minutes: ``slipway images build NAME``."""


def wait_until(condition: Callable[[], Any], seconds: float = 60, what: str = "") -> Any:
    """Return the first true value of `condition`; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds} s: {what or condition}")
        time.sleep(0.1)


class Lab:
    """Runs containers with everything forbidden that Slipway forbids, and removes all of it."""

    def __init__(self, client: docker.DockerClient, references: dict[str, str]) -> None:
        """Use the built images."""
        self.client = client
        self.references = references
        self._prefix = f"img-test-{uuid.uuid4().hex[:8]}"
        self._cleanups = contextlib.ExitStack()

    def close(self) -> None:
        """Remove all that was made."""
        self._cleanups.close()

    def name(self, what: str) -> str:
        """Return a name that no other test uses."""
        return f"{self._prefix}-{what}"

    def volume(self, what: str = "data") -> str:
        """Make a volume; return its name."""
        volume = self.client.volumes.create(self.name(what))
        self._cleanups.callback(volume.remove, force=True)
        return self.name(what)

    def network(self) -> Network:
        """Make a network."""
        network = self.client.networks.create(self.name("net"))
        self._cleanups.callback(network.remove)
        return network

    def run(self, role: str, command: list[str] | None = None, **options: Any) -> Container:
        """Start a role's image: read-only root, no capability, no new privileges, the catalogue's tmpfs and user."""
        facts = read_catalogue()[role]["debian"]
        uid, gid = facts["user"].split(":")
        own = options.pop("tmpfs", facts["tmpfs"])
        tmpfs = {
            path: f"rw,noexec,nosuid,nodev,size={str(size).removesuffix('iB')},uid={uid},gid={gid},mode=0700"
            for path, size in own.items()
        }
        options = {
            "read_only": True,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true"],
            "mem_limit": "512m",
            "user": facts["user"],
            "tmpfs": tmpfs,
            # The image's own check, asked more often than in earnest: half a second in nanoseconds.
            "healthcheck": {"interval": 500_000_000},
            **options,
        }
        if not {"network", "network_mode"} & set(options):
            options["network_mode"] = "none"
        name = self.name(uuid.uuid4().hex[:6])
        container = self.client.containers.create(self.references[role], command, name=name, **options)
        self._cleanups.callback(container.remove, force=True, v=True)
        container.start()
        return container

    def sh(self, container: Container, *command: str, **options: Any) -> str:
        """Run a command in a container and return what it says; fail unless it succeeds."""
        status, output = container.exec_run(list(command), **options)
        assert isinstance(output, bytes)
        text = output.decode()
        assert status == 0, f"{command} ended with {status}: {text}\n{container.logs(tail=20).decode()}"
        return text

    def healthy(self, container: Container, seconds: float = 60) -> None:
        """Wait for the image's own health check."""

        def state() -> bool:
            container.reload()
            assert container.status == "running", container.logs(tail=30).decode()
            return str(container.attrs["State"]["Health"]["Status"]) == "healthy"

        wait_until(state, seconds, f"{container.name} is healthy")

    def until(self, condition: Callable[[], Any], seconds: float = 60) -> Any:
        """Return the first true value of `condition`; fail after `seconds`."""
        return wait_until(condition, seconds)

    def pause(self, seconds: float) -> None:
        """Let time pass, for a fault at a moment that is no condition."""
        time.sleep(seconds)

    def port(self, container: Container, inside: int) -> int:
        """Return the port of 127.0.0.1 at which a container's port is published."""
        container.reload()
        published: Any = container.ports[f"{inside}/tcp"]
        return int(published[0]["HostPort"])

    def ends(self, container: Container, seconds: float = 60) -> tuple[int, str]:
        """Wait for a container to end; return its status and output."""
        status = int(container.wait(timeout=seconds)["StatusCode"])
        return status, container.logs().decode()


class FakeDocker:
    """A Docker that needs no Docker: it knows some images; building makes one, unless its events end in an error."""

    def __init__(self, present: Iterable[str] = (), events: dict[str, list[dict[str, Any]]] | None = None) -> None:
        """Hold `present` references; answer the build of a tag with its `events`."""
        self.present = set(present)
        self.events = events or {}
        self.built: list[str] = []
        self.arguments: dict[str, dict[str, str]] = {}
        self.contexts: dict[str, bytes] = {}
        self.pulled: list[str] = []
        self.pull_error: Exception | None = None
        self.registry: Callable[[str], Any] = lambda _reference: {}
        self.images = SimpleNamespace(get=self._get, pull=self._pull)
        self.api = SimpleNamespace(
            build=self._build,
            import_image=self._import,
            inspect_distribution=self._inspect_distribution,
        )

    def _get(self, reference: str) -> SimpleNamespace:
        if reference not in self.present:
            raise docker.errors.ImageNotFound(reference)
        return SimpleNamespace(id=f"sha256:{reference}")

    def _inspect_distribution(self, reference: str) -> Any:
        return self.registry(reference)

    def _pull(self, reference: str) -> None:
        if self.pull_error is not None:
            raise self.pull_error
        self.pulled.append(reference)
        self.present.add(reference)

    def _build(self, *, tag: str, fileobj: Any, buildargs: dict[str, str], **_options: Any) -> Iterable[dict[str, Any]]:
        self.contexts[tag] = fileobj.read()
        self.arguments[tag] = buildargs
        events = self.events.get(tag, [{"stream": "Step 1/1 : FROM scratch\n"}])
        if not any("error" in event for event in events):
            self.built.append(tag)
            self.present.add(tag)
        return iter(events)

    def _import(self, *, src: Iterable[bytes], repository: str, tag: str, **_options: Any) -> str:
        self.contexts[f"{repository}:{tag}"] = b"".join(src)
        self.built.append(f"{repository}:{tag}")
        self.present.add(f"{repository}:{tag}")
        return "{}"


@pytest.fixture
def fake_docker() -> type[FakeDocker]:
    """Make a Docker that answers as told."""
    return FakeDocker


@pytest.fixture(scope="session")
def docker_client() -> Iterator[docker.DockerClient]:
    """A Docker that answers."""
    try:
        client = docker.from_env()
    except docker.errors.DockerException as error:
        pytest.skip(f"Docker does not answer: {error}")
    with contextlib.closing(client):
        yield client


@pytest.fixture(scope="session")
def references(docker_client: docker.DockerClient) -> dict[str, str]:
    """The images as the folders are now, built where missing; those that take minutes only if they are there."""
    wanted = [
        name
        for name in image_lock.names()
        if name not in SLOW or docker_client.images.list(name=image_lock.own_reference(name))
    ]
    return {image.name: image.reference for image in build_images(wanted, client=docker_client)}


@pytest.fixture
def lab(docker_client: docker.DockerClient, references: dict[str, str]) -> Iterator[Lab]:
    """A place for one test's containers."""
    lab = Lab(docker_client, references)
    yield lab
    lab.close()


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    """A file that holds a password with characters that shells and URLs mind, and no newline."""
    file = tmp_path / "password"
    file.write_text("s3cr€t'\"$(x) pw", encoding="utf-8")
    file.chmod(0o444)
    tmp_path.chmod(0o755)
    return file
