"""The connection to one Docker daemon: where it is, and calls to its API from many threads at once.

docker-py opens the socket (unix, tcp with TLS, ssh), negotiates the API version and finds the credentials of
``docker login``; requests are plain JSON, as the Engine API documents them. Each thread has its own client, so that no
number of waiting containers starves another thread. Nothing is imported or opened before the first call.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from engine.provider import ProviderError
from engine.providers.docker.errors import DaemonError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import docker

DEFAULT_HOST = "unix:///var/run/docker.sock"
ANSWER_TIMEOUT_S = 300.0
"""How long one request may stay without any answer."""
_CONNECT_TIMEOUT_S = 10
_ERROR_STATUS = 400
_UNSUPPORTED = ("context", "sshOpts", "caMaterial", "certMaterial", "keyMaterial")


class _Connection:
    """A thread's client; closed when the thread ends, or the daemon object goes."""

    def __init__(self, client: docker.APIClient) -> None:
        self.client = client

    def __del__(self, finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        if not finalizing():  # when the interpreter ends, the sockets end with it, and close() would lack its modules
            self.client.close()


@dataclass(frozen=True)
class _Request:
    query: Mapping[str, Any] | None
    body: Any
    data: Any
    headers: Mapping[str, str] | None
    timeout_s: float
    stream: bool = False


class Daemon:
    """One Docker daemon."""

    def __init__(self) -> None:
        self._config: dict[str, Any] = {}
        self._local = threading.local()
        self._lock = threading.Lock()
        self._version: str | None = None

    def configure(self, config: Mapping[str, Any]) -> None:
        """Take the provider's inputs. Raises ProviderError for those that only the real provider knows."""
        refused = [name for name in _UNSUPPORTED if config.get(name)]
        if refused:
            raise ProviderError(
                f"the embedded engine's Docker provider has no {', '.join(refused)}: use host and certPath,"
                " or run this program with the Pulumi CLI"
            )
        self._config = dict(config)

    @property
    def host(self) -> str:
        """Where the daemon is: the provider's ``host``, else ``DOCKER_HOST``, else the local socket."""
        return str(self._config.get("host") or os.environ.get("DOCKER_HOST") or DEFAULT_HOST)

    @property
    def api_version(self) -> tuple[int, int]:
        """The version of the API that both sides speak."""
        major, _, minor = self._client().api_version.partition(".")
        return int(major), int(minor)

    def get(self, path: str, **query: Any) -> Any:
        """Fetch an object. Raises DaemonError or UnreachableError."""
        return self.call("GET", path, query=query)

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        """Create or change something and return the answer."""
        return self.call("POST", path, body=body, query=query)

    def delete(self, path: str, **query: Any) -> Any:
        """Remove something."""
        return self.call("DELETE", path, query=query)

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> Any:
        """Send one request and return the decoded answer: JSON, bytes of another type, or None.

        Args:
            method: HTTP method.
            path: Path below the API version, already quoted (:func:`segment`).
            query: Query parameters; None values are left out.
            body: A JSON body.
            data: A raw body, instead.
            headers: Further headers.
            timeout_s: Seconds without any answer after which the request fails.
        """
        response = self._send(method, path, _Request(query, body, data, headers, timeout_s))
        if not response.content:
            return None
        if "json" in response.headers.get("Content-Type", ""):
            return response.json()
        return response.content

    def stream(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> Iterator[dict[str, Any]]:
        """Send one request and yield the JSON objects of its answer as they come."""
        response = self._send(method, path, _Request(query, None, data, headers, timeout_s, stream=True))
        decoder, buffer = json.JSONDecoder(), ""
        try:
            for chunk in response.iter_content(chunk_size=None):
                buffer += chunk.decode("utf-8", "replace")
                while buffer := buffer.lstrip():
                    try:
                        item, end = decoder.raw_decode(buffer)
                    except ValueError:
                        break
                    buffer = buffer[end:]
                    yield item
        finally:
            response.close()

    def registry_headers(self, image: str) -> dict[str, str]:
        """Return the header with the credentials for an image's registry: ``registryAuth``, else ``docker login``."""
        import docker.auth  # noqa: PLC0415 - docker-py is loaded at the first need

        registry = docker.auth.resolve_repository_name(image.split("@", 1)[0])[0]
        for entry in self._registry_auth():
            address = str(entry.get("address", "")).removeprefix("https://").rstrip("/")
            if address == registry or (registry == "docker.io" and address == "registry-1.docker.io"):
                found: dict[str, Any] | None = {
                    "username": entry.get("username"),
                    "password": entry.get("password"),
                    "serveraddress": address,
                }
                break
        else:
            found = self._logins().resolve_authconfig(registry)
        return {"X-Registry-Auth": docker.auth.encode_header(found).decode()} if found else {}

    def registry_config(self) -> dict[str, str]:
        """Return the header with the credentials for a build, for every registry that ``docker login`` knows."""
        import docker.auth  # noqa: PLC0415 - docker-py is loaded at the first need

        found = self._logins().get_all_credentials()
        return {"X-Registry-Config": docker.auth.encode_header(found).decode()} if found else {}

    def _logins(self) -> Any:
        return vars(self._client())["_auth_configs"]  # docker-py has no public way to what docker login stored

    def _registry_auth(self) -> list[dict[str, Any]]:
        value = self._config.get("registryAuth")
        value = json.loads(value) if isinstance(value, str) and value else value
        return [entry for entry in value or [] if isinstance(entry, dict)]

    def close(self) -> None:
        """Close this thread's connection."""
        self._local.__dict__.pop("connection", None)

    def _send(self, method: str, path: str, request: _Request) -> Any:
        import requests  # noqa: PLC0415 - comes with docker-py, loaded at the first need

        client = self._client()
        sent, data = dict(request.headers or {}), request.data
        if request.body is not None:
            data, sent["Content-Type"] = json.dumps(request.body), "application/json"
        try:
            response = client.request(
                method,
                f"{client.base_url}/v{client.api_version}{path}",
                params={key: _parameter(value) for key, value in (request.query or {}).items() if value is not None},
                data=data,
                headers=sent,
                timeout=request.timeout_s,
                stream=request.stream,
            )
        except requests.exceptions.ReadTimeout as error:
            raise ProviderError(
                f"the Docker daemon at {self.host} gave no answer to {method} {path} within {request.timeout_s:.0f} s"
            ) from error
        except requests.exceptions.RequestException as error:
            raise UnreachableError(self.host, _reason(error)) from error
        if response.status_code >= _ERROR_STATUS:
            raise DaemonError(response.status_code, _message(response))
        return response

    def _client(self) -> docker.APIClient:
        connection: _Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = _Connection(self._connect())
            self._local.connection = connection
        return connection.client

    def _connect(self) -> docker.APIClient:
        import docker  # noqa: PLC0415 - 0.2 s that a run without Docker resources need not pay
        from docker.errors import DockerException  # noqa: PLC0415 - as above

        host = self.host
        _probe(host)
        with self._lock:
            version = self._version
        try:
            client = docker.APIClient(
                base_url=host,
                version=version or "auto",
                timeout=_CONNECT_TIMEOUT_S,
                tls=self._tls(),
                use_ssh_client=host.startswith("ssh://"),
            )
        except DockerException as error:
            reason = str(error).removeprefix("Error while fetching server API version: ")
            if "paramiko" in reason:
                reason = "docker-py needs the package paramiko for ssh://; install it with: pip install 'docker[ssh]'"
            raise UnreachableError(host, _short(reason)) from error
        with self._lock:
            self._version = client.api_version
        return client

    def _tls(self) -> Any:
        import docker.tls  # noqa: PLC0415 - docker-py is loaded at the first need

        path = self._config.get("certPath") or os.environ.get("DOCKER_CERT_PATH")
        verify = self._config.get("certPath") or os.environ.get("DOCKER_TLS_VERIFY")
        if not path or not verify or not self.host.startswith(("tcp://", "https://")):
            return False
        folder = Path(path)
        cert = (str(folder / "cert.pem"), str(folder / "key.pem"))
        return docker.tls.TLSConfig(client_cert=cert, ca_cert=str(folder / "ca.pem"), verify=True)


def _probe(host: str) -> None:
    """Try a local socket first: docker-py leaves one open that it can't connect."""
    path = host.removeprefix("unix://")
    if path == host:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_CONNECT_TIMEOUT_S)
        try:
            probe.connect(path)
        except OSError as error:
            raise UnreachableError(host, error.strerror or str(error)) from error


def segment(name: str) -> str:
    """Quote a name for use as one part of a path."""
    return quote(name, safe="")


def _parameter(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def _message(response: Any) -> str:
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return response.text.strip() or f"HTTP status {response.status_code}"


def _reason(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return _short(str(error))


def _short(text: str) -> str:
    found = [part for part in ("Connection refused", "No such file", "Permission denied") if part in text]
    return found[0] if found else text[:300]
