"""Random values: every input is honoured, for whatever a program may ask."""

from __future__ import annotations

import base64
import string
import uuid
from typing import Any

import bcrypt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.provider import UNKNOWN, Properties, ProviderError
from engine.providers.random import RandomProvider
from engine.providers.random.generate import SPECIAL, TextRules, random_text

PASSWORD = "random:index/randomPassword:RandomPassword"
STRING = "random:index/randomString:RandomString"
ID = "random:index/randomId:RandomId"
BYTES = "random:index/randomBytes:RandomBytes"
INTEGER = "random:index/randomInteger:RandomInteger"
UUID = "random:index/randomUuid:RandomUuid"

RANDOM = RandomProvider()
GROUPS = {
    "upper": string.ascii_uppercase,
    "lower": string.ascii_lowercase,
    "numeric": string.digits,
    "special": SPECIAL,
}


def create(type_: str, **inputs: Any) -> Properties:
    """Check and generate; return the outputs."""
    checked = RANDOM.check(type_, "x", None, inputs)
    assert checked.failures == ()
    return RANDOM.create(type_, "x", checked.inputs, preview=False).outputs


def diff(type_: str, old: dict[str, Any], new: dict[str, Any]) -> tuple[bool, tuple[str, ...], tuple[str, ...]]:
    """Return the judgement on a change of inputs."""
    result = RANDOM.diff(type_, "x", old, create(type_, **old), new)
    return result.changes, result.changed_keys, result.replace_keys


@st.composite
def rules(draw: st.DrawFn) -> TextRules:
    """Draw what a program may ask of a password."""
    allowed = draw(st.lists(st.booleans(), min_size=4, max_size=4).filter(any))
    least = [draw(st.integers(0, 5)) if use else 0 for use in allowed]
    upper, lower, numeric, special = allowed
    return TextRules(
        length=draw(st.integers(max(1, sum(least)), 80)),
        upper=upper,
        lower=lower,
        numeric=numeric,
        special=special,
        min_upper=least[0],
        min_lower=least[1],
        min_numeric=least[2],
        min_special=least[3],
        override_special=draw(st.sampled_from(["", "!", "é-_", "@#%"])),
    )


@given(rules())
def test_a_text_has_the_length_the_characters_and_the_minima_that_were_asked_for(wanted: TextRules) -> None:
    text = random_text(wanted)

    assert len(text) == wanted.length
    assert set(text) <= set("".join(characters for characters, use, _ in wanted.groups() if use))
    for characters, _, least in wanted.groups():
        assert sum(character in characters for character in text) >= least


def test_a_minimum_holds_for_a_group_that_is_not_allowed_otherwise() -> None:
    """As in the real provider."""
    text = random_text(TextRules(length=6, upper=False, special=False, numeric=False, min_upper=2))

    assert sum(character.isupper() for character in text) == 2


def test_every_character_and_place_is_used() -> None:
    """Nothing of a group is left out, and the minima do not gather at the front."""
    texts = [random_text(TextRules(length=8, min_numeric=1, upper=False, special=False)) for _ in range(2000)]

    assert set("".join(texts)) == set(string.ascii_lowercase + string.digits)
    assert {place for text in texts for place, character in enumerate(text) if character.isdigit()} == set(range(8))
    assert len(set(texts)) == 2000


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 100))
def test_the_hash_is_bcrypt_of_the_first_72_bytes(length: int) -> None:
    outputs = create(PASSWORD, length=length)

    assert outputs["bcryptHash"].startswith("$2a$10$")
    assert bcrypt.checkpw(outputs["result"].encode()[:72], outputs["bcryptHash"].encode())
    assert outputs["id"] == "none"


def test_number_and_numeric_mirror_each_other() -> None:
    assert create(STRING, length=4, number=False)["numeric"] is False
    assert create(STRING, length=4, numeric=False)["number"] is False
    assert RANDOM.check(STRING, "x", None, {"length": 4, "number": True, "numeric": False}).failures


@pytest.mark.parametrize(
    ("type_", "inputs", "property_"),
    [
        (PASSWORD, {}, "length"),
        (PASSWORD, {"length": 0}, "length"),
        (PASSWORD, {"length": 3, "minUpper": 2, "minLower": 2}, "length"),
        (PASSWORD, {"length": "many"}, "length"),
        (PASSWORD, {"length": 3, "minUpper": -1}, "minUpper"),
        (PASSWORD, {"length": 3, "special": False, "upper": False, "lower": False, "numeric": False}, "numeric"),
        (PASSWORD, {"length": 3, "lenght": 4}, "lenght"),
        (ID, {"byteLength": 0}, "byteLength"),
        (BYTES, {"length": 0}, "length"),
        (INTEGER, {"min": 2, "max": 1}, "min"),
        (INTEGER, {"min": 1, "max": 2, "seed": "s"}, "seed"),
    ],
)
def test_impossible_inputs_are_refused_by_name(type_: str, inputs: dict[str, Any], property_: str) -> None:
    assert [failure.property for failure in RANDOM.check(type_, "x", None, inputs).failures] == [property_]


def test_the_nearest_name_is_offered() -> None:
    failure = RANDOM.check(PASSWORD, "x", None, {"length": 3, "lenght": 4}).failures[0]

    assert "did you mean 'length'?" in failure.reason


def test_unknown_inputs_are_checked_later() -> None:
    checked = RANDOM.check(PASSWORD, "x", None, {"length": UNKNOWN, "keepers": UNKNOWN})

    assert checked.failures == ()
    assert RANDOM.create(PASSWORD, "x", checked.inputs, preview=True).outputs["length"] is UNKNOWN


def test_an_id_is_spelled_five_ways_and_its_prefix_is_no_part_of_it() -> None:
    outputs = create(ID, byteLength=5, prefix="p-")
    raw = bytes.fromhex(outputs["hex"].removeprefix("p-"))

    assert outputs["id"] == base64.urlsafe_b64encode(raw).decode().rstrip("=")
    assert outputs["b64Url"] == "p-" + outputs["id"]
    assert outputs["b64Std"] == "p-" + base64.b64encode(raw).decode()
    assert outputs["dec"] == f"p-{int.from_bytes(raw, 'big')}"


def test_integers_and_uuids() -> None:
    assert {create(INTEGER, min=1, max=3)["result"] for _ in range(200)} == {1, 2, 3}
    assert uuid.UUID(create(UUID)["result"]).version == 4


def test_every_input_replaces_and_keepers_that_say_nothing_do_not() -> None:
    password = {"length": 8, "keepers": {"a": "1"}}

    assert diff(PASSWORD, password, password) == (False, (), ())
    assert diff(PASSWORD, password, password | {"length": 9}) == (True, ("length",), ("length",))
    assert diff(PASSWORD, password, {"length": 8}) == (True, ("keepers",), ("keepers",))
    assert diff(STRING, {"length": 8}, {"length": 8, "keepers": {}}) == (True, ("keepers",), ())
    assert diff(PASSWORD, {"length": 8, "overrideSpecial": ""}, {"length": 8}) == (True, ("overrideSpecial",), ())
    numeric = diff(PASSWORD, {"length": 8}, {"length": 8, "numeric": False})
    assert numeric == (True, ("number", "numeric"), ("number", "numeric"))


def test_an_update_keeps_the_value() -> None:
    outputs = create(STRING, length=8)

    updated = RANDOM.update(STRING, "x", {}, outputs, {"length": 8, "keepers": {}}, preview=False)

    assert updated == outputs | {"keepers": {}}


def test_values_are_adopted_by_their_import_id() -> None:
    read = RANDOM.read(PASSWORD, "hunter22", {}, {})
    assert (read.id, read.outputs["result"], read.outputs["length"]) == ("none", "hunter22", 8)
    original = create(ID, byteLength=3, prefix="p")
    assert RANDOM.read(ID, f"p,{original['id']}", {}, {}).outputs == original
    with pytest.raises(ProviderError, match="no valid RandomUuid"):
        RANDOM.read(UUID, "nonsense", {}, {})
    with pytest.raises(ProviderError, match="import it with the Pulumi CLI"):
        RANDOM.read(INTEGER, "1", {}, {})


def test_generated_secrets_are_declared_secret() -> None:
    assert RANDOM.secret_outputs(PASSWORD) == {"result", "bcryptHash"}
    assert RANDOM.secret_outputs(BYTES) == {"base64", "hex"}
    assert RANDOM.secret_outputs(STRING) == frozenset()


def test_other_types_are_refused_by_name() -> None:
    with pytest.raises(ProviderError, match=r"randomPet:RandomPet.*Pulumi CLI"):
        RANDOM.check("random:index/randomPet:RandomPet", "x", None, {})
