"""Plans against those of the real CLI, with no Docker: its state of one step, the program of the next, its preview.

The recordings are described in ``recordings/``; what needs a daemon (a refresh) is in ``tests/e2e/test_recordings.py``.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from engine import EmbeddedStack
from engine.backend import Backend
from engine.checkpoint import compose, dump, parse, read_raw, salt_of
from engine.crypto import Crypter
from engine.state import encrypted_secret, write_entry

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the SDK's own
RECORDINGS = Path(__file__).parent / "recordings"
STEPS = {
    "containers": {
        "01-unchanged": 0,
        "02-env-replace-delete-first": 1,
        "03-memory-update": 2,
        "04-label-replace": 3,
        "05-job-rerun": 4,
        "06-env-replace-create-first": 5,
        "07-scale-down": 6,
        "08-job-fails": 8,
        "09-back": 0,
        "10-memory-update-in-place": 2,
    },
    "swarm": {"01-unchanged": 0, "02-secret-rotated": 1, "03-config-changed": 2, "04-env-rolled": 3, "05-scaled": 4},
}
PROJECTS = {"containers": "recordings", "swarm": "recordings-swarm"}
CASES = [(kind, name) for kind, steps in STEPS.items() for name in steps]
CREATES = [("containers", "00-create"), ("swarm", "00-create")]


def load(kind: str, name: str) -> dict[str, Any]:
    """A recorded document."""
    found: dict[str, Any] = json.loads((RECORDINGS / kind / name).read_text())
    return found


def before(kind: str, name: str) -> str:
    """The recording whose state a step started from."""
    names = sorted(path.name.removesuffix(".checkpoint.json") for path in (RECORDINGS / kind).glob("*.checkpoint.json"))
    return names[names.index(name) - 1]


def neutral(value: Any) -> Any:
    """The value without what is random or of the moment: automatic names, unknown provider ids."""
    text = json.dumps(value, sort_keys=True)
    text = re.sub(r"(?<=[a-z0-9])-[0-9a-f]{7}(?=\")", "-NAME", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID", text)
    return json.loads(text)


@pytest.fixture
def stack(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> EmbeddedStack:
    """The recorded program at its step, on the state that the CLI left before it."""
    kind, name = request.param
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")  # nobody may need it
    project = tmp_path / "project"
    project.mkdir()
    shutil.copy(RECORDINGS / kind / "program.py", project / "__main__.py")
    (project / "Pulumi.yaml").write_text(f"name: {PROJECTS[kind]}\nruntime: python\n")
    step = STEPS[kind].get(name, 0)
    salt = salt_of(load(kind, "01-unchanged.checkpoint.json")["checkpoint"])
    (project / "Pulumi.dev.yaml").write_text(f'encryptionsalt: {salt}\nconfig:\n  {PROJECTS[kind]}:step: "{step}"\n')
    found = EmbeddedStack(project, "dev", backend=tmp_path, passphrase="x")
    if name == "00-create":
        found.init()
    else:
        target = tmp_path / ".pulumi" / "stacks" / PROJECTS[kind] / "dev.json"
        target.parent.mkdir(parents=True)
        shutil.copy(RECORDINGS / kind / f"{before(kind, name)}.checkpoint.json", target)
    return found


def by_urn(digest: Any) -> dict[str, dict[str, Any]]:
    """The steps of a digest; their order is that of events, which depends on timing."""
    return {step["urn"]: step for step in digest["steps"]}


@pytest.mark.parametrize(("stack", "case"), [(case, case) for case in CASES + CREATES], indirect=["stack"], ids=str)
def test_a_preview_says_what_the_cli_said(stack: EmbeddedStack, case: tuple[str, str]) -> None:
    recorded = load(case[0], f"{case[1]}.preview.json")
    result = stack.preview()
    assert not result.failed, result.errors
    assert result.digest["config"] == recorded["config"]
    assert result.digest["changeSummary"] == recorded["changeSummary"]
    ours, theirs = by_urn(result.digest), by_urn(recorded)
    assert ours.keys() == theirs.keys()
    for urn, step in theirs.items():
        mine = ours[urn]
        assert mine["op"] == step["op"], urn
        assert mine.get("diffReasons") == step.get("diffReasons"), urn
        assert mine.get("replaceReasons") == step.get("replaceReasons"), urn
        assert mine["detailedDiff"] == step["detailedDiff"], urn
        assert neutral(mine.get("provider")) == neutral(step.get("provider")), urn
        assert mine.get("oldState") == step.get("oldState"), urn


@pytest.mark.parametrize(("stack", "case"), [(case, case) for case in CASES + CREATES], indirect=["stack"], ids=str)
def test_its_new_states_are_the_cli_s(stack: EmbeddedStack, case: tuple[str, str]) -> None:
    recorded = by_urn(load(case[0], f"{case[1]}.preview.json"))
    for urn, step in by_urn(stack.preview().digest).items():
        ours, theirs = neutral(step.get("newState")), neutral(recorded[urn].get("newState"))
        for state in (ours, theirs):
            for key in ("sourcePosition", "modified", "created"):
                (state or {}).pop(key, None)
            for key in ("dependencies", "additionalSecretOutputs"):
                if state and key in state:
                    state[key] = sorted(state[key])
            # The CLI's preview carries a key of the bridge's own in it, which no state ever has.
            (state or {}).get("outputs", {}).pop("__meta", None)
            for urns in (state or {}).get("propertyDependencies", {}).values():
                urns.sort()
        assert ours == theirs, urn


@pytest.mark.parametrize(("kind", "name"), [*CASES, ("containers", "00-create"), ("containers", "12-destroy")])
def test_a_checkpoint_that_is_read_and_written_is_the_same(tmp_path: Path, kind: str, name: str) -> None:
    backend = Backend(tmp_path, PROJECTS[kind], "dev")
    backend.checkpoint.parent.mkdir(parents=True)
    shutil.copy(RECORDINGS / kind / f"{name}.checkpoint.json", backend.checkpoint)
    raw = read_raw(backend)
    crypter = Crypter("x", salt_of(raw))
    checkpoint = parse(raw, crypter)
    texts = [dump(write_entry(entry, encrypted_secret(crypter))) for entry in checkpoint.resources]
    written = json.loads(
        compose(backend.qualified_name, checkpoint, crypter.salt, resources=texts, pending=(), features=())
    )
    original = load(kind, f"{name}.checkpoint.json")
    for document in (written, original):
        document["checkpoint"]["latest"]["manifest"].pop("time")
    assert written == original
    assert [list(entry) for entry in written["checkpoint"]["latest"].get("resources", ())] == [
        list(entry) for entry in original["checkpoint"]["latest"].get("resources", ())
    ]


@pytest.mark.parametrize(("stack", "case"), [(("containers", "02-env-replace-delete-first"), 0)], indirect=["stack"])
def test_a_secret_that_the_cli_wrote_is_opened(stack: EmbeddedStack, case: int) -> None:
    del case
    assert stack.outputs()["password"] == "[secret]"
    assert re.fullmatch(r"[A-Za-z0-9]{24}", stack.outputs(show_secrets=True)["password"])
