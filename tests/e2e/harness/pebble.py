"""Pebble, Let's Encrypt's own small authority for tests, from Debian's package, on a platform's network."""

from __future__ import annotations

import io
import json
import ssl
import tarfile
import urllib.request
from typing import TYPE_CHECKING, Final, Self

import docker.errors
import pytest

from operate import image_lock
from tests.e2e.harness.dns import NameServer
from tests.e2e.harness.tls import make_certificate
from tests.e2e.harness.waiting import until

if TYPE_CHECKING:
    from types import TracebackType

    from docker.models.containers import Container

    from tests.e2e.harness.docker_view import Daemon

NAME: Final = "pebble"
DIRECTORY: Final = f"https://{NAME}:14000/dir"
"""Address of its directory on the platform's network."""
_IMAGE: Final = "slipway-test/pebble"
_CONFIG: Final = {
    "pebble": {
        "listenAddress": "0.0.0.0:14000",
        "managementListenAddress": "0.0.0.0:15000",
        "certificate": "/pebble/cert.pem",
        "privateKey": "/pebble/key.pem",
        "httpPort": 8080,  # the gateway's, inside its container
        "tlsPort": 8443,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": False,
    }
}


class Pebble:
    """An authority that asks the gateway of one stack, and trusts whom its name server leads it to.

    Args:
        daemon: Docker.
        stack: The stack; its network ``edge`` is joined.
        gone: Names that do not exist for it; may be changed at any time.
    """

    def __init__(self, daemon: Daemon, stack: str, gone: set[str]) -> None:
        self._daemon = daemon
        self._stack = stack
        self._gone = gone
        self._network = self._find_network()
        self.trust, key = make_certificate(NAME)
        """PEM by which its directory is trusted."""
        self._files = {"cert.pem": self.trust, "key.pem": key, "config.json": json.dumps(_CONFIG)}
        bridge = self._daemon.api.inspect_network(self._network)["IPAM"]["Config"][0]["Gateway"]
        self._names = NameServer(bridge, self._resolve)
        self._container: Container | None = None

    def __enter__(self) -> Self:
        """Start it and wait until it answers."""
        self._names.__enter__()
        client = self._daemon.client
        container = client.containers.create(
            _image(self._daemon),
            ["pebble", "-config", "/pebble/config.json", "-dnsserver", self._names.address],
            environment={"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"},
            network_mode="none",
            labels={"slipway.test": self._stack},
        )
        self._container = container
        container.put_archive("/pebble", _tar(self._files))
        client.networks.get("none").disconnect(container)
        client.networks.get(self._network).connect(container, aliases=[NAME])
        container.start()
        until(lambda: b"Listening on" in container.logs(), "Pebble listens")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove it."""
        if self._container is not None:
            self._container.remove(force=True)
        self._names.__exit__(kind, error, trace)

    def root(self) -> str:
        """Return the certificate that signs those which it gives."""
        assert self._container is not None
        self._container.reload()
        address = self._container.attrs["NetworkSettings"]["Networks"]
        ip = next(iter(address.values()))["IPAddress"]
        context = ssl.create_default_context(cadata=self.trust)
        context.check_hostname = False  # it is called by its address here
        with urllib.request.urlopen(f"https://{ip}:15000/roots/0", context=context, timeout=10) as answer:
            return str(answer.read().decode())

    def _resolve(self, name: str) -> str | None:
        if name in self._gone:
            return None
        # One call: Pebble waits seconds for an answer, and on a busy machine each call may take one.
        wanted = [f"slipway.stack={self._stack}", "slipway.part=gateway", "slipway.role=server"]
        for found in self._daemon.api.containers(filters={"label": wanted}):
            for network in found["NetworkSettings"]["Networks"].values():
                if network["NetworkID"] == self._network:
                    return str(network["IPAddress"]) or None
        return None

    def _find_network(self) -> str:
        wanted = {"label": [f"slipway.stack={self._stack}", "slipway.part=edge"]}
        return str(self._daemon.api.networks(filters=wanted)[0]["Id"])


def _image(daemon: Daemon) -> str:
    """Return the image, building it once from the base of Slipway's own images; skip where that can't be done."""
    base = image_lock.own_reference(image_lock.BASE)
    reference = f"{_IMAGE}:{base.rpartition(':')[2]}"
    if not daemon.client.images.list(reference):
        dockerfile = f"FROM {base}\nUSER 0\nRUN install-packages pebble && install -d -o 65534 /pebble\nUSER 65534\n"
        try:
            daemon.client.images.build(
                fileobj=io.BytesIO(dockerfile.encode()), tag=reference, rm=True, network_mode="host"
            )
        except docker.errors.BuildError as error:
            said = "".join(str(event.get("stream", "")) for event in error.build_log if isinstance(event, dict))
            pytest.skip(f"Debian's package pebble can't be installed here: {error}\n{said[-500:]}")
    return reference


def _tar(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text.encode()), 0o444
            archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()
