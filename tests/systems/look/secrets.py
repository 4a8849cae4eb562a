"""Secrets, and that they are known as such."""

from __future__ import annotations

from tests.systems.look.view import Check, View


def secret_variable(part: str, *names: str) -> Check:
    """Variables that hold a secret, known to the engine as one."""

    def look(view: View) -> None:
        container = view.container(part)
        for name in names:
            at = [index for index, item in enumerate(container.inputs["envs"]) if str(item).startswith(f"{name}=")]
            assert at, name
            assert container.is_secret(f"envs[{at[0]}]"), f"{name} is not secret"

    return look


def secret_file(part: str, variable: str, path: str) -> Check:
    """A variable ``<NAME>_FILE`` names a file of the secrets' volume; the value is nowhere else."""

    def look(view: View) -> None:
        container = view.container(part)
        assert container.environment().get(variable) == path
        folders = {item["containerPath"] for item in container.inputs["volumes"] if item.get("readOnly")}
        assert any(path.startswith(f"{folder}/") for folder in folders), folders
        files = {item["file"] for carrier in view.carriers(part, "secrets") for item in carrier.inputs["uploads"]}
        assert path in files

    return look


def secret_at(part: str, *paths: str) -> Check:
    """Files of its secrets' volume, which only it can read."""

    def look(view: View) -> None:
        folders = {item["containerPath"] for item in view.container(part).inputs["volumes"] if item.get("readOnly")}
        files = {item["file"] for carrier in view.carriers(part, "secrets") for item in carrier.inputs["uploads"]}
        for path in paths:
            assert path in files
            assert path.rpartition("/")[0] in folders

    return look
