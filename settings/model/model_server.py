"""Model servers: language models on the platform's own machine."""
# ruff: noqa: RUF012, TC001 - pydantic copies mutable defaults, and needs the names of annotations when it runs

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, model_validator

from settings.model.base import Model
from settings.model.stores import Store
from settings.model.text import PlainText, scalar_text
from settings.units import Cpus, MemoryMiB, Seconds

GPUS_PATTERN: Final = r"^(none|all|\d+|device=[\w,-]+)$"
Gpus = Annotated[str, BeforeValidator(scalar_text, json_schema_input_type=str | int), Field(pattern=GPUS_PATTERN)]
"""``none``, ``all``, a count, or ``device=0,1``."""
ModelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*(/[\w.-]+)*(:[\w.-]+)?$")]
"""Name of a model as its clients write it."""


class ModelServerEngine(StrEnum):
    """Which server runs the models."""

    OLLAMA = "ollama"


class Ready(StrEnum):
    """What makes a model server ready."""

    SERVER = "server"
    MODELS = "models"


class ServedModel(Model):
    """A model that is there: pulled, or created from another one, from a file, or from a Modelfile."""

    pull: ModelName | None = None
    """What is pulled from the registry of models. Default: the name itself, where nothing else is said."""
    from_: ModelName | None = Field(default=None, alias="from")
    """Another model of this server that it is made from, with ``system``, ``template`` or ``parameters`` of its own."""
    file: str | None = None
    """A GGUF file that it is made from: relative to the project (at most 5 MiB), or an absolute path on the Docker
    host."""
    modelfile: str | None = None
    """An Ollama Modelfile of the project that it is made from; a file that it names stands beside it."""
    system: PlainText | None = None
    """Its system prompt."""
    template: PlainText | None = None
    """Its prompt template, in Go's notation."""
    parameters: dict[Annotated[str, Field(pattern=r"^[a-z_]+$")], Any] = {}
    """Its parameters, such as ``temperature: 0.2``; a list for ``stop``."""
    warm: bool = False
    """Whether it is loaded at the start and stays in memory."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        origins = [name for name in ("pull", "from_", "file", "modelfile") if getattr(self, name) is not None]
        if len(origins) > 1:
            raise ValueError("at most one of pull, from, file, modelfile says where it comes from")
        own = [name for name in ("system", "template", "parameters") if getattr(self, name)]
        if own and origins[:1] not in (["from_"], ["file"]):
            raise ValueError("system, template and parameters go with from or file; a Modelfile says its own")
        return self


class ModelServer(Store):
    """A server of language models; Ollama's API and OpenAI's (below ``/v1/``) on port 11434.

    It asks nobody who they are: from outside it is reached by a route with a key (``api_key``).
    """

    engine: ModelServerEngine = ModelServerEngine.OLLAMA
    """Which server it is."""
    models: dict[ModelName, ServedModel] = {}
    """The models that are there, by name. What is not listed can be pulled by hand, and stays."""
    ready: Ready = Ready.SERVER
    """``server``: the models are fetched while everything else starts. ``models``: what needs it waits for all of
    them, and a model that can't be had fails the deployment."""
    models_timeout_s: Seconds = Field(default=1800.0, alias="models_timeout")
    """The longest that a deployment waits for the models with ``ready: models``."""
    gpus: Gpus | list[Gpus] = "none"
    """``none`` (CPU), ``all``, a count, or ``device=0,1``, for each replica; or a list with one entry a replica. A
    machine without is refused: nothing falls back to the CPU unless ``none`` says so."""
    replicas: int = Field(default=1, ge=1, le=16)
    """How many servers share the models; each holds its own copy in memory."""
    memory_mib: MemoryMiB = Field(default=4096, alias="memory")
    """Memory limit of each replica: on the CPU the models that are loaded at a time must fit into it."""
    cpus: Cpus = 2.0
    """CPU limit of each replica."""
    parallel: int | None = Field(default=None, ge=1, le=256)
    """Requests that one model answers at a time. Default: Ollama chooses 4 or 1 by the memory."""
    max_loaded: int | None = Field(default=None, ge=1, le=64)
    """Models in memory at a time. Default: Ollama's, 3 a GPU or 3 on the CPU."""
    max_queue: int = Field(default=512, ge=1)
    """Requests that wait; what is beyond them gets 503."""
    keep_alive_s: Seconds = Field(default=300.0, alias="keep_alive")
    """How long a model that nobody asks stays in memory, unless it is ``warm``."""
    context: int | None = Field(default=None, ge=256)
    """Tokens of context, where a request does not say. Default: Ollama's, 4096."""
    settings: dict[Annotated[str, Field(pattern=r"^OLLAMA_[A-Z_]+$")], PlainText] = {}
    """Further variables of Ollama, such as ``OLLAMA_FLASH_ATTENTION: 1``."""
    keeper_image: str | None = None
    """Image of the container that fetches the models and tells of them. Default: the catalogue's ``models``."""

    @property
    def pulls(self) -> list[str]:
        """The models that are pulled from the registry."""
        return [name for name, model in self.models.items() if not (model.from_ or model.file or model.modelfile)]

    def gpus_of(self, replica: int) -> str | None:
        """Return what a replica gets: None for the CPU."""
        own = self.gpus if isinstance(self.gpus, str) else self.gpus[replica % len(self.gpus)]
        return None if own == "none" else own
