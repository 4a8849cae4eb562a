"""What a state says that it has, from the file of either engine."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from operate.release_targets import explain, failed_jobs
from operate.stack_view import (
    StackView,
    StateUnreadable,
    is_component,
    logical_name,
    read_local,
    short_type,
    state_file,
    view_of,
)
from tests.operate.fake_docker import entry

RECORDINGS = Path(__file__).resolve().parent.parent / "engine" / "recordings" / "containers"


def test_a_state_at_a_glance() -> None:
    """Containers with labels, volumes that stay, what is protected and what was interrupted."""
    view = view_of(
        {
            "resources": [
                entry("shop-dev", "pulumi:pulumi:Stack"),
                entry("default", "pulumi:providers:docker"),
                entry("api", "slipway:index:Service"),
                entry("api-0", labels={"slipway.part": "api", "slipway.role": "replica"}),
                entry("api-0", labels={"slipway.part": "api", "slipway.role": "replica"}, delete=True),
                entry("migrate-run", labels={"slipway.role": "job"}, outputs={"exitCode": 3.0}),
                entry("data", "docker:index/volume:Volume", outputs={"name": "shop-data"}, retainOnDelete=True),
                entry("files", "docker:index/volume:Volume", outputs={"name": "files-1"}, protect=True),
                entry("edge", "docker:index/network:Network", outputs={"name": "edge-1"}),
            ],
            "pending_operations": [{"resource": entry("api-1"), "type": "creating"}],
        }
    )
    assert [(item.name, item.part, item.role, item.exit_code) for item in view.containers] == [
        ("api-0", "api", "replica", None),
        ("migrate-run", "migrate-run", "job", 3),
    ]
    assert [item.name for item in view.serving] == ["api-0"]
    assert [(item.name, item.retained) for item in view.volumes] == [("shop-data", True), ("files-1", False)]
    assert view.networks == ("edge-1",)
    assert [logical_name(urn) for urn in view.protected] == ["files"]
    assert [logical_name(urn) for urn in view.pending] == ["api-1"]
    assert view.resources == 6


def test_labels_that_are_secret_as_a_whole_do_not_break_it() -> None:
    """A secret in one label makes Pulumi encrypt them all."""
    item = entry("odd")
    item["inputs"]["labels"] = {
        "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
        "ciphertext": "x",
    }
    assert view_of({"resources": [item]}).containers[0].labels == {}


def test_an_empty_deployment() -> None:
    """Right after `stack init`."""
    assert view_of({}) == StackView()


@pytest.mark.parametrize("recording", sorted(RECORDINGS.glob("*.checkpoint.json")), ids=lambda path: path.name[:12])
def test_what_the_real_cli_wrote_can_be_read(tmp_path: Path, recording: Path) -> None:
    """Every recorded checkpoint, plain and compressed."""
    document = json.loads(recording.read_bytes())
    latest = document["checkpoint"].get("latest") or {} if "checkpoint" in document else document["deployment"]
    expected = sum(
        item["type"] == "docker:index/container:Container" and not item.get("delete")
        for item in latest.get("resources") or ()
    )
    _write(tmp_path, {"version": 3, "checkpoint": {"stack": "s", "latest": latest}})
    view = read_local(tmp_path, "shop", "dev")
    assert view is not None
    assert len(view.containers) == expected


def test_no_state_yet(tmp_path: Path) -> None:
    """Not an error: nothing is deployed."""
    assert read_local(tmp_path, "shop", "dev") is None
    assert state_file(tmp_path, "shop", "dev") is None


def test_the_newer_of_plain_and_compressed_counts(tmp_path: Path) -> None:
    """As in Pulumi's own reading."""
    plain = _write(tmp_path, {"checkpoint": {"latest": {}}})
    packed = plain.with_name("dev.json.gz")
    packed.write_bytes(gzip.compress(json.dumps({"checkpoint": {"latest": {"resources": [entry("x")]}}}).encode()))
    import os  # noqa: PLC0415 - only here

    os.utime(plain, (1, 1))
    view = read_local(tmp_path, "shop", "dev")
    assert view is not None
    assert len(view.containers) == 1


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"version": 3}', b'{"checkpoint": {"latest": {"resources": [1]}}}']
)
def test_a_damaged_state_names_the_copy_beside_it(tmp_path: Path, content: bytes) -> None:
    """The one before is there to go back to."""
    _write(tmp_path, {}).write_bytes(content)
    with pytest.raises(
        StateUnreadable, match=r"dev\.json can't be read .*; dev\.json\.bak beside it is the one before"
    ):
        read_local(tmp_path, "shop", "dev")


def test_names_from_a_urn() -> None:
    """As people say them."""
    urn = "urn:pulumi:dev::shop::slipway:index:Database$docker:index/container:Container::main-server"
    assert short_type(urn) == "docker:Container"
    assert logical_name(urn) == "main-server"
    assert not is_component(urn)
    component = "urn:pulumi:dev::shop::slipway:index:Database$slipway:index:SecretFiles::main-secrets"
    assert is_component(component)
    assert short_type(component) == "slipway:SecretFiles"
    assert logical_name("urn:pulumi:dev::shop::a:b:C::x::y") == "x::y"


def test_failed_one_shot_containers_run_again() -> None:
    """Jobs, checks and reloads; not those that succeeded, never ran or are meant to run on."""
    roles = {"job": 2, "verify": 1, "reload": 1, "replica": 1, "carrier": 1}
    entries = [entry(role, labels={"slipway.role": role}, outputs={"exitCode": code}) for role, code in roles.items()]
    entries += [
        entry("fine", labels={"slipway.role": "job"}, outputs={"exitCode": 0}),
        entry("unknown", labels={"slipway.role": "job"}, outputs={"exitCode": None}),
    ]
    jobs = failed_jobs(view_of({"resources": entries}))
    assert [job.name for job in jobs] == ["job", "verify", "reload"]
    assert explain(jobs[:1]) == "failed in the last deployment, so run again: job (exit code 2)"
    assert failed_jobs(None) == ()


def _write(folder: Path, document: dict[str, object]) -> Path:
    path = folder / ".pulumi" / "stacks" / "shop" / "dev.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path
