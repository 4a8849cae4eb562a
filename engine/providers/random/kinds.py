"""The types of the ``random`` package: their properties, their limits, and how each value comes about."""

from __future__ import annotations

import base64
import secrets
import uuid
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from engine.provider import UNKNOWN, CheckFailure, Properties, ProviderError
from engine.providers.random.generate import (
    TextRules,
    bcrypt_hash,
    bytes_forms,
    id_forms,
    random_integer,
    random_text,
    random_uuid,
)
from engine.providers.schema import Field, ResourceSchema, flag, integer, output, text, text_map

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEEPERS: dict[str, Field] = {"keepers": text_map()}


class RandomKind(ABC):
    """One type of the package. Every input replaces; nothing is ever looked up again."""

    schema: ClassVar[ResourceSchema]
    strict_keepers: ClassVar[bool] = False
    """Whether even keepers that are all null replace."""

    def failures(self, inputs: Mapping[str, Any]) -> list[CheckFailure]:
        """Return what is wrong with inputs whose types are right."""
        del inputs
        return []

    def settled(self, inputs: Properties) -> Properties:
        """Return the inputs with the values of those that were left out."""
        return dict(inputs)

    @abstractmethod
    def generate(self, settled: Properties) -> tuple[str, Properties]:
        """Return the resource id and the generated outputs."""

    def imported(self, resource_id: str) -> Properties:
        """Return the outputs of a resource that is adopted by its id."""
        del resource_id
        raise ProviderError(f"the embedded engine can't import a {self.schema.token}; import it with the Pulumi CLI")


_TEXT_FIELDS: dict[str, Field] = {
    **_KEEPERS,
    "length": integer(required=True),
    "special": flag(),
    "upper": flag(),
    "lower": flag(),
    "number": flag(),
    "numeric": flag(),
    "minNumeric": integer(),
    "minUpper": integer(),
    "minLower": integer(),
    "minSpecial": integer(),
    "overrideSpecial": text(),
}
_MINIMA = ("minNumeric", "minUpper", "minLower", "minSpecial")


class RandomText(RandomKind):
    """What RandomPassword and RandomString share."""

    def failures(self, inputs: Mapping[str, Any]) -> list[CheckFailure]:
        """Refuse impossible lengths and empty character sets."""
        length, minima = inputs.get("length"), [inputs.get(name, 0) for name in _MINIMA]
        known = [value for value in [length, *minima] if isinstance(value, int)]
        result = []
        if isinstance(length, int) and length < 1:
            result.append(CheckFailure("length", "must be at least 1"))
        elif len(known) == len(minima) + 1 and isinstance(length, int) and length < sum(minima):
            result.append(CheckFailure("length", "must be at least the sum of the min… inputs"))
        result += [
            CheckFailure(name, "must not be negative")
            for name in _MINIMA
            if isinstance(inputs.get(name), int) and inputs[name] < 0
        ]
        number, numeric = inputs.get("number"), inputs.get("numeric")
        if isinstance(number, bool) and isinstance(numeric, bool) and number != numeric:
            result.append(CheckFailure("number", "differs from 'numeric'; 'number' is deprecated, use 'numeric' alone"))
        settled = self.settled(dict(inputs))
        if not any(settled[name] for name in ("special", "upper", "lower", "numeric")):
            result.append(CheckFailure("numeric", "at least one of special, upper, lower and numeric must be true"))
        return result

    def settled(self, inputs: Properties) -> Properties:
        """Fill in the defaults; ``number`` and ``numeric`` mirror each other."""
        result = dict(inputs)
        for name in ("special", "upper", "lower"):
            result.setdefault(name, True)
        digits = result.get("numeric", result.get("number", True))
        result["number"] = result["numeric"] = digits
        for name in _MINIMA:
            result.setdefault(name, 0)
        return result

    @staticmethod
    def text(settled: Mapping[str, Any]) -> str:
        """Generate the text."""
        return random_text(
            TextRules(
                length=settled["length"],
                upper=settled["upper"],
                lower=settled["lower"],
                numeric=settled["numeric"],
                special=settled["special"],
                min_upper=settled["minUpper"],
                min_lower=settled["minLower"],
                min_numeric=settled["minNumeric"],
                min_special=settled["minSpecial"],
                override_special=settled.get("overrideSpecial") or "",
            )
        )


class RandomPassword(RandomText):
    """A secret text, and its bcrypt hash."""

    schema = ResourceSchema(
        "random:index/randomPassword:RandomPassword",
        {
            **_TEXT_FIELDS,
            "result": output(text(sensitive=True)),
            "bcryptHash": output(text(sensitive=True)),
            "id": output(text()),
        },
        version=3,
        autoname=False,
    )

    def generate(self, settled: Properties) -> tuple[str, Properties]:
        """Generate the password."""
        result = self.text(settled)
        return "none", {"id": "none", "result": result, "bcryptHash": bcrypt_hash(result)}

    def imported(self, resource_id: str) -> Properties:
        """Adopt a password: the import id is the password itself."""
        generated = {"id": "none", "result": resource_id, "bcryptHash": bcrypt_hash(resource_id)}
        return self.settled({"length": len(resource_id)}) | generated


class RandomString(RandomText):
    """A text that is no secret."""

    schema = ResourceSchema(
        "random:index/randomString:RandomString",
        {**_TEXT_FIELDS, "result": output(text()), "id": output(text())},
        version=2,
        autoname=False,
    )

    def generate(self, settled: Properties) -> tuple[str, Properties]:
        """Generate the text."""
        result = self.text(settled)
        return result, {"id": result, "result": result}

    def imported(self, resource_id: str) -> Properties:
        """Adopt a text."""
        return self.settled({"length": len(resource_id)}) | {"id": resource_id, "result": resource_id}


class RandomId(RandomKind):
    """Random bytes in several spellings, not secret."""

    schema = ResourceSchema(
        "random:index/randomId:RandomId",
        {
            **_KEEPERS,
            "byteLength": integer(required=True),
            "prefix": text(),
            **{name: output(text()) for name in ("b64Std", "b64Url", "dec", "hex", "id")},
        },
        autoname=False,
    )

    def failures(self, inputs: Mapping[str, Any]) -> list[CheckFailure]:
        """Refuse a length below one byte."""
        return _at_least_one("byteLength", inputs)

    def generate(self, settled: Properties) -> tuple[str, Properties]:
        """Generate the id."""
        forms = id_forms(secrets.token_bytes(settled["byteLength"]), settled.get("prefix") or "")
        return forms["id"], dict(forms)

    def imported(self, resource_id: str) -> Properties:
        """Adopt an id, written as ``[prefix,]base64url``."""
        prefix, comma, plain = resource_id.rpartition(",")
        raw = base64.urlsafe_b64decode(plain + "=" * (-len(plain) % 4))
        return {"byteLength": len(raw)} | ({"prefix": prefix} if comma else {}) | id_forms(raw, prefix)


class RandomBytes(RandomKind):
    """Secret random bytes."""

    strict_keepers = True
    schema = ResourceSchema(
        "random:index/randomBytes:RandomBytes",
        {
            **_KEEPERS,
            "length": integer(required=True),
            "base64": output(text(sensitive=True)),
            "hex": output(text(sensitive=True)),
        },
        autoname=False,
    )

    def failures(self, inputs: Mapping[str, Any]) -> list[CheckFailure]:
        """Refuse a length below one byte."""
        return _at_least_one("length", inputs)

    def generate(self, settled: Properties) -> tuple[str, Properties]:
        """Generate the bytes; their base64 text is the resource's id, as in the real provider."""
        forms = bytes_forms(secrets.token_bytes(settled["length"]))
        return forms["base64"], dict(forms)

    def imported(self, resource_id: str) -> Properties:
        """Adopt bytes by their base64 text."""
        raw = base64.b64decode(resource_id)
        return {"length": len(raw)} | bytes_forms(raw)


class RandomInteger(RandomKind):
    """A number within limits."""

    schema = ResourceSchema(
        "random:index/randomInteger:RandomInteger",
        {
            **_KEEPERS,
            "min": integer(required=True),
            "max": integer(required=True),
            "seed": text(),
            "result": output(integer()),
            "id": output(text()),
        },
        autoname=False,
    )

    def failures(self, inputs: Mapping[str, Any]) -> list[CheckFailure]:
        """Refuse limits in the wrong order, and a seed, whose sequence only the real provider has."""
        low, high = inputs.get("min"), inputs.get("max")
        result = []
        if isinstance(low, int) and isinstance(high, int) and low > high:
            result.append(CheckFailure("min", "must not be greater than max"))
        if "seed" in inputs:
            result.append(
                CheckFailure("seed", "the embedded engine has no seeded numbers; use the Pulumi CLI, or no seed")
            )
        return result

    def generate(self, settled: Properties) -> tuple[str, Properties]:
        """Generate the number."""
        number = random_integer(settled["min"], settled["max"])
        return str(number), {"id": str(number), "result": number}


class RandomUuid(RandomKind):
    """A random UUID."""

    schema = ResourceSchema(
        "random:index/randomUuid:RandomUuid",
        {**_KEEPERS, "result": output(text()), "id": output(text())},
        autoname=False,
    )

    def generate(self, settled: Properties) -> tuple[str, Properties]:
        """Generate the UUID."""
        del settled
        result = random_uuid()
        return result, {"id": result, "result": result}

    def imported(self, resource_id: str) -> Properties:
        """Adopt a UUID."""
        result = str(uuid.UUID(resource_id))
        return {"id": result, "result": result}


def _at_least_one(name: str, inputs: Mapping[str, Any]) -> list[CheckFailure]:
    value = inputs.get(name)
    return (
        [CheckFailure(name, "must be at least 1")] if value is not UNKNOWN and value is not None and value < 1 else []
    )
