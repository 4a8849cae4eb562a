"""What a killed deployment made without recording it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import docker.errors

from operate.orphans import Orphan, find_orphans, remove_orphans

if TYPE_CHECKING:
    import docker

OWN = {"label": ["slipway.project=shop", "slipway.stack=dev"]}


def _volume(name: str, **labels: str) -> dict[str, Any]:
    return {"Name": name, "Labels": {f"slipway.{key}": value for key, value in labels.items()}}


@dataclass
class Api:
    """A daemon that has one known and one unknown thing of each kind, and data."""

    removed: list[str] = field(default_factory=list)

    def containers(self, *, all: bool, filters: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: A002 - Docker's own name
        """List containers."""
        assert (all, filters) == (True, OWN)
        return [{"Id": "c1", "Names": ["/api-0"]}, {"Id": "c2", "Names": ["/api-0-again"]}]

    def networks(self, *, filters: dict[str, Any]) -> list[dict[str, Any]]:
        """List networks."""
        assert filters == OWN
        return [{"Id": "n1", "Name": "edge"}, {"Id": "n2", "Name": "edge-again"}]

    def volumes(self, *, filters: dict[str, Any]) -> dict[str, Any]:
        """List volumes."""
        assert filters == OWN
        return {
            "Volumes": [
                _volume("known", kind="database", content="1"),
                _volume("files", kind="database", content="2"),
                _volume("config", kind="gateway"),
                _volume("data", kind="database"),
                _volume("uploads", kind="volume"),
            ]
        }

    def remove_container(self, name: str, *, force: bool) -> None:
        """Remove a container, which is gone already."""
        assert force
        raise docker.errors.NotFound(name)

    def remove_network(self, name: str) -> None:
        """Remove a network."""
        self.removed.append(name)

    def remove_volume(self, name: str) -> None:
        """Remove a volume."""
        self.removed.append(name)


def _client(api: Api) -> docker.DockerClient:
    return cast("docker.DockerClient", SimpleNamespace(api=api))


STATE = {"resources": [{"id": "c1"}, {"id": "n1", "delete": True}, {"id": "known"}, {"urn": "a component"}]}


def test_what_the_state_does_not_know_is_an_orphan_unless_it_holds_data() -> None:
    """Also what is still to be deleted is known; containers come first, since they use the rest."""
    assert find_orphans(_client(Api()), "shop", "dev", STATE) == [
        Orphan("container", "c2", "api-0-again"),
        Orphan("network", "n2", "edge-again"),
        Orphan("volume", "files", "files"),
        Orphan("volume", "config", "config"),
    ]


def test_one_that_is_gone_already_keeps_no_other_from_being_removed() -> None:
    """Somebody was quicker."""
    api = Api()
    remove_orphans(_client(api), find_orphans(_client(api), "shop", "dev", STATE))
    assert api.removed == ["n2", "files", "config"]
