"""What every part of the description shares: frozen, no unknown keys, names that work as DNS labels."""

from __future__ import annotations

from typing import Annotated, Final

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


NAME_PATTERN: Final = r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
"""Name of a part of the platform: a DNS label, since containers find each other by it."""
AliasName = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9_-]{0,61}[a-z0-9])?$")]
"""A further name on a network. Underscores are taken, since Docker resolves them and Compose files are full of them."""
SecretName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""Name of a secret: a flat configuration key and a file name."""
EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""Name of an environment variable."""
AbsolutePath = Annotated[str, Field(pattern=r"^/[^:]*$")]
"""An absolute path inside a container (no colon: Docker's mount syntax ends a path there)."""

NAME_PATTERNS: Final = {
    NAME_PATTERN: "lower-case letters, digits, hyphens, a letter first, at most 40 characters",
    r"^[a-z][a-z0-9_]{0,62}$": "lower-case letters, digits, underscores, a letter first, at most 63 characters",
    r"^[a-z]([a-z0-9_-]{0,61}[a-z0-9])?$": "lower-case letters, digits, hyphens, underscores, a letter first",
    r"^[a-z_][a-z0-9_]{0,62}$": "lower-case letters, digits, underscores, at most 63 characters",
    r"^[A-Za-z_][A-Za-z0-9_]*$": "letters, digits and underscores, no digit first",
    r"^/[^:]*$": "an absolute path without a colon",
    r"^SIG[A-Z0-9]+$": "a signal such as SIGTERM",
    r"^[A-Z_]+$": "upper-case letters and underscores, such as NET_RAW",
    r"^(all|\d+|device=[\w,-]+)$": "all, a count such as 1, or device=0,1",
    r"^\d+(:\d+)?$|^image$": "numeric uid or uid:gid such as 10001:10001, or image",
    r"^\d+\.\d+\.\d+\.\d+/\d+$": "an IPv4 range such as 172.28.0.0/16",
    r"^\d+\.\d+\.\d+\.\d+$": "an IPv4 address such as 172.28.0.1",
    r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$": "a host name or an IPv4 address, such as db.example.org",
    r"^[a-zA-Z0-9][a-zA-Z0-9_.-]+$": "letters, digits, '_', '.' and '-', at least two characters",
    r"""^/[^\s{};"']*$""": "a path that starts with '/', without spaces, quotes, braces and semicolons",
    r"^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$": (
        "a host name in lower case, such as app.example.org or *.example.org"
    ),
    r"""^/[^\s{};"'$]*$""": "a path that starts with '/', without spaces, quotes, braces, semicolons and '$'",
    r"""^(https?://|/)[^\s{};"'$]*$""": "an http(s) address, or a path that starts with '/'",
    r"""^[^\s{};"'$/]+$""": "a file name, without spaces, quotes, braces, semicolons, slashes and '$'",
    r"^[A-Za-z][A-Za-z0-9-]*$": "the name of a header, such as X-Api-Key",
    r"""^[^\x00-\x1f$]*$""": "one line of text without '$', which nginx would read as a variable",
    r"^[^\s@]+@[^\s@]+$": "an e-mail address",
    r"^https?://[^\s/]+$": "an http(s) address without a path",
    r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$": "the name of a bucket: lower-case letters, digits, '.' and '-'",
    r"^[\w.-]+(/[\w.-]+)*$": "a path without a leading slash, of letters, digits, '_', '.' and '-'",
    r"^(letsencrypt|letsencrypt-staging|https://\S+)$": "letsencrypt, letsencrypt-staging, or an https address",
    r"^[^$]*$": "text without '$', which nginx would read as a variable",
    r"^[\w.@-]+$": "letters, digits, '_', '.', '@' and '-'",
    r"^[a-z_.]+$": "the name of a setting in lower case, such as max_connections or storage.on_disk_payload",
    r"^[a-z_]+$": "the name of a parameter in lower case, such as temperature",
    r"^OLLAMA_[A-Z_]+$": "a variable of Ollama, such as OLLAMA_FLASH_ATTENTION",
    r"^(none|all|\d+|device=[\w,-]+)$": "none, all, a count such as 1, or device=0,1",
    r"^[A-Za-z0-9][\w.-]*(/[\w.-]+)*(:[\w.-]+)?$": "the name of a model, such as llama3.2:1b or acme/helper",
    r"^[\w.-]+:\d+$": "host:port, such as smtp.example.org:587",
    r"^[A-Z][A-Za-z]+$": "the name of an alert, such as ServiceErrors",
    r"^GF_[A-Z0-9_]+$": "one of Grafana's environment variables, such as GF_LOG_LEVEL",
    r"^[a-z0-9-]+$": "the name of an option of a log driver, such as syslog-address",
    r"^[a-z-]+$": "the name of a directive of redis.conf",
    r"^\w[\w.-]{0,127}$": "letters, digits, '_', '.' and '-', no '.' or '-' first, at most 128 characters",
    r"^[\w.-]+\.(sql|sh)$": "a file name that ends in .sql or .sh",
}
"""What each pattern of the models asks for, in words; a test holds it complete."""
