"""Containers against a daemon in memory: the calls, their order, and what is said when they fail."""

from __future__ import annotations

import io
import tarfile
import threading
from typing import Any

import pytest

from engine.provider import PartialFailure, Properties, ProviderError, Recovers
from engine.providers.docker import DockerProvider
from engine.providers.docker.errors import DaemonError, clashing_port
from tests.engine.providers.fake_daemon import FakeDaemon

CONTAINER = "docker:index/container:Container"


def create(daemon: FakeDaemon, **inputs: Any) -> tuple[str, Properties, Properties]:
    """Check and create a container; return its id, inputs and outputs."""
    provider = DockerProvider(daemon)
    checked = provider.check(CONTAINER, "web", None, {"image": "recording:1", **inputs})
    assert checked.failures == ()
    made = provider.create(CONTAINER, "web", checked.inputs, preview=False)
    return made.id, checked.inputs, made.outputs


def health(status: str, **state: Any) -> FakeDaemon:
    """Return a daemon whose started containers have this health."""

    def settle(found: dict[str, Any]) -> None:
        found["State"] |= {"Health": {"Status": status, "Log": [{"ExitCode": 1, "Output": "no\n"}]}, **state}

    return FakeDaemon(settle)


def networked() -> FakeDaemon:
    """Return a daemon with the networks bridge, front and back."""
    daemon = FakeDaemon()
    for name in ("bridge", "front", "back"):
        daemon.objects["networks"][name] = {"Id": name, "Name": name}
    return daemon


def test_a_container_is_connected_and_filled_before_it_starts() -> None:
    daemon = networked()
    create(
        daemon,
        networksAdvanced=[{"name": "front", "aliases": ["web"]}, {"name": "back"}],
        uploads=[{"file": "/etc/a", "content": "x"}],
    )

    assert [path.rpartition("/")[2] for _, path in daemon.calls] == [
        *("create", "disconnect", "connect", "connect", "archive", "start", "json"),
    ]


def test_uploads_travel_as_one_archive() -> None:
    daemon = FakeDaemon()
    uploads = [
        {"file": "/etc/a", "content": "text é"},
        {"file": "/etc/b", "contentBase64": "AAE=", "executable": True},
        {"file": "/etc/c", "content": "x", "permissions": "0400", "executable": True},
    ]
    create(daemon, uploads=uploads)

    with tarfile.open(fileobj=io.BytesIO(daemon.archives[0])) as archive:
        found = {
            entry.name.lstrip("/"): (entry.mode, archive.extractfile(entry).read())  # type: ignore[union-attr]
            for entry in archive.getmembers()
        }
    assert found == {
        "etc/a": (0o644, "text é".encode()),
        "etc/b": (0o744, b"\x00\x01"),
        "etc/c": (0o400, b"x"),
    }


@pytest.mark.parametrize(
    ("upload", "reason"),
    [
        ({"content": ""}, "an empty file can't be uploaded"),
        ({"content": "x", "source": "/etc/hostname"}, "not content and source"),
        ({"source": "/no/such/file"}, "the source can't be read"),
    ],
)
def test_an_upload_has_exactly_one_content(upload: dict[str, str], reason: str) -> None:
    daemon = FakeDaemon()
    with pytest.raises(ProviderError, match=reason):
        create(daemon, uploads=[{"file": "/a", **upload}])

    assert daemon.calls == []


@pytest.mark.parametrize("failing", ["POST /networks/.*", "PUT .*/archive", "POST .*/start"])
def test_what_fails_before_it_runs_is_removed_again(failing: str) -> None:
    daemon = networked()
    daemon.failures[failing] = [DaemonError(500, "no; the password is hunter2hunter2")]

    with pytest.raises(ProviderError, match=r"\[secret\]") as caught:
        create(
            daemon,
            envs=["PASSWORD=hunter2hunter2"],
            networksAdvanced=[{"name": "front"}],
            uploads=[{"file": "/a", "content": "x"}],
        )

    assert not isinstance(caught.value, PartialFailure)
    assert "hunter2" not in str(caught.value)
    assert daemon.objects["containers"] == {}


def test_a_failed_removal_does_not_hide_the_reason() -> None:
    daemon = FakeDaemon()
    daemon.failures = {
        "POST .*/start": [DaemonError(500, "the real reason")],
        "DELETE .*": [DaemonError(500, "another")],
    }

    with pytest.raises(ProviderError, match="the real reason"):
        create(daemon)


def test_uploads_into_a_read_only_root_are_explained() -> None:
    daemon = FakeDaemon()
    daemon.failures["PUT .*"] = [DaemonError(500, "container rootfs is marked read-only")]

    with pytest.raises(ProviderError, match="through another container that mounts the volume"):
        create(daemon, readOnly=True, uploads=[{"file": "/a", "content": "x"}])


def test_a_taken_name_is_explained() -> None:
    daemon = FakeDaemon()
    conflict = 'Conflict. The container name "/web" is already in use by container "abc".'
    daemon.failures["POST /containers/create"] = [DaemonError(409, conflict)]

    with pytest.raises(ProviderError, match="docker rm -f web"):
        create(daemon, name="web")


def test_an_image_that_is_not_there_is_pulled_once() -> None:
    daemon = FakeDaemon()
    daemon.failures["POST /containers/create"] = [DaemonError(404, "No such image: recording:1")]

    create(daemon)

    assert [path for _, path in daemon.calls[:3]] == [
        *("/containers/create", "/images/recording:1/json", "/containers/create")
    ]


def test_an_image_id_that_is_not_there_can_not_be_pulled() -> None:
    daemon = FakeDaemon()
    daemon.failures["POST /containers/create"] = [DaemonError(404, "No such image")]

    with pytest.raises(ProviderError, match="an id alone can't be pulled"):
        create(daemon, image="sha256:" + "0" * 64)


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("Bind for 127.0.0.1:18300 failed: port is already allocated", 18300),
        ("Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address already in use", 80),
        ("failed to bind host port for 0.0.0.0:443:172.17.0.2:443/tcp: address already in use", None),
        ("no space left on device", None),
    ],
)
def test_the_port_of_a_clash_is_found(text: str, port: int | None) -> None:
    assert clashing_port(DaemonError(500, text)) == port


def test_a_healthy_container_is_created() -> None:
    _, _, outputs = create(health("healthy"), wait=True)

    assert outputs["wait"] is True


@pytest.mark.parametrize(
    ("daemon", "words"),
    [
        (health("unhealthy"), "turned unhealthy; its health check gave exit code 1: no"),
        (health("starting", Running=False, ExitCode=9), "exited with code 9 before it was healthy"),
        (health("starting", Running=False, ExitCode=137, OOMKilled=True), "killed for lack of memory"),
        (health("starting"), "was not healthy within 1 s"),
        (health("none"), "has no health check"),
        (FakeDaemon(), "has no health check"),
    ],
)
def test_a_hopeless_wait_says_why_and_keeps_the_container(daemon: FakeDaemon, words: str) -> None:
    daemon.ids = ["abc"]
    daemon.logs["abc"] = b"connecting with hunter2hunter2\n"

    with pytest.raises(PartialFailure) as caught:
        create(daemon, wait=True, waitTimeout=1, envs=["PASSWORD=hunter2hunter2"])

    assert words in str(caught.value)
    assert "its last log lines:\nconnecting with [secret]" in str(caught.value)
    assert caught.value.resource_id == "abc"
    assert caught.value.reasons == (str(caught.value),)
    assert "abc" in daemon.objects["containers"]


def test_a_half_made_container_is_replaced_by_the_next_deployment() -> None:
    """Its computed attributes are null, as the real provider leaves them; the next plan replaces it."""
    daemon = health("unhealthy")
    provider = DockerProvider(daemon)
    inputs = provider.check(CONTAINER, "web", None, {"image": "recording:1", "command": ["a"], "wait": True}).inputs
    with pytest.raises(PartialFailure) as caught:
        provider.create(CONTAINER, "web", inputs, preview=False)

    outputs = caught.value.outputs
    assert (outputs["entrypoints"], outputs["hostname"], outputs["envs"], outputs["labels"]) == (None, None, [], [])
    diff = provider.diff(CONTAINER, caught.value.resource_id, inputs, outputs, inputs)
    details = {path: item.kind for path, item in diff.detailed.items()}
    assert details == {"entrypoints": "add-replace", "networkDatas": "add"}
    assert diff.replace_keys == ("entrypoints",)


def test_a_container_that_vanishes_after_its_start_is_explained() -> None:
    daemon = FakeDaemon()
    daemon.failures["GET /containers/.*/json"] = [DaemonError(404, "No such container")]

    with pytest.raises(ProviderError, match="use rm=False"):
        create(daemon, rm=True)


def test_cancelling_ends_a_wait() -> None:
    daemon = health("starting")
    provider = DockerProvider(daemon)
    inputs = provider.check(CONTAINER, "web", None, {"image": "recording:1", "wait": True}).inputs
    threading.Timer(0.2, provider.cancel).start()

    with pytest.raises(PartialFailure, match="cancelled"):
        provider.create(CONTAINER, "web", inputs, preview=False)


def test_a_job_that_does_not_end_in_time_is_recorded() -> None:
    provider = DockerProvider(FakeDaemon())
    inputs = provider.check(CONTAINER, "job", None, {"image": "recording:1", "attach": True}).inputs

    with pytest.raises(PartialFailure, match="did not end within the operation's time limit"):
        provider.create(CONTAINER, "job", inputs, preview=False, timeout=0.3)


def test_a_custom_timeout_is_written_to_the_meta() -> None:
    provider = DockerProvider(FakeDaemon())
    inputs = provider.check(CONTAINER, "job", None, {"image": "recording:1"}).inputs

    made = provider.create(CONTAINER, "job", inputs, preview=False, timeout=90)

    assert '"create":90000000000,"delete":1200000000000' in made.outputs["__meta"]


def test_deleting_stops_with_grace_only_where_it_is_asked_for() -> None:
    for inputs, words in (
        ({}, ["DELETE"]),
        ({"destroyGraceSeconds": 5}, ["POST", "DELETE"]),
        ({"destroyGraceSeconds": 5, "attach": True}, ["DELETE"]),
    ):
        daemon = health("healthy", Running=False)
        made = create(daemon, **inputs)
        daemon.calls.clear()

        DockerProvider(daemon).delete(CONTAINER, *made)
        assert [method for method, _ in daemon.calls] == words
        DockerProvider(daemon).delete(CONTAINER, *made)


def test_a_removal_that_is_in_progress_is_waited_for() -> None:
    daemon = FakeDaemon()
    made = create(daemon)
    daemon.failures["DELETE .*"] = [DaemonError(409, "removal of container is already in progress")] * 2

    DockerProvider(daemon).delete(CONTAINER, *made)

    assert daemon.objects["containers"] == {}


def test_updating_what_is_gone_is_explained() -> None:
    daemon = FakeDaemon()
    id_, inputs, outputs = create(daemon, memory=64)
    daemon.objects["containers"].clear()

    with pytest.raises(ProviderError, match="refresh"):
        DockerProvider(daemon).update(CONTAINER, id_, inputs, outputs, inputs | {"memory": 65}, preview=False)


def test_an_update_starts_what_has_to_run() -> None:
    daemon = FakeDaemon()
    id_, inputs, outputs = create(daemon)
    daemon.objects["containers"][id_]["State"] |= {"Running": False, "ExitCode": 137}
    provider = DockerProvider(daemon)
    read = provider.read(CONTAINER, id_, inputs, outputs)
    assert (read.outputs["mustRun"], read.outputs["exitCode"], read.inputs["mustRun"]) == (False, 137, False)
    daemon.calls.clear()

    updated = provider.update(CONTAINER, id_, read.inputs, read.outputs, inputs, preview=False)

    assert daemon.calls == [("POST", f"/containers/{id_}/start")]
    assert updated["mustRun"] is True


def test_bookkeeping_changes_call_nobody() -> None:
    daemon = FakeDaemon()
    id_, inputs, outputs = create(daemon)
    daemon.calls.clear()
    new = inputs | {"destroyGraceSeconds": 9, "waitTimeout": 3}

    updated = DockerProvider(daemon).update(CONTAINER, id_, inputs, outputs, new, preview=False)

    assert daemon.calls == []
    assert (updated["destroyGraceSeconds"], updated["waitTimeout"]) == (9, 3)


def test_recovering_removes_only_what_the_interrupted_create_made() -> None:
    daemon = FakeDaemon()
    provider = DockerProvider(daemon)
    assert isinstance(provider, Recovers)
    _, inputs, _ = create(daemon)
    named = inputs | {"__defaults": []}
    created = 1795212000.123

    assert not provider.recover(CONTAINER, "web", named, started=None)
    assert not provider.recover(CONTAINER, "web", named, started=created + 60)
    assert len(daemon.objects["containers"]) == 1
    assert provider.recover(CONTAINER, "web", inputs)
    assert daemon.objects["containers"] == {}
    assert not provider.recover(CONTAINER, "web", inputs)
