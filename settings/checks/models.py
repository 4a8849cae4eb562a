"""Model servers: who may ask them, which GPUs they get, and where their models come from."""

from __future__ import annotations

import ipaddress
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Final

from settings.parts import parts
from settings.paths import dotted
from settings.problems import Finding, listing, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings.description import Description


def model_routes_have_a_key(description: Description) -> Iterator[Finding]:
    """A model server answers anybody, and lets anybody pull and delete models: the gateway must ask."""
    servers = description.declared.model_servers
    for path, route in description.routes():
        open_ones = [name for name in route.services if name in servers]
        if open_ones and not (route.api_key or route.basic_auth or route.auth):
            yield Finding(
                path,
                f"model_servers.{open_ones[0]} asks nobody who they are: whoever reaches this route could use it, and"
                " delete its models",
                allowed="a route with api_key, basic_auth or auth",
                fix="add api_key: NAME, under secrets: NAME: {}, and give it a value: slipway config set --secret NAME",
            )


def keys_and_passwords_stand_apart(description: Description) -> Iterator[Finding]:
    """A password comes in the same header as a key, so that a request could not bring both."""
    for path, route in description.routes():
        if route.api_key and route.basic_auth:
            yield Finding((*path, "api_key"), "comes in the header that basic_auth reads too", fix="remove one of them")


def model_servers_stay_private(description: Description) -> Iterator[Finding]:
    """A published port has no gateway that asks for a key."""
    for name, server in description.declared.model_servers.items():
        for index, port in enumerate(server.publish):
            if not _is_loopback(port.address):
                yield Finding(
                    ("model_servers", name, "publish", index),
                    f"a model server asks nobody who they are, and {port.address} is not this machine alone",
                    allowed="addresses of this machine alone, such as 127.0.0.1",
                    fix="lead to it by a route with api_key",
                )


def gpus_fit_the_replicas(description: Description) -> Iterator[Finding]:
    """A list of GPUs has one entry a replica."""
    for name, server in description.declared.model_servers.items():
        if isinstance(server.gpus, list) and len(server.gpus) != server.replicas:
            yield Finding(
                ("model_servers", name, "gpus"),
                f"{len(server.gpus)} entries for {server.replicas} replica{'s' if server.replicas > 1 else ''}",
                allowed="one entry for each replica, or one text for all of them",
                about=(("model_servers", name, "replicas"),),
            )


def replicas_have_room(description: Description) -> Iterator[Finding]:
    """A fixed name, a port of the host and a name on the network are there once."""
    taken = {part.name: part.path for part in parts(description.declared)}
    for name, server in description.declared.model_servers.items():
        for field in ("container_name", "publish"):
            if server.replicas > 1 and getattr(server, field):
                yield Finding(
                    ("model_servers", name, field),
                    f"{server.replicas} replicas can't share it",
                    fix=f"remove {field}, or set replicas: 1",
                )
        for own in (f"{name}-models", *(f"{name}-{replica}" for replica in range(server.replicas))):
            if own in taken:
                yield Finding(
                    taken[own],
                    f"'{own}' is how a container of model_servers.{name} is found",
                    fix="choose another name",
                )


def pulled_models_have_a_way_in(description: Description) -> Iterator[Finding]:
    """The registry of models is on the internet."""
    ways_out = description.open_networks()
    for name, server in description.platform.model_servers.items():
        if server.pulls and not ways_out.intersection(server.networks or ()):
            yield Finding(
                ("model_servers", name, "networks"),
                f"{server.pulls[0]} is pulled from the internet, which internal networks do not reach",
                allowed=listing(ways_out, "no network that is not internal is declared"),
                fix="add a network without internal: true to networks, or say file: for each model",
                about=(("networks",),),
            )


def origins_of_models_exist(description: Description) -> Iterator[Finding]:
    """A model that another one is made from is declared, so that it is there first."""
    for name, server in description.declared.model_servers.items():
        path = ("model_servers", name, "models")
        for model, served in server.models.items():
            if served.from_ is not None and served.from_ not in server.models:
                yield Finding(
                    (*path, model, "from"),
                    f"this server has no model '{served.from_}'",
                    allowed=listing(server.models),
                    nearest=nearest(served.from_, server.models),
                    fix=f"add under {dotted(path)}: {served.from_}: {{}}",
                )
        made_from = {model: [served.from_] for model, served in server.models.items() if served.from_}
        try:
            TopologicalSorter(made_from).prepare()
        except CycleError as error:
            yield Finding(
                path, "models are made from each other: " + " <- ".join(error.args[1]), fix="break the circle"
            )


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


CHECKS: Final = (
    model_routes_have_a_key,
    keys_and_passwords_stand_apart,
    model_servers_stay_private,
    gpus_fit_the_replicas,
    replicas_have_room,
    pulled_models_have_a_way_in,
    origins_of_models_exist,
)
