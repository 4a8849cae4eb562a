"""Volumes, folders of the host, and files of the blueprint."""

from __future__ import annotations

from tests.systems.look.view import ROOT, Check, View


def mounts(part: str, path: str, volume: str | None = None, *, source: str | None = None) -> Check:
    """A volume (of this name on the host), or a folder of the host, stands at a path."""

    def look(view: View) -> None:
        found = [item for item in view.container(part).inputs["volumes"] if item["containerPath"] == path]
        assert found, path
        if volume is not None:
            assert found[0]["volumeName"] == volume
        if source is not None:
            assert found[0]["hostPath"] == source

    return look


def source_at(part: str, path: str, source: str) -> Check:
    """A folder of the host, or of the project, stands at a path."""

    def look(view: View) -> None:
        found = [item for item in view.container(part).inputs["volumes"] if item["containerPath"] == path]
        assert [item["hostPath"].removeprefix(ROOT.as_posix()) for item in found] == [source]

    return look


def file(part: str, path: str, *words: str) -> Check:
    """A file of the blueprint stands there, with these words in it."""

    def look(view: View) -> None:
        (carrier,) = view.carriers(part, "files")
        content = {item["file"]: item.get("content", "") for item in carrier.inputs["uploads"]}
        for word in words:
            assert word in content[path], content[path]

    return look


def volume(name: str) -> Check:
    """A volume of this name on the host."""

    def look(view: View) -> None:
        found = {item.inputs.get("name") for item in view.graph.of_type("Volume") if item.custom}
        assert name in found, found

    return look
