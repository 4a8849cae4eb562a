"""Commands that look and change nothing, or next to nothing."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from cli.engines import PastOperation, Run
from tests.cli.conftest import UNCHANGED, summary
from tests.operate.fake_docker import container

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import FakeWorkplace, Said

    Slipway = Callable[..., Said]


class TestStatus:
    """``slipway status``."""

    def test_everything_is_well(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """Exit code 0."""
        work.api.things.append(container("migrate", role="job", state="exited", health=None))
        work.knows_what_runs()
        said = slipway("status")
        assert said.code == 0
        lines = said.out.splitlines()
        assert lines[0].split() == [
            "REPLICA",
            "KIND",
            "STATE",
            "HEALTH",
            "RESTARTS",
            "SINCE",
            "PORTS",
            "IMAGE",
            "CONTAINER",
        ]
        assert lines[1].startswith("gateway-0  gateway  running  healthy  0         ")
        assert lines[-2:] == ["1 of 1 one-shot containers succeeded", "everything is well"]

    def test_something_is_not(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """Exit code 1, each trouble in words."""
        work.knows_what_runs()
        work.api.things[0]["State"]["Health"]["Status"] = "unhealthy"
        said = slipway("status")
        assert said.code == 1
        name = work.api.things[0]["Name"].lstrip("/")
        assert said.out.endswith(
            f"  api-0 is unhealthy\n  container {name} is running, unhealthy\n"
            "  its health check has given no answer yet\n  it logged nothing\n"
        )

    def test_what_is_restarted_again_and_again(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """Its exit code and the end of its log, also while it happens to run."""
        bad = container("api", state="restarting", exit_code=3, restarts=4, health=None, logs="one\nno database\n")
        work.api.things[0] = bad
        work.knows_what_runs()
        said = slipway("status")
        assert said.code == 1
        assert "  api-0 is restarting (exit code 3, restarted 4 times)\n" in said.out
        assert "is restarting, without health check (exit code 3), restarted 4 times\n" in said.out
        assert "  its last log lines:\n    one\n    no database\n" in said.out
        bad["State"] |= {"Status": "running", "ExitCode": 0, "StartedAt": datetime.now(UTC).isoformat()[:-6] + "Z"}
        said = slipway("status")
        assert said.code == 0
        assert "warning: api-0 was restarted 4 times, and again just now\n" in said.err
        assert "no database" in said.out

    def test_leftovers(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """Named, since somebody has to decide about them."""
        work.knows_what_runs()
        work.api.things.append(container("api", replica=1))
        said = slipway("status")
        assert said.code == 0
        assert said.err.startswith("warning: not in the state, left by an interrupted operation: api-1-")

    def test_nothing_is_deployed(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """Exit code 1, and the way to change that."""
        work.api.things.clear()
        said = slipway("status")
        assert (said.code, said.out) == (1, "stack dev: nothing is deployed. slipway up --stack dev\n")

    def test_as_json(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """For a monitor."""
        work.knows_what_runs()
        said = slipway("status", "--json")
        assert (said.code, json.loads(said.out)["healthy"]) == (0, True)


class TestLogs:
    """``slipway logs``."""

    @pytest.fixture(autouse=True)
    def _written(self, work: FakeWorkplace) -> None:
        work.api.things = [
            container("api", logs="2026-01-01T00:00:01.123456789Z one\n2026-01-01T00:00:03Z three\n"),
            container("main", role="server", logs="2026-01-01T00:00:02Z two\n"),
            container("migrate", role="job", state="exited", logs="2026-01-01T00:00:00Z migrated\n"),
        ]

    def test_merged_by_time(self, slipway: Slipway) -> None:
        """Prefixes in columns; jobs only by name."""
        assert slipway("logs").out == "api-0 | one\nmain-0 | two\napi-0  | three\n"

    def test_of_one_part(self, slipway: Slipway) -> None:
        """With the times, if they are asked for."""
        assert slipway("logs", "migrate").out == "migrate | migrated\n"
        assert slipway("logs", "api", "--tail", "1").out == "api-0 | three\n"
        said = slipway("logs", "api", "--timestamps", "--all")
        assert said.out.startswith("api-0 | 2026-01-01T00:00:01.123Z one\n")

    def test_following(self, slipway: Slipway) -> None:
        """Until nothing runs any more."""
        assert sorted(slipway("logs", "api", "-f").out.splitlines()) == ["api-0 | one", "api-0 | three"]

    def test_from_a_time_on(self, slipway: Slipway) -> None:
        """A time, with or without its zone, or how long ago it was."""
        assert slipway("logs", "--since", "2026-01-01T00:00:02").out == "main-0 | two\napi-0  | three\n"
        assert slipway("logs", "--since", "2026-01-01T01:00:03+01:00").out == "api-0 | three\n"
        assert slipway("logs", "--since", "1s").out == ""
        assert slipway("logs", "api", "-f", "--since", "2026-01-01T00:00:02").out == "api-0 | three\n"

    def test_lines_that_hold_something(self, slipway: Slipway) -> None:
        assert slipway("logs", "--grep", "^t.o").out == "main-0 | two\n"
        assert sorted(slipway("logs", "api", "-f", "--grep", "thr").out.splitlines()) == ["api-0 | three"]

    def test_one_request_through_all_parts(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """By the id that the gateway has given it; another one that begins alike is another one."""
        work.api.things = [
            container("gateway", role="server", logs='2026-01-01T00:00:01Z {"id":"abc-1","status":200}\n'),
            container("api", logs="2026-01-01T00:00:00.5Z did abc-1\n2026-01-01T00:00:02Z did abc-12\n"),
        ]
        said = slipway("logs", "--request-id", "abc-1").out
        assert said == 'api-0 | did abc-1\ngateway-0 | {"id":"abc-1","status":200}\n'

    def test_a_question_looks_at_all_lines_unless_a_number_is_said(self, slipway: Slipway, work: FakeWorkplace) -> None:
        lines = "".join(f"2026-01-01T00:00:00.{number:03}Z line {number}\n" for number in range(200))
        work.api.things = [container("api", logs=lines)]
        assert slipway("logs", "--grep", "line 7$").out == "api-0 | line 7\n"
        assert slipway("logs", "--grep", "line 7$", "--tail", "10").out == ""
        assert len(slipway("logs").out.splitlines()) == 100

    @pytest.mark.parametrize(
        ("option", "value", "message"),
        [("--since", "soon", "'soon' is no time"), ("--grep", "(", "no regular expression")],
    )
    def test_what_can_not_be_read(self, slipway: Slipway, option: str, value: str, message: str) -> None:
        said = slipway("logs", option, value)
        assert said.code == 2
        assert message in said.err

    def test_an_unknown_part(self, slipway: Slipway) -> None:
        """Exit code 2."""
        said = slipway("logs", "mian")
        assert said.code == 2
        assert said.err == "error: stack dev has no part 'mian'\n  nearest: main\n  allowed: api, main, migrate\n"


class TestShell:
    """``slipway shell``."""

    def test_a_commands_exit_code_is_its_own(
        self, slipway: Slipway, work: FakeWorkplace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And its options are not taken for ours."""
        asked: list[object] = []

        def run(_client: object, identity: str, command: tuple[str, ...], *, terminal: bool) -> int:
            asked.extend([identity, command, terminal])
            return 42

        monkeypatch.setattr("cli.commands.shell.run_inside", run)
        assert slipway("shell", "api", "--", "psql", "-U", "main", "--help").code == 42
        assert asked == [work.api.things[0]["Id"], ("psql", "-U", "main", "--help"), False]

    def test_a_shell_without_a_command(self, slipway: Slipway, monkeypatch: pytest.MonkeyPatch) -> None:
        """Bash where there is one."""
        asked: list[tuple[str, ...]] = []

        def run(_client: object, _identity: str, command: tuple[str, ...], *, terminal: bool) -> int:
            asked.append(command)
            return int(terminal)

        monkeypatch.setattr("cli.commands.shell.run_inside", run)
        assert slipway("shell", "api").code == 0
        assert "exec bash" in asked[0][2]

    def test_a_part_that_does_not_run(self, slipway: Slipway) -> None:
        """Exit code 2."""
        said = slipway("shell", "api", "--replica", "7")
        assert (said.code, said.err) == (
            2,
            "error: no container of api-7 is running\n  fix: slipway status --stack dev\n",
        )


class TestConfig:
    """``slipway config`` and ``slipway schema``."""

    def test_with_origins(self, slipway: Slipway) -> None:
        """File and line of each value."""
        said = slipway("config", "--written")
        assert said.code == 0
        assert said.out.startswith("# shop: stack dev of project shop, environment dev\nname: shop")
        assert "# blueprints/shop.yaml:1\n" in said.out
        assert "# default" not in said.out
        assert "# default" in slipway("config").out

    def test_as_json(self, slipway: Slipway) -> None:
        """With origins by path."""
        data = json.loads(slipway("config", "--json").out)
        assert data["platform"]["name"] == "shop"
        assert data["origins"]["name"]["line"] == 1

    def test_an_unknown_stack(self, slipway: Slipway) -> None:
        """Exit code 2 and the stacks that there are."""
        said = slipway("config", "--stack", "pord")
        assert said.code == 2
        assert "there is no stack 'pord'" in said.err
        assert "nearest: prod" in said.err

    def test_schema(self, slipway: Slipway, tmp_path: Path) -> None:
        """To stdout or into a file."""
        printed = slipway("schema").out
        assert json.loads(printed)["title"] == "Slipway blueprint"
        assert slipway("schema", "--out", str(tmp_path / "schema.json")).out == ""
        assert (tmp_path / "schema.json").read_text() == printed


class TestConfigSet:
    """``slipway config set``."""

    def test_a_secret_is_asked_for(
        self, slipway: Slipway, work: FakeWorkplace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It shows nowhere; without a namespace the name is ours."""
        monkeypatch.setattr("sys.stdin", io.StringIO("hunter2\n"))
        said = slipway("config", "set", "--secret", "openai_api_key")
        assert said.code == 0
        assert work.engine.asked == [("set", ("slipway:openai_api_key", "hunter2", True))]
        assert "hunter2" not in said.out + said.err
        assert said.out.endswith("slipway:openai_api_key is set in Pulumi.dev.yaml, encrypted\n")

    def test_a_plain_value(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """Of any namespace; a stack that is not there yet is made."""
        work.engine.there = False
        assert slipway("config", "set", "--stack", "next", "docker:host", "ssh://box").code == 2  # no such blueprint
        assert slipway("config", "set", "docker:host", "ssh://box").code == 0
        assert work.engine.asked == [("create", None), ("set", ("docker:host", "ssh://box", False))]

    def test_no_value(self, slipway: Slipway, work: FakeWorkplace, monkeypatch: pytest.MonkeyPatch) -> None:
        """Exit code 2; an empty secret is a mistake."""
        monkeypatch.setattr("sys.stdin", io.StringIO(""))
        said = slipway("config", "set", "--secret", "openai_api_key")
        assert said.code == 2
        assert "no value for openai_api_key" in said.err
        assert work.engine.asked == []


class TestOutputs:
    """``slipway outputs``."""

    def test_secrets_only_on_request(self, slipway: Slipway) -> None:
        """As with Pulumi."""
        assert "hunter2" not in slipway("outputs").out
        assert json.loads(slipway("outputs", "--json").out)["password"] == "[secret]"
        assert json.loads(slipway("outputs", "--json", "--show-secrets").out)["password"] == "hunter2"

    def test_as_a_table(self, slipway: Slipway) -> None:
        """The line on the engine goes to stderr, so that the result can be piped."""
        said = slipway("outputs")
        assert said.out.splitlines() == [
            "OUTPUT    VALUE",
            "password  [secret]",
            "platform  shop",
            'urls      ["http://localhost:18510"]',
        ]
        assert said.err == "engine: embedded (auto)\n"


class TestHistory:
    """``slipway history``."""

    def test_newest_first(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """What was unchanged is not worth a word."""
        work.engine.past = [
            PastOperation("update", "failed", 1_000_000_060, 1_000_000_072, {"create": 2, "same": 9}),
            PastOperation("update", "succeeded", 1_000_000_000, 1_000_000_001, {"same": 9}),
        ]
        lines = slipway("history").out.splitlines()
        assert lines[0].split() == ["WHEN", "WHAT", "RESULT", "SECONDS", "CHANGES"]
        assert lines[1].endswith("update  failed     12       2 create")
        assert lines[2].endswith("update  succeeded  1        none")
        assert len(slipway("history", "--limit", "1").out.splitlines()) == 2
        assert json.loads(slipway("history", "--json").out)[0]["result"] == "failed"

    def test_none_yet(self, slipway: Slipway) -> None:
        """Said, not an empty screen."""
        assert slipway("history").out == "stack dev: no operation yet\n"


class TestRefresh:
    """``slipway refresh``."""

    def test_it_asks(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """It changes the state."""
        assert slipway("refresh").code == 2
        assert work.engine.asked == []

    @pytest.mark.parametrize(
        ("events", "text"),
        [(UNCHANGED, "the state was right already\n"), ([summary(update=1)], "done: 1 updated\n")],
    )
    def test_it_tells(self, slipway: Slipway, work: FakeWorkplace, events: list[dict[str, object]], text: str) -> None:
        """Whether the state was right."""
        work.engine.events = list(events)
        assert slipway("refresh", "--yes").out.endswith(text)

    def test_it_fails(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """With the engine's exit code."""
        work.engine.events, work.engine.run = [], Run(4, "docker is gone")
        assert slipway("refresh", "--yes").code == 4


class TestCancel:
    """``slipway cancel``."""

    def test_no_lock(self, slipway: Slipway) -> None:
        """Nothing to do."""
        assert slipway("cancel").out == "stack dev is not locked\n"

    def test_the_holder_is_shown_first(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """And nothing removed without a yes."""
        lock = _lock(work)
        said = slipway("cancel")
        assert said.code == 2
        assert said.out == "locked by eve@box, process 7, since 2026-01-01T00:00:00Z\n"
        assert lock.exists()

    def test_removed(self, slipway: Slipway, work: FakeWorkplace, terminal: Callable[[bool], list[str]]) -> None:
        """After a yes."""
        lock = _lock(work)
        questions = terminal(True)
        said = slipway("cancel")
        assert (said.code, said.out.splitlines()[-1]) == (0, "the lock is removed")
        assert questions == ["Has that operation certainly ended? Remove its lock?"]
        assert not lock.exists()


class TestEnv:
    """``slipway env``."""

    def test_what_pulumi_needs(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """A backend and a passphrase by its file; nothing secret."""
        said = slipway("env")
        secret = (work.root / ".state" / "passphrase").read_text().strip()
        assert said.out.splitlines() == [
            f"export PULUMI_BACKEND_URL=file://{work.root}/.state",
            f"export PULUMI_CONFIG_PASSPHRASE_FILE={work.root}/.state/passphrase",
        ]
        assert secret not in said.out + said.err
        assert said.err.startswith("passphrase: generated into .state/passphrase")
        assert slipway("env").err == ""


def _lock(work: FakeWorkplace) -> Path:
    folder = work.root / ".state" / ".pulumi" / "locks" / "organization" / "shop" / "dev"
    folder.mkdir(parents=True)
    record = {"pid": 7, "username": "eve", "hostname": "box", "timestamp": "2026-01-01T00:00:00Z"}
    (folder / "x.json").write_text(json.dumps(record))
    return folder / "x.json"
