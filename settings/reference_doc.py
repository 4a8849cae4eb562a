"""The reference of all settings as Markdown, made from the models, so that it can't differ from them."""

from __future__ import annotations

import inspect
import json
import re
import typing
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from settings import model as models
from settings.annotations import Unit, annotation_of, bare, item_of, unit_of, written_name
from settings.examples import EXAMPLES
from settings.references import REFERENCE_ATTRIBUTES
from settings.rendering import default_as_written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

REFERENCE_FILE: Final = "docs/settings.md"
_SECTIONS: Final[tuple[tuple[str, str, type[BaseModel]], ...]] = (
    ("The platform", "the top of a blueprint", models.Platform),
    ("Images", "`images`", models.Images),
    ("The host", "`host`", models.Host),
    ("Networks", "`networks.<name>`", models.Network),
    ("Volumes", "`volumes.<name>`", models.Volume),
    ("Secrets", "`secrets.<name>`", models.Secret),
    ("Databases", "`databases.<name>`", models.Database),
    ("Encrypted databases", "`databases.<name>.tls`", models.DatabaseTls),
    ("External databases", "`databases.<name>.external`", models.ExternalDatabase),
    ("Caches", "`caches.<name>`", models.Cache),
    ("Vector stores", "`vector_stores.<name>`", models.VectorStore),
    ("Model servers", "`model_servers.<name>`", models.ModelServer),
    ("Models", "`model_servers.<name>.models.<name>`", models.ServedModel),
    ("Services, workers and jobs", "`services.<name>`, `workers.<name>`, `jobs.<name>`", models.Workload),
    ("Only services", "`services.<name>`", models.Service),
    ("Release strategies", "`services.<name>.release`", models.Release),
    ("Only jobs", "`jobs.<name>`", models.Job),
    ("Builds", "`….build`", models.Build),
    ("Health checks", "`….health`", models.Health),
    ("Secrets of a workload", "`….secrets[]`", models.SecretUse),
    ("Volume mounts", "`….volumes[]`", models.VolumeMount),
    ("Bind mounts", "`….binds[]`", models.BindMount),
    ("Published ports", "`….publish[]`", models.Publish),
    ("Kernel limits", "`….ulimits.<name>`", models.Ulimit),
    ("Logs", "`….logs`", models.Logs),
    ("Metrics", "`….metrics`", models.Metrics),
    ("The gateway", "`gateway`", models.Gateway),
    ("Routes", "`gateway.routes[]`", models.Route),
    ("Redirects", "`gateway.routes[].redirect`", models.Redirect),
    ("Fixed answers", "`gateway.routes[].answer`", models.Answer),
    ("Static files", "`gateway.routes[].files`", models.StaticFiles),
    ("Limits of requests", "`gateway.routes[].rate`", models.Rate),
    ("Passwords", "`gateway.routes[].basic_auth`", models.BasicAuth),
    ("Asking a service", "`gateway.routes[].auth`", models.SubrequestAuth),
    ("HTTPS", "`gateway.tls`", models.Tls),
    ("Certificates", "`gateway.tls.certificates[]`", models.Certificate),
    ("Certificates by ACME", "`gateway.tls.acme`", models.Acme),
    ("Pass-through", "`gateway.tcp.<name>`", models.TcpRoute),
    ("Backups", "`backups`", models.Backups),
    ("Which backups stay", "`backups.keep`", models.BackupKeep),
    ("Point in time", "`backups.point_in_time`", models.PointInTime),
    ("Where backups are kept", "`backups.destinations.<name>`", models.BackupDestination),
    ("Who is told of a backup", "`backups.webhook`", models.BackupWebhook),
    ("Monitoring", "`monitoring`", models.Monitoring),
    ("Alerts", "`monitoring.alerts`", models.Alerts),
    ("Receivers of alerts", "`monitoring.receivers.<name>`", models.Receiver),
    ("Mail", "`monitoring.receivers.<name>.email`", models.Email),
    ("Alertmanager", "`monitoring.alertmanager`", models.Alertmanager),
    ("Grafana", "`monitoring.grafana`", models.Grafana),
)
_UNIT_EXAMPLES: Final = {Unit.MEMORY: "256MiB", Unit.DURATION: "90s", Unit.CPUS: 0.5}
_BARE: Final = re.compile(r"[\w./][^{}\[\],:#\"'\n$`|]*")
_MEANINGS: Final = {
    "host": "the name under which it is reached",
    "port": "its port",
    "database": "the database's name",
    "user": "the role that owns it",
    "password": "its password",
    "grpc_port": "its port for gRPC",
    "api_key": "the key that its clients bring",
    "openai_url": "where it speaks OpenAI's API",
    "url": "its address, with user and password where it asks for them",
    "url_without_password": "the same without the password",
    "ca_file": "with `tls`: the file with the certificate by which it is known, put where this is written",
}
_HEAD: Final = """\
<!-- Written by `make docs` from the models in settings/model. Do not edit: change the docstrings there. -->
# Settings

Everything that a blueprint (`blueprints/<name>.yaml`) can say. Editors complete and check it by `docs/schema.json`,
which the first line of each blueprint names. `slipway config --stack S` shows what a stack's description comes to, and
where each value was written.

## Layers

Lowest first; each says only what differs from the one below:

1. the defaults in the tables here;
2. `.state/machine.yaml`: what this machine found out, such as the family of images that it can have;
3. the blueprint;
4. its `environments.<name>` (`slipway:environment`; where that is not set, the environment of the stack's name, if
   there is one);
5. its `profiles.<name>`, for each profile that the stack switches on (`slipway:profiles`), in the blueprint's order;
6. `slipway:overrides` in `Pulumi.<stack>.yaml`.

Maps merge deeply, lists replace, `null` removes. A default applies where no layer says anything: a map of your own
stands in the place of a default map, and is not merged with it. Parts with `profiles` exist only in stacks that switch
one of them on (`slipway:profiles`). Keys at the top of a blueprint that start with `x-` are ignored: places for YAML
anchors.

## References

In `env`, `files`, `command` and `entrypoint`, `${…}` stands for something of the platform. A reference to a part
implies that the part is there first (`needs`) and that both share a network. `$${` writes a literal `${`.

"""


def render() -> str:
    """Return the reference as it stands in ``docs/settings.md``."""
    return _HEAD + "\n".join([*_references(), "", *_units(), *_tables()]).rstrip() + "\n"


def _references() -> Iterator[str]:
    yield "| reference | stands for | secret |"
    yield "|---|---|---|"
    for section, attributes in REFERENCE_ATTRIBUTES.items():
        for attribute, is_secret in attributes.items():
            if section == "secrets":
                form, what = "${secrets.NAME}", "the secret's value"
            elif section in {"platform", "stack", "environment"}:
                form, what = f"${{{section}.{attribute}}}", f"the {section}'s {attribute}"
            else:
                form, what = f"${{{section}.NAME.{attribute}}}", _MEANINGS[attribute]
            yield f"| `{form}` | {what} | {'yes' if is_secret else ''} |"
    yield ""
    yield "A secret one can stand in `env` and `files` only. In `env` the value is written to a file, and `<NAME>_FILE`"
    yield "names it; with the name in `secret_env` it stands in the environment itself."


def _units() -> Iterator[str]:
    yield "## Units"
    yield ""
    yield "| kind | written as |"
    yield "|---|---|"
    yield "| size | a number and `KiB`, `MiB`, `GiB`, `TiB` (`KB`, `MB`, … of 1000): `512MiB`; rounded up to MiB |"
    yield "| duration | `500ms`, `90s`, `5m`, `1h30m`, `2d` |"
    yield "| CPUs | `0.5`, `2`, `500m`; at least 0.1 |"
    yield ""


def _tables() -> Iterator[str]:
    shared = {name: field.description for name, field in models.Workload.model_fields.items()}
    for title, place, model in _SECTIONS:
        special = issubclass(model, models.Workload) and model is not models.Workload
        fields = {
            name: field
            for name, field in model.model_fields.items()
            if not special or field.description != shared.get(name)
        }
        yield f"## {title}"
        yield ""
        yield f"{place}: {_paragraph(inspect.getdoc(model) or '')}"
        yield ""
        yield "| key | type | default | meaning | example |"
        yield "|---|---|---|---|---|"
        for name, field in fields.items():
            yield _row(model, written_name(name, field), field)
        yield ""


def _row(model: type[BaseModel], key: str, field: FieldInfo) -> str:
    default = default_as_written(field)
    shown = "**required**" if field.is_required() else "" if default is None else f"`{_inline(default)}`"
    example = example_of(model, key, field)
    cells = (
        f"`{key}`",
        kind_of(annotation_of(field)),
        shown,
        _paragraph(field.description or ""),
        "" if example is None else f"`{_inline(example)}`",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def example_of(model: type[BaseModel], key: str, field: FieldInfo) -> Any:
    """Return an example for a key, or ``None`` where its type shows enough."""
    for name in (base.__name__ for base in model.__mro__):
        if key in EXAMPLES.get(name.strip("_"), {}):
            return EXAMPLES[name.strip("_")][key]
    default = default_as_written(field)
    kind = bare(annotation_of(field))
    if kind is bool:
        return not default
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next((choice.value for choice in kind if choice.value != default), default)
    unit = unit_of(annotation_of(field))
    if unit is not None:
        return _UNIT_EXAMPLES[unit]
    return default * 2 if isinstance(default, int) else 8000 if kind is int else None


def kind_of(annotation: Any) -> str:
    """Say in words what is written at a key."""
    inner = bare(annotation)
    container = {list: "list of", dict: "map to"}.get(typing.get_origin(inner))
    if container is not None:
        return f"{container} {kind_of(item_of(annotation))}"
    unit = unit_of(annotation)
    return unit.value if unit is not None else _single(inner)


def _single(kind: type) -> str:
    if issubclass(kind, Enum):
        return " or ".join(f"`{choice.value}`" for choice in kind)
    if issubclass(kind, BaseModel):
        return f"[{_title(kind)}](#{_anchor(_title(kind))})"
    return {bool: "true or false", int: "whole number", float: "number"}.get(kind, "text")


def _title(model: type[BaseModel]) -> str:
    if issubclass(model, models.Workload):
        return "Services, workers and jobs"
    return next(title for title, _, listed in _SECTIONS if listed is model)


def _anchor(title: str) -> str:
    return title.lower().replace(",", "").replace(" ", "-")


def _paragraph(text: str) -> str:
    return " ".join(text.replace("``", "`").split())


def _inline(value: Any) -> str:
    """Write a value as YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(item) for item in value) + "]"
    if (
        isinstance(value, str)
        and value
        and not set(value) & set("{}[],:#\"'\n$")
        and not value.replace(".", "").isdigit()
    ):
        return value
    return json.dumps(value, ensure_ascii=False)
