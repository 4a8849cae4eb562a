"""Encrypted databases: what is said of their certificates fits together, and one that is known now can serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from settings.model import DatabaseTlsMode, SecretSource
from settings.problems import Finding, listing, nearest
from settings.source import SECRET_PRESENT
from settings.texts import references_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings.description import Description
    from settings.model import Database, DatabaseTls
    from settings.paths import Path

_FILES: Final = ("certificate", "key", "ca")
_OWNED: Final = ("ssl", "ssl_cert_file", "ssl_key_file", "ssl_ca_file")
"""Parameters of postgresql.conf that ``tls`` sets, or that would undo it."""


def database_tls_secrets(database: Database) -> Iterator[tuple[str, str]]:
    """Yield the secrets of a database's certificate, by the setting that names each."""
    for setting in _FILES:
        name = getattr(database.tls, setting, None)
        if name is not None:
            yield setting, name


def settings_fit_the_mode(description: Description) -> Iterator[Finding]:
    """With files all three of them are named, and otherwise none."""
    for path, _, tls in _encrypted(description):
        for setting in _FILES:
            named = getattr(tls, setting) is not None
            if named and tls.mode is not DatabaseTlsMode.FILES:
                yield Finding(
                    (*path, setting), f"has no effect with mode {tls.mode.value}", fix="remove it, or write mode: files"
                )
            elif not named and tls.mode is DatabaseTlsMode.FILES:
                yield Finding((*path, setting), "is missing: mode files needs it", fix=f"add {setting}: SECRET")


def secrets_are_declared(description: Description) -> Iterator[Finding]:
    """A secret's origin is stated once, under ``secrets``."""
    known = description.declared.secrets
    for path, database, _ in _encrypted(description):
        for setting, name in database_tls_secrets(database):
            if name not in known:
                yield Finding(
                    (*path, setting),
                    f"the secret '{name}' is not declared",
                    allowed=listing(known),
                    nearest=nearest(name, known),
                    fix=f"add under secrets: {name}: {{}}",
                    about=(("secrets", name),),
                )


def certificates_can_serve(description: Description) -> Iterator[Finding]:
    """A certificate that is known now, and its key, are read before anything runs."""
    from settings.certificates import trouble_with  # noqa: PLC0415 - cryptography is slow to load

    for path, _, tls in _encrypted(description):
        certificate, key = (_known(description, name) for name in (tls.certificate, tls.key))
        if not certificate or not key:
            continue
        trouble = trouble_with(certificate, key, [str(path[1])])
        if trouble:
            yield Finding(path, trouble, fix=f"set the secrets {tls.certificate} and {tls.key} to a pair that fits")


def settings_have_one_owner(description: Description) -> Iterator[Finding]:
    """Of two places that say the same, one would be silently ignored."""
    for path, database, _ in _encrypted(description):
        for setting in sorted(set(_OWNED) & set(database.settings)):
            yield Finding((*path[:2], "settings", setting), f"{setting} is set by tls", fix="remove it")


def a_database_outside_has_its_own(description: Description) -> Iterator[Finding]:
    """The certificate of a server that somebody else runs is theirs."""
    for path, database, _ in _encrypted(description):
        if database.external is not None:
            yield Finding(
                path,
                "has no effect: the database is external, and whoever runs it has its certificate",
                fix="remove it; external.tls says how clients ask for it",
            )


def files_that_are_referred_to_exist(description: Description) -> Iterator[Finding]:
    """``${databases.main.ca_file}`` needs a certificate."""
    for path, declared, _ in description.workloads():
        for reference in references_in(declared):
            if reference.section != "databases" or reference.attribute != "ca_file":
                continue
            database = description.declared.databases.get(reference.name)
            if database is not None and (database.tls is None or database.external is not None):
                yield Finding(
                    path,
                    f"{reference} has no value: the database has no certificate of the platform's",
                    fix=f"add to databases.{reference.name}: tls: {{}}, or remove the reference",
                    about=(("databases", reference.name),),
                )


def _encrypted(description: Description) -> Iterator[tuple[Path, Database, DatabaseTls]]:
    for name, database in description.declared.databases.items():
        if database.tls is not None:
            yield ("databases", name, "tls"), database, database.tls


def _known(description: Description, name: str | None) -> str | None:
    """Return a secret's value where it can be read now."""
    secret = description.declared.secrets.get(name) if name else None
    if name is None or secret is None or secret.source is not SecretSource.CONFIG:
        return None
    value = description.source.secret_lookup(name)
    return None if value == SECRET_PRESENT else value


CHECKS: Final = (
    settings_fit_the_mode,
    secrets_are_declared,
    certificates_can_serve,
    settings_have_one_owner,
    a_database_outside_has_its_own,
    files_that_are_referred_to_exist,
)
