"""SecretFiles: immutable content in volumes, one a folder, filled by a container that never starts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import SecretFiles, SecretFilesArgs
from testing import UNKNOWN, Graph, render

FILES = {"/run/secrets/key": "k", "/run/secrets/url": "u", "/etc/app/app.toml": "a = 1\n"}


def _labels(graph: Graph) -> dict[str, str]:
    return {volume.name: volume.labels()["slipway.content"] for volume in graph.of_type("Volume")}


def _files(files: dict[str, str], *, secret: bool = True, image: str = "carrier", image_folders: bool = False) -> Graph:
    args = SecretFilesArgs(files=files, image=image, secret=secret, image_folders=image_folders)
    return render(lambda: SecretFiles("api-secrets", args))


def test_children_are_a_key_a_volume_for_each_folder_and_one_carrier() -> None:
    """Exactly these: files cost a service a few resources, however many replicas it has."""
    graph = _files(FILES)
    assert sorted((child.type.rpartition(":")[2], child.name) for child in graph.children("api-secrets")) == [
        ("Container", "api-secrets-carrier"),
        ("RandomPassword", "api-secrets-key"),
        ("Volume", "api-secrets-etc-app"),
        ("Volume", "api-secrets-run-secrets"),
    ]


def test_plain_files_need_no_key() -> None:
    """A hash of plain configuration gives nothing away."""
    graph = _files(FILES, secret=False)
    assert "api-secrets-key" not in graph
    assert graph["api-secrets-carrier"].secret_paths == frozenset()


def test_the_carrier_uploads_everything_read_only_and_never_starts() -> None:
    """Uploads happen at creation; a started one would need a program."""
    carrier = _files(FILES)["api-secrets-carrier"]
    assert [item["file"] for item in carrier.inputs["uploads"]] == sorted(FILES)
    assert {item["permissions"] for item in carrier.inputs["uploads"]} == {"0444"}
    assert (carrier.inputs["start"], carrier.inputs["mustRun"], carrier.inputs["command"]) == (False, False, ["true"])
    assert carrier.options.delete_before_replace is False


def test_everything_secret_is_hidden() -> None:
    """Content is secret also where the caller forgot to say so."""
    graph = _files({"/run/secrets/key": "forgotten-canary"})
    assert graph.leaks("forgotten-canary") == ()


def test_another_image_does_not_fill_volumes_in_use_again() -> None:
    """A new carrier on the same volumes would rewrite files under running containers."""
    assert _files(FILES)["api-secrets-carrier"].options.ignore_changes == ("image",)
    with_folders = _files(FILES, image_folders=True)
    assert with_folders["api-secrets-carrier"].options.ignore_changes == ()
    assert _labels(with_folders) != _labels(_files(FILES, image="other", image_folders=True))
    assert _labels(_files(FILES)) == _labels(_files(FILES, image="other"))


def test_volumes_come_before_the_old_ones_go() -> None:
    """New content is a new volume, beside the old one that is still mounted."""
    for volume in _files(FILES).of_type("Volume"):
        assert volume.options.delete_before_replace is False
        assert not volume.options.retain_on_delete


@pytest.mark.parametrize("path", ["key", "/key", "etc/key"])
def test_paths_must_be_absolute_and_below_a_folder(path: str) -> None:
    """A volume can't be mounted at the root."""
    with pytest.raises(ValueError, match="must be an absolute path below a folder"):
        _files({path: "x"})


def test_no_files_is_an_error() -> None:
    """An empty carrier would be refused by Docker, later and less clearly."""
    with pytest.raises(ValueError, match="files must not be empty"):
        _files({})


def test_in_a_preview_the_hash_waits_for_the_key() -> None:
    """The label is unknown then, not a wrong hash."""
    args = SecretFilesArgs(files=FILES, image="carrier")
    volume = render(lambda: SecretFiles("api-secrets", args), preview=True)["api-secrets-etc-app"]
    assert volume.inputs["labels"] == [{"label": "slipway.content", "value": UNKNOWN}]


@settings(max_examples=12)
@given(
    st.dictionaries(st.sampled_from(["/a/x", "/a/y", "/b/x"]), st.text(min_size=1, max_size=5), min_size=1),
    st.dictionaries(st.sampled_from(["/a/x", "/a/y", "/b/x"]), st.text(min_size=1, max_size=5), min_size=1),
)
def test_volumes_are_new_exactly_when_content_is(one: dict[str, str], other: dict[str, str]) -> None:
    """The label is a function of paths and content, and of nothing else."""
    assert (_labels(_files(one)) == _labels(_files(other))) == (one == other)
