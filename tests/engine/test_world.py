"""Refreshing, destroying, and what stands in the history afterwards."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from engine import StackNotFound

if TYPE_CHECKING:
    from tests.engine.conftest import Harness

CHAIN = """
a = Thing("a", {"value": 1})
b = Thing("b", {"value": a.computed})
c = Thing("c", {"value": 1}, Opts(parent=b, depends_on=[a]))
"""


def vanish(harness: Harness, name: str) -> None:
    """Let a thing disappear behind the engine's back."""
    with harness.world.things() as things:
        del things[harness.entry(name)["id"]]


class TestRefresh:
    def test_nothing_changed(self, harness: Harness) -> None:
        harness.up(CHAIN)
        before = harness.state()
        result = harness.run("refresh")
        assert not result.failed
        assert result.summary == {"same": 4}
        assert harness.state() == before

    def test_what_differs_is_adopted_and_put_right_by_the_next_update(self, harness: Harness) -> None:
        harness.up(CHAIN)
        with harness.world.things() as things:
            things[harness.entry("a")["id"]]["outputs"]["value"] = 5
        result = harness.run("refresh")
        assert result.summary == {"same": 3, "update": 1}
        assert harness.entry("a")["outputs"]["value"] == 5
        assert harness.entry("a")["inputs"]["value"] == 1
        event = next(event for event in harness.events if event.record and event.record.op == "update")
        assert event.to_dict()["resOutputsEvent"]["metadata"]["detailedDiff"] == {
            "value": {"diffKind": "update", "inputDiff": False}
        }
        assert [step["op"] for step in result.digest["steps"]].count("update") == 1
        harness.up()
        assert harness.steps() == ["update a"]

    def test_what_is_gone_is_forgotten_with_the_references_to_it(self, harness: Harness) -> None:
        harness.up(CHAIN)
        vanish(harness, "a")
        vanish(harness, "b")
        result = harness.run("refresh")
        assert result.summary == {"delete": 2, "same": 2}
        c = harness.entry("c")
        assert "dependencies" not in c
        assert c["parent"].endswith("::test-dev")
        harness.up()
        assert "create a" in harness.steps()
        assert harness.world.names() == ["a", "b", "c"]

    def test_a_preview_of_it_changes_nothing(self, harness: Harness) -> None:
        harness.up(CHAIN)
        before = harness.state()
        vanish(harness, "a")
        result = harness.run("refresh", preview_only=True)
        assert result.summary == {"delete": 1, "same": 3}
        assert {step["op"] for step in result.digest["steps"]} == {"refresh", "delete"}
        assert harness.state() == before

    def test_an_update_with_refresh_creates_what_is_gone(self, harness: Harness) -> None:
        harness.up(CHAIN)
        vanish(harness, "b")
        preview = harness.preview(refresh=True)
        assert preview.summary == {"create": 1, "same": 3}
        assert harness.up(refresh=True).summary == {"create": 1, "same": 3}
        assert harness.steps().count("refresh b") == 1
        assert harness.world.names() == ["a", "b", "c"]

    def test_an_update_without_it_fails_on_what_is_gone(self, harness: Harness) -> None:
        harness.up(CHAIN)
        vanish(harness, "a")
        assert "is gone" in str(harness.run("up", CHAIN.replace("1}", "2}")).errors[0])

    def test_a_read_that_fails_leaves_the_state(self, harness: Harness) -> None:
        harness.up(CHAIN)
        before = harness.state()
        harness.world.failing[f"read {harness.entry('b')['id']}"] = "no connection"
        result = harness.run("refresh")
        assert "no connection" in str(result.errors[0])
        assert harness.state() == before

    def test_external_resources_compare_outputs_only(self, harness: Harness) -> None:
        with harness.world.things() as things:
            outputs = {"name": "stray", "id": "stray", "computed": "c"}
            things["stray"] = {"logical": "stray", "outputs": outputs, "created": 0.0}
        harness.up('Thing("a", None, Opts(id="stray"))')
        assert harness.run("refresh").summary == {"same": 2}


class TestDestroy:
    def test_everything_goes_dependents_first_and_the_stack_stays(self, harness: Harness) -> None:
        harness.up(CHAIN)
        harness.world.changes()
        result = harness.run("destroy")
        assert not result.failed
        assert result.summary == {"delete": 4}
        assert harness.world.changes() == ["delete c", "delete b", "delete a"]
        assert "resources" not in harness.stack.export()["deployment"]
        assert harness.stack.exists()
        assert harness.stack.outputs() == {}

    def test_protected_ones_stay_with_all_that_they_need(self, harness: Harness) -> None:
        harness.up('a = Thing("a")\nThing("b", {"value": a.computed}, Opts(protect=True))\nThing("c")')
        result = harness.run("destroy")
        assert "because it is protected" in str(result.errors[0])
        assert harness.world.names() == ["a", "b"]
        assert {entry["urn"].rsplit("::", 1)[-1] for entry in harness.state()} == {"test-dev", "default", "a", "b"}
        harness.up('a = Thing("a")\nThing("b", {"value": a.computed})')
        assert not harness.run("destroy").failed

    def test_protected_ones_can_be_left_out(self, harness: Harness) -> None:
        harness.up(
            'p = Thing("p")\na = Thing("a", None, Opts(parent=p))\n'
            'b = Thing("b", {"value": a.computed}, Opts(protect=True))\nThing("c", {"value": b.computed})'
        )
        result = harness.run("destroy", exclude_protected=True)
        assert not result.failed
        assert result.summary == {"delete": 1}
        assert harness.world.names() == ["a", "b", "p"]
        assert not harness.run("destroy", exclude_protected=True).failed
        assert harness.world.names() == ["a", "b", "p"]

    def test_without_protection_leaving_out_is_destroying(self, harness: Harness) -> None:
        harness.up(CHAIN)
        assert not harness.run("destroy", exclude_protected=True).failed
        assert harness.world.names() == []

    def test_a_preview_of_it(self, harness: Harness) -> None:
        harness.up(CHAIN)
        result = harness.run("destroy", preview_only=True)
        assert result.summary == {"delete": 4}
        assert [step["op"] for step in result.digest["steps"]] == ["delete"] * 4
        assert harness.world.names() == ["a", "b", "c"]

    def test_what_still_waited_for_its_deletion_goes_too(self, harness: Harness) -> None:
        harness.up('Thing("a", {"kind": "x"})')
        harness.world.failing["delete a"] = "busy"
        harness.run("up", 'Thing("a", {"kind": "y"})')
        harness.world.failing.clear()
        assert not harness.run("destroy").failed
        assert harness.world.names() == []

    def test_a_failure_stops_and_keeps_what_is_left(self, harness: Harness) -> None:
        harness.up(CHAIN)
        harness.world.failing["delete b"] = "busy"
        assert harness.run("destroy").failed
        assert harness.world.names() == ["a", "b"]
        harness.world.failing.clear()
        assert not harness.run("destroy").failed


class TestPartialFailures:
    def test_a_create_that_did_not_come_up_is_kept_and_updated_next_time(self, harness: Harness) -> None:
        harness.world.partial["create a"] = "health check failed"
        result = harness.run("up", 'a = Thing("a", {"value": 1})\nThing("b", {"value": a.computed})')
        assert "health check failed" in str(result.errors[0])
        failed = next(event for event in harness.events if event.kind == "resOpFailedEvent")
        assert failed.body["status"] == 1
        assert harness.entry("a")["initErrors"] == ["health check failed"]
        assert harness.entry("a")["id"]
        harness.world.partial.clear()
        harness.up()
        assert harness.steps() == ["update a", "create b"]
        assert "initErrors" not in harness.entry("a")

    def test_an_update_that_did_not_come_up_keeps_the_old_inputs(self, harness: Harness) -> None:
        harness.up('Thing("a", {"value": 1})')
        harness.world.partial["update a"] = "still unhealthy"
        assert harness.run("up", 'Thing("a", {"value": 2})').failed
        entry = harness.entry("a")
        assert entry["inputs"]["value"] == 1
        assert entry["outputs"]["value"] == 2
        assert entry["initErrors"] == ["still unhealthy"]

    def test_an_update_that_failed_leaves_the_entry(self, harness: Harness) -> None:
        harness.up('Thing("a", {"value": 1})')
        before = harness.entry("a")
        harness.world.failing["update a"] = "no"
        assert harness.run("up", 'Thing("a", {"value": 2})').failed
        assert harness.entry("a") == before
        assert "pending_operations" not in harness.stack.export()["deployment"]


class TestHistory:
    def test_every_operation_that_is_no_preview_is_recorded(self, harness: Harness) -> None:
        harness.stack.set_config("plain", "1")
        harness.up('Thing("a")', message="the first")
        harness.preview()
        harness.world.failing["create b"] = "no"
        harness.run("up", 'Thing("a")\nThing("b")')
        harness.run("refresh")
        harness.run("destroy")
        entries = harness.stack.history()
        assert [(entry.kind, entry.result) for entry in entries] == [
            ("destroy", "succeeded"),
            ("refresh", "succeeded"),
            ("update", "failed"),
            ("update", "succeeded"),
        ]
        assert entries[-1].message == "the first"
        assert entries[-1].resource_changes == {"create": 2}
        assert entries[-1].config == {"test:plain": "1"}
        assert entries[-1].end_time >= entries[-1].start_time > 0

    def test_its_files_have_the_cli_s_names_and_keys(self, harness: Harness) -> None:
        harness.up('Thing("a")')
        home = harness.folder / ".pulumi"
        (record,) = (home / "history" / "test" / "dev").glob("dev-*.history.json")
        assert (record.parent / record.name.replace(".history.", ".checkpoint.")).exists()
        assert set(json.loads(record.read_text())) == {
            "kind",
            "startTime",
            "message",
            "environment",
            "config",
            "version",
            "result",
            "endTime",
            "resourceChanges",
        }
        (backup,) = (home / "backups" / "test" / "dev").glob("dev.*.json")
        assert backup.read_bytes() == harness.stack._backend.checkpoint.read_bytes()
        assert (home / "meta.yaml").read_text() == "version: 1\n"
        assert not list((home / "tmp").iterdir())
        assert not [path for path in (home / "locks").rglob("*") if path.is_file()]

    def test_a_stack_that_is_not_there(self, harness: Harness) -> None:
        harness.write("")
        (harness.stack._backend.checkpoint).unlink()
        assert not harness.stack.exists()
        with pytest.raises(StackNotFound, match="no stack 'dev'") as error:
            harness.stack.up()
        assert error.value.exit_code == 6
