"""Running the program: its failures, its messages, its surroundings, and runs one after the other."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.engine.conftest import Harness


class TestFailures:
    def test_a_run_error_shows_its_message_only(self, harness: Harness) -> None:
        result = harness.run("up", 'raise pulumi.RunError("choose a region")')
        assert str(result.errors[0]) == "choose a region"
        assert result.exit_code == 1
        assert result.diagnostics[-1]["message"] == "error: choose a region"

    def test_another_exception_shows_the_programs_own_frames(self, harness: Harness) -> None:
        (harness.project / "helper.py").write_text("def fail():\n    raise ValueError('no such thing')\n")
        text = str(harness.run("up", "import helper\nhelper.fail()").errors[0])
        sys.modules.pop("helper")
        assert "ValueError: no such thing" in text
        assert "__main__.py" in text
        assert "helper.py" in text
        assert "site-packages" not in text
        assert "engine/program.py" not in text

    @pytest.mark.parametrize(
        "program",
        [
            'a = Thing("a")\na.computed.apply(lambda _: 1 / 0)',
            'a = Thing("a")\npulumi.export("x", a.computed.apply(lambda _: 1 / 0))',
            'a = Thing("a")\nThing("b", {"value": a.computed.apply(lambda _: 1 / 0)})',
            'a = Thing("a")\nThing("b", None, Opts(depends_on=a.computed.apply(lambda _: 1 / 0)))',
            'a = Thing("a")\ng = Group("g")\ng.register_outputs({"x": a.computed.apply(lambda _: 1 / 0)})',
        ],
    )
    def test_an_exception_in_an_apply_fails_the_run(self, harness: Harness, program: str) -> None:
        result = harness.run("up", program)
        assert "ZeroDivisionError: division by zero" in str(result.errors[0])
        assert len(result.errors) == 1
        assert harness.world.names() == ["a"]
        assert not harness.run("up", 'Thing("a")').failed
        assert harness.world.names() == ["a"]

    def test_outputs_of_before_survive_a_failure(self, harness: Harness) -> None:
        harness.up('pulumi.export("one", 1)\npulumi.export("two", 2)')
        harness.run("up", 'pulumi.export("one", 11)\nraise RuntimeError("oh")')
        assert harness.stack.outputs() == {"one": 11, "two": 2}

    def test_outputs_of_a_success_replace_all(self, harness: Harness) -> None:
        harness.up('pulumi.export("one", 1)\npulumi.export("two", 2)')
        harness.up('pulumi.export("one", 11)')
        assert harness.stack.outputs() == {"one": 11}

    def test_a_failed_resource_ends_the_program_and_is_the_only_error(self, harness: Harness) -> None:
        harness.world.failing["create a"] = "no space left"
        result = harness.run("up", 'a = Thing("a")\nThing("b", {"value": a.computed})')
        assert len(result.errors) == 1
        assert "create of fake:index:Thing 'a' failed: no space left" in str(result.errors[0])
        assert harness.world.names() == []

    def test_what_runs_beside_a_failure_is_recorded(self, harness: Harness) -> None:
        import threading  # noqa: PLC0415

        harness.world.begun["create b"] = threading.Event()
        harness.world.slow["create b"] = threading.Event()
        harness.world.slow["create a"] = harness.world.begun["create b"]
        harness.world.failing["create a"] = "no"
        threading.Timer(0.3, harness.world.slow["create b"].set).start()
        result = harness.run("up", 'Thing("b")\nThing("a")')
        assert result.failed
        assert harness.world.names() == ["b"]
        assert harness.entry("b")["id"].startswith("b-")

    def test_an_exit_is_a_failure_unless_it_is_zero(self, harness: Harness) -> None:
        assert harness.run("up", "raise SystemExit(3)").failed
        assert not harness.run("up", "raise SystemExit(0)").failed

    def test_no_program(self, harness: Harness) -> None:
        assert "__main__.py" in str(harness.run("up").errors[0])

    def test_a_logged_error_alone_is_no_failure(self, harness: Harness) -> None:
        result = harness.up('pulumi.log.error("careful")')
        assert result.diagnostics[0]["severity"] == "error"


class TestSurroundings:
    def test_it_runs_in_its_folder_as_main_with_its_modules(self, harness: Harness) -> None:
        (harness.project / "ours.py").write_text("VALUE = 7\n")
        before = (os.getcwd(), list(sys.path), sys.argv)  # noqa: PTH109 - what the process has
        result = harness.up(
            """
            import os, sys, ours
            pulumi.export("cwd", os.getcwd())
            pulumi.export("name", __name__)
            pulumi.export("ours", ours.VALUE)
            pulumi.export("project", [pulumi.get_project(), pulumi.get_stack(), pulumi.get_organization()])
            pulumi.export("dry", pulumi.runtime.is_dry_run())
            """
        )
        sys.modules.pop("ours")
        assert result.outputs == {
            "cwd": str(harness.project),
            "name": "__main__",
            "ours": 7,
            "project": ["test", "dev", "organization"],
            "dry": False,
        }
        assert (os.getcwd(), list(sys.path), sys.argv) == before  # noqa: PTH109 - as above

    def test_prints_become_messages(self, harness: Harness, capsys: pytest.CaptureFixture[str]) -> None:
        result = harness.up('print("one")\nprint("two", end="")\npulumi.log.warn("three")')
        assert [item["message"] for item in result.diagnostics] == ["one", "warning: three", "two"]
        assert capsys.readouterr().out == ""

    def test_module_state_is_fresh_each_time(self, harness: Harness) -> None:
        program = "seen = globals().setdefault('seen', [])\nseen.append(1)\npulumi.export('n', len(seen))"
        assert harness.up(program).outputs == {"n": 1}
        assert harness.up(program).outputs == {"n": 1}

    def test_a_main_in_another_folder(self, harness: Harness) -> None:
        (harness.project / "Pulumi.yaml").write_text("name: test\nruntime: {name: python}\nmain: src\n")
        (harness.project / "src").mkdir()
        (harness.project / "src" / "__main__.py").write_text("import pulumi\npulumi.export('x', 1)\n")
        assert harness.open().up().outputs == {"x": 1}

    def test_an_asynchronous_program(self, harness: Harness) -> None:
        result = harness.up('async def main():\n    return {"x": 1}\n\npulumi.run(main)')
        assert result.outputs == {"x": 1}


class TestWidth:
    def test_many_slow_resources_do_not_starve_each_other(self, harness: Harness) -> None:
        """More waiting creates than slots and than processors: all of them end, and so do the calls beside them."""
        program = """
        for i in range(120):
            g = Group(f"g{i}")
            t = Thing(f"t{i}", {"value": i}, Opts(parent=g))
            g.register_outputs({"v": t.value})
        """
        result = harness.up(program)
        assert result.summary == {"create": 241}
        assert harness.up().summary == {"same": 241}

    def test_garbage_is_collected_rarely_while_it_runs_and_as_before_afterwards(self, harness: Harness) -> None:
        before = gc.get_threshold()
        harness.up("import gc\npulumi.export('threshold', gc.get_threshold()[0])")
        assert harness.stack.outputs()["threshold"] > before[0]
        assert gc.get_threshold() == before
