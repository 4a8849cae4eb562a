"""Every secret that is used is declared, there, and no placeholder; none stands in plain text.

No finding shows a value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from settings.checks.database_tls import database_tls_secrets
from settings.checks.monitoring import monitoring_secrets
from settings.checks.routes import gateway_secrets
from settings.model import SecretSource
from settings.problems import Finding, listing, nearest
from settings.redaction import TOKEN, known_values
from settings.source import SECRET_PRESENT, is_encrypted, stack_file, stack_key
from settings.texts import plain_texts, references_in, templates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings.description import Description
    from settings.paths import Path

_PLACEHOLDER: Final = re.compile(
    r"""\s*(
        | change[-_ ]?(me|this|it)\W*.*          # changeme, CHANGE_ME!, change-this-in-production
        | (your|my|the)[-_ ].*                   # your-api-key-here
        | .*[-_ ](here|goes[-_ ]here)            # put-it-here
        | <.*> | \[.*\] | \{\{.*\}\} | \$\{.*\}  # <api key>, ${KEY}
        | (.)\5{2,}                              # xxx, ***, 000
        | (sk|pk|ghp|api|key)[-_](x+|\.+|…|\*+|your.*|proj-?\.*|ant-?\.*|test|example.*)?  # sk-..., sk-xxx
        | \.{3,} | …
        | password\d* | passw0rd | secret\d* | admin | root | test | todo | tbd | fixme | none | null | undefined
        | example | dummy | placeholder | default | postgres | redis | letmein | qwerty | insert[-_ ].* | replace[-_ ].*
        | 1234\d* | foo | bar | foobar | enter[-_ ].* | set[-_ ]me.*
    )\s*""",
    re.IGNORECASE | re.VERBOSE,
)


def secrets_are_declared(description: Description) -> Iterator[Finding]:
    """A secret's origin is stated once, under ``secrets``."""
    known = description.declared.secrets
    for path, workload, _ in description.workloads():
        for index, use in enumerate(workload.secrets):
            if use.name not in known:
                yield Finding(
                    (*path, "secrets", index),
                    f"the secret '{use.name}' is not declared",
                    allowed=listing(known),
                    nearest=nearest(use.name, known),
                    fix=f"add under secrets: {use.name}: {{}}",
                    about=(("secrets", use.name),),
                )


def used_secrets_are_there(description: Description) -> Iterator[Finding]:
    """Each secret that a part uses has a value, and a real one."""
    look_up = description.source.secret_lookup
    for name in sorted(_used(description)):
        secret = description.declared.secrets.get(name)
        if secret is None or secret.source is not SecretSource.CONFIG:
            continue
        value = look_up(name)
        hint = f" ({secret.description})" if secret.description else ""
        if value is None:
            yield Finding(("secrets", name), f"has no value in this stack{hint}", fix=_set_command(description, name))
        elif value != SECRET_PRESENT and is_placeholder(value):
            yield Finding(
                ("secrets", name), f"holds a placeholder, not a real value{hint}", fix=_set_command(description, name)
            )


def generated_secrets_have_one_source(description: Description) -> Iterator[Finding]:
    """A generated secret that also has a value would leave open which of the two is meant."""
    for name, secret in description.declared.secrets.items():
        if secret.source is SecretSource.GENERATED and description.source.secret_lookup(name) is not None:
            yield Finding(
                ("secrets", name),
                "is generated, but the stack's configuration holds a value too: which one is meant is not clear",
                fix=f"pulumi config rm --stack {description.source.stack} {name}, or write source: config",
            )


def stored_secrets_are_encrypted(description: Description) -> Iterator[Finding]:
    """``pulumi config set`` without ``--secret`` writes the value into a file that is committed."""
    if description.stack_config is None:
        return
    for name, secret in description.declared.secrets.items():
        node = stack_key(description.stack_config, description.source.project, name)
        if node is not None and not is_encrypted(node) and secret.source is SecretSource.CONFIG:
            yield Finding(
                ("secrets", name),
                f"stands in plain text in {stack_file(description.source.stack)}",
                fix=_set_command(description, name)
                + "; then change it where it is valid, if the file was ever committed",
                at=node.origin,
            )


def no_secret_stands_in_plain_text(description: Description) -> Iterator[Finding]:
    """A text that holds a secret's value, or what can only be a key, belongs into a secret."""
    configured = [name for name, secret in description.declared.secrets.items() if secret.source is SecretSource.CONFIG]
    values = known_values(configured, description.source.secret_lookup)
    for path, text in _texts(description):
        held = next((name for name, value in values.items() if value in text), None)
        if held is not None:
            yield Finding(path, f"holds the value of the secret '{held}'", fix=f"write ${{secrets.{held}}} instead")
        elif TOKEN.search(text):
            yield Finding(
                path,
                "holds what looks like a key in plain text",
                fix="declare a secret, write ${secrets.NAME} here, and change the key where it is valid",
            )


def is_placeholder(value: str) -> bool:
    """Whether a secret's value is one that people write until they have a real one."""
    return _PLACEHOLDER.fullmatch(value) is not None


def _used(description: Description) -> set[str]:
    used: set[str] = set()
    for _, workload, _ in description.workloads():
        used.update(use.name for use in workload.secrets)
        used.update(reference.name for reference in references_in(workload) if reference.section == "secrets")
    used.update(name for _, name in gateway_secrets(description.declared.gateway))
    if description.declared.backups is not None:
        used.update(description.declared.backups.secrets().values())
    used.update(name for _, name in monitoring_secrets(description.declared.monitoring))
    databases = description.declared.databases.values()
    used.update(database.external.password for database in databases if database.external is not None)
    used.update(name for database in databases for _, name in database_tls_secrets(database))
    return used


def _texts(description: Description) -> Iterator[tuple[Path, str]]:
    for path, workload, _ in description.workloads():
        for place, text in (*templates(workload), *plain_texts(workload)):
            yield (*path, *place), text


def _set_command(description: Description, name: str) -> str:
    return f"slipway config set --stack {description.source.stack} --secret {name}"


CHECKS: Final = (
    secrets_are_declared,
    used_secrets_are_there,
    generated_secrets_have_one_source,
    stored_secrets_are_encrypted,
    no_secret_stands_in_plain_text,
)
