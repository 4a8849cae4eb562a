"""What parts are made of."""

from __future__ import annotations

from tests.systems.look.view import Check, View


def image(part: str, start: str) -> Check:
    """It is made of an image whose reference starts so, pinned by more than a moving tag."""

    def look(view: View) -> None:
        reference = str(view.image(part).inputs["name"])
        assert reference.startswith(start), reference
        tag = reference.rpartition("/")[2].partition("@")[0].partition(":")[2]
        assert tag not in {"", "latest", "main"}, reference

    return look


def built(part: str, context: str, dockerfile: str = "Dockerfile", target: str | None = None) -> Check:
    """Its image is built from a folder, to a stage."""

    def look(view: View) -> None:
        build = view.image(part).inputs["build"]
        assert build["context"] == context
        assert build["dockerfile"].endswith(dockerfile), build
        assert build.get("target") == target

    return look
