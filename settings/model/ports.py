"""Ports of the host, with their short forms."""
# ruff: noqa: TC001 - pydantic needs the names of annotations when it runs

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

from settings.model.base import Model
from settings.units import Port

_SHORT: Final = re.compile(
    r"(?:(?P<address>\[[0-9a-fA-F:.]+\]|(?!\d+:)[^:\[\]/]+):)?(?P<host_port>\d+)(?::(?P<port>\d+))?(?:/(?P<protocol>\w+))?"
)


class Protocol(StrEnum):
    """Transport of a published port."""

    TCP = "tcp"
    UDP = "udp"


class Publish(Model):
    """A port of the host that leads to a container. Short form: ``[address:]host_port[:port][/udp]``."""

    port: Port
    """Port inside the container."""
    host_port: Port
    """Port on the host."""
    address: str = "127.0.0.1"
    """Address of the host to listen on. ``0.0.0.0`` opens it to every network that the host is on."""
    protocol: Protocol = Protocol.TCP
    """``tcp`` or ``udp``."""


def publish_form(value: object, port: int | None = None) -> object:
    """Read the short forms ``8080``, ``8080:80``, ``127.0.0.1:8080:80``, ``[::1]:8080`` and ``…/udp``.

    Args:
        value: The short form, or anything else, which is returned as it is.
        port: Port inside the container where the short form says none. Default: the host's.

    Raises:
        ValueError: It is a text of none of these forms.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return {"host_port": value, "port": port or value}
    if not isinstance(value, str):
        return value
    match = _SHORT.fullmatch(value.strip())
    if match is None:
        raise ValueError("the form is [address:]host_port[:port][/udp], such as 127.0.0.1:8080:80")
    host_port = int(match["host_port"])
    spec: dict[str, Any] = {"host_port": host_port, "port": int(match["port"] or port or host_port)}
    if match["address"]:
        spec["address"] = match["address"].strip("[]")
    if match["protocol"]:
        spec["protocol"] = match["protocol"]
    return spec


PublishForm = Annotated[Publish, BeforeValidator(publish_form, json_schema_input_type=Publish | str | int)]
"""``[address:]host_port[:port][/udp]``, or the whole form."""
