"""No secret stands in the open, anywhere in the graph; the canaries are passwords and secret configuration."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest

from components import Database, DatabaseArgs, Job, JobArgs, SecretFiles, SecretFilesArgs, Service, ServiceArgs
from testing import Graph, made_up_secret, render, render_stack


def _everything_readable(graph: Graph) -> str:
    """Return the plan, and all that is not marked secret, as one text."""
    return graph.plan() + json.dumps([str(leak) for leak in graph.leaks()])


def test_nothing_leaks_from_the_starter(starter: Graph) -> None:
    """Every generated password, in an up and in a preview."""
    assert starter.leaks() == ()
    if not starter.preview:
        assert len(starter.secrets) == 3  # two passwords and the key that hashes files
        assert not any(secret in starter.plan() for secret in starter.secrets)


def test_a_leak_would_be_found() -> None:
    """The canary test itself works: plain, encoded and exported values are found, and named by place only."""
    value = 'p"ss/w0rd-canary'

    def program() -> None:
        Service("api", ServiceArgs(image="app", env={"A": f"x{value}"}, command=[json.dumps(value)]))
        pulumi.export("plain", value)
        pulumi.export("hidden", pulumi.Output.secret(value))

    places = render(program).leaks(value)
    assert [place for place in places if "inputs.envs" in place]
    assert [place for place in places if "inputs.command" in place]
    assert "exports.plain" in places
    assert not any("hidden" in place or value in place for place in places)


OVERRIDES: dict[str, Any] = {
    "images": {"family": "official"},
    "secrets": {"openai_api_key": {}, "session_key": {"source": "generated"}},
    "services": {
        "api": {
            "secrets": ["openai_api_key", {"name": "session_key", "env": "SESSION_KEY"}],
            "env": {"HEADER": "Bearer ${secrets.openai_api_key}", "OPEN_URL": "${databases.main.url}"},
            "secret_env": ["OPEN_URL"],
            "files": {"/etc/app/app.toml": "name = '${platform.name}'\n"},
        }
    },
}


@pytest.fixture(scope="module", params=[False, True], ids=["up", "preview"])
def with_secrets(request: pytest.FixtureRequest, root: Any) -> Graph:
    """Return the starter with secrets of every kind, used in every way."""
    return render_stack("dev", root=root, config={"overrides": OVERRIDES}, preview=request.param)


def test_secrets_in_every_place_stay_secret(with_secrets: Graph) -> None:
    """Configuration secrets, generated ones, texts around them, and the opt-in into the environment."""
    assert made_up_secret("openai_api_key") in with_secrets.secrets
    assert with_secrets.leaks() == ()
    assert made_up_secret("openai_api_key") not in _everything_readable(with_secrets)


def test_secrets_reach_a_workload_as_files(with_secrets: Graph) -> None:
    """The environment names the files; only the opt-in holds a value, and then the environment is secret as a whole."""
    api = with_secrets["api-0"]
    carrier = with_secrets["api-secrets-carrier"]
    items = list(enumerate(api.inputs["envs"]))
    hidden = [str(item).partition("=")[0] for index, item in items if api.is_secret(f"envs[{index}]")]
    environment = api.environment()
    files = {item["file"] for item in carrier.inputs["uploads"]}
    assert files == {
        "/run/secrets/DATABASE_URL",
        "/run/secrets/HEADER",
        "/run/secrets/REDIS_URL",
        "/run/secrets/openai_api_key",
    }
    assert environment["HEADER_FILE"] == "/run/secrets/HEADER"
    assert environment["OPENAI_API_KEY_FILE"] == "/run/secrets/openai_api_key"
    assert "HEADER" not in environment
    if not with_secrets.preview:
        assert hidden == ["OPEN_URL", "SESSION_KEY"]
        assert environment["SESSION_KEY"] == with_secrets["session-key-secret"].outputs["result"]
    for item in range(len(carrier.inputs["uploads"])):
        assert carrier.is_secret(f"uploads[{item}].content")


def test_other_workloads_keep_a_readable_environment(with_secrets: Graph) -> None:
    """One workload's opt-in makes no other's environment secret."""
    assert with_secrets["runner-0"].secret_paths == frozenset()
    assert with_secrets["runner-0"].environment()["DATABASE_URL_FILE"] == "/run/secrets/DATABASE_URL"


def test_plain_files_stay_readable(with_secrets: Graph) -> None:
    """Configuration without secrets can be reviewed."""
    carrier = with_secrets["api-files-carrier"]
    assert carrier.inputs["uploads"][0]["content"] == "name = 'starter'\n"
    assert carrier.secret_paths == frozenset()


def test_a_file_with_a_secret_inside_is_hidden_and_its_hash_is_keyed(root: Any) -> None:
    """A configuration file may hold a reference to a secret; its volume's label must not be a hash of a weak one."""
    overrides = {"services": {"api": {"files": {"/etc/app/app.toml": "url = '${databases.main.url}'\n"}}}}
    graph = render_stack("dev", root=root, config={"overrides": overrides})
    assert graph.leaks() == ()
    assert "files-key" in graph
    assert graph["api-files-etc-app"].depends_on("files-key")


def test_the_label_of_secret_files_is_a_keyed_hash() -> None:
    """The same weak secret under two names gives two labels, and the label changes with the content."""

    def labels(content: str) -> list[str]:
        def program() -> None:
            for name in ("one", "two"):
                SecretFiles(name, SecretFilesArgs(files={"/run/secrets/pin": pulumi.Output.secret(content)}, image="i"))

        graph = render(program)
        return [volume.labels()["slipway.content"] for volume in graph.of_type("Volume")]

    first, second = labels("123456"), labels("654321")
    assert len({*first, *second}) == 4
    assert labels("123456") == first


def test_a_failing_job_blacks_out_its_secrets() -> None:
    """The error carries the end of the output, without the secrets that the job was given."""

    def program() -> None:
        url = Database("main", DatabaseArgs(image="postgres")).url
        key = pulumi.Output.secret("k-canary")
        Job(
            "migrate",
            JobArgs(image="app", secret_files={"/run/secrets/DATABASE_URL": url}, env={"KEY": key}),
        )

    password = render(program)["main-password"].outputs["result"]
    url = f"postgresql://main:{password}@main:5432/main"
    logs = f"connecting to {url}\npassword {password}\nkey k-canary\n"
    with pytest.raises(pulumi.RunError, match=r"job migrate failed with exit code 3") as failure:
        render(program, outputs={"migrate-run": {"exitCode": 3, "containerLogs": logs}})
    text = str(failure.value)
    assert "connecting to [secret]" in text
    assert "password [secret]" in text
    assert "key [secret]" in text
