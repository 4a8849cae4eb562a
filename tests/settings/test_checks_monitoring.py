"""Monitoring: on where it should be, counted as everything else is, and not open to everybody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from components.prometheus import RULES
from settings import Loaded, Problem
from settings.checks.monitoring import ALERTS
from settings.monitoring import watchers
from settings.parts import part_names, parts

Refused = Callable[..., Problem]
Accepted = Callable[..., Loaded]
GATEWAY: dict[str, Any] = {"publish": 8080, "routes": [{"path": "/", "to": "api"}]}


@pytest.fixture(autouse=True)
def _images(project: Any) -> None:
    """Beside the images that every project knows, those that watch."""
    lock = (project.root / "images/lock.yaml").read_text(encoding="utf-8")
    roles = "".join(
        f'  {role}: {{debian: "slipway/{role}:1-abc"}}\n' for role in ("prometheus", "alertmanager", "exporters")
    )
    project.write("images/lock.yaml", lock + roles)


def watched(**settings: Any) -> dict[str, Any]:
    return {"monitoring": {"enabled": True, **settings}}


def routed(to: str, **route: Any) -> dict[str, Any]:
    return {"gateway": {**GATEWAY, "routes": [*GATEWAY["routes"], {"path": f"/{to}/", "to": to, **route}]}}


def names(loaded: Loaded) -> set[str]:
    return {name for name, _ in watchers(loaded.platform)}


@pytest.mark.parametrize(
    ("protect", "enabled", "on"),
    [(True, None, True), (False, None, False), (False, True, True), (True, False, False)],
)
def test_it_is_on_where_data_are_protected_unless_said_otherwise(
    accepted: Accepted, protect: bool, enabled: bool | None, on: bool
) -> None:
    """So it is off in development, and one line turns it on."""
    said = {} if enabled is None else {"enabled": enabled}
    loaded = accepted({"protect_data": protect, "monitoring": said})
    assert (loaded.platform.monitoring is not None) == on


def test_without_a_word_there_is_none(accepted: Accepted) -> None:
    assert names(accepted()) == set()


def test_every_store_has_its_exporter_and_they_go_with_it(accepted: Accepted) -> None:
    """What watches follows from what there is."""
    nothing = {"databases": None, "caches": None, "gateway": None, "services": {"api": {"env": None}}}
    every = {"prometheus", "host-exporter", "containers-exporter"}
    loaded = accepted({**watched(), "databases": {"main": {}}, "caches": {"queue": {}}, "gateway": GATEWAY})
    assert names(loaded) == {*every, "main-exporter", "queue-exporter", "gateway-exporter", "nginx-exporter"}
    fewer = accepted({**watched(host=False), **nothing})
    assert names(fewer) == {"prometheus"}


def test_servers_run_where_they_are_asked_for(accepted: Accepted) -> None:
    patch = {**watched(receivers={"ops": {"webhook": "hook"}}, grafana={}), "secrets": {"hook": {}}}
    assert {"alertmanager", "grafana"} <= names(accepted(patch, secrets={"hook": "http://hooks.example.org/x"}))


def test_it_counts_as_parts_do_and_nobody_can_need_it(accepted: Accepted) -> None:
    """Memory, ports and names of it are checked with all others."""
    platform = accepted(watched(publish=9090)).platform
    assert "prometheus" in {part.name for part in parts(platform)}
    assert "prometheus" not in part_names(platform)
    assert platform.monitoring is not None
    assert platform.monitoring.volume_name == "slipway-dev-prometheus-data"


def test_prometheus_joins_a_network_of_all_that_it_reads(accepted: Accepted) -> None:
    patch = {
        **watched(),
        "networks": {"two": {"internal": True}},
        "caches": {"far": {"networks": ["two"]}},
        "databases": None,
        "services": {"api": {"env": None, "metrics": {"port": 8000}, "networks": ["edge"]}},
    }
    platform = accepted(patch).platform
    assert platform.monitoring is not None
    assert set(platform.monitoring.networks or ()) == {"edge", "backend", "two"}
    assert dict(watchers(platform))["far-exporter"].networks == ["two"]


def test_a_route_to_it_goes_where_it_is_off(accepted: Accepted) -> None:
    """One blueprint, watched in production alone."""
    patch = {**routed("prometheus", allow=["10.0.0.0/8"]), "monitoring": {"enabled": False}}
    gateway = accepted(patch).platform.gateway
    assert gateway is not None
    assert [route.path for route in gateway.routes] == ["/"]


def test_the_gateway_comes_to_it(accepted: Accepted) -> None:
    platform = accepted({**watched(), **routed("prometheus", allow=["10.0.0.0/8"])}).platform
    assert platform.gateway is not None
    assert set(platform.gateway.networks or ()) & set(dict(watchers(platform))["prometheus"].networks or ())


@pytest.mark.parametrize(
    ("patch", "path", "message"),
    [
        (watched(publish="0.0.0.0:9090"), "monitoring.publish", "open it to everybody"),
        (watched(grafana={"publish": "192.0.2.1:3000"}), "monitoring.grafana.publish", "open it to everybody"),
        (watched(receivers={"ops": {}}), "monitoring.receivers.ops", "is told in no way"),
        (
            watched(receivers={"ops": {"webhook": "token", "channel": "#x"}}) | {"secrets": {"token": {}}},
            "monitoring.receivers.ops.channel",
            "has no effect without slack",
        ),
        (watched(receivers={"ops": {"webhook": "hook"}}), "monitoring.receivers.ops.webhook", "is not declared"),
        (watched(alertmanager={"memory": "1GiB"}), "monitoring.alertmanager", "without receivers"),
        (watched(alerts={"off": ["HostCpu"]}), "monitoring.alerts.off[0]", "there is no alert 'HostCpu'"),
        (watched(window="10s"), "monitoring.window", "too few readings"),
        (watched() | routed("prometheus"), "gateway.routes[1]", "has no login of its own"),
        (watched() | routed("prometheus", allow=["10.0.0.0/8"], strip=True), "gateway.routes[1].strip", "its pages"),
        (watched() | routed("grafana"), "gateway.routes[1].to", "Grafana runs where"),
        (routed("prometheus", allow=["10.0.0.0/8"]), "gateway.routes[1].to", "the platform has no monitoring"),
        (watched(image="prom/prometheus"), "monitoring.image", "is not pinned"),
        (
            watched() | {"services": {"prometheus": {"image": "a/b:1", "health": {"tcp": 1}}}},
            "monitoring.prometheus",
            "the name 'prometheus' is taken",
        ),
    ],
)
def test_what_is_refused(refused: Refused, patch: dict[str, Any], path: str, message: str) -> None:
    problem = refused(patch, secrets={"token": "http://hooks.example.org/x"})
    assert (problem.path, message in problem.message) == (path, True), problem


def test_a_mail_server_that_asks_for_a_login_gets_both(refused: Refused) -> None:
    mail = {"to": "a@example.org", "from": "b@example.org", "server": "smtp.example.org:587", "user": "b"}
    assert "a user and a password" in refused(watched(receivers={"ops": {"email": mail}})).message


def test_the_memory_of_all_that_watches_counts(refused: Refused) -> None:
    """A plan that can't fit is refused before anything starts."""
    problem = refused({**watched(memory="8GiB"), "host": {"memory": "4GiB"}})
    assert problem.path == "host.memory"
    assert "monitoring.prometheus" in problem.message


def test_the_alerts_that_can_be_left_out_are_those_that_there_are() -> None:
    """Two lists, since settings know nothing of components."""
    assert list(ALERTS) == [rule.name for rule in RULES]
