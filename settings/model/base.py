"""What every part of the description shares: frozen, no unknown keys, names that work as DNS labels."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """A frozen part of the description; unknown keys are refused and rejected values never printed."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        validate_default=False,
        ser_json_inf_nan="strings",
    )


Name = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$")]
"""Name of a part of the platform: a DNS label, since containers find each other by it."""
SecretName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""Name of a secret: a flat configuration key and a file name."""
EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""Name of an environment variable."""
AbsolutePath = Annotated[str, Field(pattern=r"^/[^:]*$")]
"""An absolute path inside a container (no colon: Docker's mount syntax ends a path there)."""
