"""What shall be there: read once, from a file that never changes while this runs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILE = Path("/etc/models/models.json")


@dataclass(frozen=True)
class Model:
    """A model that shall be there."""

    name: str
    """Its name, as clients write it."""
    pull: str | None = None
    """What is pulled, if it is not the name itself."""
    base: str | None = None
    """The model that it is made from."""
    file: Path | None = None
    """The GGUF file that it is made from."""
    system: str | None = None
    template: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    warm: bool = False
    """Whether it stays in memory."""

    @property
    def is_made(self) -> bool:
        """Whether it is created here, and not pulled."""
        return self.base is not None or self.file is not None


@dataclass(frozen=True)
class Config:
    """What the keeper works with."""

    servers: tuple[str, ...]
    """The replicas' addresses; they share one folder of models."""
    port: int
    """Where it tells of the models."""
    models: tuple[Model, ...]
    """In the order in which they can be fetched: each after the one that it is made from."""


def read(file: Path = FILE) -> Config:
    """Read the file."""
    content = json.loads(file.read_text(encoding="utf-8"))
    models = {item["name"]: _model(item) for item in content["models"]}
    return Config(tuple(content["servers"]), int(content["port"]), tuple(_ordered(models)))


def full_name(name: str) -> str:
    """Return a name as the server lists it: with its tag."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def _model(item: dict[str, Any]) -> Model:
    return Model(
        name=item["name"],
        pull=item.get("pull"),
        base=item.get("from"),
        file=Path(item["file"]) if "file" in item else None,
        system=item.get("system"),
        template=item.get("template"),
        parameters=item.get("parameters", {}),
        warm=item.get("warm", False),
    )


def _ordered(models: dict[str, Model]) -> list[Model]:
    """Sort models, each after its base; whoever wrote the file has made sure that there is no circle."""
    ordered: dict[str, Model] = {}

    def add(model: Model) -> None:
        if model.base in models:
            add(models[model.base])
        ordered[model.name] = model

    for model in models.values():
        add(model)
    return list(ordered.values())
