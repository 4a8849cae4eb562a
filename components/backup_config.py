"""What the container that makes backups is told, as a file: it names secrets and holds none."""

from __future__ import annotations

import json
from typing import Any, Final

from components.backup_args import BackupJobArgs, PointInTime

ROLE: Final = "slipway_backup"
"""The database role that backups read with."""
LOG_ROLE: Final = "slipway_log"
"""The login that fetches the write-ahead log."""
PORT: Final = 9750
"""Where the scheduler tells its metrics."""
SECRETS: Final = "/run/secrets"
"""Folder of the files with secrets, inside the container."""
FOLDER: Final = "/etc/slipway-backup"
"""Folder of its configuration."""
SOCKETS: Final = "/run/volumes"
"""Folder of the sockets on which volumes are handed out."""
PAUSER: Final = "/run/pauser"
"""Folder of the socket on which it is asked that what writes a volume stands still."""
PAUSER_SOCKET: Final = f"{PAUSER}/socket"


def configuration(args: BackupJobArgs) -> str:
    """Return the file that tells the container what to do; it holds no secret."""
    stores: list[dict[str, Any]] = [
        {
            "name": database.name,
            "kind": "postgres",
            "host": database.host,
            "port": database.port,
            "database": database.database,
            "user": ROLE,
            "password_file": f"{SECRETS}/database-{database.name}",
            **(
                {"log_user": LOG_ROLE, "log_password_file": f"{SECRETS}/log-{database.name}"}
                if args.point_in_time
                else {}
            ),
        }
        for database in args.databases
    ]
    stores += [
        {
            "name": database.name,
            "kind": "postgres",
            "host": database.host,
            "port": database.port,
            "database": database.database,
            "user": database.role,
            "password_file": f"{SECRETS}/database-{database.name}",
            "external": True,
            "sslmode": database.tls,
            "ca_file": f"{FOLDER}/{database.name}-database-ca.pem" if database.ca_bundle else None,
        }
        for database in args.outside
    ]
    stores += [
        {
            "name": cache.name,
            "kind": "redis",
            "host": cache.host,
            "port": cache.port,
            "password_file": f"{SECRETS}/cache-{cache.name}",
        }
        for cache in args.caches
    ]
    stores += [
        {
            "name": vectors.name,
            "kind": "qdrant",
            "url": vectors.url,
            "api_key_file": f"{SECRETS}/vectors-{vectors.name}",
        }
        for vectors in args.vector_stores
    ]
    stores += [{"name": models.name, "kind": "ollama", "url": models.url} for models in args.model_servers]
    stores += [
        {
            "name": volume.name,
            "kind": "volume",
            "socket": f"{SOCKETS}/{volume.name}.sock",
            **({"pauser": PAUSER_SOCKET} if volume.pause else {}),
        }
        for volume in args.volumes
    ]
    if args.checkpoint:
        stores.append({"name": "checkpoint", "kind": "checkpoint", "folder": "/work/checkpoint"})
    destinations: list[dict[str, Any]] = []
    if args.local is not None:
        destinations.append({"name": args.local, "kind": "local", "path": "/backups/repository"})
    destinations += [
        {
            "name": place.name,
            "kind": "s3",
            "endpoint": place.endpoint,
            "bucket": place.bucket,
            "prefix": place.prefix,
            "region": place.region,
            "access_key_file": f"{SECRETS}/s3-{place.name}-access-key",
            "secret_key_file": f"{SECRETS}/s3-{place.name}-secret-key",
            "ca_file": f"{FOLDER}/{place.name}-ca.pem" if place.ca_bundle else None,
        }
        for place in args.s3
    ]
    hook = {
        "url_file": f"{SECRETS}/backup-webhook",
        "on": list(args.webhook_on),
        "template": args.webhook_template,
    }
    document = {
        "format": 1,
        "project": args.project,
        "stack": args.stack,
        "platform": args.platform,
        "schedule": args.schedule,
        "timezone": args.timezone,
        "keep": dict(args.keep),
        "stores": stores,
        "destinations": destinations,
        "passphrase_file": f"{SECRETS}/backup-passphrase",
        "webhook": hook if args.webhook is not None else None,
        "verify": args.verify,
        "read_all": args.read_all,
        "alert_after_s": args.alert_after_s,
        "metrics_port": PORT,
        **({"point_in_time": _point_in_time(args.point_in_time)} if args.point_in_time else {}),
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _point_in_time(wanted: PointInTime) -> dict[str, float]:
    return {
        "ship_every_s": wanted.ship_every_s,
        "base_every_s": wanted.base_every_s,
        "keep_s": wanted.keep_s,
        "wal_limit_bytes": wanted.wal_limit_mib << 20,
        "alert_after_s": wanted.alert_after_s,
    }
