"""Create, update, same, replace in both orders, delete: the exact steps, in a preview and in an update."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.engine.conftest import PREFIX

if TYPE_CHECKING:
    from tests.engine.conftest import Harness

TWO = """
a = Thing("a", {"value": 1})
b = Thing("b", {"value": a.computed})
pulumi.export("b", b.value)
"""


class TestCreate:
    def test_a_preview_knows_the_inputs_and_not_what_only_a_create_tells(self, harness: Harness) -> None:
        result = harness.preview(TWO)
        assert harness.steps() == ["create a", "create b"]
        new = harness.step("create", "b")["new"]
        assert new["inputs"]["value"] == "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
        assert new["id"] == ""
        assert result.summary == {"create": 3}
        assert result.outputs == {"b": "[unknown]"}
        assert harness.world.names() == []

    def test_the_state_after_an_update(self, harness: Harness) -> None:
        result = harness.up(TWO)
        assert harness.steps() == ["create a", "create b"]
        stack, provider, a, b = harness.state()
        assert stack["urn"] == f"{PREFIX}pulumi:pulumi:Stack::test-dev"
        assert "parent" not in stack
        assert "inputs" not in stack
        assert provider["urn"] == f"{PREFIX}pulumi:providers:fake::default"
        assert "inputs" not in provider
        assert "parent" not in provider
        assert a["inputs"] == {"__defaults": ["name"], "name": a["id"], "value": 1}
        assert set(a["outputs"]) == {"computed", "id", "name", "value"}
        assert a["parent"] == stack["urn"]
        assert a["provider"] == f"{provider['urn']}::{provider['id']}"
        assert a["propertyDependencies"] == {"value": []}
        assert b["dependencies"] == [a["urn"]]
        assert b["propertyDependencies"] == {"value": [a["urn"]]}
        assert b["inputs"]["value"] == a["outputs"]["computed"]
        assert result.outputs == {"b": a["outputs"]["computed"]}
        assert stack["outputs"] == result.outputs

    def test_nothing_happens_the_second_time_and_names_and_ids_stay(self, harness: Harness) -> None:
        harness.up(TWO)
        before = harness.state()
        result = harness.up()
        assert harness.steps() == []
        assert result.summary == {"same": 3}
        assert not result.has_changes
        assert harness.state() == before

    def test_two_resources_may_not_share_a_urn(self, harness: Harness) -> None:
        result = harness.run("up", 'Thing("a")\nThing("a")')
        assert "Duplicate resource URN" in str(result.errors[0])

    def test_what_the_provider_refuses_is_said_and_nothing_is_made(self, harness: Harness) -> None:
        result = harness.run("preview", 'Thing("a", {"value": "refused"})')
        assert "value: it must not be 'refused'" in str(result.errors[0])
        assert result.exit_code == 1


class TestUpdate:
    def test_a_change_in_place_keeps_the_name_and_what_was_computed(self, harness: Harness) -> None:
        harness.up(TWO)
        before = harness.entry("a")
        harness.world.changes()
        harness.up(TWO.replace("1}", "2}"))
        assert harness.steps() == ["update a"]
        step = harness.step("update", "a")
        assert step["diffs"] == ["value"]
        assert step["detailedDiff"] == {"value": {"diffKind": "update", "inputDiff": False}}
        after = harness.entry("a")
        assert after["id"] == before["id"]
        assert after["outputs"] == {**before["outputs"], "value": 2}
        assert after["created"] == before["created"]
        assert after["modified"] > before["modified"]
        assert harness.world.changes() == ["update a"]

    def test_a_preview_of_it_knows_all_old_outputs(self, harness: Harness) -> None:
        harness.up(TWO)
        harness.preview(TWO.replace("1}", "2}"))
        assert harness.steps() == ["update a"]


class TestReplaceCreateFirst:
    def test_the_new_one_comes_first_and_the_old_one_goes_last(self, harness: Harness) -> None:
        harness.up(TWO)
        old = harness.entry("a")
        harness.up(TWO.replace("1}", '1, "kind": "x"}'))
        assert harness.steps() == ["create-replacement a", "replace a", "update b", "delete-replaced a"]
        new = harness.entry("a")
        assert new["id"] != old["id"]
        assert harness.world.names() == ["a", "b"]
        assert [entry for entry in harness.state() if entry.get("delete")] == []
        step = harness.step("replace", "a")
        assert step["keys"] == ["kind"]
        assert step["detailedDiff"] == {"kind": {"diffKind": "add-replace", "inputDiff": False}}

    def test_the_digest_has_one_step_for_it(self, harness: Harness) -> None:
        harness.up(TWO)
        result = harness.preview(TWO.replace("1}", '1, "kind": "x"}'))
        steps = {step["urn"].rsplit("::", 1)[-1]: step for step in result.digest["steps"]}
        assert set(steps) == {"test-dev", "a", "b"}
        assert steps["a"]["op"] == "replace"
        assert steps["a"]["replaceReasons"] == ["kind"]
        assert steps["a"]["detailedDiff"] == {"kind": {"kind": "add-replace", "inputDiff": False}}
        assert steps["b"]["op"] == "update"
        assert result.digest["changeSummary"] == {"replace": 1, "same": 1, "update": 1}

    def test_a_deletion_that_fails_is_tried_again_and_not_shown_by_a_preview(self, harness: Harness) -> None:
        harness.up('Thing("a", {"kind": "x"})')
        harness.world.failing["delete a"] = "busy"
        result = harness.run("up", 'Thing("a", {"kind": "y"})')
        assert "busy" in str(result.errors[0])
        waiting = [entry for entry in harness.state() if entry.get("delete")]
        assert len(waiting) == 1
        assert harness.state()[-1] == waiting[0]
        summary = next(event for event in harness.events if event.kind == "summaryEvent")
        assert summary.body["maybeCorrupt"]
        harness.world.failing.clear()
        preview = harness.preview()
        assert not preview.has_changes
        assert [step["op"] for step in preview.digest["steps"]] == ["same"]
        harness.up()
        assert harness.steps() == ["delete-replaced a"]
        assert harness.world.names() == ["a"]
        assert len(harness.state()) == 3


class TestReplaceDeleteFirst:
    def test_the_option_asks_for_it(self, harness: Harness) -> None:
        program = 'Thing("a", {"kind": step}, Opts(delete_before_replace=True))'
        harness.up(program.replace("step", '"x"'))
        harness.up(program.replace("step", '"y"'))
        assert harness.steps() == ["delete-replaced a", "replace a", "create-replacement a"]
        assert len(harness.state()) == 3

    def test_an_explicit_name_asks_for_it(self, harness: Harness) -> None:
        harness.up('Thing("a", {"name": "fixed", "kind": "x"})')
        harness.up('Thing("a", {"name": "fixed", "kind": "y"})')
        assert harness.steps() == ["delete-replaced a", "replace a", "create-replacement a"]

    def test_the_option_false_wins_over_the_providers_wish(self, harness: Harness) -> None:
        harness.up('Thing("a", {"name": "one", "kind": "x"})')
        harness.up('Thing("a", {"name": "two", "kind": "y"}, Opts(delete_before_replace=False))')
        assert harness.steps() == ["create-replacement a", "replace a", "delete-replaced a"]

    def test_a_create_that_fails_leaves_the_entry_pending_and_the_next_run_creates(self, harness: Harness) -> None:
        program = 'Thing("a", {"kind": "KIND"}, Opts(delete_before_replace=True))'
        harness.up(program.replace("KIND", "x"))
        harness.world.failing["create a"] = "no space"
        result = harness.run("up", program.replace("KIND", "y"))
        assert result.failed
        assert harness.entry("a")["pendingReplacement"]
        assert harness.world.names() == []
        harness.world.failing.clear()
        harness.up(program.replace("KIND", "x"))
        assert harness.steps() == ["replace a", "create-replacement a"]
        assert "pendingReplacement" not in harness.entry("a")

    def test_a_pending_entry_that_the_program_dropped_is_forgotten_without_a_call(self, harness: Harness) -> None:
        program = 'Thing("a", {"kind": "KIND"}, Opts(delete_before_replace=True))'
        harness.up(program.replace("KIND", "x"))
        harness.world.failing["create a"] = "no space"
        harness.run("up", program.replace("KIND", "y"))
        harness.world.failing.clear()
        harness.world.changes()
        result = harness.up("")
        assert harness.steps() == ["remove-pending-replace a"]
        assert result.summary == {"same": 1}
        assert harness.world.changes() == []


class TestDelete:
    def test_dependents_go_first(self, harness: Harness) -> None:
        harness.up(TWO)
        harness.world.changes()
        result = harness.up("")
        assert harness.steps() == ["delete b", "delete a"]
        assert harness.world.changes() == ["delete b", "delete a"]
        assert result.summary == {"delete": 2, "same": 1}
        assert [entry["type"] for entry in harness.state()] == ["pulumi:pulumi:Stack"]

    def test_nothing_is_deleted_when_a_step_failed(self, harness: Harness) -> None:
        harness.up(TWO)
        harness.world.failing["create c"] = "no"
        result = harness.run("up", 'Thing("c")')
        assert result.failed
        assert harness.world.names() == ["a", "b"]
        assert {entry["urn"].rsplit("::", 1)[-1] for entry in harness.state()} == {"test-dev", "default", "a", "b"}

    def test_nothing_is_deleted_when_the_program_failed(self, harness: Harness) -> None:
        harness.up(TWO)
        result = harness.run("up", 'raise RuntimeError("oh")')
        assert result.failed
        assert harness.world.names() == ["a", "b"]

    def test_independent_deletions_run_at_the_same_time(self, harness: Harness) -> None:
        import threading  # noqa: PLC0415

        harness.up('Thing("a")\nThing("b")')
        gate = threading.Event()
        harness.world.slow = {"delete a": gate, "delete b": gate}
        harness.world.begun = {"delete a": threading.Event(), "delete b": threading.Event()}

        def open_when_both_wait() -> None:
            if all(event.wait(10) for event in harness.world.begun.values()):
                gate.set()

        threading.Thread(target=open_when_both_wait).start()
        harness.up("")
        assert gate.is_set()


class TestForcedReplacement:
    def test_a_target_is_replaced_without_a_difference(self, harness: Harness) -> None:
        harness.up(TWO)
        harness.up(replace=[f"{PREFIX}fake:index:Thing::b"])
        assert harness.steps() == ["create-replacement b", "replace b", "delete-replaced b"]
        assert harness.step("replace", "b")["keys"] == ["id"]
        assert harness.world.names() == ["a", "b"]


class TestComponents:
    PROGRAM = """
    group = Group("g", {"size": 1})
    inner = Group("h", {}, Opts(parent=group))
    a = Thing("a", {"value": 1}, Opts(parent=inner))
    group.register_outputs({"a": a.computed})
    """

    def test_urns_carry_all_ancestors(self, harness: Harness) -> None:
        harness.up(self.PROGRAM)
        assert harness.entry("a")["urn"] == f"{PREFIX}test:index:Group$test:index:Group$fake:index:Thing::a"
        group = harness.entry("g")
        assert group["custom"] is False
        assert group["inputs"] == {"size": 1}
        assert group["outputs"] == {"a": harness.entry("a")["outputs"]["computed"]}
        assert "provider" not in group

    def test_other_inputs_are_an_update_and_outputs_are_overwritten(self, harness: Harness) -> None:
        harness.up(self.PROGRAM)
        harness.up(self.PROGRAM.replace('"size": 1', '"size": 2').replace('"a": a.computed', '"b": 1'))
        assert harness.steps() == ["update g"]
        assert harness.entry("g")["outputs"] == {"b": 1}

    def test_an_update_of_nothing_keeps_the_outputs(self, harness: Harness) -> None:
        harness.up(self.PROGRAM)
        before = harness.state()
        harness.up()
        assert harness.state() == before
