"""Secrets: which values are, that they are encrypted at rest, and that nothing shows them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from engine import EmbeddedStack, WrongPassphrase
from tests.engine.conftest import SALT

if TYPE_CHECKING:
    from tests.engine.conftest import Harness

CANARY = "canary-5f2c"

PROGRAM = """
word = pulumi.Config().require("word")
secret = pulumi.Config().require_secret("word")
a = Thing("a", {"value": {"open": 1, "closed": secret}, "list": ["x", secret]})
b = Thing("b", {"value": a.computed, "hidden": f"by-schema-{word}"}, Opts(additional_secret_outputs=["computed"]))
pulumi.export("secret", secret)
pulumi.export("computed", b.computed)
pulumi.log.warn(f"the word is {word}")
print(f"it is {word}")
"""


@pytest.fixture(autouse=True)
def configured(harness: Harness) -> None:
    """The word is a secret of the stack's configuration."""
    harness.stack.set_config("word", CANARY, secret=True)


def is_secret(value: object) -> bool:
    """Whether a value of an export with secrets shown was a secret."""
    return isinstance(value, dict) and "plaintext" in value


class TestMarks:
    def test_objects_are_marked_inside_and_arrays_as_a_whole(self, harness: Harness) -> None:
        harness.up(PROGRAM)
        for side in ("inputs", "outputs"):
            values = harness.entry("a")[side]
            assert values["value"]["open"] == 1
            assert is_secret(values["value"]["closed"])
            assert is_secret(values["list"])

    def test_the_schema_and_the_options_mark(self, harness: Harness) -> None:
        harness.up(PROGRAM)
        b = harness.entry("b")
        assert is_secret(b["inputs"]["hidden"])
        assert is_secret(b["outputs"]["hidden"])
        assert is_secret(b["outputs"]["computed"])
        assert is_secret(harness.entry("test-dev")["outputs"]["computed"])

    def test_marks_stay_through_update_and_refresh(self, harness: Harness) -> None:
        harness.up(PROGRAM)
        harness.up(PROGRAM.replace('"open": 1', '"open": 2'))
        assert harness.steps() == ["update a"]
        harness.run("refresh")
        values = harness.entry("a")["outputs"]
        assert is_secret(values["list"])
        assert is_secret(values["value"]["closed"])
        assert is_secret(harness.entry("b")["outputs"]["computed"])
        harness.up()
        assert harness.steps() == []


class TestSilence:
    def test_no_secret_is_in_files_events_or_results(self, harness: Harness) -> None:
        shown: list[str] = []
        for operation in ("preview", "up", "preview", "refresh", "up"):
            result = harness.run(operation, PROGRAM)
            assert not result.failed
            shown += [json.dumps(event.to_dict()) for event in harness.events]
            shown += [json.dumps(result.digest), repr(result), json.dumps(dict(result.outputs))]
        result = harness.run("destroy")
        shown += [json.dumps(event.to_dict()) for event in harness.events]
        shown += [path.read_text() for path in harness.folder.rglob("*") if path.is_file() and path.suffix != ".py"]
        assert not [text for text in shown if CANARY in text]
        assert any("[secret]" in text for text in shown)

    def test_a_providers_error_that_quotes_one(self, harness: Harness) -> None:
        harness.world.failing["create b"] = f"the daemon says: bad value by-schema-{CANARY} and {CANARY}"
        result = harness.run("up", PROGRAM)
        assert result.failed
        assert CANARY not in json.dumps([event.to_dict() for event in harness.events])
        assert CANARY not in json.dumps(list(result.diagnostics))
        assert CANARY not in str(result.errors)

    def test_a_secret_of_the_configuration(self, harness: Harness) -> None:
        result = harness.up('word = pulumi.Config().require_secret("word")\nThing("a", {"value": word})')
        assert result.digest["config"] == {"test:word": "[secret]"}
        assert is_secret(harness.entry("a")["inputs"]["value"])
        assert harness.stack.config_value("word") == CANARY
        files = [path.read_text() for path in harness.folder.rglob("*") if path.is_file()]
        assert not [text for text in files if CANARY in text]


class TestAtRest:
    def test_ciphertexts_stay_while_the_value_does(self, harness: Harness) -> None:
        harness.up(PROGRAM)
        path = harness.stack._backend.checkpoint
        before = json.loads(path.read_text())["checkpoint"]["latest"]["resources"]
        harness.up(f'{PROGRAM}\nThing("c")')
        after = json.loads(path.read_text())["checkpoint"]["latest"]["resources"]
        kept = {entry["urn"]: entry for entry in after}
        for entry in before:
            assert kept[entry["urn"]]["outputs"] == entry["outputs"] if entry.get("outputs") else True

    def test_outputs_are_shown_only_when_asked_for(self, harness: Harness) -> None:
        harness.up(PROGRAM)
        assert harness.stack.outputs()["secret"] == "[secret]"
        assert harness.stack.outputs(show_secrets=True)["secret"] == CANARY

    def test_a_wrong_passphrase_is_refused(self, harness: Harness) -> None:
        harness.up(PROGRAM)
        with pytest.raises(WrongPassphrase, match="incorrect passphrase"):
            harness.open(passphrase="y").preview()

    def test_the_passphrase_comes_from_the_environment(self, harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
        harness.up(PROGRAM)
        stack = harness.open(passphrase=None)
        monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
        monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE", raising=False)
        with pytest.raises(WrongPassphrase, match="PULUMI_CONFIG_PASSPHRASE"):
            stack.outputs()
        file = harness.folder / "passphrase"
        file.write_text("x\n")
        monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE_FILE", str(file))
        assert stack.outputs(show_secrets=True)["secret"] == CANARY
        monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "wrong")
        assert stack.outputs(show_secrets=True)["secret"] == CANARY
        with pytest.raises(WrongPassphrase):
            harness.open(passphrase=None).outputs()

    def test_a_new_stack_gets_a_salt_of_its_own(self, harness: Harness) -> None:
        stack = EmbeddedStack(harness.project, "fresh", backend=harness.folder, passphrase="", providers={})
        stack.settings_file.write_text("# mine\nconfig:\n  test:a: 1 # one\n")
        stack.init()
        text = stack.settings_file.read_text()
        assert text.startswith("encryptionsalt: v1:")
        assert text.endswith("# mine\nconfig:\n  test:a: 1 # one\n")
        assert SALT not in text
        assert stack.outputs() == {}

    def test_a_state_with_another_salt_is_read_and_written_with_the_settings(self, harness: Harness) -> None:
        harness.up(PROGRAM)
        other = EmbeddedStack(harness.project, "other", backend=harness.folder, passphrase="x", providers={})
        other.init()
        harness.stack.settings_file.write_text(other.settings_file.read_text())
        harness.stack.set_config("word", CANARY, secret=True)
        harness.up(f'{PROGRAM}\nThing("c")')
        assert SALT not in harness.stack._backend.checkpoint.read_text()
        assert harness.stack.outputs(show_secrets=True)["secret"] == CANARY
