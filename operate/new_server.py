"""A database server of a moment, beside the live one: another image on a new volume, which it makes ready.

It is made like the live server's container (user, limits, networks, the file with the password), with two differences:
it has a name of its own on the network, and no scripts that fill an empty database. It stays until the volume either
serves or is given up, and so names the volume that an interrupted upgrade has left.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Final

from operate import labels
from operate.errors import OperateError
from operate.find_containers import find_containers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import docker

_SCRIPTS: Final = "/docker-entrypoint-initdb.d"
_READY_S: Final = 180.0
_STOP_S: Final = 300
_POLL_S: Final = 0.2
_LAST_LINES: Final = 12
_GENERATION: Final = re.compile(r"-pg\d+(-\d+)?$")


class NewServerFailed(OperateError):  # noqa: N818 - named as what it reports
    """It does not start, or does not stop in order."""


class NewServer:
    """A server on a new volume.

    Args:
        client: Docker.
        container: Docker's id of its container.
        part: The database's name in the description.
        volume: Name of the new volume.
    """

    def __init__(self, client: docker.DockerClient, container: str, part: str, volume: str) -> None:
        self._client = client
        self.container = container
        self.part = part
        self.volume = volume

    @property
    def host(self) -> str:
        """Its name on the live server's networks."""
        return host_of(self.part)

    @classmethod
    def make(
        cls, client: docker.DockerClient, live: str, part: str, *, image: str, major: int, settings: Mapping[str, str]
    ) -> NewServer:
        """Make a new volume and a server on it, and wait until it answers.

        Args:
            client: Docker.
            live: Docker's id of the live server's container.
            part: The database's name in the description.
            image: Image of the new server.
            major: Its major version, for the volume's name.
            settings: Parameters of postgresql.conf.

        Raises:
            NewServerFailed: It does not start; it and its volume are removed again.
        """
        seen = client.api.inspect_container(live)
        environment = own_environment(client, seen)
        folder = environment["PGDATA"]
        old = next(mount["Name"] for mount in seen["Mounts"] if mount["Destination"] == folder)
        volume = _new_volume(client, old, major)
        binds: dict[str, Mapping[str, str]] = {
            mount["Name"]: {"bind": mount["Destination"], "mode": "rw" if mount["RW"] else "ro"}
            for mount in seen["Mounts"]
            if mount["Type"] == "volume" and mount["Destination"] not in {folder, _SCRIPTS}
        }
        binds[volume] = {"bind": folder, "mode": "rw"}
        flags = [
            flag
            for key, value in sorted({"listen_addresses": "*", **settings}.items())
            for flag in ("-c", f"{key}={value}")
        ]
        host, api = seen["HostConfig"], client.api
        network = next(iter(seen["NetworkSettings"]["Networks"]))
        own = {key: value for key, value in seen["Config"]["Labels"].items() if key in _OWN_LABELS}
        made = api.create_container(
            image,
            ["postgres", *flags],
            entrypoint=seen["Config"]["Entrypoint"],
            user=seen["Config"]["User"],
            # The database is made like the live one, not as an entrypoint would.
            environment={**environment, "POSTGRES_DB": "postgres"},
            labels={**own, labels.ROLE: labels.UPGRADE_ROLE},
            stop_signal=seen["Config"].get("StopSignal"),
            networking_config=api.create_networking_config(
                {network: api.create_endpoint_config(aliases=[host_of(part)])}  # type: ignore[arg-type]
            ),
            host_config=api.create_host_config(
                binds=binds,
                network_mode=network,
                read_only=host["ReadonlyRootfs"],
                cap_drop=["ALL"],
                security_opt=["no-new-privileges:true"],
                mem_limit=host["Memory"],
                nano_cpus=host["NanoCpus"],
                shm_size=host["ShmSize"],
                tmpfs=host["Tmpfs"],
            ),
        )
        server = cls(client, made["Id"], part, volume)
        try:
            for name in list(seen["NetworkSettings"]["Networks"])[1:]:
                client.networks.get(name).connect(made["Id"], aliases=[host_of(part)])
            api.start(made["Id"])
            server._wait()
        except BaseException:
            server.give_up()
            raise
        return server

    @classmethod
    def left(cls, client: docker.DockerClient, project: str, stack: str, part: str) -> Iterator[NewServer]:
        """Yield those of upgrades whose command is gone."""
        for item in find_containers(client, project, stack):
            if item.role == labels.UPGRADE_ROLE and item.part == part:
                seen = client.api.inspect_container(item.id)
                folder = own_environment(client, seen)["PGDATA"]
                volume = next(mount["Name"] for mount in seen["Mounts"] if mount["Destination"] == folder)
                yield cls(client, item.id, part, volume)

    def stop(self) -> None:
        """Let it write everything and end; its volume is ready then.

        Raises:
            NewServerFailed: It did not end in order.
        """
        self._client.api.stop(self.container, timeout=_STOP_S)
        state = self._client.api.inspect_container(self.container)["State"]
        if state["ExitCode"]:
            raise NewServerFailed(
                f"the new server of {self.part} ended with exit code {state['ExitCode']}: {self._last_words()}"
            )

    def remove(self) -> None:
        """Remove its container; its volume stays."""
        self._client.api.remove_container(self.container, force=True)

    def give_up(self) -> None:
        """Remove it with its volume."""
        self.remove()
        self._client.api.remove_volume(self.volume, force=True)

    def _wait(self) -> None:
        deadline = time.monotonic() + _READY_S
        while not self._answers():
            if not self._client.api.inspect_container(self.container)["State"]["Running"]:
                raise NewServerFailed(f"the new server of {self.part} does not start: {self._last_words()}")
            if time.monotonic() > deadline:
                raise NewServerFailed(
                    f"the new server of {self.part} does not answer for {_READY_S:.0f} s: {self._last_words()}"
                )
            time.sleep(_POLL_S)

    def _answers(self) -> bool:
        import docker.errors  # noqa: PLC0415 - slow to load

        # Not over the socket: there a server of the entrypoint listens while it makes the folder ready.
        try:
            made = self._client.api.exec_create(self.container, ["pg_isready", "-q", "-h", "127.0.0.1"])
            self._client.api.exec_start(made["Id"])
        except docker.errors.APIError:
            return False  # it has ended
        return bool(self._client.api.exec_inspect(made["Id"])["ExitCode"] == 0)

    def _last_words(self) -> str:
        lines = self._client.api.logs(self.container, tail=_LAST_LINES).decode(errors="replace").splitlines()
        return " | ".join(line.strip() for line in lines if line.strip())


_OWN_LABELS: Final = frozenset({labels.PROJECT, labels.STACK, labels.PART, labels.KIND})


def host_of(part: str) -> str:
    """Return the name that the new server of a database has on its networks."""
    return f"{part}-upgrade"


def successor_of(volume: str, other: str) -> bool:
    """Whether a volume was made by an upgrade of what was on another one, or on one before that."""
    return volume != other and bool(_GENERATION.search(volume)) and _base(volume) == _base(other)


def _base(volume: str) -> str:
    return _GENERATION.sub("", volume)


def own_environment(client: docker.DockerClient, seen: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that a container was given beyond its image's, and where its data are."""
    inherited = client.api.inspect_image(seen["Image"])["Config"].get("Env") or []  # type: ignore[no-untyped-call]
    every = dict(item.split("=", 1) for item in seen["Config"]["Env"])
    own = dict(item.split("=", 1) for item in seen["Config"]["Env"] if item not in inherited)
    return {**own, "PGDATA": every["PGDATA"]}


def _new_volume(client: docker.DockerClient, old: str, major: int) -> str:
    """Make a volume with a name that none has, and the old one's labels, by which it is found as data."""
    there = {item["Name"]: item.get("Labels") or {} for item in client.api.volumes()["Volumes"] or ()}
    base = f"{_base(old)}-pg{major}"
    name, number = base, 1
    while name in there:
        number += 1
        name = f"{base}-{number}"
    client.api.create_volume(name, labels=there[old])
    return name
