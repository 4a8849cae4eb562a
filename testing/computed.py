"""What providers would answer: names, ids, digests and exit codes, made up but realistic, and the same every time.

A preview answers less, as the real providers do: names are known, ids and what Docker decides are not. The values come
from a hash of the resource's URN, so that no two resources share one.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_SUFFIX: Final = 7
_LETTERS: Final = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Computed:
    """What a provider adds to a resource's inputs."""

    id: str
    """Physical id; unknown in a preview."""
    early: Mapping[str, Any] = field(default_factory=dict)
    """Outputs that a preview knows too."""
    late: Mapping[str, Any] = field(default_factory=dict)
    """Outputs that are known only when the resource exists."""


Rule = Callable[[str, str, Mapping[str, Any]], Computed]
"""Takes a resource's logical name, its URN and its plain inputs."""


def digest(*words: str) -> str:
    """Return 64 hexadecimal digits that depend on the words alone."""
    return hashlib.sha256("\0".join(words).encode()).hexdigest()


def computed(type_: str, name: str, urn: str, inputs: Mapping[str, Any]) -> Computed:
    """Return what the provider of a type would add; for types not known here, an id alone."""
    rule = _RULES.get(type_)
    return rule(name, urn, inputs) if rule else Computed(id=f"{name}-id")


def known_types() -> frozenset[str]:
    """Return the types whose computed outputs are filled in."""
    return frozenset(_RULES)


def _auto_name(name: str, urn: str, inputs: Mapping[str, Any]) -> str:
    given = inputs.get("name")
    return str(given) if given else f"{name}-{digest(urn, 'name')[:_SUFFIX]}"


def _container(name: str, urn: str, inputs: Mapping[str, Any]) -> Computed:
    container_id = digest(urn, "id")
    finished = inputs.get("attach") is True
    return Computed(
        id=container_id,
        early={"name": _auto_name(name, urn, inputs)},
        late={
            "bridge": "",
            "hostname": inputs.get("hostname") or container_id[:12],
            "runtime": "runc",
            "exitCode": 0 if finished else None,
            "containerLogs": "" if inputs.get("logs") else None,
        },
    )


def _network(name: str, urn: str, inputs: Mapping[str, Any]) -> Computed:
    return Computed(
        id=digest(urn, "id"),
        early={"name": _auto_name(name, urn, inputs)},
        late={"driver": inputs.get("driver") or "bridge", "scope": "local", "internal": bool(inputs.get("internal"))},
    )


def _volume(name: str, urn: str, inputs: Mapping[str, Any]) -> Computed:
    volume = _auto_name(name, urn, inputs)
    return Computed(
        id=volume,
        early={"name": volume},
        late={"driver": inputs.get("driver") or "local", "mountpoint": f"/var/lib/docker/volumes/{volume}/_data"},
    )


def _remote_image(_name: str, urn: str, inputs: Mapping[str, Any]) -> Computed:
    reference = str(inputs.get("name") or "")
    image_id = f"sha256:{digest(urn, 'image')}"
    repository = reference.partition("@")[0].rpartition(":")[0] or reference
    return Computed(
        id=f"{image_id}{reference}",
        late={"imageId": image_id, "repoDigest": f"{repository}@sha256:{digest(urn, 'repository')}"},
    )


def _built_image(_name: str, urn: str, inputs: Mapping[str, Any]) -> Computed:
    reference = str(inputs.get("imageName") or "")
    image_id = f"sha256:{digest(urn, 'image')}"
    return Computed(
        id=reference,
        early={"imageName": reference},
        late={
            "baseImageName": reference,
            "repoDigest": image_id if inputs.get("skipPush") else f"{reference}@sha256:{digest(urn, 'repository')}",
        },
    )


def _swarm_object(name: str, urn: str, inputs: Mapping[str, Any]) -> Computed:
    return Computed(id=digest(urn, "id")[:25], early={"name": _auto_name(name, urn, inputs)})


def _text(urn: str, length: int) -> str:
    text = ""
    for block in range(length // 32 + 1):
        text += "".join(_LETTERS[byte % len(_LETTERS)] for byte in bytes.fromhex(digest(urn, "text", str(block))))
    return text[:length]


def _random_password(_name: str, urn: str, inputs: Mapping[str, Any]) -> Computed:
    result = _text(urn, int(inputs.get("length") or 0))
    return Computed(id="none", late={"result": result, "bcryptHash": f"$2a$10${_text(f'{urn} hash', 53)}"})


def _random_string(_name: str, urn: str, inputs: Mapping[str, Any]) -> Computed:
    result = _text(urn, int(inputs.get("length") or 0))
    return Computed(id=result, late={"result": result})


def _random_id(_name: str, urn: str, inputs: Mapping[str, Any]) -> Computed:
    text = digest(urn, "id")[: 2 * int(inputs.get("byteLength") or 0)]
    return Computed(id=text, late={"hex": text, "dec": str(int(text or "0", 16))})


_RULES: Final[Mapping[str, Rule]] = {
    "docker:index/container:Container": _container,
    "docker:index/image:Image": _built_image,
    "docker:index/network:Network": _network,
    "docker:index/remoteImage:RemoteImage": _remote_image,
    "docker:index/secret:Secret": _swarm_object,
    "docker:index/service:Service": _swarm_object,
    "docker:index/serviceConfig:ServiceConfig": _swarm_object,
    "docker:index/volume:Volume": _volume,
    "random:index/randomId:RandomId": _random_id,
    "random:index/randomPassword:RandomPassword": _random_password,
    "random:index/randomString:RandomString": _random_string,
}
