"""Job: runs once; its failure is the deployment's, and what needs it waits for its success."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from components import Job, JobArgs, Service, ServiceArgs
from components.outcome import failure_text
from testing import Graph, render


def _release(args: JobArgs | None = None) -> None:
    migrate = Job("migrate", args or JobArgs(image="app", command=["migrate"]))
    Service("api", ServiceArgs(image="app", needs=[migrate.succeeded]))
    Service("other", ServiceArgs(image="app"))


def _failing(code: int = 3, logs: str = "no such table: jobs\n", *, preview: bool = False) -> Graph:
    return render(_release, preview=preview, outputs={"migrate-run": {"exitCode": code, "containerLogs": logs}})


def test_children() -> None:
    """One container that runs, and its files."""
    graph = render(lambda: Job("migrate", JobArgs(image="app", secret_files={"/run/secrets/key": "v"})))
    assert {child.name for child in graph.children("migrate")} == {"migrate-run", "migrate-secrets"}
    assert graph["migrate-run"].depends_on("migrate-secrets-carrier")
    assert graph["migrate"].outputs == {"exit_code": 0}


def test_it_runs_once_and_keeps_its_output_secret() -> None:
    """Never restarted or removed by itself; waited for, at most its timeout."""
    run = render(lambda: Job("migrate", JobArgs(image="app", timeout_s=90.5, restart="always")))["migrate-run"]
    expected = {"mustRun": False, "attach": True, "logs": True, "rm": False, "restart": "no"}
    assert {key: run.inputs[key] for key in expected} == expected
    assert "wait" not in run.inputs
    assert run.options.additional_secret_outputs == ("containerLogs",)
    assert run.options.custom_timeouts == {"create": "91s"}
    assert "containerLogs" in run.secret_outputs


@pytest.mark.parametrize("preview", [False, True])
def test_what_needs_it_waits(preview: bool) -> None:
    """In a preview too, so that its order is the deployment's."""
    graph = render(_release, preview=preview)
    assert graph["api-0"].depends_on("migrate-run")
    assert not graph["other-0"].depends_on("migrate-run")


def test_its_failure_fails_the_deployment_with_its_last_words() -> None:
    """Exit code, output, and how to run it again."""
    with pytest.raises(pulumi.RunError) as failure:
        _failing()
    assert str(failure.value) == (
        "job migrate failed with exit code 3. The end of its output:\n"
        "  no such table: jobs\n"
        "Mend it and deploy again; to run it again unchanged: slipway up, or pulumi up --replace "
        "'urn:pulumi:test::test::slipway:index:Job$docker:index/container:Container::migrate-run'"
    )


def test_after_a_failure_its_dependents_are_not_registered() -> None:
    """Nothing is released on a database that was not migrated."""
    registered: list[str] = []

    def note(resource: Any) -> dict[str, Any]:
        registered.append(resource.name)
        return {}

    failing = {"migrate-run": {"exitCode": 1, "containerLogs": ""}, "docker:index/container:Container": note}
    with pytest.raises(pulumi.RunError, match=r"\(it printed nothing\)"):
        render(_release, outputs=failing)
    assert "migrate-run" in registered
    assert "api-0" not in registered


def test_a_preview_after_a_failure_warns_and_goes_on() -> None:
    """The next deployment may be the one that mends it."""
    graph = _failing(preview=True)
    assert "api-0" in graph
    (warning,) = graph.logs
    assert warning.severity == "warning"
    assert "in the last deployment, job migrate failed with exit code 3" in warning.message


def test_success_says_nothing() -> None:
    """No output, no warning."""
    assert render(_release).logs == ()


def test_the_error_holds_the_end_of_a_long_output() -> None:
    """The reason stands last."""
    logs = "\n".join(f"line {number}" for number in range(1000))
    text = failure_text("job migrate", 1, logs, [], "urn")
    assert "line 999" in text
    assert "line 970" in text
    assert "line 969" not in text


@pytest.mark.parametrize(
    ("secret", "printed"),
    [
        ("s3cret-value", "value is s3cret-value!"),
        ("first-line\nsecond-line", "read second-line"),
        ("postgresql://main:s3cret@db:5432/main", 'password "s3cret" is wrong'),
        ("postgresql://main:s3c%40ret@db:5432/main", 'password "s3c@ret" is wrong'),
        ("redis://:s3cret@queue:6379/0", "AUTH s3cret"),
    ],
)
def test_secrets_are_blacked_out(secret: str, printed: str) -> None:
    """Whole, by line, and as the password of a URL."""
    text = failure_text("job x", 1, printed, [secret], "urn")
    assert "[secret]" in text
    assert not any(word in text for word in ("s3c", "second-line"))


def test_an_edit_runs_it_again() -> None:
    """Its specification is in its hash, its files in volumes."""

    def spec(*command: str) -> str:
        graph = render(lambda: Job("migrate", JobArgs(image="app", command=command)))
        return graph["migrate-run"].labels()["slipway.spec"]

    assert spec("migrate") != spec("migrate", "--all")


def test_a_manual_one_only_stands_ready() -> None:
    """Its container is made, not started: nobody waits for its end, and an exit code can't fail the deployment."""
    graph = render(lambda: Job("seed", JobArgs(image="app", manual=True)), outputs={"seed-run": {"exitCode": 3}})
    run = graph["seed-run"]
    assert {key: run.inputs.get(key) for key in ("start", "mustRun", "attach", "logs")} == {
        "start": False,
        "mustRun": False,
        "attach": None,
        "logs": None,
    }
