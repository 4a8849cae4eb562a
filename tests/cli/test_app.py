"""The command line itself: help, mistakes, failures, signals, and a quick start."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from cli.app import COMMANDS
from cli.console import Console
from cli.exit_codes import ExitCode
from cli.failures import expected_code, run_reporting
from cli.interrupts import interruptible
from operate.errors import OperateError
from tests.cli.conftest import FakeEngine

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import FakeWorkplace, Said

    Slipway = Callable[..., Said]

ROOT = Path(__file__).resolve().parent.parent.parent


class TestHelp:
    """Every command explains itself."""

    def test_of_everything(self, slipway: Slipway) -> None:
        """All commands, in the order of use."""
        said = slipway("--help")
        assert said.code == 0
        listed = re.findall(r"^  ([\w-]+) {2,}\S", said.out.partition("Commands:")[2], re.MULTILINE)
        assert listed == list(COMMANDS)

    @pytest.mark.parametrize("name", [*COMMANDS, "config set", "images build", "images list", "images lock"])
    def test_of_each_has_an_example(self, slipway: Slipway, name: str) -> None:
        """One that can be typed."""
        said = slipway(*name.split(), "--help")
        assert said.code == 0
        assert "Example:" in said.out
        assert f"slipway {name}" in said.out or name == "env"

    def test_the_example_in_the_list_is_the_commands_own_name(self) -> None:
        """Each module of the folder is a command, and each command a module."""
        folder = ROOT / "cli" / "commands"
        assert {path.stem.replace("_", "-") for path in folder.glob("[a-z]*.py")} == set(COMMANDS)


class TestMistakes:
    """Exit code 2, and a hint."""

    def test_a_command_that_does_not_exist(self, slipway: Slipway) -> None:
        """The nearest one."""
        said = slipway("statsu")
        assert said.code == 2
        assert "No such command 'statsu'. Did you mean 'status'?" in said.err

    def test_an_option_that_does_not_exist(self, slipway: Slipway) -> None:
        """Said by click."""
        said = slipway("up", "--blueprnt", "x")
        assert said.code == 2
        assert "No such option" in said.err

    def test_an_engine_that_does_not_exist(self, slipway: Slipway) -> None:
        """The ones that do."""
        said = slipway("up", "--engine", "terraform")
        assert said.code == 2
        assert "'auto', 'pulumi', 'embedded'" in said.err


class _Bug(Exception):  # noqa: N818 - any exception at all
    pass


class _ExpectedError(OperateError):
    exit_code = 6


class TestFailures:
    """What the user reads when something fails."""

    def test_a_bug_shows_its_traceback_and_asks_to_be_reported(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Exit code 255, as Pulumi's own."""

        def body() -> None:
            raise _Bug("unforeseen")

        assert run_reporting(body) == ExitCode.BUG
        said = capsys.readouterr().err
        assert "Traceback (most recent call last)" in said
        assert "_Bug: unforeseen" in said
        assert "this is an error in slipway itself: please report it" in said

    def test_an_expected_failure_shows_its_text(self, capsys: pytest.CaptureFixture[str]) -> None:
        """And its own exit code."""

        def body() -> None:
            raise _ExpectedError("no such thing\n  fix: make one")

        assert run_reporting(body) == 6
        assert capsys.readouterr().err == "error: no such thing\n  fix: make one\n"

    @pytest.mark.parametrize("stop", [KeyboardInterrupt, click.exceptions.Abort])
    def test_stopped_by_the_user(self, stop: type[BaseException], capsys: pytest.CaptureFixture[str]) -> None:
        """Exit code 8."""

        def body() -> None:
            raise stop

        assert run_reporting(body) == ExitCode.CANCELLED
        assert capsys.readouterr().err == "error: cancelled\n"

    def test_errors_of_other_rooms(self) -> None:
        """Found by name where their module was imported."""
        import docker.errors  # noqa: PLC0415 - the test is about what is imported

        from engine.errors import LockHeld, StackNotFound  # noqa: PLC0415
        from operate.image_build import ImageBuildError  # noqa: PLC0415
        from operate.image_family import MachineFileError  # noqa: PLC0415
        from settings import SettingsError  # noqa: PLC0415

        assert expected_code(SettingsError([])) == 2
        assert expected_code(StackNotFound("x")) == 6
        assert expected_code(LockHeld("x", "y")) == 1
        assert expected_code(docker.errors.APIError("x")) == 1
        assert expected_code(ImageBuildError("sample", "no", [])) == 1
        assert expected_code(MachineFileError("x")) == 2
        assert expected_code(ValueError("x")) is None

    def test_a_reader_that_has_gone(self) -> None:
        """`slipway status | head -1` ends quietly."""
        code = (
            "import sys; sys.path.insert(0, sys.argv[1]); from cli.app import main; sys.argv[1:] = ['--help']; main()"
        )
        done = subprocess.run(
            ["bash", "-c", f'"{sys.executable}" -P -c "{code}" "{ROOT}" | true; echo "${{PIPESTATUS[0]}}"'],
            capture_output=True,
            text=True,
            check=True,
        )
        assert "Traceback" not in done.stderr


class TestQuestions:
    """Asking, and what happens if nobody answers."""

    def test_a_table_is_aligned(self, capsys: pytest.CaptureFixture[str]) -> None:
        """And nothing is written for no rows."""
        Console().table(["A", "LONG"], [["xx", "y"], ["z", ""]])
        Console().table(["A"], [])
        assert capsys.readouterr().out == "A   LONG\nxx  y\nz\n"

    def test_in_json_mode_stdout_stays_clean(self, capsys: pytest.CaptureFixture[str]) -> None:
        """What is said goes to stderr."""
        console = Console(json_mode=True)
        console.say("hello")
        console.good("fine")
        console.step("doing")
        assert capsys.readouterr() == ("", "hello\nfine\ndoing\n")


class TestInterrupts:
    """Ctrl-C during an operation."""

    def test_first_soft_then_hard(self, capsys: pytest.CaptureFixture[str]) -> None:
        """And the handlers are put back."""
        engine = FakeEngine()
        before = signal.getsignal(signal.SIGINT)
        with interruptible(engine):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
        assert engine.asked == [("interrupt", False), ("interrupt", True)]
        assert signal.getsignal(signal.SIGINT) is before
        assert capsys.readouterr().err == (
            "error: stopping: the steps under way finish and are recorded. Once more stops at once\n"
            "error: stopping at once\n"
        )

    def test_an_operation_that_was_cancelled(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """Its exit code is 8."""
        from cli.engines import Run  # noqa: PLC0415 - only here

        work.engine.events, work.engine.run = [], Run(8, "cancelled: the steps that were running have finished")
        said = slipway("up")
        assert said.code == 8
        assert said.err == (
            "error: stopped; what had finished by then is recorded, and the next `slipway up` goes on from there\n"
        )
        assert "still serving:\n" in said.out
        assert "stopped after " in said.out

    def test_a_hard_stop_leaves_at_once(
        self, slipway: Slipway, work: FakeWorkplace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Threads of the operation live on, so the process must not wait for them."""

        class Hard(Exception):  # noqa: N818 - as the engine's own
            hard = True

        class Left(Exception):  # noqa: N818 - a test's way out
            pass

        def leave(code: int) -> None:
            raise Left(code)

        monkeypatch.setattr("os._exit", leave)
        work.engine.raises = Hard("stopped at once")
        assert slipway("up").code == ExitCode.BUG  # the test's own way out


class TestStart:
    """Help and description show at once."""

    @pytest.mark.parametrize(
        ("arguments", "never"),
        [
            (["--help"], {"pulumi", "docker", "rich", "pydantic", "grpc", "engine"}),
            (["up", "--help"], {"pulumi", "docker", "rich", "grpc", "engine"}),
            (["config"], {"pulumi", "docker", "rich", "grpc", "engine", "cryptography"}),
            (["cancel"], {"pulumi", "docker", "rich", "grpc", "engine"}),
        ],
    )
    def test_what_is_not_imported(self, arguments: list[str], never: set[str]) -> None:
        """Each of these takes a tenth of a second or more."""
        code = (
            "import sys; sys.path.insert(0, sys.argv[1]); from cli.app import root\n"
            "try: root.main(sys.argv[2:], prog_name='slipway')\n"
            "except SystemExit: pass\n"
            "print('\\n' + ' '.join(sys.modules), file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-P", "-c", code, str(ROOT), *arguments], capture_output=True, text=True, check=True
        )
        loaded = {name.partition(".")[0] for name in done.stderr.splitlines()[-1].split()}
        assert loaded & never == set()

    def test_the_script_works_from_any_folder(self, tmp_path: Path) -> None:
        """And a module of that folder does not get in its way."""
        (tmp_path / "cli.py").write_text("raise SystemExit('the wrong module')\n")
        if not (ROOT / ".venv" / ".slipway-stamp").exists():
            pytest.skip("the environment was not made by scripts/bootstrap, so the script would make one")
        (tmp_path / "slipway").symlink_to(ROOT / "slipway")
        done = subprocess.run(
            [str(tmp_path / "slipway"), "--help"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout.partition("\n")[0]) == (0, "Usage: slipway [OPTIONS] COMMAND [ARGS]...")
