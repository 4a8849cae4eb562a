"""Two versions of one service: which runs as what, from a description and what is noted of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from settings import Loaded, Problem
from settings.versions import Entry, Versions, aborted, promoted, switched
from tests.settings.conftest import BLUEPRINT, Project, patched

Accepted = Callable[..., Loaded]
Refused = Callable[..., Problem]
ROOT = Path(__file__).resolve().parents[2]
OLD: dict[str, Any] = BLUEPRINT["services"]["api"]
"""The version that the blueprint has without a change."""
NEW = {"image": "acme/api:2.0"}
CANARY = {"release": {"strategy": "canary", "weights": [5, 25]}}
BLUE_GREEN = {"release": "blue_green"}
AUTO = {"release": {"strategy": "blue_green", "switch": "auto"}}


def version(**changes: Any) -> dict[str, Any]:
    return {**OLD, **changes}


def service(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    api = dict(more)
    for part in parts:
        api |= part
    return {"services": {"api": api}}


def noted(entry: Entry, *, blue_green: bool = False) -> dict[str, Any]:
    """Return a note as it comes back from the file."""
    return {"api": json.loads(json.dumps(entry.written(blue_green=blue_green)))}


def images(loaded: Loaded) -> dict[str, str | None]:
    return {name: item.image for name, item in loaded.platform.services.items()}


def of(loaded: Loaded) -> Versions:
    return loaded.versions["api"]


@pytest.mark.parametrize("release", [CANARY, BLUE_GREEN, AUTO])
def test_the_first_version_runs_alone_and_is_noted(accepted: Accepted, release: dict[str, Any]) -> None:
    """There is nothing to compare it with, and no second set to keep."""
    loaded = accepted(service(release))
    assert images(loaded) == {"api": "acme/api:1.0"}
    assert of(loaded).entry.serving == OLD
    assert not of(loaded).has_other
    assert not of(loaded).noted


def test_a_service_that_rolls_has_no_versions(accepted: Accepted) -> None:
    """Whatever is still noted of it."""
    loaded = accepted(service(NEW), versions={"api": {"serving": OLD}})
    assert images(loaded) == {"api": "acme/api:2.0"}
    assert not loaded.versions


@pytest.mark.parametrize("changes", [{"replicas": 5}, {"profiles": ["x"]}])
def test_how_many_and_where_is_no_matter_of_the_version(accepted: Accepted, changes: dict[str, Any]) -> None:
    """``slipway scale`` makes no canary."""
    loaded = accepted(
        service(CANARY, changes), versions={"api": {"serving": OLD}}, profiles=["x"] * ("profiles" in changes)
    )
    assert not of(loaded).has_other
    assert loaded.platform.services["api"].replicas == changes.get("replicas", 1)


def test_a_service_that_is_switched_off_has_no_versions(accepted: Accepted) -> None:
    """Neither of them runs, and nothing is said of them."""
    side = {"image": "acme/side:2.0", "port": 90, "health": {"path": "/"}, "release": "canary", "profiles": ["x"]}
    patch = {"services": {"side": side}, "gateway": {"routes": [{"to": "api"}, {"path": "/side", "to": "side"}]}}
    serving = {key: value for key, value in side.items() if key not in {"release", "profiles"}} | {
        "image": "acme/side:1.0"
    }
    noted_then = {"side": {"serving": serving}}
    assert not accepted(patch, versions=noted_then).versions
    assert accepted(patch, versions=noted_then, profiles=["x"]).versions["side"].has_other


class TestCanary:
    def test_a_changed_description_runs_beside_what_serves(self, accepted: Accepted) -> None:
        """With one replica and the first weight; routes, needs and references mean what serves."""
        loaded = accepted(service(CANARY, NEW, replicas=3, aliases=["v2"]), versions={"api": {"serving": OLD}})
        assert images(loaded) == {"api": "acme/api:1.0", "api-other": "acme/api:2.0"}
        services = loaded.platform.services
        assert (services["api"].replicas, services["api-other"].replicas) == (3, 1)
        assert services["api-other"].aliases == []
        assert of(loaded).weight == 5
        assert of(loaded).hosts == {"api": "api", "api-other": "api-canary"}

    def test_it_goes_on_step_by_step_to_the_end(self, accepted: Accepted) -> None:
        """Each promotion is a note; the last one makes it what serves."""
        change = service(CANARY, NEW)
        first = accepted(change, versions={"api": {"serving": OLD}})
        second = accepted(change, versions=noted(promoted(of(first))))
        assert of(second).weight == 25
        third = accepted(change, versions=noted(promoted(of(second))))
        assert images(third) == {"api": "acme/api:2.0"}
        assert of(third).entry.written(blue_green=False) == {"serving": version(**NEW)}
        assert images(accepted(change, versions=noted(promoted(of(first), whole=True)))) == images(third)

    def test_an_aborted_one_stays_away_until_it_begins_again(self, accepted: Accepted) -> None:
        """The same description does not bring it back, ``promote`` does, at the first weight."""
        change = service(CANARY, NEW)
        first = accepted(change, versions={"api": {"serving": OLD}})
        second = accepted(change, versions=noted(promoted(of(first))))
        without = accepted(change, versions=noted(aborted(of(second))))
        assert images(without) == {"api": "acme/api:1.0"}
        assert of(without).sent_back
        assert accepted(change, versions=noted(of(without).entry)).platform == without.platform
        again = accepted(change, versions=noted(promoted(of(without))))
        assert (images(again)["api-other"], of(again).weight) == ("acme/api:2.0", 5)

    def test_another_version_begins_at_the_first_step(self, accepted: Accepted) -> None:
        """What was noted of the one before does not hold for it, an abort neither."""
        first = accepted(service(CANARY, NEW), versions={"api": {"serving": OLD}})
        for entry in (promoted(of(first)), aborted(of(first))):
            loaded = accepted(service(CANARY, image="acme/api:3.0"), versions=noted(entry))
            assert images(loaded) == {"api": "acme/api:1.0", "api-other": "acme/api:3.0"}
            assert of(loaded).weight == 5
            assert of(loaded).entry.next is None

    def test_the_default_weight_is_ten(self, accepted: Accepted) -> None:
        loaded = accepted(service(NEW, release="canary"), versions={"api": {"serving": OLD}})
        assert of(loaded).weight == 10


class TestBlueGreen:
    def test_a_changed_description_is_the_idle_set(self, accepted: Accepted) -> None:
        """Whole, and without requests."""
        loaded = accepted(service(BLUE_GREEN, NEW, replicas=2), versions={"api": {"live": "blue", "serving": OLD}})
        assert images(loaded) == {"api": "acme/api:1.0", "api-other": "acme/api:2.0"}
        assert [item.replicas for item in loaded.platform.services.values()] == [2, 2]
        assert of(loaded).hosts == {"api": "api-blue", "api-other": "api-green"}
        assert of(loaded).weight == 0

    @pytest.mark.parametrize("release", [BLUE_GREEN, AUTO])
    def test_each_switch_exchanges_them_and_nothing_else(self, accepted: Accepted, release: dict[str, Any]) -> None:
        """There and back, as often as you like: each set keeps its colour and its version."""
        change = service(release, NEW)
        loaded = accepted(change, versions={"api": {"live": "blue", "serving": OLD}})
        if of(loaded).entry.live == "green":
            loaded = accepted(change, versions=noted(switched(of(loaded)), blue_green=True))
        for live, serving in [("green", "2.0"), ("blue", "1.0"), ("green", "2.0")]:
            loaded = accepted(change, versions=noted(switched(of(loaded)), blue_green=True))
            assert of(loaded).entry.live == live
            sets = {of(loaded).hosts[name]: image for name, image in images(loaded).items()}
            assert sets == {"api-blue": "acme/api:1.0", "api-green": "acme/api:2.0"}
            assert images(loaded)["api"] == f"acme/api:{serving}"
            # A further deployment changes nothing.
            again = accepted(change, versions=noted(of(loaded).entry, blue_green=True))
            assert (again.platform, again.versions["api"].entry) == (loaded.platform, of(loaded).entry)

    def test_auto_switches_at_once(self, accepted: Accepted) -> None:
        """The set before stays up, for the way back; and so on with the next version."""
        loaded = accepted(service(AUTO, NEW), versions={"api": {"live": "blue", "serving": OLD}})
        assert images(loaded) == {"api": "acme/api:2.0", "api-other": "acme/api:1.0"}
        assert of(loaded).hosts == {"api": "api-green", "api-other": "api-blue"}
        later = accepted(service(AUTO, image="acme/api:3.0"), versions=noted(of(loaded).entry, blue_green=True))
        assert images(later) == {"api": "acme/api:3.0", "api-other": "acme/api:2.0"}
        assert of(later).hosts["api"] == "api-blue"
        back = accepted(service(AUTO), versions=noted(of(loaded).entry, blue_green=True))
        assert images(back) == {"api": "acme/api:1.0", "api-other": "acme/api:2.0"}

    def test_both_sets_scale(self, accepted: Accepted) -> None:
        """Either must bear all requests at once."""
        loaded = accepted(service(BLUE_GREEN, NEW, replicas=4), versions={"api": {"live": "green", "serving": OLD}})
        assert [item.replicas for item in loaded.platform.services.values()] == [4, 4]

    def test_what_a_set_says_of_its_own_address_leads_to_itself(self, accepted: Accepted) -> None:
        """A switch must not change, and so replace, the containers of either set; a literal text stays."""
        env = {"SELF": "${services.api.url}", "TEXT": "$${services.api.url}", "DB": "${databases.main.host}"}
        loaded = accepted(service(BLUE_GREEN, NEW, env=env), versions={"api": {"live": "blue", "serving": OLD}})
        other = loaded.platform.services["api-other"]
        assert other.env == {**env, "DATABASE_URL": OLD["env"]["DATABASE_URL"], "SELF": "${services.api-other.url}"}
        assert "api" not in other.needs


def test_a_version_that_was_built_is_known_by_its_tag(accepted: Accepted, refused: Refused) -> None:
    """It can't be built again: the sources are another version's. The described one is built as ever."""

    def built(tag: str) -> dict[str, Any]:
        return service(CANARY, image=None, build={"context": "app", "tag": tag})

    first = accepted(built("1"))
    assert of(first).entry.serving == version(image="slipway-api:1")
    assert accepted(built("1"), versions=noted(of(first).entry)).platform.services["api"].build is not None
    second = accepted(built("2"), versions=noted(of(first).entry))
    services = second.platform.services
    assert (services["api"].image, services["api"].build) == ("slipway-api:1", None)
    assert (services["api-other"].image, services["api-other"].build.tag) == (None, "2")  # type: ignore[union-attr]
    problem = refused(service(CANARY, image=None, build={"context": "app"}))
    assert problem.fix == 'add to build: tag: "1"'


def test_a_release_brings_its_own_versions(project: Project) -> None:
    """A rollback leads everybody to what served then, not a share of them."""
    api = {**version(**NEW), "release": "canary"}
    record = {
        "number": 7,
        "environment": None,
        "profiles": [],
        "description": patched(BLUEPRINT, {"services": {"api": api}}),
        "versions": {"api": {"serving": version(**NEW)}},
    }
    project.write("7.json", json.dumps(record))
    loaded = project.load({}, versions={"api": {"serving": OLD}}, release=project.root / "7.json")
    assert images(loaded) == {"api": "acme/api:2.0"}
    project.write("8.json", json.dumps({**record, "versions": {"api": {"serving": OLD}}}))
    loaded = project.load({}, release=project.root / "8.json")
    assert images(loaded) == {"api": "acme/api:1.0", "api-other": "acme/api:2.0"}


def test_what_is_wrong_with_either_version_is_told_where_it_stands(project: Project, refused: Refused) -> None:
    """A secret that the version before needs can't be removed yet: the line is that of the note."""
    project.write(
        "Pulumi.dev.yaml",
        "config:\n  slipway:versions:\n    api:\n      serving:\n        secrets: [token]\n"
        "        image: acme/api:1.0\n"
        "        port: 8000\n        health: {path: /health}\n",
    )
    serving = {"secrets": ["token"], "image": "acme/api:1.0", "port": 8000, "health": {"path": "/health"}}
    problem = refused(service(CANARY, NEW), versions={"api": {"serving": serving}})
    assert (problem.path, problem.where) == ("services.api.secrets[0]", "Pulumi.dev.yaml:5")
    problem = refused(service(CANARY, NEW, secrets=["token"]), versions={"api": {"serving": OLD}})
    assert (problem.path, problem.file) == ("services.api.secrets[0]", "blueprints/app.yaml")


EXAMPLES = re.findall(
    r"```yaml\n(services:\n.*?)```", (ROOT / "docs/releases.md").read_text(encoding="utf-8"), re.DOTALL
)


@pytest.mark.parametrize("text", EXAMPLES, ids=["canary", "blue_green"])
def test_the_examples_of_the_document_load(project: Project, text: str) -> None:
    """As they stand, with a port and a health check."""
    example = yaml.safe_load(text)
    for item in example["services"].values():
        item |= {"port": 8000, "health": {"path": "/health"}}
    project.write("blueprints/app.yaml", json.dumps({"name": "app", **example}))
    (versions,) = project.load().versions.values()
    assert versions.release.strategy in {"canary", "blue_green"}


def test_a_note_that_is_not_understood(refused: Refused) -> None:
    """Rather than a deployment that takes something else for what serves."""
    problem = refused(service(CANARY, NEW), versions={"api": {"servin": OLD}})
    assert problem.message == "slipway:versions: what is noted of 'api' is not understood"
    assert problem.fix == "leave the entries to slipway up, promote, abort and switch"
