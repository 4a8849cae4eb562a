"""Backups: what is left out exists, what a destination needs is said, and the image can read what it is to back up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from settings.backups import StoreKind, backed_up, candidates, outside, writers_of
from settings.model import BackupKind
from settings.parts import workloads
from settings.problems import Finding, listing, nearest
from settings.resolve import BACKUP_ROLE as ROLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from settings.description import Description
    from settings.paths import Path

_PATH: Final[Path] = ("backups",)
_SECTIONS: Final = {
    StoreKind.POSTGRES: "databases",
    StoreKind.REDIS: "caches",
    StoreKind.QDRANT: "vector_stores",
    StoreKind.OLLAMA: "model_servers",
}
"""Where stores with a server are described."""
_ONLY_PAUSED: Final = {"pause_limit_s": "pause_limit", "docker_socket": "docker_socket"}
"""Fields that mean something with ``pause`` alone, as they are written."""
_BOUND: Final = "max_slot_wal_keep_size"


def _at_least(needed: int) -> Callable[[str], bool]:
    return lambda value: not value.isdigit() or int(value) >= needed


_LOG_SETTINGS: Final[Mapping[str, Callable[[str], bool]]] = {
    "wal_level": lambda value: value in {"replica", "logical"},
    # One that fetches, one for a base backup, and one while the first is replaced.
    "max_wal_senders": _at_least(3),
    "max_replication_slots": _at_least(1),
}
"""What of a server's own settings is needed."""
_NEEDED: Final = ("endpoint", "bucket", "access_key", "secret_key")
_ONLY_S3: Final = (*_NEEDED, "prefix", "region", "ca_bundle")


def excluded_stores_exist(description: Description) -> Iterator[Finding]:
    """A misspelt name would leave out nothing."""
    backups = description.declared.backups
    known = list(dict.fromkeys(store.name for store in candidates(description.declared)))
    everything = {store.name for store in candidates(description.everything)}
    for index, name in enumerate(backups.exclude if backups else ()):
        if name not in known and name not in everything:
            yield Finding(
                (*_PATH, "exclude", index),
                f"there is no store '{name}' that keeps data",
                allowed=listing(known),
                nearest=nearest(name, known),
            )


def destinations_are_whole(description: Description) -> Iterator[Finding]:
    """Each destination says what its kind needs, and nothing that it ignores."""
    backups = description.declared.backups
    if backups is None:
        return
    place = (*_PATH, "destinations")
    if not backups.destinations:
        yield Finding(place, "a place to keep backups is needed", fix="add local: {kind: local}")
    local = [name for name, item in backups.destinations.items() if item.kind is BackupKind.LOCAL]
    for name in local[1:]:
        yield Finding((*place, name), f"is the same volume as '{local[0]}'", fix="remove it")
    for name, destination in backups.destinations.items():
        for field in _ONLY_S3:
            given = getattr(destination, field) is not None
            if destination.kind is BackupKind.S3 and field in _NEEDED and not given:
                yield Finding((*place, name), f"'{field}' is missing: kind s3 needs it", fix=f"add {field}: …")
            elif destination.kind is BackupKind.LOCAL and given:
                yield Finding(
                    (*place, name, field), "has no effect with kind local", fix="remove it, or write kind: s3"
                )


def something_is_kept(description: Description) -> Iterator[Finding]:
    """Rules that keep nothing would leave one backup, the newest verified one."""
    backups = description.declared.backups
    if backups is not None and not any(vars(backups.keep).values()):
        yield Finding((*_PATH, "keep"), "keeps nothing", fix="say days, last, daily, weekly or monthly")


def moments_are_of_databases(description: Description) -> Iterator[Finding]:
    """A point in time needs a database, and a server that writes enough into its log and lets somebody fetch it."""
    backups = description.declared.backups
    if backups is None or backups.point_in_time is None:
        return
    chosen = [store.name for store in backed_up(description.platform) if store.kind is StoreKind.POSTGRES]
    if not chosen:
        yield Finding(
            (*_PATH, "point_in_time"),
            "there is no database of the platform that is backed up",
            fix="remove it; other stores, and databases that somebody else runs, have the moments of their backups",
            about=(("databases",),),
        )
    for name in chosen:
        settings = description.declared.databases[name].settings
        for setting, allowed in _LOG_SETTINGS.items():
            if setting in settings and not allowed(settings[setting]):
                yield Finding(
                    ("databases", name, "settings", setting),
                    f"with {setting}: {settings[setting]} nobody can fetch the write-ahead log, which "
                    "backups.point_in_time needs",
                    fix="remove it",
                    about=((*_PATH, "point_in_time"),),
                )
        if _BOUND in settings:
            yield Finding(
                ("databases", name, "settings", _BOUND),
                f"{_BOUND} is set by backups.point_in_time.wal_limit",
                fix="remove it, and write wal_limit: … there",
                about=((*_PATH, "point_in_time"),),
            )


def secrets_of_backups_are_declared(description: Description) -> Iterator[Finding]:
    """A secret's origin is stated once, under ``secrets``."""
    known = description.declared.secrets
    backups = description.declared.backups
    for place, name in (backups.secrets() if backups else {}).items():
        if name not in known:
            yield Finding(
                (*_PATH, *place),
                f"the secret '{name}' is not declared",
                allowed=listing(known),
                nearest=nearest(name, known),
                fix=f"add under secrets: {name}: {{}}",
                about=(("secrets", name),),
            )


def backups_reach_what_they_need(description: Description) -> Iterator[Finding]:
    """It shares a network with each store, and with an S3 store or a webhook it has a way out."""
    backups = description.platform.backups
    if backups is None:
        return
    own = set(backups.networks or ())
    for store in backed_up(description.platform):
        section = _SECTIONS.get(store.kind)
        if section is None:
            continue
        there = getattr(description.platform, section)[store.name].networks or ()
        if not own & set(there):
            yield Finding(
                (*_PATH, "networks"),
                f"shares no network with {section}.{store.name}, which it is to back up",
                allowed=f"at least one of {listing(there)}",
                fix=f"add one of them, leave networks out, or write exclude: [{store.name}]",
                about=(("networks",), (section, store.name, "networks")),
            )
    ways_out = description.open_networks()
    others = outside(description.declared)
    if (backups.goes_out or others) and not own & ways_out:
        what = f"the external database '{others[0]}'" if others else "an S3 store or a webhook"
        yield Finding(
            (*_PATH, "networks") if description.declared.backups and description.declared.backups.networks else _PATH,
            f"{what} is to be reached, but it is only on internal networks",
            allowed=listing(ways_out, "no network that is not internal is declared"),
            fix="add a network without internal: true",
            about=(("networks",),),
        )


def volumes_have_a_reader(description: Description) -> Iterator[Finding]:
    """A volume's files are read as the user who writes them, which has to be known by number."""
    for store in backed_up(description.platform):
        if store.kind is not StoreKind.VOLUME:
            continue
        writers = writers_of(description.platform, store.name)
        section, name, workload = writers[0] if writers else ("", "", None)
        if workload is not None and workload.user == "image":
            yield Finding(
                (section, name, "user"),
                f"is the image's own, so it is not known as whom the volume '{store.name}' can be read for a backup",
                allowed="numeric uid:gid",
                fix=f"write the user's number, or backups: {{exclude: [{store.name}]}}",
                about=(_PATH, ("volumes", store.name)),
            )


def pauses_hold_somebody(description: Description) -> Iterator[Finding]:
    """What is paused is who writes a volume that is backed up; a name that means nobody would archive it live."""
    backups = description.declared.backups
    if backups is None:
        return
    place = (*_PATH, "pause")
    if not backups.pause:
        for field, written in _ONLY_PAUSED.items():
            if field in backups.model_fields_set:
                fix = "remove it, or write pause: […]"
                yield Finding((*_PATH, written), "has no effect: pause names no volume", fix=fix)
    volumes = description.declared.volumes
    others = {store.name: store.kind for store in candidates(description.everything)}
    for index, name in enumerate(backups.pause):
        where = (*place, index)
        if name not in description.everything.volumes:
            kind = others.get(name)
            yield Finding(
                where,
                f"'{name}' is no volume: a {kind.value} store is one moment by itself"
                if kind
                else f"there is no volume '{name}'",
                allowed=listing(volumes, "no volume is declared"),
                nearest=nearest(name, list(volumes)),
                fix="remove it, or name a volume",
                about=(("volumes",),),
            )
        elif name in backups.exclude:
            yield Finding(
                where,
                f"the volume '{name}' is left out of backups, so nobody is paused for it",
                fix="remove it here, or under backups.exclude",
                about=((*_PATH, "exclude"),),
            )
        elif not any(
            mount.volume == name and not mount.read_only
            for _, _, workload in workloads(description.everything)
            for mount in workload.volumes
        ):
            yield Finding(
                where,
                f"nobody writes the volume '{name}', so there is nobody to pause",
                allowed="a volume that a service, worker or job mounts, and not read-only",
                fix="remove it: files that nobody writes agree",
                about=(("volumes", name),),
            )


def the_image_fits_the_servers(description: Description) -> Iterator[Finding]:
    """PostgreSQL's tools dump no newer server, and a scratch server of another major version proves nothing."""
    backups, platform = description.declared.backups, description.platform
    image = description.catalogue.find(ROLE, platform.images.family.value)
    if backups is None or backups.image is not None or ROLE in platform.images.references or image is None:
        return
    own = str(image.facts.get("postgres", ""))
    server = description.catalogue.find("postgres", platform.images.family.value)
    chosen = [store.name for store in backed_up(platform) if store.kind is StoreKind.POSTGRES]
    plain = [
        name
        for name in chosen
        if description.declared.databases[name].image is None and "postgres" not in platform.images.references
    ]
    if plain and server is not None and own and server.version not in {None, own}:
        yield Finding(
            _PATH,
            f"the image that makes backups has the programs of PostgreSQL {own}, and databases.{plain[0]} of family "
            f"'{platform.images.family.value}' is {server.version}",
            allowed="programs of the server's major version",
            fix="write images: {family: debian}, or name an image that was built on PostgreSQL "
            f"{server.version} (images/backup/README.md) with images: {{references: {{{ROLE}: …}}}}",
            about=(("images",), ("databases", plain[0], "image")),
        )


CHECKS: Final = (
    excluded_stores_exist,
    destinations_are_whole,
    something_is_kept,
    moments_are_of_databases,
    secrets_of_backups_are_declared,
    backups_reach_what_they_need,
    volumes_have_a_reader,
    pauses_hold_somebody,
    the_image_fits_the_servers,
)
