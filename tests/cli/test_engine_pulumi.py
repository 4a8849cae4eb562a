"""The Pulumi CLI as an engine, with a program in its place that writes down what it was asked."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from cli.engine_pulumi import PulumiEngine, PulumiFailed
from cli.engines import PastOperation, Run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from operate.outcome import Event


@pytest.fixture
def pulumi(tmp_path: Path) -> Callable[[str], PulumiEngine]:
    """Return a function that makes an engine whose CLI is a shell script with this body."""

    def make(body: str) -> PulumiEngine:
        script = tmp_path / "pulumi"
        script.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/asked"\nenv > "{tmp_path}/env"\n{body}\n')
        script.chmod(0o755)
        return PulumiEngine(tmp_path, "dev", str(script), {"PULUMI_BACKEND_URL": "file:///state"})

    return make


def asked(folder: Path) -> list[str]:
    """Return what the CLI was asked, a line a call."""
    return (folder / "asked").read_text().splitlines()


def lines(*events: object) -> str:
    """Return a script that prints these as lines of JSON."""
    return "cat <<'END'\n" + "\n".join(json.dumps(event) for event in events) + "\nEND"


def test_events_come_as_the_cli_writes_them(pulumi: Callable[[str], PulumiEngine], tmp_path: Path) -> None:
    """Debug messages are left out, of which there are many; what is no event too."""
    debug = {"diagnosticEvent": {"severity": "debug", "message": "x"}}
    body = lines({"preludeEvent": {}}, debug, {"cancelEvent": {}}) + "\necho not an event\necho '{broken'"
    seen: list[Event] = []
    assert pulumi(body).up(seen.append, refresh=True, replace=["urn:a", "urn:b"]) == Run(0)
    assert seen == [{"preludeEvent": {}}, {"cancelEvent": {}}]
    assert asked(tmp_path) == [
        (
            "up --refresh --replace urn:a --replace urn:b --json --yes --skip-preview --stack dev --non-interactive"
            " --color never"
        )
    ]


def test_its_environment(pulumi: Callable[[str], PulumiEngine], tmp_path: Path) -> None:
    """No question about updates, no download in the middle of a deployment."""
    pulumi("true").destroy(lambda _event: None)
    environment = (tmp_path / "env").read_text().splitlines()
    assert "PULUMI_SKIP_UPDATE_CHECK=true" in environment
    assert "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true" in environment
    assert "PULUMI_BACKEND_URL=file:///state" in environment
    assert asked(tmp_path)[0].startswith("destroy --json --yes --skip-preview --stack dev")


def test_a_failure_keeps_its_exit_code_and_words(pulumi: Callable[[str], PulumiEngine]) -> None:
    """Warnings are not part of the error."""
    run = pulumi("echo 'warning: old' >&2; echo 'error: the stack is locked' >&2; exit 1").refresh(lambda _: None)
    assert run == Run(1, "the stack is locked")


def test_a_lot_on_stderr_does_not_block_it(pulumi: Callable[[str], PulumiEngine]) -> None:
    """A pipe holds 64 KiB."""
    run = pulumi("i=0; while [ $i -lt 20000 ]; do echo 'error: xxxxxxxx' >&2; i=$((i+1)); done; exit 4").up(
        lambda _: None
    )
    assert run.exit_code == 4
    assert run.error.count("\n") == 19_999


def test_a_preview_gives_its_document(pulumi: Callable[[str], PulumiEngine], tmp_path: Path) -> None:
    """And its diagnostics and counts as events."""
    document = {"steps": [], "diagnostics": [{"severity": "error", "message": "no"}], "changeSummary": {"create": 2}}
    seen: list[Event] = []
    run = pulumi(f"{lines(document)}\necho 'error: preview failed' >&2; exit 1").preview(seen.append)
    assert run == Run(1, "preview failed", document)
    assert seen == [
        {"diagnosticEvent": {"severity": "error", "message": "no"}},
        {"summaryEvent": {"resourceChanges": {"create": 2}, "isPreview": True}},
    ]
    assert asked(tmp_path) == ["preview --json --stack dev --non-interactive --color never"]


def test_a_preview_that_fails_before_its_document(pulumi: Callable[[str], PulumiEngine]) -> None:
    """The error alone."""
    run = pulumi("echo 'error: incorrect passphrase' >&2; exit 1").preview(lambda _: None)
    assert run == Run(1, "incorrect passphrase", {})


def test_whether_a_stack_exists(pulumi: Callable[[str], PulumiEngine]) -> None:
    """Exit code 6 says no; any other is an error."""
    assert pulumi("echo dev").exists()
    assert not pulumi("exit 6").exists()
    with pytest.raises(PulumiFailed, match="no access") as caught:
        pulumi("echo 'error: no access' >&2; exit 3").exists()
    assert caught.value.exit_code == 3


def test_files_are_looked_at_without_the_cli(tmp_path: Path) -> None:
    """It takes a tenth of a second to ask."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\n")
    engine = PulumiEngine(tmp_path, "dev", "/no/such/pulumi", {}, state=tmp_path)
    assert not engine.exists()
    (tmp_path / ".pulumi" / "stacks" / "shop").mkdir(parents=True)
    (tmp_path / ".pulumi" / "stacks" / "shop" / "dev.json").write_text("{}")
    assert engine.exists()


def test_short_questions(pulumi: Callable[[str], PulumiEngine], tmp_path: Path) -> None:
    """Outputs, state, making a stack without selecting it, breaking a lock."""
    assert pulumi("echo '{\"a\": 1}'").outputs(show_secrets=True) == {"a": 1}
    assert pulumi('echo \'{"version": 3, "deployment": {"resources": []}}\'').export() == {"resources": []}
    pulumi("true").create()
    pulumi("true").break_lock()
    assert [line.split(" --stack")[0] for line in asked(tmp_path)] == [
        "stack output --json --show-secrets",
        "stack export",
        "stack init dev --no-select --non-interactive --color never",
        "cancel dev --yes --non-interactive --color never",
    ]


def test_a_value_is_not_in_the_process_list(pulumi: Callable[[str], PulumiEngine], tmp_path: Path) -> None:
    """It goes through stdin."""
    pulumi(f'cat > "{tmp_path}/typed"').set_config("slipway:key", "hunter2", secret=True)
    assert (tmp_path / "typed").read_text() == "hunter2"
    assert asked(tmp_path) == ["config set slipway:key --secret --stack dev --non-interactive --color never"]


def test_history(pulumi: Callable[[str], PulumiEngine]) -> None:
    """Times as seconds."""
    item = {
        "kind": "update",
        "result": "succeeded",
        "startTime": "2026-01-01T00:00:00.000Z",
        "endTime": "2026-01-01T00:01:00.000Z",
        "message": "m",
        "resourceChanges": {"create": 1},
    }
    begin = 1_767_225_600
    assert pulumi(f"echo '{json.dumps([item])}'").history() == [
        PastOperation("update", "succeeded", begin, begin + 60, {"create": 1}, "m")
    ]


@pytest.mark.parametrize(("hard", "name"), [(False, "int"), (True, "term")])
def test_a_signal_is_passed_on(pulumi: Callable[[str], PulumiEngine], hard: bool, name: str) -> None:
    """The CLI calls an update that the user stopped a failed one; here it ends with 8."""
    traps = "trap 'echo int >&2; exit 1' INT; trap 'echo term >&2; exit 1' TERM"
    engine = pulumi(f"{traps}; echo '{{\"preludeEvent\": {{}}}}'; while :; do sleep 0.05; done")
    assert engine.up(lambda _event: engine.interrupt(hard=hard)) == Run(8, name)


def test_a_signal_without_an_operation_does_nothing(pulumi: Callable[[str], PulumiEngine]) -> None:
    """Nor after its end."""
    engine = pulumi("true")
    engine.interrupt(hard=False)
    engine.up(lambda _event: None)
    engine.interrupt(hard=True)


def test_ctrl_c_in_the_terminal_reaches_the_cli_from_us_alone(pulumi: Callable[[str], PulumiEngine]) -> None:
    """It runs in a session of its own, so the terminal does not signal it too."""
    engine = pulumi("cut -d ' ' -f 6 /proc/$$/stat >&2; exit 1")
    assert int(engine.up(lambda _event: None).error) != os.getsid(0)
