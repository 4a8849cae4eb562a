"""A made-up release of a platform, in which nearly everything that a reviewer must know happens at once."""

from __future__ import annotations

from typing import Any

from tests.review.builders import (
    CONTAINER,
    EVERYWHERE,
    HIDDEN,
    NETWORK,
    PASSWORD,
    REMOTE_IMAGE,
    UNKNOWN,
    VOLUME,
    digest,
    labels,
    step,
    urn,
)

_FILES = "slipway:index:SecretFiles"
_IMAGES = "slipway:index:Images"
_OLD_CONF = "events {}\nhttp {\n  server {\n    listen 8080;\n    client_max_body_size 10m;\n  }\n}\n"
_NEW_CONF = _OLD_CONF.replace("10m", "50m")


def _replica(index: int, image: str, release: str, memory: int, spec: str) -> dict[str, Any]:
    return {
        "__defaults": ["name"],
        "name": f"api-{index}-{spec[:7]}",
        "image": image,
        "memory": memory,
        "destroyGraceSeconds": 10,
        "wait": True,
        "waitTimeout": 120,
        "envs": ["LOG_LEVEL=info", f"RELEASE={release}"],
        "volumes": [
            {
                "containerPath": "/run/secrets",
                "readOnly": True,
                "volumeName": UNKNOWN if spec == "9" * 7 else "api-files-1234567",
            }
        ],
        "labels": labels(part="api", kind="service", role="replica", replica=str(index), spec=spec),
    }


def release() -> dict[str, Any]:
    """Return its preview."""
    image = urn(REMOTE_IMAGE, "images-sample", _IMAGES)
    service, database, gateway = (f"slipway:index:{name}" for name in ("Service", "Database", "Gateway"))
    files = urn(VOLUME, "api-files", service, _FILES)
    steps = [
        step(
            "replace",
            REMOTE_IMAGE,
            "images-sample",
            around=[_IMAGES],
            parent=urn(_IMAGES, "images"),
            order="start-first",
            old={"name": "slipway/sample:1", "keepLocally": True},
            new={"name": "slipway/sample:2", "keepLocally": True},
            detailed={"name": "update-replace"},
        ),
        *(
            step(
                "replace",
                CONTAINER,
                f"api-{index}",
                around=[service],
                parent=urn(service, "api"),
                order="start-first",
                old=_replica(index, "sha256:" + "a" * 64, "1", 256, "1" * 7),
                new=_replica(index, UNKNOWN, "2", 384, "9" * 7),
                uses={"image": [image], "volumes": [files]},
                detailed={
                    "image": "update-replace",
                    "envs[1]": "update-replace",
                    "volumes[0].volumeName": "update-replace",
                    "labels[4].value": "update-replace",
                    "memory": "update",
                },
            )
            for index in (0, 1)
        ),
        step(
            "replace",
            VOLUME,
            "api-files",
            around=[service, _FILES],
            parent=urn(_FILES, "api-files", service),
            order="start-first",
            old={"labels": labels(part="api", kind="service", content="aaaa")},
            new={"labels": labels(part="api", kind="service", content="bbbb")},
            detailed={"labels[0].value": "update-replace"},
        ),
        step(
            "replace",
            CONTAINER,
            "api-files-carrier",
            around=[service, _FILES],
            parent=urn(_FILES, "api-files", service),
            order="start-first",
            old={
                "start": False,
                "mustRun": False,
                "uploads": HIDDEN,
                "labels": labels(part="api", kind="service", role="carrier"),
            },
            new={
                "start": False,
                "mustRun": False,
                "uploads": HIDDEN,
                "labels": labels(part="api", kind="service", role="carrier"),
            },
            detailed={"uploads[0].content": "update-replace"},
        ),
        step(
            "replace",
            CONTAINER,
            "gateway-stage",
            around=[gateway],
            parent=urn(gateway, "gateway"),
            order="start-first",
            old={
                "start": False,
                "mustRun": False,
                "uploads": [{"file": "/etc/nginx/conf.d/1111.conf", "content": _OLD_CONF, "permissions": "0444"}],
                "labels": labels(part="gateway", kind="gateway", role="carrier"),
            },
            new={
                "start": False,
                "mustRun": False,
                "uploads": [{"file": "/etc/nginx/conf.d/2222.conf", "content": _NEW_CONF, "permissions": "0444"}],
                "labels": labels(part="gateway", kind="gateway", role="carrier"),
            },
            detailed={"uploads[0].content": "update-replace", "uploads[0].file": "update-replace"},
        ),
        step(
            "replace",
            CONTAINER,
            "gateway-server",
            around=[gateway],
            parent=urn(gateway, "gateway"),
            order="delete-first",
            old={
                "memory": 128,
                "destroyGraceSeconds": 65,
                "wait": True,
                "waitTimeout": 60,
                "ports": [{"internal": 8080, "external": 8080, "ip": "127.0.0.1", "protocol": "tcp"}],
                "labels": labels(part="gateway", kind="gateway", role="server"),
            },
            new={
                "memory": 128,
                "destroyGraceSeconds": 65,
                "wait": True,
                "waitTimeout": 60,
                "ports": [{"internal": 8080, "external": 80, "ip": EVERYWHERE, "protocol": "tcp"}],
                "labels": labels(part="gateway", kind="gateway", role="server"),
            },
            detailed={"ports[0].external": "update-replace", "ports[0].ip": "update-replace"},
        ),
        step(
            "replace",
            VOLUME,
            "main-data",
            around=[database],
            parent=urn(database, "main"),
            order="start-first",
            was={"retainOnDelete": True, "protect": True},
            becomes={"retainOnDelete": True, "protect": True},
            old={"driver": "local", "labels": labels(part="main", kind="database")},
            new={"driver": "nfs", "labels": labels(part="main", kind="database")},
            detailed={"driver": "update-replace"},
        ),
        step(
            "replace",
            PASSWORD,
            "main-password",
            around=[database],
            parent=urn(database, "main"),
            order="start-first",
            old={"length": 32, "special": False},
            new={"length": 48, "special": False},
            detailed={"length": "update-replace"},
        ),
        step(
            "delete",
            VOLUME,
            "uploads-data",
            old={"driver": "local", "labels": labels(part="uploads", kind="volume")},
        ),
        step(
            "delete",
            CONTAINER,
            "runner-2",
            around=["slipway:index:Workers"],
            parent=urn("slipway:index:Workers", "runner"),
            old={"memory": 256, "labels": labels(part="runner", kind="workers", role="replica")},
        ),
        step(
            "create",
            NETWORK,
            "metrics-network",
            new={"internal": True, "labels": labels(part="metrics", kind="network")},
        ),
        step(
            "create",
            CONTAINER,
            "agent-0",
            around=[service],
            parent=urn(service, "agent"),
            new={
                "image": "agent@sha256:" + "b" * 64,
                "envs": ["API_TOKEN=hunter2", "MODE=fast", "OTEL_URL=http://user:hunter2@collector:4317"],
                "volumes": [{"hostPath": "/var/run/docker.sock", "containerPath": "/var/run/docker.sock"}],
                "labels": labels(part="agent", kind="service", role="replica"),
            },
        ),
    ]
    return digest(
        *steps,
        same=40,
        diagnostics=[
            {"severity": "error", "message": "error: main-data is protected and can't be replaced\n", "urn": "urn"},
            {"severity": "warning", "message": "warning: name is deprecated: Use the id attribute.\n"},
        ],
    )
