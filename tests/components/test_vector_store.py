"""VectorStore: Qdrant with a key, and with volumes that outlive it."""

from __future__ import annotations

import json
from dataclasses import replace

from components import VectorStore, VectorStoreArgs
from testing import Graph, render

ARGS = VectorStoreArgs(image="qdrant/qdrant:v1.15.1")


def _store(args: VectorStoreArgs = ARGS) -> Graph:
    return render(lambda: VectorStore("docs", args))


def _files(graph: Graph) -> dict[str, str]:
    return {item["file"]: item["content"] for item in graph["docs-secrets-carrier"].inputs["uploads"]}


def test_children() -> None:
    """A key, files, two volumes and who owns them, a server; an image whose folders are its user's needs no owner."""
    names = {"docs-key", "docs-secrets", "docs-data", "docs-snapshots", "docs-owner", "docs-server"}
    assert {child.name for child in _store().children("docs")} == names
    owned = _store(replace(ARGS, own_volumes=False))
    assert {child.name for child in owned.children("docs")} == names - {"docs-owner"}


def test_the_key_is_in_files_alone() -> None:
    """Qdrant reads it from its own configuration; a probe or a shell from the second file."""
    graph = _store()
    key = graph["docs-key"].outputs["result"]
    files = _files(graph)
    assert set(files) == {"/qdrant/config/local.yaml", "/run/secrets/api_key"}
    assert files["/run/secrets/api_key"] == key
    assert json.loads(files["/qdrant/config/local.yaml"])["service"]["api_key"] == key
    assert graph["docs-server"].inputs["envs"] == ["QDRANT_INIT_FILE_PATH=/var/lib/qdrant/storage/.qdrant-initialized"]
    assert graph.leaks() == ()


def test_what_is_written_is_on_volumes() -> None:
    """The root is read-only; data and snapshots each have their volume."""
    graph = _store(replace(ARGS, volume_name="shop-data", snapshots_volume_name="shop-snapshots"))
    server = graph["docs-server"].inputs
    mounted = {mount["containerPath"]: mount["volumeName"] for mount in server["volumes"] if not mount.get("readOnly")}
    assert mounted == {"/var/lib/qdrant/storage": "shop-data", "/var/lib/qdrant/snapshots": "shop-snapshots"}
    assert server["readOnly"] is True
    config = json.loads(_files(graph)["/qdrant/config/local.yaml"])
    assert config["storage"] == {
        "storage_path": "/var/lib/qdrant/storage",
        "snapshots_path": "/var/lib/qdrant/snapshots",
    }


def test_data_are_protected_and_snapshots_kept() -> None:
    """A snapshot can be taken again of data that are there."""
    graph = _store()
    options = {name: graph[f"docs-{name}"].options for name in ("data", "snapshots", "key")}
    assert (options["data"].protect, options["data"].retain_on_delete) == (True, True)
    assert (bool(options["snapshots"].protect), options["snapshots"].retain_on_delete) == (False, True)
    assert options["key"].protect is True
    assert not any(resource.options.protect for resource in _store(replace(ARGS, protect=False)))


def test_settings_are_numbers_and_truth_values_where_they_look_so() -> None:
    """Qdrant refuses a text where it wants a number."""
    settings = {"storage.performance.max_search_threads": "4", "storage.on_disk_payload": "true", "log_level": "WARN"}
    config = json.loads(_files(_store(replace(ARGS, settings=settings)))["/qdrant/config/local.yaml"])
    assert config["storage"]["performance"] == {"max_search_threads": 4}
    assert config["storage"]["on_disk_payload"] is True
    assert config["log_level"] == "WARN"
    assert config["storage"]["storage_path"] == "/var/lib/qdrant/storage"


def test_it_is_ready_when_qdrant_says_so_and_replaced_delete_first() -> None:
    """``/readyz`` needs no key; two servers must not write one folder."""
    server = _store()["docs-server"]
    assert server.inputs["healthcheck"]["tests"][-2:] == ["6333", "/readyz"]
    assert server.inputs["wait"] is True
    assert server.options.delete_before_replace is True


def test_clients_get_an_address_without_the_key() -> None:
    """They send the key in a header."""
    graph = _store(replace(ARGS, host="qdrant"))
    outputs = dict(graph["docs"].outputs)
    assert outputs.pop("volume_name")
    assert outputs == {"host": "qdrant", "port": 6333, "url": "http://qdrant:6333"}
