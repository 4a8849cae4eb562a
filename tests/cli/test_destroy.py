"""``slipway destroy``: what goes, what stays, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.engines import Run
from tests.cli.conftest import summary
from tests.operate.fake_docker import entry, volume

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import FakeWorkplace, Said

    Slipway = Callable[..., Said]


@pytest.fixture(autouse=True)
def _deployed(work: FakeWorkplace) -> None:
    work.engine.events = [summary(delete=5)]
    work.knows_what_runs(
        entry("edge", "docker:index/network:Network", outputs={"name": "edge"}),
        entry("files", "docker:index/volume:Volume", outputs={"name": "files"}),
        entry("uploads", "docker:index/volume:Volume", outputs={"name": "uploads"}, retainOnDelete=True),
    )
    work.api.stored = [volume("uploads", "uploads", kind="volume"), volume("files", "api", content="1")]


def test_what_goes_and_what_stays(slipway: Slipway, work: FakeWorkplace) -> None:
    """Said before anything is done; data stay."""
    said = slipway("destroy", "--yes")
    assert said.code == 0
    assert said.out.startswith(
        "engine: embedded (auto)\n"
        "goes: 2 containers, 1 networks, 1 volumes with files, generated secrets\n"
        "stays: data volumes uploads\n"
        "  (the next slipway up finds them and sets new passwords; to remove one: slipway data remove)\n"
        "5 deleted\n"
        "done ("
    )
    assert work.engine.asked == [("destroy", None)]
    assert work.api.removed == []


def test_nobody_is_there_to_answer(slipway: Slipway, work: FakeWorkplace) -> None:
    """Exit code 2, nothing done."""
    said = slipway("destroy")
    assert (said.code, said.err) == (2, "error: Destroy stack dev? Nobody is there to answer: add --yes\n")
    assert work.engine.asked == []


def test_volumes_on_request(slipway: Slipway, work: FakeWorkplace) -> None:
    """After the containers that use them."""
    said = slipway("destroy", "--yes", "--volumes")
    assert said.code == 0
    assert "stays" not in said.out
    assert "data volumes to delete for good: uploads\n  - volume uploads deleted\n" in said.out
    assert work.api.removed == ["uploads"]


def test_volumes_are_asked_for_separately(
    slipway: Slipway, work: FakeWorkplace, terminal: Callable[[bool], list[str]]
) -> None:
    """The second question is the one that can't be undone."""
    questions = terminal(True)
    assert slipway("destroy", "--volumes").code == 0
    assert questions == ["Destroy stack dev?", "Delete the data of dev? They can't be brought back."]
    assert work.api.removed == ["uploads"]


def test_refused_by_the_user(slipway: Slipway, work: FakeWorkplace, terminal: Callable[[bool], list[str]]) -> None:
    """Exit code 8."""
    terminal(False)
    assert slipway("destroy").code == 8
    assert work.engine.asked == []


def test_volumes_of_a_stack_that_is_gone_already(slipway: Slipway, work: FakeWorkplace) -> None:
    """They are found by their labels."""
    work.knows()
    said = slipway("destroy", "--volumes", "--yes")
    assert said.code == 0
    assert "stack dev: nothing is deployed\n" in said.out
    assert work.api.removed == ["uploads"]
    assert work.engine.asked == []


class TestProtectedState:
    """A stack that protects its data in the state, as production does."""

    @pytest.fixture(autouse=True)
    def _protect(self, work: FakeWorkplace) -> None:
        work.knows_what_runs(
            entry(
                "uploads-data",
                "docker:index/volume:Volume",
                outputs={"name": "uploads"},
                protect=True,
                retainOnDelete=True,
            ),
            entry("session-secret", "random:index/randomPassword:RandomPassword", protect=True),
        )

    def test_data_and_credentials_stay(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """Said before it is done, and the engine is told to leave what is protected."""
        said = slipway("destroy", "--yes")
        assert said.code == 0
        assert (
            "goes: 2 containers, 0 networks, 0 volumes with files, generated secrets that are not protected\n"
            "stays: data volumes uploads\n"
            "  (the next slipway up finds them; to remove one: slipway data remove)\n"
            "stays: 1 generated credentials, in the state of stack dev\n"
        ) in said.out
        assert work.engine.asked == [("destroy", {"keep_protected": True})]
        assert work.api.removed == []

    def test_volumes_alone_is_refused(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """Each has to be named, and the error says how."""
        said = slipway("destroy", "--yes", "--volumes")
        assert (said.code, said.err) == (
            1,
            (
                "error: these data volumes are protected: uploads\n"
                "  fix: leave --volumes away to keep them; to delete one for good: --delete-data uploads\n"
            ),
        )
        assert (work.engine.asked, work.api.removed) == ([], [])

    def test_a_named_volume_goes_and_the_state_is_told(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """Otherwise the next deployment would believe that it is still there."""
        assert slipway("destroy", "--yes", "--delete-data", "uploads").code == 0
        assert work.api.removed == ["uploads"]
        assert [what for what, _ in work.engine.asked] == ["destroy", "refresh"]

    def test_an_unknown_name_is_refused_before_anything_is_done(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """A misspelt name must not destroy the platform and keep what was meant to go."""
        said = slipway("destroy", "--yes", "--delete-data", "upload")
        assert (said.code, said.err) == (
            1,
            "error: there is no data volume upload of this stack\n  allowed: uploads\n",
        )
        assert work.engine.asked == []


class TestProtectedVolumes:
    """Volumes that the description protects, although nothing in the state does any more."""

    @pytest.fixture(autouse=True)
    def _protect(self, work: FakeWorkplace) -> None:
        path = work.root / "blueprints" / "shop.yaml"
        path.write_text(path.read_text().replace("protect_data: false", "protect_data: true"))

    def test_they_are_refused(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """--yes alone is not enough for data."""
        said = slipway("destroy", "--yes", "--volumes")
        assert (said.code, said.err) == (
            1,
            (
                "error: these data volumes are protected: uploads\n"
                "  fix: leave --volumes away to keep them; to delete one for good: --delete-data uploads\n"
            ),
        )
        assert (work.engine.asked, work.api.removed) == ([], [])

    def test_unless_it_is_said_in_full(self, slipway: Slipway, work: FakeWorkplace) -> None:
        """Nobody types that by mistake."""
        assert slipway("destroy", "--yes", "--volumes", "--yes-delete-data").code == 0
        assert work.api.removed == ["uploads"]


def test_a_description_that_cannot_be_read_protects_everything(slipway: Slipway, work: FakeWorkplace) -> None:
    """Destroying works nevertheless: the program is not needed for it."""
    (work.root / "blueprints" / "shop.yaml").write_text("name: [")
    assert slipway("destroy", "--yes").code == 0
    assert slipway("destroy", "--yes", "--volumes").code == 1
    assert work.api.removed == []


def test_a_failure_leaves_the_volumes(slipway: Slipway, work: FakeWorkplace) -> None:
    """The engine's exit code."""
    work.engine.events, work.engine.run = [], Run(4, "network is in use")
    said = slipway("destroy", "--yes", "--volumes")
    assert (said.code, said.err) == (4, "error: network is in use\n")
    assert work.api.removed == []


def test_a_volume_in_use(slipway: Slipway, work: FakeWorkplace) -> None:
    """By something that is none of the stack's."""
    work.api.in_use.add("uploads")
    said = slipway("destroy", "--yes", "--volumes")
    assert (said.code, said.err) == (1, "error: volume uploads can't be removed: volume is in use\n")
