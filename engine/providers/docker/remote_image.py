"""Images that are local already or can be pulled. What builds an image is ``docker.Image``, not this type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from engine.provider import ProviderError
from engine.providers.docker.errors import DaemonError, gone
from engine.providers.docker.schema_image import REMOTE_IMAGE
from engine.providers.handler import Data, Handler, Limit, Seen

if TYPE_CHECKING:
    from engine.providers.docker.daemon import Daemon
    from engine.providers.schema import ResourceSchema

PULL_TIMEOUT_S = 600.0
"""How long a pull may stay without any progress."""


class RemoteImageHandler(Handler):
    """``docker:index/remoteImage:RemoteImage``."""

    schema: ClassVar[ResourceSchema] = REMOTE_IMAGE

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def create(self, data: Data, limit: Limit) -> Seen:
        """Find the image, or pull it."""
        if data["build"]:
            raise ProviderError(
                "the embedded engine does not build through RemoteImage (input 'build'): use docker.Image, build it"
                " with docker build, or run this program with the Pulumi CLI"
            )
        found = find_image(self._daemon, data["name"], data["platform"], limit)
        return _seen(found, data["name"])

    def read(self, resource_id: str, data: Data) -> Seen | None:
        """Look the name up again."""
        del resource_id
        found = inspect_image(self._daemon, data["name"])
        return None if found is None else _seen(found, data["name"])

    def update(self, resource_id: str, before: Data, after: Data, limit: Limit) -> dict[str, Any]:
        """Look the image up again, and pull it if it has gone."""
        del resource_id, before
        return _seen(find_image(self._daemon, after["name"], after["platform"], limit), after["name"]).fields

    def delete(self, resource_id: str, data: Data, limit: Limit) -> None:
        """Remove the name, unless it is to be kept."""
        del resource_id
        limit.remaining()
        if data["keepLocally"] or not data["name"]:
            return
        try:
            self._daemon.delete(f"/images/{image_path(data['name'])}", force=data["forceRemove"])
        except DaemonError as error:
            if not gone(error):
                raise


def image_path(name: str) -> str:
    """Quote an image's name for the path of a request; its slashes stay."""
    return quote(name, safe="/:@")


def inspect_image(daemon: Daemon, name: str) -> dict[str, Any] | None:
    """Look an image up among the local ones."""
    try:
        found: dict[str, Any] = daemon.get(f"/images/{image_path(name)}/json")
    except DaemonError as error:
        if gone(error):
            return None
        raise
    return found


def find_image(daemon: Daemon, name: str, platform: str, limit: Limit) -> dict[str, Any]:
    """Return the local image of a name, pulled if need be. Raises ProviderError with the way to get it."""
    if not name:
        raise ProviderError("an image name must not be empty")
    found = inspect_image(daemon, name)
    if found is not None:
        return found
    if name.startswith("sha256:"):
        raise ProviderError(f"image {name} is not on the daemon at {daemon.host}, and an id alone can't be pulled")
    pull_image(daemon, name, platform, limit)
    found = inspect_image(daemon, name)
    if found is None:
        raise ProviderError(f"image {name} was pulled but is not there under that name; check the tag and the platform")
    return found


def pull_image(daemon: Daemon, name: str, platform: str, limit: Limit) -> None:
    """Pull an image. Raises ProviderError."""
    limit.remaining()
    reference, _, digest = name.partition("@")
    repository, colon, tag = reference.rpartition(":")
    if not colon or "/" in tag:
        repository, tag = reference, "latest"
    query = {"fromImage": repository, "tag": digest or tag, "platform": platform or None}
    headers = daemon.registry_headers(name)
    try:
        for line in daemon.stream("POST", "/images/create", query=query, headers=headers, timeout_s=PULL_TIMEOUT_S):
            limit.remaining()
            if "error" in line:
                raise ProviderError(_no_image(name, str(line["error"])))
    except DaemonError as error:
        raise ProviderError(_no_image(name, str(error))) from error


def _no_image(name: str, reason: str) -> str:
    return (
        f"image {name} is not local and can't be pulled ({reason}). Build it (docker build -t {name} ...), load it"
        f" (docker load), or pull it where the registry is reachable (docker pull {name})"
    )


def _seen(found: dict[str, Any], name: str) -> Seen:
    return Seen(found["Id"] + name, {"imageId": found["Id"], "repoDigest": repo_digest(name, found)})


def repo_digest(name: str, found: dict[str, Any]) -> str:
    """Return the digest under which a registry knows an image, ``""`` for one that was built here."""
    digests: list[str] = found.get("RepoDigests") or []
    untagged = name.partition(":")[0]  # cuts a registry's port off too, as the real provider does
    matching = [digest for digest in digests if len(digests) == 1 or digest.startswith(untagged)]
    return (matching or digests or [""])[0]
