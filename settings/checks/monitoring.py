"""What watches the platform can do so, tells somebody in one way, and is not open to everybody."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from settings.monitoring import ALERTMANAGER, GRAFANA, PROMETHEUS, SECTION, SERVERS, servers
from settings.problems import Finding, listing, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings.description import Description
    from settings.model import Monitoring, Publish
    from settings.paths import Path

ALERTS: Final = (
    "ServiceErrors", "ServiceSlow", "ServiceDown", "MetricsDown", "MetricsMissing",
    "ContainerDown", "ContainerRestarts", "ContainerCpuHigh", "ContainerMemoryHigh", "HostCpuHigh", "HostMemoryHigh",
    "DatabaseDown", "DatabaseConnections", "CacheDown", "CacheMemoryHigh",
    "QueueOld", "QueueDeep", "JobsFail", "TokensShort", "RateLimited",
    "AccessRefused", "CertificateExpires", "UnexpectedRestart",
    "BackupMissing", "WritesExposed", "DiskShort", "NotificationsFail",
)  # fmt: skip
"""Every alert by name; ``components.prometheus.rules`` says what each means, and a test holds the two equal."""
_WAYS: Final = ("webhook", "slack", "email")
_SAMPLES: Final = 4


def receivers_have_one_way(description: Description) -> Iterator[Finding]:
    """A receiver is told in exactly one way."""
    monitoring = description.declared.monitoring
    for name, receiver in (monitoring.receivers if monitoring else {}).items():
        path: Path = (SECTION, "receivers", name)
        given = [way for way in _WAYS if getattr(receiver, way) is not None]
        if len(given) != 1:
            yield Finding(
                path,
                f"says {' and '.join(given)}: which one is meant is not clear" if given else "is told in no way",
                allowed=f"exactly one of {', '.join(_WAYS)}",
            )
        if receiver.channel is not None and receiver.slack is None:
            yield Finding((*path, "channel"), "has no effect without slack", fix="remove channel")
        if receiver.email is not None and (receiver.email.user is None) != (receiver.email.password is None):
            yield Finding((*path, "email"), "a login needs a user and a password", fix="give both, or neither")


def secrets_are_declared(description: Description) -> Iterator[Finding]:
    """Addresses and passwords of receivers are declared secrets."""
    known = description.declared.secrets
    for path, name in monitoring_secrets(description.declared.monitoring):
        if name not in known:
            yield Finding(
                path,
                f"the secret '{name}' is not declared",
                allowed=listing(known),
                nearest=nearest(name, known),
                fix=f"add under secrets: {name}: {{}}",
                about=(("secrets", name),),
            )


def monitoring_secrets(monitoring: Monitoring | None) -> Iterator[tuple[Path, str]]:
    """Yield the secrets that a monitoring names, each with its path."""
    if monitoring is None:
        return
    for name, receiver in monitoring.receivers.items():
        path: Path = (SECTION, "receivers", name)
        if receiver.webhook is not None:
            yield (*path, "webhook"), receiver.webhook
        if receiver.slack is not None:
            yield (*path, "slack"), receiver.slack
        if receiver.email is not None and receiver.email.password is not None:
            yield (*path, "email", "password"), receiver.email.password
    if monitoring.grafana is not None and monitoring.grafana.password is not None:
        yield (SECTION, GRAFANA, "password"), monitoring.grafana.password


def ports_are_for_this_host_alone(description: Description) -> Iterator[Finding]:
    """Prometheus and Alertmanager ask nobody who they are; a published port goes past the gateway."""
    for path, publish in _published(description.declared.monitoring):
        try:
            is_loopback = ipaddress.ip_address(publish.address).is_loopback
        except ValueError:
            continue  # a finding of its own
        if not is_loopback:
            yield Finding(
                path,
                f"{publish.address} would open it to everybody who reaches this host, past the gateway",
                allowed="an address of this host alone: 127.0.0.1",
                fix=f"publish it on 127.0.0.1, or lead a route with basic_auth to {PROMETHEUS}",
            )


def routes_to_it_are_guarded(description: Description) -> Iterator[Finding]:
    """What has no login of its own gets the gateway's; paths go through unchanged, since its pages name them."""
    for path, route in description.routes():
        names = [name for name in route.services if name in SERVERS and name not in description.declared.services]
        if not names:
            continue
        if len(route.services) > 1:
            yield Finding((*path, "to"), f"'{names[0]}' stands alone in a route", fix="lead to it alone")
        if names[0] != GRAFANA and route.basic_auth is None and route.auth is None and not route.allow:
            yield Finding(
                path,
                f"'{names[0]}' has no login of its own: everybody could read it",
                fix="add basic_auth: {users: {NAME: SECRET}}, auth, or allow",
                about=(path,),
            )
        for key, given in (("strip", route.strip), ("rewrite", route.rewrite is not None)):
            if given:
                yield Finding(
                    (*path, key),
                    f"'{names[0]}' serves its pages under the route's path, so that their links lead back",
                    fix=f"remove {key}",
                )


def nothing_is_ignored(description: Description) -> Iterator[Finding]:
    """A setting of what does not run would have no effect; a misspelt alert would not be left out."""
    monitoring = description.declared.monitoring
    if monitoring is None:
        return
    if not monitoring.receivers and monitoring.alertmanager.model_fields_set:
        yield Finding(
            (SECTION, ALERTMANAGER),
            "has no effect: without receivers no Alertmanager runs",
            fix="add receivers, or remove it",
            about=((SECTION, "receivers"),),
        )
    for index, name in enumerate(monitoring.alerts.off):
        if name not in ALERTS:
            yield Finding(
                (SECTION, "alerts", "off", index),
                f"there is no alert '{name}'",
                allowed=listing(ALERTS),
                nearest=nearest(name, ALERTS),
            )
    if monitoring.window_s < _SAMPLES * monitoring.interval_s:
        yield Finding(
            (SECTION, "window"),
            "holds too few readings for a rate",
            allowed=f"at least {_SAMPLES} times the interval",
            fix="raise window, or lower interval",
            about=((SECTION, "interval"),),
        )


def routes_to_it_exist(description: Description) -> Iterator[Finding]:
    """A route leads to a server that runs."""
    running = servers(description.declared)
    for path, name in description.route_targets():
        if name not in SERVERS or name in description.declared.services or name in running:
            continue
        why = {
            PROMETHEUS: "the platform has no monitoring",
            ALERTMANAGER: "Alertmanager runs where monitoring has receivers",
            GRAFANA: "Grafana runs where monitoring says grafana",
        }[name]
        fix = {PROMETHEUS: "{}", ALERTMANAGER: "{receivers: …}", GRAFANA: "{grafana: {}}"}[name]
        yield Finding(path, f"there is no '{name}': {why}", fix=f"add monitoring: {fix}", about=((SECTION,),))


def _published(monitoring: Monitoring | None) -> Iterator[tuple[Path, Publish]]:
    if monitoring is None:
        return
    if monitoring.publish is not None:
        yield (SECTION, "publish"), monitoring.publish
    if monitoring.alertmanager.publish is not None:
        yield (SECTION, ALERTMANAGER, "publish"), monitoring.alertmanager.publish
    if monitoring.grafana is not None and monitoring.grafana.publish is not None:
        yield (SECTION, GRAFANA, "publish"), monitoring.grafana.publish


CHECKS: Final = (
    receivers_have_one_way,
    secrets_are_declared,
    ports_are_for_this_host_alone,
    routes_to_it_are_guarded,
    nothing_is_ignored,
    routes_to_it_exist,
)
