"""Canary and blue-green under requests, on both engines: what each step does to traffic, and that none fails."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Iterator

import pytest
import yaml

from tests.e2e.conftest import Stacks
from tests.e2e.harness.blueprints import NO_DATABASE, Blueprint, new_release, service
from tests.e2e.harness.platform import Platform
from tests.e2e.harness.ports import free_port
from tests.e2e.harness.prober import Prober, get_release
from tests.e2e.harness.workspace import REPOSITORY

pytestmark = pytest.mark.e2e

ASKED = 200
"""Requests by which a share is judged."""
SAMPLE = yaml.safe_load((REPOSITORY / "images" / "lock.yaml").read_text(encoding="utf-8"))["images"]["sample"]["debian"]
DOCKERFILE = "ARG BASE\nFROM ${BASE}\nARG VERSION\nENV RELEASE=${VERSION}\n"
CANARY_HOST = "canary.test"
IDLE_HOST = "idle.test"


def _blueprint(port: int, *, api: str, web: str) -> Blueprint:
    """Return an API with a canary in two steps and a blue-green page that is built, with doors to their others."""
    env = {"DATABASE_URL": NO_DATABASE, "REDIS_URL": "redis://127.0.0.1:1/0"}
    health = {"path": "/health", "interval": "1s", "retries": 15, "wait": "60s"}
    web_service = service(env=env, health=health, release="blue_green")
    web_service["build"] = {"context": "web", "tag": web, "args": {"BASE": SAMPLE, "VERSION": web}}
    del web_service["image"]
    return {
        "name": "e2e",
        "protect_data": False,
        "networks": {"edge": {}, "backend": {"internal": True}},
        "services": {
            "api": service(
                replicas=2,
                env={"RELEASE": api, **env},
                health=health,
                release={"strategy": "canary", "weights": [20, 50]},
            ),
            "web": web_service,
        },
        "gateway": {
            "publish": f"127.0.0.1:{port}",
            "health_interval": "1s",
            "drain": "5s",
            "routes": [
                {"path": "/", "to": "api"},
                {"path": "/web/", "to": "web", "strip": True},
                {"path": "/", "host": CANARY_HOST, "to": "api", "version": "other"},
                {"path": "/", "host": IDLE_HOST, "to": "web", "version": "other"},
            ],
        },
    }


class Site:
    """The platform with what its two services were last described as."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.api = new_release()
        self.web = new_release()
        self.built: set[str] = set()

    def up(self) -> str:
        """Deploy what is described, and return what was said."""
        self.built.add(self.web)
        return self.platform.deploy(_blueprint(self.platform.port, api=self.api, web=self.web)).ended().text

    def ask(self, *command: str) -> str:
        """Run a command that deploys."""
        return self.platform.slipway.ask(*command, "--engine", self.platform.engine, "--yes").ended().text

    def shares(self, path: str = "/health") -> Counter[str]:
        """Return how many of :data:`ASKED` answers each release gave."""
        return Counter(get_release(self.platform.port, path)[1] for _ in range(ASKED))

    def at(self, host: str) -> tuple[int, str]:
        """Return status and release at a host name of the gateway."""
        connection = http.client.HTTPConnection("127.0.0.1", self.platform.port, timeout=10)
        try:
            connection.request("GET", "/health", headers={"Host": host})
            response = connection.getresponse()
            response.read()
            return response.status, response.headers.get("X-Release", "")
        finally:
            connection.close()

    def containers(self, part: str, slot: str) -> frozenset[str]:
        """Return the ids of the containers of one of a service's versions."""
        return frozenset(
            item["Id"]
            for item in self.platform.daemon.inspect(self.platform.workspace.stack)
            if item["Config"]["Labels"].get("slipway.part") == part
            and item["Config"]["Labels"].get("slipway.slot", "") == slot
            and item["Config"]["Labels"].get("slipway.role") == "replica"
        )

    def remove_images(self) -> None:
        """Remove what was built, under all of its names."""
        client = self.platform.daemon.client
        for release in self.built:
            for tag in client.images.get(f"slipway-web:{release}").tags:
                client.images.remove(tag)

    def releases(self) -> dict[int, str]:
        """Return what each release is recorded as, by its number, the newest first."""
        found = json.loads(self.platform.slipway.ask("releases", "--json").ended().out)
        return {int(item["number"]): str(item["message"]) for item in found}


@pytest.fixture(scope="module")
def _shared(engine: str, stacks: Stacks) -> Iterator[Site]:
    port = free_port()
    site = Site(stacks.new(engine, _blueprint(port, api="", web="none"), port=port))
    folder = site.platform.workspace.root / "web"
    folder.mkdir()
    (folder / "Dockerfile").write_text(DOCKERFILE, encoding="utf-8")
    site.up()
    yield site
    stacks.remove(site.platform)
    site.remove_images()


@pytest.fixture
def site(_shared: Site) -> Site:
    """Return the platform, deployed and well."""
    return _shared


def test_a_canary_gets_its_share_goes_on_and_is_the_only_one(site: Site) -> None:
    """Each step leads about its weight there, no request fails, and a plain preview finds nothing more to do."""
    before = site.containers("api", "")
    old, site.api = site.api, new_release()
    with Prober(site.platform.port) as prober:
        said = site.up()
        assert "20 % of its requests go to the described version" in said
        assert "slipway promote api" in said
        shares = site.shares()
        assert set(shares) == {old, site.api}
        assert ASKED * 0.1 < shares[site.api] < ASKED * 0.3, shares
        assert site.containers("api", "") == before
        assert site.at(CANARY_HOST) == (http.client.OK, site.api)
        site.platform.assert_converged()
        site.ask("promote", "api")
        shares = site.shares()
        assert ASKED * 0.4 < shares[site.api] < ASKED * 0.6, shares
        site.ask("promote", "api")
    prober.answers.assert_none_failed()
    assert set(site.shares()) == {site.api}
    assert len(site.containers("api", "")) == 2
    assert not site.containers("api", "canary")
    assert site.at(CANARY_HOST)[0] == http.client.NOT_FOUND
    assert list(site.releases().values())[:3] == ["promote api", "promote api", "up"]
    site.platform.assert_converged()


def test_an_aborted_canary_leaves_no_trace(site: Site) -> None:
    """No request fails, what served is the same containers, and the same description does not bring it back."""
    before = site.containers("api", "")
    old, site.api = site.api, new_release()
    with Prober(site.platform.port) as prober:
        site.up()
        site.ask("abort")
        assert set(site.shares()) == {old}
    prober.answers.assert_none_failed()
    assert site.containers("api", "") == before
    assert not site.containers("api", "canary")
    assert "was aborted and does not run" in site.up()
    assert not site.containers("api", "canary")
    none = site.platform.slipway.ask("promote", "--yes")
    assert none.code == 2, none
    assert "no canary is in progress" in none.text
    site.api = old


def test_a_canary_that_is_never_healthy_changes_nothing_that_serves(site: Site) -> None:
    """The deployment fails with its name, nobody gets a request to it, and the way back removes it."""
    before = site.containers("api", "")
    bad = _blueprint(site.platform.port, api="never", web=site.web)
    bad["on_failure"] = "rollback"
    bad["services"]["api"]["health"] = {"path": "/no-such-page", "interval": "1s", "retries": 2, "wait": "9s"}
    with Prober(site.platform.port) as prober:
        run = site.platform.deploy(bad)
    assert run.code == 1, run
    assert "api-canary-0" in run.text
    assert "serves again" in run.text
    prober.answers.assert_none_failed()
    assert set(prober.answers.releases) == {site.api}
    assert site.containers("api", "") == before
    assert not site.containers("api", "canary")


def test_blue_green_switches_at_once_and_back(site: Site) -> None:
    """The new set comes up without requests; each switch is a reload that starts and stops no container of either."""
    before = site.containers("web", "blue")
    old, site.web = site.web, new_release()
    path = "/web/health"
    with Prober(site.platform.port, path) as prober:
        assert "without requests" in site.up()
        assert set(site.shares(path)) == {old}
        assert site.at(IDLE_HOST) == (http.client.OK, site.web)
        both = site.containers("web", "blue"), site.containers("web", "green")
        assert both[0] == before
        assert both[1]
        site.platform.assert_converged()
        for serving, idle in ((site.web, old), (old, site.web)):
            site.ask("switch", "web")
            assert set(site.shares(path)) == {serving}
            assert site.at(IDLE_HOST) == (http.client.OK, idle)
            assert (site.containers("web", "blue"), site.containers("web", "green")) == both
    prober.answers.assert_none_failed()
    releases = site.releases()
    assert list(releases.values())[:2] == ["switch web to blue", "switch web to green"]
    with Prober(site.platform.port, path) as prober:
        site.ask("scale", "web=2")
        assert [len(site.containers("web", colour)) for colour in ("blue", "green")] == [2, 2]
        assert set(site.shares(path)) == {old}
        site.ask("rollback", str(list(releases)[1]))
        assert set(site.shares(path)) == {site.web}
        assert [len(site.containers("web", colour)) for colour in ("blue", "green")] == [1, 1]
    prober.answers.assert_none_failed()
