"""References lead to something, and secrets stay out of what ``docker inspect`` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from settings.parts import STORE_SECTIONS
from settings.problems import Finding, listing, nearest
from settings.references import (
    REFERENCE_ATTRIBUTES,
    Reference,
    ReferenceSyntaxError,
    looks_like_reference,
    parse_template,
)
from settings.texts import is_secret_text, plain_texts, plain_texts_of_stores, public_texts, templates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings.description import Description
    from settings.paths import Path

_PARTS: Final = (*STORE_SECTIONS, "services")


def references_are_well_formed(description: Description) -> Iterator[Finding]:
    """Each ``${`` begins a reference or is escaped."""
    for path, workload, _ in description.workloads():
        for place, text in templates(workload):
            try:
                parse_template(text)
            except ReferenceSyntaxError as error:
                section, _, rest = error.token.partition(".")
                likely = nearest(section, tuple(REFERENCE_ATTRIBUTES))
                yield Finding(
                    (*path, *place),
                    str(error),
                    allowed=error.allowed,
                    nearest=f"${{{likely}.{rest}}}" if likely and rest and likely != section else None,
                )


def references_lead_somewhere(description: Description) -> Iterator[Finding]:
    """Each reference names a part that exists in this stack."""
    for path, reference in _references(description):
        if reference.section in _PARTS:
            yield from _part_exists(description, path, reference)
        elif reference.section == "secrets" and reference.name not in description.declared.secrets:
            known = description.declared.secrets
            yield Finding(
                path,
                f"{reference} leads to a secret that is not declared",
                allowed=listing(known),
                nearest=nearest(reference.name, known),
                fix=f"add under secrets: {reference.name}: {{}}",
                about=(("secrets", reference.name),),
            )
        elif reference.section == "environment" and description.environment is None:
            yield Finding(
                path,
                f"{reference} has no value: the stack chooses no environment",
                fix=f"slipway config set --stack {description.source.stack} slipway:environment NAME",
            )


def ports_that_are_referred_to_exist(description: Description) -> Iterator[Finding]:
    """``${services.api.url}`` needs the service's port."""
    for path, reference in _references(description):
        service = description.declared.services.get(reference.name) if reference.section == "services" else None
        if service is not None and reference.attribute in {"port", "url"} and service.port is None:
            yield Finding(
                path,
                f"{reference} has no value: the service says no port",
                fix=f"add to services.{reference.name}: port: …",
                about=(("services", reference.name, "port"),),
            )


def secrets_stay_private(description: Description) -> Iterator[Finding]:
    """A command is shown by ``docker inspect`` and ``ps``."""
    for path, workload, _ in description.workloads():
        for place, text in public_texts(workload):
            if is_secret_text(text):
                yield Finding(
                    (*path, *place),
                    f"{place[0]} can't hold a secret: docker inspect and the list of processes show it",
                    fix="put the reference in env (it is then given as a file) or in files",
                )


def references_stand_where_they_work(description: Description) -> Iterator[Finding]:
    """A reference in a text in which none is resolved would reach the container as it is written."""
    places = [
        ((*path, *place), text)
        for path, workload, _ in description.workloads()
        for place, text in plain_texts(workload)
    ]
    places += plain_texts_of_stores(description.declared)
    for path, text in places:
        if (token := looks_like_reference(text)) is not None:
            yield Finding(
                path,
                f"{token} is not resolved here, and no secret may stand here",
                allowed="references work in env, files, command and entrypoint of services, workers and jobs",
                fix="use env or files",
            )


def secret_env_names_secrets(description: Description) -> Iterator[Finding]:
    """``secret_env`` lists names of ``env`` whose value is secret."""
    for path, workload, _ in description.workloads():
        secret = [name for name, text in workload.env.items() if is_secret_text(text)]
        for index, name in enumerate(workload.secret_env):
            if name in secret:
                continue
            what = "holds no secret" if name in workload.env else "is not in env"
            yield Finding(
                (*path, "secret_env", index),
                f"'{name}' {what}",
                allowed=listing(secret, "no value in env is secret"),
                nearest=nearest(name, secret),
                fix="remove it here",
                about=((*path, "env"),),
            )


def _references(description: Description) -> Iterator[tuple[Path, Reference]]:
    for path, workload, _ in description.workloads():
        for place, text in templates(workload):
            try:
                pieces = parse_template(text)
            except ReferenceSyntaxError:
                continue
            for piece in dict.fromkeys(pieces):
                if isinstance(piece, Reference):
                    yield (*path, *place), piece


def _part_exists(description: Description, path: Path, reference: Reference) -> Iterator[Finding]:
    known = getattr(description.declared, reference.section)
    if reference.name in known:
        return
    about = ((reference.section, reference.name),)
    if description.is_switched_off(reference.section, reference.name):
        profiles = getattr(description.everything, reference.section)[reference.name].profiles
        yield Finding(
            path,
            f"{reference} leads to a part that this stack's profiles switch off",
            fix=f"add one of {listing(profiles)} to slipway:profiles, or give both the same profiles",
            about=about,
        )
        return
    likely = nearest(reference.name, known)
    yield Finding(
        path,
        f"{reference} leads nowhere: {reference.section} has no '{reference.name}'",
        allowed=listing(known),
        nearest=None if likely is None else str(Reference(reference.section, likely, reference.attribute)),
        about=about,
    )


CHECKS: Final = (
    references_are_well_formed,
    references_lead_somewhere,
    ports_that_are_referred_to_exist,
    secrets_stay_private,
    references_stand_where_they_work,
    secret_env_names_secrets,
)
