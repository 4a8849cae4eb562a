"""RemoteImage as the real Docker provider declares it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from engine.providers.docker.schema_container import TIMEOUTS
from engine.providers.schema import (
    Field,
    Kind,
    ResourceSchema,
    blocks,
    flag,
    integer,
    one_block,
    output,
    text,
    text_map,
    text_set,
    texts,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def _fixed(make: Callable[..., Field], *names: str) -> dict[str, Field]:
    """Make fields of one kind that replace the image when they change."""
    return {name: make(force_new=True) for name in names}


_BUILD: Final = {
    "dockerfile": text(default="Dockerfile", force_new=True),
    "tags": texts(sort_name="tag"),
    "remove": flag(default=True),
    "secrets": blocks(
        {
            "id": text(required=True, force_new=True),
            "src": text(force_new=True),
            "env": text(force_new=True),
        }
    ),
    "label": text_map(),
    "ulimits": blocks(
        {
            "name": text(required=True, force_new=True),
            "hard": integer(required=True, force_new=True),
            "soft": integer(required=True, force_new=True),
        },
        sort_name="ulimit",
    ),
    "authConfigs": blocks(
        {
            "hostName": text(required=True),
            "userName": text(),
            "password": text(),
            "auth": text(),
            "email": text(),
            "serverAddress": text(),
            "identityToken": text(),
            "registryToken": text(),
        },
        sort_name="auth_config",
    ),
    "context": text(required=True, force_new=True),
    "useLegacyBuilder": flag(default=False, force_new=True),
    **_fixed(flag, "suppressOutput", "noCache", "forceRemove", "pullParent", "squash"),
    **_fixed(integer, "cpuShares", "cpuQuota", "cpuPeriod", "memory", "memorySwap", "shmSize"),
    **_fixed(text_map, "buildArgs", "labels"),
    **_fixed(texts, "additionalContexts", "cacheFroms", "cacheTos", "securityOpts", "extraHosts"),
    **_fixed(
        text,
        *("remoteContext", "isolation", "cpuSetCpus", "cpuSetMems", "cgroupParent", "networkMode", "target"),
        *("sessionId", "platform", "version", "buildId", "builder", "buildLogFile", "provenance", "sbom"),
    ),
}

REMOTE_IMAGE: Final = ResourceSchema(
    "docker:index/remoteImage:RemoteImage",
    {
        "name": text(required=True, force_new=True),
        "imageId": output(text()),
        "repoDigest": output(text()),
        "keepLocally": flag(),
        "pullTriggers": text_set(force_new=True),
        "forceRemove": flag(),
        "build": one_block(_BUILD, kind=Kind.SET, conflicts=("pullTriggers",)),
        "triggers": text_map(force_new=True),
        "platform": text(default="", force_new=True),
    },
    timeouts=TIMEOUTS,
    autoname=False,
)
