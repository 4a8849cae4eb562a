"""Whether a deployment would part a platform from its data: decided from state and description, before anything runs.

Nothing here asks an engine, so that the guard costs no second plan: which data volumes and credentials a platform has
follows from its description alone. What the state protects and the description would replace or forget is refused;
what it does not protect is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from operate.errors import OperateError
from operate.stack_view import logical_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import docker

    from operate.stack_view import Password, StackView, Volume
    from settings import Loaded, Platform

_GENERATED: Final = 32
"""Characters of the passwords that components make themselves."""
_PASSPHRASE: Final = 40
"""Characters of the passphrase of backups."""
_SEED: Final = 64
"""Characters of the seeds from which rotated values come."""
_OWNERS: Final[Mapping[str, str]] = {
    "Database": "databases",
    "Cache": "caches",
    "VectorStore": "vector_stores",
    "ModelServer": "model_servers",
    "BackupJob": "backups",
    "": "",
}
"""Components that own data that can't be had again, and where the description has them; "" are platform's own."""
_MAJOR: Final = re.compile(r"PG_MAJOR=(\d+)")
_TAG: Final = re.compile(r":(?:v)?(\d+)[^:/@]*(?:@|$)")


class DataInDanger(OperateError):  # noqa: N818 - named as what it reports
    """The deployment would part the platform from protected data."""


@dataclass(frozen=True)
class Verdict:
    """What a deployment means for the data."""

    refused: tuple[str, ...] = ()
    """Why it must not run, each with the safe way."""
    notes: tuple[str, ...] = ()
    """What happens to data that nothing protects."""

    def refuse(self) -> None:
        """Raise :class:`DataInDanger` with every reason, if there is one."""
        if self.refused:
            raise DataInDanger("refused, nothing was touched:\n" + "\n".join(self.refused))


@dataclass(frozen=True)
class _Wanted:
    """A data volume that the description asks for."""

    section: str
    part: str
    volume: str | None
    driver: str = "local"
    setting: str = "volume_name"
    """The key that says its name."""


@dataclass(frozen=True)
class _Problem:
    """What would happen, and the safe way."""

    what: str
    safe: str

    def __str__(self) -> str:
        return f"  {self.what}\n    safe: {self.safe}"


_Key = tuple[str, str]
"""The component that owns a resource, by type, and the resource's logical name."""


def judge(view: StackView, loaded: Loaded, client: docker.DockerClient | None) -> Verdict:
    """Compare what is deployed with what is described.

    Args:
        view: The state.
        loaded: The description.
        client: Docker, which knows the major version of a running server; without it that is left to the server.
    """
    platform = loaded.platform
    wanted = dict(_volumes(platform))
    lengths = dict(_passwords(platform))
    new = {key: item for key, item in wanted.items() if key not in {_key(volume.urn) for volume in view.volumes}}
    refused: list[str] = []
    notes: list[str] = []
    told: set[str] = set()
    for volume in view.volumes:
        key = _key(volume.urn)
        protected = volume.urn in view.protected
        if not volume.retained or key[0] not in _OWNERS:
            continue
        problem = _volume_problem(volume, key, wanted, new, protected=protected)
        if problem is None:
            continue
        told.add(_part(key))
        if protected:
            refused.append(str(problem))
        else:
            notes.append(f"{problem.what}; its data stay on the host, unused (slipway data list)")
    for password in view.passwords:
        key = _key(password.urn)
        if password.urn in view.protected and key[0] in _OWNERS and _part(key) not in told:
            problem = _password_problem(password, key, lengths)
            refused += [] if problem is None else [str(problem)]
    if client is not None:
        refused += _majors(view, platform, client)
    return Verdict(tuple(refused), tuple(notes))


def serving_volume(view: StackView | None, part: str) -> str | None:
    """Return the name of the volume that a stack's state has for a database; ``None`` if it has none."""
    named = (volume.name for volume in view.volumes if _key(volume.urn) == ("Database", f"{part}-data")) if view else ()
    return next(iter(named), None)


def _volume_problem(
    volume: Volume, key: _Key, wanted: Mapping[_Key, _Wanted], new: Mapping[_Key, _Wanted], *, protected: bool
) -> _Problem | None:
    """Return what would happen to a volume and the safe way; ``None`` if nothing would."""
    part = _part(key)
    found = wanted.get(key)
    if found is None:
        return _missing(volume, key, new, protected=protected)
    if found.volume is not None and found.volume != volume.name:
        return _Problem(
            f"{part}: its data volume would be {found.volume} and no longer {volume.name}",
            f"set {_name_setting(found)}: {volume.name}; to move the data, copy them while {part} is stopped",
        )
    if found.driver != volume.driver:
        return _Problem(
            f"{part}: volume {volume.name} would be made anew by driver {found.driver} instead of {volume.driver}",
            f"keep driver: {volume.driver}, or declare a second volume with the new driver and copy the data into it",
        )
    return None


def _missing(volume: Volume, key: _Key, new: Mapping[_Key, _Wanted], *, protected: bool) -> _Problem | None:
    """Judge a volume whose part is not in the description any more: removed, or renamed."""
    part = _part(key)
    section = _OWNERS[key[0]] or "volumes"
    heirs = [item for item in new.values() if item.section == section]
    heir = next((item for item in heirs if item.volume == volume.name), heirs[0] if len(heirs) == 1 else None)
    if heir is not None and heir.volume == volume.name and not protected:
        return None  # renamed, and told where the data are
    if section == "backups":
        return _Problem(
            f"{part}: they are no longer described with a local destination, and would leave volume {volume.name}",
            "describe them again; to give them up, set protect_data: false, deploy that, then remove them (the backups"
            f" stay until slipway data remove {volume.name})",
        )
    if heir is None:
        return _Problem(
            f"{part}: it is no longer described under {section} with data, and would leave volume {volume.name}",
            f"describe it again; to give it up, set protect: false for it, deploy that, then remove it"
            f" (the data stay until slipway data remove {volume.name})",
        )
    more = f", and database and user as they are in {part}" if section == "databases" else ""
    return _Problem(
        f"{part}: it would be replaced by {heir.part}, which starts without the data of volume {volume.name}",
        f"keep the name {part}; to rename it with its data, set protect: false for {part} and deploy that,"
        f" then rename it with {_name_setting(heir)}: {volume.name}{more}",
    )


def _password_problem(password: Password, key: _Key, lengths: Mapping[_Key, int]) -> _Problem | None:
    """Return what would happen to a generated credential and the safe way; ``None`` if nothing would."""
    name = _part(key)
    length = lengths.get(key)
    if length is None:
        return _Problem(
            f"{name}: its generated value would be deleted, and what is encrypted or locked with it could not be"
            " opened",
            "describe it again as it was, source: generated; to give it up, set protect_data: false, deploy that,"
            " then remove it",
        )
    if password.length and length != password.length:
        return _Problem(
            f"{name}: a new value of {length} characters would take the place of the one of {password.length},"
            " and what is encrypted or locked with that could not be opened",
            f"set its length back to {password.length}; to have a new value: slipway rotate",
        )
    return None


def _majors(view: StackView, platform: Platform, client: docker.DockerClient) -> Iterator[str]:
    """Refuse a PostgreSQL of another major version on the data of a running one."""
    volumes = {_key(volume.urn): volume.name for volume in view.volumes}
    servers = {_key(container.urn): container for container in view.containers}
    for name, database in platform.databases.items():
        server = servers.get(("Database", f"{name}-server"))
        volume = volumes.get(("Database", f"{name}-data"))
        if server is None or volume is None or database.volume_name not in {None, volume}:
            continue  # on another volume it does not meet these data
        old, new = running_major(client, server.id), image_major(client, str(database.image))
        if old and new and old != new:
            yield str(
                _Problem(
                    f"{name}: its data are those of PostgreSQL {old}, and {database.image} is PostgreSQL {new},"
                    " which can't read them",
                    f"slipway upgrade database {name} --to {new}: it dumps, restores into a new volume,"
                    f" compares, and keeps the old one; or keep the image of version {old}",
                )
            )


def running_major(client: docker.DockerClient, container: str) -> str | None:
    """Return the major version that a PostgreSQL server's container says; ``None`` if it is gone or says none."""
    import docker.errors  # noqa: PLC0415 - slow to load

    try:
        return _major(client.api.inspect_container(container)["Config"].get("Env"))
    except docker.errors.NotFound:
        return None


def image_major(client: docker.DockerClient, reference: str) -> str | None:
    """Return the major version of a PostgreSQL image: what it says of itself, or, where it is not here, its tag."""
    import docker.errors  # noqa: PLC0415 - as above

    try:
        return _major(client.api.inspect_image(reference)["Config"].get("Env"))  # type: ignore[no-untyped-call]
    except docker.errors.NotFound:
        tag = _TAG.search(reference)
        return tag[1] if tag else None


def _major(env: Iterable[str] | None) -> str | None:
    return next((found[1] for item in env or () if (found := _MAJOR.fullmatch(item))), None)


def _volumes(platform: Platform) -> Iterator[tuple[_Key, _Wanted]]:
    """Yield the data volumes of a description."""
    for name, database in platform.databases.items():
        yield ("Database", f"{name}-data"), _Wanted("databases", name, database.volume_name)
    for name, cache in platform.caches.items():
        if cache.persistence != "none":
            yield ("Cache", f"{name}-data"), _Wanted("caches", name, cache.volume_name)
    for name, vectors in platform.vector_stores.items():
        yield ("VectorStore", f"{name}-data"), _Wanted("vector_stores", name, vectors.volume_name)
        snapshots = _Wanted("vector_stores", name, vectors.snapshots_volume_name, setting="snapshots_volume_name")
        yield ("VectorStore", f"{name}-snapshots"), snapshots
    for name, server in platform.model_servers.items():
        yield ("ModelServer", f"{name}-data"), _Wanted("model_servers", name, server.volume_name)
    for name, volume in platform.volumes.items():
        yield ("", f"{name}-data"), _Wanted("volumes", name, volume.name, volume.driver)
    if platform.backups is not None and any(item.kind == "local" for item in platform.backups.destinations.values()):
        yield ("BackupJob", "backups-data"), _Wanted("backups", "backups", platform.backups.volume_name)


def _passwords(platform: Platform) -> Iterator[tuple[_Key, int]]:
    """Yield the credentials that a description has generated, with their lengths."""
    yield ("", "files-key"), _GENERATED
    for owner, stores in (("Database", platform.databases), ("Cache", platform.caches)):
        for name in stores:
            yield (owner, f"{name}-password"), _GENERATED
    for name in platform.vector_stores:
        yield ("VectorStore", f"{name}-key"), _GENERATED
    if platform.backups is not None and platform.backups.passphrase is None:
        yield ("BackupJob", "backups-passphrase"), _PASSPHRASE
    for name, secret in platform.secrets.items():
        if secret.source == "generated":
            yield ("", f"{name.replace('_', '-')}-secret"), secret.length
            yield ("", f"{name.replace('_', '-')}-secret-seed"), _SEED


def _name_setting(wanted: _Wanted) -> str:
    if wanted.section == wanted.part:
        return f"{wanted.part}.volume_name"
    return f"{wanted.section}.{wanted.part}.{'name' if wanted.section == 'volumes' else wanted.setting}"


def _key(urn: str) -> _Key:
    types = urn.split("::")[2].split("$")
    owner = types[-2].rpartition(":")[2] if len(types) > 1 else ""
    return owner, logical_name(urn)


def _part(key: _Key) -> str:
    """Return the part whose data or credential it is: its logical name without the last word."""
    return key[1].rpartition("-")[0]
