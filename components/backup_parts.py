"""From the description of backups, and the parts that keep data, to the component that makes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi

from components.args import NetworkAttachment
from components.backup_args import (
    BackupJobArgs,
    CacheToBackUp,
    DatabaseToBackUp,
    ModelsToBackUp,
    OutsideToBackUp,
    PointInTime,
    S3Destination,
    VectorsToBackUp,
    VolumeToBackUp,
)
from components.backup_job import BackupJob
from components.external_database import ExternalDatabase
from components.parts import Parts
from settings.backups import StoreKind, backed_up, writers_of
from settings.catalogue import CatalogueImage
from settings.load import Loaded
from settings.model import BackupKind, Backups, Platform
from settings.parts import BACKUPS_NAME
from settings.resolve import DEFAULT_USER


def make_backups(
    loaded: Loaded,
    parts: Parts,
    *,
    image: pulumi.Input[str],
    known: CatalogueImage,
    networks: Sequence[NetworkAttachment],
    files_image: pulumi.Input[str] | None,
    files_key: pulumi.Input[str],
    part_labels: Mapping[str, str],
) -> BackupJob:
    """Register the backups of a platform that describes some.

    Args:
        loaded: The description.
        parts: The parts that exist so far, all stores among them.
        image: Id of the backup's image.
        known: What the catalogue knows of it.
        networks: Networks to join.
        files_image: Image of the never-started containers that carry files.
        files_key: Secret with which files are hashed for a label.
        part_labels: Labels of the part.
    """
    platform = loaded.platform
    backups = platform.backups
    assert backups is not None  # noqa: S101 - said above
    chosen = backed_up(platform)
    local = [name for name, item in backups.destinations.items() if item.kind is BackupKind.LOCAL]
    return BackupJob(
        BACKUPS_NAME,
        BackupJobArgs(
            image=image,
            user=known.user or BackupJobArgs.user,
            project=loaded.project,
            stack=loaded.stack,
            platform=platform.name,
            databases=[_database(platform, parts, item.name) for item in chosen if item.kind is StoreKind.POSTGRES],
            outside=[_outside(name, made) for name, made in parts.externals.items() if name not in backups.exclude],
            caches=[_cache(parts, item.name) for item in chosen if item.kind is StoreKind.REDIS],
            vector_stores=[_vectors(parts, item.name) for item in chosen if item.kind is StoreKind.QDRANT],
            model_servers=[_models(parts, item.name) for item in chosen if item.kind is StoreKind.OLLAMA],
            volumes=[_volume(platform, parts, item.name) for item in chosen if item.kind is StoreKind.VOLUME],
            checkpoint=any(item.kind is StoreKind.CHECKPOINT for item in chosen),
            local=local[0] if local else None,
            s3=[_s3(backups, parts, name) for name in backups.destinations if name not in local],
            passphrase=parts.secrets[backups.passphrase] if backups.passphrase else None,
            networks=networks,
            volume_name=backups.volume_name,
            work_volume_name=backups.work_volume_name,
            protect=platform.protect_data,
            container_name=backups.container_name,
            tmpfs={"/tmp": 64, **known.tmpfs},  # noqa: S108 - inside the container
            files_image=files_image,
            files_key=files_key,
            labels=part_labels,
            **_settings(backups, parts),
        ),
    )


def _settings(backups: Backups, parts: Parts) -> dict[str, Any]:
    hook = backups.webhook
    told = (
        {
            "webhook": parts.secrets[hook.url],
            "webhook_on": [outcome.value for outcome in hook.on],
            "webhook_template": hook.template.value,
        }
        if hook
        else {}
    )
    return {
        "schedule": backups.schedule,
        "timezone": backups.timezone,
        "keep": backups.keep.model_dump(),
        "verify": backups.verify,
        "read_all": backups.read_all,
        "alert_after_s": backups.alert_after_s,
        "pause_limit_s": backups.pause_limit_s,
        "docker_socket": backups.docker_socket,
        "memory_mib": backups.memory_mib,
        "cpus": backups.cpus,
        "metrics": backups.metrics,
        "point_in_time": PointInTime(**backups.point_in_time.model_dump()) if backups.point_in_time else None,
        **told,
    }


def _database(platform: Platform, parts: Parts, name: str) -> DatabaseToBackUp:
    made = parts.databases[name]
    return DatabaseToBackUp(
        name=name,
        host=made.host,
        port=made.port,
        database=platform.databases[name].database or name,
        role=made.role,
        password=made.password,
        server=made.container,
    )


def _outside(name: str, made: ExternalDatabase) -> OutsideToBackUp:
    where = f"databases.{name}.external.ca_bundle"
    return OutsideToBackUp(
        name=name,
        host=made.host,
        port=made.port,
        database=made.database,
        role=made.role,
        password=made.password,
        tls=made.tls,
        ca_bundle=_read(where, made.ca_bundle) if made.ca_bundle else None,
    )


def _cache(parts: Parts, name: str) -> CacheToBackUp:
    made = parts.caches[name]
    return CacheToBackUp(name=name, host=made.host, port=made.port, password=made.password, server=made.container)


def _vectors(parts: Parts, name: str) -> VectorsToBackUp:
    made = parts.vector_stores[name]
    return VectorsToBackUp(name=name, url=made.url, api_key=made.api_key, server=made.container)


def _models(parts: Parts, name: str) -> ModelsToBackUp:
    made = parts.model_servers[name]
    return ModelsToBackUp(name=name, url=made.url, servers=made.containers)


def _volume(platform: Platform, parts: Parts, name: str) -> VolumeToBackUp:
    writers = writers_of(platform, name)
    # One that nobody mounts holds what somebody put there by hand, or nothing.
    user = (writers[0][2].user if writers else None) or DEFAULT_USER
    pause = platform.backups is not None and name in platform.backups.pause
    return VolumeToBackUp(name=name, volume_name=parts.volumes[name], user=user, pause=pause)


def _s3(backups: Backups, parts: Parts, name: str) -> S3Destination:
    place = backups.destinations[name]
    return S3Destination(
        name=name,
        endpoint=place.endpoint or "",
        bucket=place.bucket or "",
        prefix=place.prefix or "",
        region=place.region,
        access_key=parts.secrets[place.access_key or ""],
        secret_key=parts.secrets[place.secret_key or ""],
        ca_bundle=_read(f"backups.destinations.{name}.ca_bundle", place.ca_bundle) if place.ca_bundle else None,
    )


def _read(where: str, written: str) -> str:
    try:
        return Path(written).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise pulumi.RunError(f"{where}: can't read {written}: {reason}") from None
