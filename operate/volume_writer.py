"""A container of a moment that writes to a data volume, as the user whose files are in it and with nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from operate import labels
from operate.errors import OperateError
from operate.find_containers import find_containers

if TYPE_CHECKING:
    from collections.abc import Iterator

    import docker

READER_ROLE: Final = "reader"
"""Role of the containers by which volumes are backed up; they know volume and user."""
WRITER_ROLE: Final = "restore"
_PART: Final = "backups"
_DATA: Final = "/data"
_WORK: Final = "/work"
_MEMORY: Final = 256 << 20
_LIMIT_S: Final = 6 * 3600


class VolumeRefused(OperateError):  # noqa: N818 - named as what it reports
    """A volume's files could not be brought back."""


class VolumeWriter:
    """Writes to one volume.

    Args:
        client: Docker.
        volume: Its name on the host.
        user: ``uid:gid`` of its files.
        like: The backup container: its image and the volume in which archives are laid ready.
        own: Labels.
    """

    def __init__(
        self, client: docker.DockerClient, volume: str, user: str, like: dict[str, Any], own: dict[str, str]
    ) -> None:
        self._client = client
        self.volume = volume
        self._user = user
        self._like = like
        self._own = own

    @classmethod
    def of_stack(
        cls, client: docker.DockerClient, project: str, stack: str, like: str
    ) -> Iterator[tuple[str, VolumeWriter]]:
        """Yield a writer for each volume that a stack backs up, with the store's name."""
        container = client.api.inspect_container(like)
        own = {labels.PROJECT: project, labels.STACK: stack, labels.PART: _PART, labels.ROLE: WRITER_ROLE}
        for item in find_containers(client, project, stack):
            if item.part != _PART or item.role != READER_ROLE:
                continue
            reader = client.api.inspect_container(item.id)
            for mount in reader["Mounts"]:
                folder, _, store = mount["Destination"].rpartition("/")
                if folder == _DATA and mount["Type"] == "volume":
                    yield store, cls(client, mount["Name"], reader["Config"]["User"], container, own)

    @staticmethod
    def clear(client: docker.DockerClient, project: str, stack: str) -> None:
        """Remove writers whose command was killed, after what they do has ended."""
        wanted = labels.filters(project, stack)
        wanted["label"].append(f"{labels.ROLE}={WRITER_ROLE}")
        for item in client.api.containers(all=True, filters=wanted):
            client.api.wait(item["Id"], timeout=_LIMIT_S)
            client.api.remove_container(item["Id"], force=True)

    def unpack(self, archive: str, digest: str) -> None:
        """Unpack an archive beside what is in the volume, and compare it."""
        self._run("unpack", "--archive", archive, "--digest", digest)

    def swap(self, moment: str) -> None:
        """Let what was unpacked and what is there change places."""
        self._run("swap", "--moment", moment)

    def go_on(self) -> bool:
        """Finish a change of places that was interrupted; return whether there was one."""
        return bool(self._run("go-on")["went_on"])

    def kept(self) -> list[str]:
        """Return when what is kept in the volume was replaced."""
        return list(self._run("kept")["kept"])

    def forget(self) -> None:
        """Remove what is kept, for good."""
        self._run("forget")

    def _run(self, *words: str) -> dict[str, Any]:
        api = self._client.api
        work = next(mount["Name"] for mount in self._like["Mounts"] if mount["Destination"] == _WORK)
        made = api.create_container(
            self._like["Image"],
            ["restore", "volume", *words, "--json"],
            entrypoint=["slipway-backup"],
            user=self._user,
            labels=self._own,
            host_config=api.create_host_config(
                binds={self.volume: {"bind": _DATA, "mode": "rw"}, work: {"bind": _WORK, "mode": "ro"}},
                network_mode="none",
                read_only=True,
                cap_drop=["ALL"],
                security_opt=["no-new-privileges:true"],
                mem_limit=_MEMORY,
                tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=16m"},  # noqa: S108 - inside the container
            ),
        )
        try:
            api.start(made["Id"])
            code = api.wait(made["Id"], timeout=_LIMIT_S)["StatusCode"]
            lines = api.logs(made["Id"], stdout=True, stderr=False).decode(errors="replace").splitlines()
            events = [json.loads(line) for line in lines if line.startswith("{")]
            if code:
                said = next((event["message"] for event in events if event["event"] == "error"), f"exit code {code}")
                raise VolumeRefused(f"volume {self.volume}: {said}")
        finally:
            api.remove_container(made["Id"], force=True)
        return dict(next(event for event in events if event["event"] == "result"))
