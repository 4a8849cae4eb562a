"""The options and special rules of step generation, one class each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.engine.conftest import PREFIX

if TYPE_CHECKING:
    from tests.engine.conftest import Harness

THING = f"{PREFIX}fake:index:Thing::"


class TestReplacementTrigger:
    PROGRAM = 'Thing("a", {"value": 1}, Opts(replacement_trigger=TRIGGER))'

    def given(self, trigger: str) -> str:
        return self.PROGRAM.replace("TRIGGER", trigger)

    def test_another_value_replaces_without_reasons(self, harness: Harness) -> None:
        harness.up(self.given('"one"'))
        assert harness.entry("a")["replacementTrigger"] == "one"
        harness.up(self.given('"two"'))
        assert harness.steps() == ["create-replacement a", "replace a", "delete-replaced a"]
        step = harness.step("replace", "a")
        assert "keys" not in step
        assert step["detailedDiff"] is None

    @pytest.mark.parametrize(("before", "after"), [("None", '"x"'), ('"x"', "None"), ('"x"', '"x"')])
    def test_the_first_the_last_and_the_same_value_do_nothing(self, harness: Harness, before: str, after: str) -> None:
        harness.up(self.given(before))
        harness.up(self.given(after))
        assert harness.steps() == []

    def test_secrecy_is_no_difference(self, harness: Harness) -> None:
        harness.up(self.given('"x"'))
        harness.up(self.given('Output.secret("x")'))
        assert harness.steps() == []

    def test_an_unknown_one_replaces_in_a_preview(self, harness: Harness) -> None:
        harness.up(self.given('"x"'))
        harness.preview('b = Thing("b")\n' + self.given("b.computed"))
        assert "replace a" in harness.steps()


class TestReplaceOnChanges:
    @pytest.mark.parametrize("path", ["value", "*", 'value["inner"]'])
    def test_a_named_change_replaces(self, harness: Harness, path: str) -> None:
        program = f"Thing('a', {{'value': VALUE}}, Opts(replace_on_changes=['{path}']))"
        harness.up(program.replace("VALUE", "1"))
        harness.up(program.replace("VALUE", "2"))
        if path.startswith("value["):
            assert harness.steps() == ["update a"]
        else:
            assert harness.steps() == ["create-replacement a", "replace a", "delete-replaced a"]
            step = harness.step("replace", "a")
            assert step["keys"] == ["value"]
            assert step["detailedDiff"] == {"value": {"diffKind": "update-replace", "inputDiff": False}}

    @pytest.mark.parametrize(("path", "replaced"), [("#initerror", True), ("*", True), ("value", False)])
    def test_failed_initialization_replaces_if_named(self, harness: Harness, path: str, replaced: bool) -> None:
        program = f"Thing('a', {{'value': 1}}, Opts(replace_on_changes=['{path}']))"
        harness.world.partial["create a"] = "not healthy"
        assert harness.run("up", program).failed
        assert harness.entry("a")["initErrors"] == ["not healthy"]
        harness.world.partial.clear()
        harness.up()
        if replaced:
            assert harness.steps() == ["create-replacement a", "replace a", "delete-replaced a"]
            assert harness.step("replace", "a")["keys"] == ["#initerror"]
        else:
            assert harness.steps() == ["update a"]
        assert "initErrors" not in harness.entry("a")

    def test_it_is_create_first_even_if_the_provider_would_delete_first(self, harness: Harness) -> None:
        program = "Thing('a', {'name': NAME, 'value': VALUE}, Opts(replace_on_changes=['value']))"
        harness.up(program.replace("NAME", "'n'").replace("VALUE", "1"))
        harness.preview(program.replace("NAME", "'n'").replace("VALUE", "2"))
        assert harness.steps() == ["create-replacement a", "replace a", "delete-replaced a"]


class TestIgnoreChanges:
    def test_the_old_input_stays(self, harness: Harness) -> None:
        program = "Thing('a', {'value': VALUE, 'kind': KIND}, Opts(ignore_changes=['kind', 'value.b']))"
        harness.up(program.replace("VALUE", "{'a': 1, 'b': 1}").replace("KIND", "'x'"))
        harness.up(program.replace("VALUE", "{'a': 2, 'b': 2}").replace("KIND", "'y'"))
        assert harness.steps() == ["update a"]
        assert harness.entry("a")["inputs"]["value"] == {"a": 2, "b": 1}
        assert harness.entry("a")["inputs"]["kind"] == "x"
        assert harness.entry("a")["ignoreChanges"] == ["kind", "value.b"]

    def test_one_that_the_old_inputs_lack_is_removed(self, harness: Harness) -> None:
        harness.up('Thing("a", {"value": 1})')
        harness.up('Thing("a", {"value": 1, "extra": 1}, Opts(ignore_changes=["extra"]))')
        assert harness.steps() == []
        assert "extra" not in harness.entry("a")["inputs"]

    def test_it_means_nothing_for_a_create(self, harness: Harness) -> None:
        harness.up('Thing("a", {"value": 1}, Opts(ignore_changes=["value"]))')
        assert harness.entry("a")["inputs"]["value"] == 1

    def test_an_element_on_one_side_only_gives_a_message(self, harness: Harness) -> None:
        harness.up('Thing("a", {"value": [1]}, Opts(ignore_changes=["value[1]"]))')
        result = harness.up('Thing("a", {"value": [1, 2]}, Opts(ignore_changes=["value[1]"]))')
        assert "cannot ignore changes in added or removed elements" in result.diagnostics[0]["message"]

    def test_secrecy_of_the_new_value_stays(self, harness: Harness) -> None:
        harness.up('Thing("a", {"value": 1})')
        harness.up('Thing("a", {"value": Output.secret(2)}, Opts(ignore_changes=["value"]))')
        assert harness.entry("a")["inputs"]["value"] == 1


class TestDependentReplacements:
    """A replacement that deletes first takes along what could not stand without it."""

    def program(self, kind: str, link: str = "a.computed", extra: str = "") -> str:
        return f"""
        a = Thing("a", {{"kind": "{kind}"}}, Opts(delete_before_replace=True))
        b = Thing("b", {{"link": {link}}})
        c = Thing("c", {{"value": b.computed}})
        d = Thing("d", {{"value": 1}}, Opts(depends_on=[a]))
        {extra}
        """

    def test_an_input_that_forces_replacement_follows(self, harness: Harness) -> None:
        harness.up(self.program("x"))
        harness.world.changes()
        harness.up(self.program("y"))
        assert harness.steps() == [
            "delete-replaced b",
            "delete-replaced a",
            "replace a",
            "create-replacement a",
            "replace b",
            "create-replacement b",
            "update c",
        ]
        assert harness.step("create-replacement", "b")["keys"] == ["link"]
        assert harness.world.changes() == ["delete b", "delete a", "create a", "create b", "update c"]

    def test_a_create_first_replacement_takes_nothing_along(self, harness: Harness) -> None:
        harness.up(self.program("x").replace("=True", "=False"))
        harness.up(self.program("y").replace("=True", "=False"))
        assert harness.steps()[:2] == ["create-replacement a", "replace a"]
        assert "create-replacement b" in harness.steps()
        assert harness.steps()[-2:] == ["delete-replaced b", "delete-replaced a"]

    def test_a_dependent_whose_input_is_updated_in_place_stays(self, harness: Harness) -> None:
        program = """
        a = Thing("a", {"kind": "KIND"}, Opts(delete_before_replace=True))
        Thing("b", {"value": a.computed})
        """
        harness.up(program.replace("KIND", "x"))
        harness.up(program.replace("KIND", "y"))
        assert harness.steps() == ["delete-replaced a", "replace a", "create-replacement a", "update b"]

    def test_it_is_transitive(self, harness: Harness) -> None:
        extra = 'Thing("e", {"link": b.computed})'
        harness.up(self.program("x", extra=extra))
        harness.up(self.program("y", extra=extra))
        assert harness.steps()[:3] == ["delete-replaced e", "delete-replaced b", "delete-replaced a"]

    def test_a_protected_dependent_is_an_error(self, harness: Harness) -> None:
        program = self.program("x").replace("a.computed}", "a.computed}, Opts(protect=True)")
        harness.up(program)
        result = harness.run("up", program.replace('"x"', '"y"'))
        assert "as part of replacing" in str(result.errors[0])
        assert harness.world.names() == ["a", "b", "c", "d"]

    def test_one_that_the_program_dropped_is_forgotten(self, harness: Harness) -> None:
        harness.up(self.program("x"))
        harness.up('a = Thing("a", {"kind": "y"}, Opts(delete_before_replace=True))')
        assert "delete-replaced b" in harness.steps()
        assert "remove-pending-replace b" in harness.steps()
        assert harness.world.names() == ["a"]

    def test_a_failure_half_way_is_picked_up(self, harness: Harness) -> None:
        harness.up(self.program("x"))
        harness.world.failing["create a"] = "no"
        assert harness.run("up", self.program("y")).failed
        harness.world.failing.clear()
        harness.up(self.program("y"))
        assert harness.steps()[:4] == ["delete-replaced b", "replace a", "create-replacement a", "replace b"]
        assert harness.world.names() == ["a", "b", "c", "d"]
        assert not any(entry.get("pendingReplacement") for entry in harness.state())


class TestReplaceWithAndDeletedWith:
    def test_replace_with_follows(self, harness: Harness) -> None:
        program = 'a = Thing("a", {"kind": "KIND"})\nThing("b", {"value": 1}, Opts(replace_with=[a]))'
        harness.up(program.replace("KIND", "x"))
        assert harness.entry("b")["replaceWith"] == [f"{THING}a"]
        harness.up(program.replace("KIND", "y"))
        assert harness.step("replace", "b")["keys"] == ["replaceWith"]
        assert harness.world.names() == ["a", "b"]

    def test_replace_with_needs_schema_4(self, harness: Harness) -> None:
        harness.up('a = Thing("a")\nThing("b", {"value": 1}, Opts(replace_with=[a]))')
        text = harness.stack._backend.checkpoint.read_text()
        assert text.startswith('{"version":4,"features":["replaceWith"],')
        harness.up('Thing("a")')
        assert harness.stack._backend.checkpoint.read_text().startswith('{"version":3,')

    def test_deleted_with_skips_the_providers_delete(self, harness: Harness) -> None:
        harness.up('a = Thing("a")\nThing("b", {"value": 1}, Opts(deleted_with=a))')
        harness.world.changes()
        harness.up("")
        assert harness.steps() == ["delete b", "delete a"]
        assert harness.world.changes() == ["delete a"]

    def test_deleted_with_is_replaced_with_its_target(self, harness: Harness) -> None:
        program = 'a = Thing("a", {"kind": "KIND"})\nThing("b", {"value": 1}, Opts(deleted_with=a))'
        harness.up(program.replace("KIND", "x"))
        harness.up(program.replace("KIND", "y"))
        assert harness.step("replace", "b")["keys"] == ["deletedWith"]


class TestProtect:
    def test_a_replacement_is_refused(self, harness: Harness) -> None:
        harness.up('Thing("a", {"kind": "x"}, Opts(protect=True))')
        program = 'Thing("a", {"kind": "y"}, Opts(protect=True))'
        preview = harness.run("preview", program)
        assert "unable to replace" in str(preview.errors[0])
        assert "replace a" in harness.steps()
        assert "unable to replace" in str(harness.run("up", program).errors[0])
        assert harness.world.changes() == ["create a"]

    def test_unprotecting_and_replacing_in_one_go(self, harness: Harness) -> None:
        harness.up('Thing("a", {"kind": "x"}, Opts(protect=True))')
        harness.up('Thing("a", {"kind": "y"})')
        assert harness.steps() == ["create-replacement a", "replace a", "delete-replaced a"]

    def test_a_deletion_is_refused_and_others_go_on(self, harness: Harness) -> None:
        harness.up('a = Thing("a")\nb = Thing("b", {"value": a.computed}, Opts(protect=True))\nThing("c")')
        for operation in ("preview", "up"):
            result = harness.run(operation, "")
            assert "because it is protected" in str(result.errors[0])
        assert harness.world.names() == ["a", "b"]

    def test_protect_is_inherited_from_the_parent(self, harness: Harness) -> None:
        harness.up('g = Group("g", None, Opts(protect=True))\nThing("a", None, Opts(parent=g))')
        assert harness.entry("a")["protect"] is True

    def test_a_change_of_protection_alone_is_stored_and_shown(self, harness: Harness) -> None:
        harness.up('Thing("a")')
        result = harness.up('Thing("a", None, Opts(protect=True))')
        assert result.summary == {"same": 2}
        assert harness.entry("a")["protect"] is True
        assert [step["op"] for step in result.digest["steps"]] == ["same", "same"]


class TestRetainOnDelete:
    def test_the_entry_goes_and_the_thing_stays(self, harness: Harness) -> None:
        harness.up('Thing("a", None, Opts(retain_on_delete=True))')
        harness.world.changes()
        harness.up("")
        assert harness.steps() == ["delete a"]
        assert harness.world.changes() == []
        assert harness.world.names() == ["a"]

    def test_a_replaced_one_stays_too(self, harness: Harness) -> None:
        harness.up('Thing("a", {"kind": "x"}, Opts(retain_on_delete=True))')
        harness.up('Thing("a", {"kind": "y"}, Opts(retain_on_delete=True))')
        assert harness.world.names() == ["a", "a"]
        assert len(harness.state()) == 3


class TestStoredOptions:
    def test_timeouts_are_seconds(self, harness: Harness) -> None:
        harness.up('Thing("a", None, Opts(custom_timeouts=pulumi.CustomTimeouts(create="1h2m3.5s", delete="250ms")))')
        assert harness.entry("a")["customTimeouts"] == {"create": 3723.5, "delete": 0.25}

    def test_a_wrong_timeout_is_refused(self, harness: Harness) -> None:
        result = harness.run("up", 'Thing("a", None, Opts(custom_timeouts=pulumi.CustomTimeouts(create="soon")))')
        assert "'soon' is not a duration" in str(result.errors[0])

    def test_additional_secret_outputs(self, harness: Harness) -> None:
        harness.up('Thing("a", {"value": 1}, Opts(additional_secret_outputs=["computed"]))')
        assert harness.entry("a")["additionalSecretOutputs"] == ["computed"]
        assert "plaintext" in harness.entry("a")["outputs"]["computed"]
        assert harness.entry("a")["outputs"]["value"] == 1
