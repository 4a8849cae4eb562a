"""How a container is asked whether it is well."""
# ruff: noqa: TC001 - pydantic needs the names of annotations when it runs

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from settings.model.base import Model
from settings.units import Port, Seconds


class Health(Model):
    """How Docker asks a container whether it is well: exactly one of ``path``, ``tcp``, ``command``, ``image``."""

    path: str | None = None
    """HTTP: GET this path on ``port``; any 2xx or 3xx answer is healthy. The image needs curl, wget or python3."""
    tcp: Port | None = None
    """TCP: a connection to this port is accepted. The image needs nc, bash or python3."""
    command: list[str] | None = None
    """A command inside the container, as a list; exit code 0 is healthy."""
    image: bool = False
    """Use the health check that the image itself declares."""
    port: Port | None = None
    """Port for ``path``. Default: the service's port."""
    interval_s: Seconds = Field(default=5.0, alias="interval")
    """Time between two probes, and before the first: the least time that a deployment waits."""
    timeout_s: Seconds = Field(default=3.0, alias="timeout")
    """Time after which a probe counts as failed."""
    retries: int = Field(default=3, ge=1)
    """Failed probes in a row that make it unhealthy."""
    start_period_s: Seconds = Field(default=30.0, alias="start_period")
    """Time at the start in which failed probes do not count; one that succeeds ends it at once."""
    wait_s: Seconds = Field(default=60.0, alias="wait")
    """The longest that a deployment waits for health."""

    @model_validator(mode="after")
    def _exactly_one_probe(self) -> Self:
        if sum((self.path is not None, self.tcp is not None, self.command is not None, self.image)) != 1:
            raise ValueError("exactly one of path, tcp, command, image is needed")
        return self
