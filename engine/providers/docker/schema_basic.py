"""Network, Volume, Secret and ServiceConfig as the real Docker provider declares them."""

from __future__ import annotations

from typing import Final

from engine.providers.docker import validators as check
from engine.providers.docker.schema_container import LABEL
from engine.providers.schema import ResourceSchema, block_set, flag, one_block, output, text, text_map

NETWORK: Final = ResourceSchema(
    "docker:index/network:Network",
    {
        "name": text(required=True, force_new=True),
        "labels": block_set(LABEL, force_new=True),
        "driver": text(computed=True, force_new=True),
        "options": text_map(computed=True, force_new=True),
        "internal": flag(computed=True, force_new=True),
        "attachable": flag(force_new=True),
        "ingress": flag(force_new=True),
        "ipv6": flag(force_new=True),
        "ipamDriver": text(default="default", force_new=True),
        "ipamOptions": text_map(force_new=True),
        "ipamConfigs": block_set(
            {
                "subnet": text(force_new=True),
                "ipRange": text(force_new=True),
                "gateway": text(force_new=True),
                "auxAddress": text_map(force_new=True),
            },
            computed=True,
            force_new=True,
        ),
        "scope": output(text()),
    },
    version=1,
)

_CLUSTER: Final = {
    "id": output(text()),
    "scope": text(default="single", force_new=True, validate=check.one_of("single", "multi")),
    "sharing": text(default="none", force_new=True, validate=check.one_of("none", "readonly", "onewriter", "all")),
    "type": text(default="block", force_new=True, validate=check.one_of("mount", "block")),
    "topologyPreferred": text(default="", force_new=True),
    "topologyRequired": text(default="", force_new=True),
    "requiredBytes": text(force_new=True),
    "limitBytes": text(force_new=True),
    "group": text(default="", force_new=True),
    "availability": text(default="active", validate=check.one_of("active", "pause", "drain")),
}

VOLUME: Final = ResourceSchema(
    "docker:index/volume:Volume",
    {
        "name": text(computed=True, force_new=True),
        "labels": block_set(LABEL, force_new=True),
        "driver": text(computed=True, force_new=True),
        "driverOpts": text_map(force_new=True),
        "mountpoint": output(text()),
        "cluster": one_block(_CLUSTER),
    },
    version=1,
)

SECRET: Final = ResourceSchema(
    "docker:index/secret:Secret",
    {
        "name": text(required=True, force_new=True),
        "data": text(required=True, sensitive=True, force_new=True, validate=check.base64_text),
        "labels": block_set(LABEL, force_new=True),
    },
    version=1,
)

CONFIG: Final = ResourceSchema(
    "docker:index/serviceConfig:ServiceConfig",
    {
        "name": text(required=True, force_new=True),
        "data": text(force_new=True, validate=check.base64_text, exactly_one_of=("data", "dataRaw")),
        "dataRaw": text(force_new=True, exactly_one_of=("data", "dataRaw")),
        "labels": block_set(LABEL, force_new=True),
    },
)
