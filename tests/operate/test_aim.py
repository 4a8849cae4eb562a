"""Where ``--probe`` sends its requests, and how a deployment's strategy is read from its steps."""

from __future__ import annotations

from typing import Any

import pytest

from operate.docker_host import DEFAULT_HOST
from operate.probe.aim import aim
from operate.probe.model import CannotProbe
from operate.stack_view import Container
from operate.strategy import in_words, reached
from settings.model import Platform

SSH = "ssh://ops@box.test"


def platform(routes: list[dict[str, Any]] | None = None, **gateway: Any) -> Platform:
    """Return a platform with a gateway."""
    return Platform.model_validate(
        {
            "name": "shop",
            "services": {"api": {"image": "api:1", "port": 8000, "health": {"path": "/health"}}},
            "gateway": {"routes": routes or [{"path": "/", "to": "api"}], "publish": "127.0.0.1:8080", **gateway},
        }
    )


def target(given: Platform, path: str = "", host: str = DEFAULT_HOST) -> tuple[str, str | None]:
    """Return the URL and where it is connected to."""
    probe = aim(given, path, host, 10)
    return probe.urls[0], probe.connect


@pytest.mark.parametrize(
    ("routes", "url"),
    [
        ([{"path": "/", "to": "api"}], "/health"),
        ([{"path": "/v1", "to": "api", "strip": True}], "/v1/health"),
        ([{"path": "/v1", "to": "api"}], "/v1"),
        ([{"path": "/one", "to": "api", "exact": True}], "/one"),
        ([{"path": "/v1", "to": "api", "rewrite": "/x"}], "/v1"),
        (
            [{"path": "/", "redirect": "/a"}, {"path": "/in", "to": "api", "rate": "1/s"}, {"path": "/a", "to": "api"}],
            "/a",
        ),
    ],
)
def test_the_path_is_one_that_everybody_may_get(routes: list[dict[str, Any]], url: str) -> None:
    """The health path of the service behind the first such route, as it is reached through it."""
    assert target(platform(routes)) == (f"http://127.0.0.1:8080{url}", "127.0.0.1:8080")


def test_a_host_that_the_gateway_wants_is_named() -> None:
    """While the connection goes to its published address."""
    assert target(platform(hosts=["one.test"])) == ("http://one.test:8080/health", "127.0.0.1:8080")
    routes = [{"path": "/", "to": "api", "host": "two.test"}]
    assert target(platform(routes, publish="0.0.0.0:80")) == ("http://two.test/health", "127.0.0.1:80")


def test_where_http_only_leads_to_https_it_goes_there() -> None:
    """Not where HTTP answers too."""
    tls = {"mode": "self-signed", "publish": "0.0.0.0:8443"}
    assert target(platform(tls=tls)) == ("https://127.0.0.1:8443/health", "127.0.0.1:8443")
    assert target(platform(tls={**tls, "redirect": False}))[0] == "http://127.0.0.1:8080/health"


def test_a_remote_host_is_reached_where_it_is() -> None:
    """Unless it listens for itself alone."""
    assert target(platform(publish="0.0.0.0:80"), host=SSH) == ("http://box.test/health", "box.test:80")
    assert target(platform(publish="10.0.0.7:80"), host=SSH) == ("http://10.0.0.7/health", "10.0.0.7:80")
    with pytest.raises(CannotProbe, match=r"it listens on 127.0.0.1 of box.test"):
        target(platform(), host=SSH)


def test_where_there_is_nothing_to_send_to_it_is_refused() -> None:
    """No port, or no route that everybody may take; a path that is named is taken."""
    with pytest.raises(CannotProbe, match="it publishes none"):
        target(platform(publish=[]))
    closed = platform([{"path": "/", "to": "api", "allow": ["10.0.0.0/8"]}])
    with pytest.raises(CannotProbe, match="finds no route"):
        target(closed)
    assert target(closed, "/x")[0] == "http://127.0.0.1:8080/x"


def test_the_order_of_steps_tells_the_strategy() -> None:
    """By what came first for each container that ran; one that stopped first speaks for its part."""

    def container(urn: str, part: str) -> Container:
        return Container(urn, urn, urn, {"slipway.part": part}, None)

    serving = [container("a0", "api"), container("a1", "api"), container("d", "db"), container("kept", "web")]
    steps = [
        ("create-replacement", "a0"),
        ("delete-replaced", "d"),
        ("create-replacement", "d"),
        ("create-replacement", "a1"),
        ("create-replacement", "job"),
        ("delete-replaced", "a0"),
        ("delete", "kept"),
    ]
    assert reached(steps, serving) == {"api": "start-first", "db": "stop-first"}
    assert in_words(reached(steps, serving)) == "start-first: api; stop-first: db"
    assert reached([("delete-replaced", "a1"), *steps], serving)["api"] == "stop-first"
    assert in_words({}) == ""
