"""Decides which networks each part joins.

Nobody joins more than needed: an internal network unless there is a reason for another, and a network of every part
that is referred to. Explicit ``networks`` are never added to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from settings import monitoring as watching
from settings.backups import StoreKind, backed_up
from settings.model import ModelServer
from settings.parts import BACKUPS_NAME, GATEWAY_NAME, ROUTE_SECTIONS, STORE_SECTIONS, routed_parts, stores, workloads
from settings.texts import references_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from settings.model import Backups, Platform, Workload
    from settings.parts import Store

Membership: TypeAlias = dict[tuple[str, str], list[str]]
"""Networks by section and name, in the order in which the platform declares them."""


def resolve_networks(platform: Platform, *, reaches_out: bool = False) -> Membership:
    """Return the networks of every part.

    Args:
        platform: The platform, without what others run.
        reaches_out: Whether a database that others run is backed up.
    """
    chooser = _Chooser(platform, reaches_out=reaches_out)
    base: Membership = {}
    for section, name, store in stores(platform):
        base[section, name] = chooser.store(store)
    for section, name, workload in workloads(platform):
        base[section, name] = chooser.workload(workload)
    membership = dict(base)
    for section, name, workload in workloads(platform):
        if workload.networks is None and not workload.host_network:
            joined = _join(base[section, name], _referenced(workload, base))
            membership[section, name] = chooser.ordered(joined)
    if platform.backups is not None:
        membership[BACKUPS_NAME, BACKUPS_NAME] = chooser.backups(platform.backups, membership)
    if watching.is_on(platform):
        membership[watching.SECTION, watching.PROMETHEUS] = chooser.prometheus(membership)
    if platform.gateway is not None:
        membership[GATEWAY_NAME, GATEWAY_NAME] = chooser.gateway(membership)
    return membership


def networks_of_watcher(platform: Platform, name: str, *, publish: bool) -> list[str] | None:
    """Return the networks of a container that watches, once those of the others are filled in, else ``None``.

    Exporters of stores stand beside these, where Prometheus comes to; what watches the gateway comes to it.
    """
    monitoring = platform.monitoring
    if monitoring is None or monitoring.networks is None:
        return None
    own = monitoring.networks
    if name == watching.PROMETHEUS:
        return list(own)
    for store, declared in (*platform.databases.items(), *platform.caches.items()):
        if name == watching.exporter_of(store):
            return [network for network in declared.networks or () if network in own][:1]
    joined = own[:1]
    if name in {watching.NGINX_EXPORTER, watching.GATEWAY_EXPORTER} and platform.gateway is not None:
        joined = _join(joined, [platform.gateway.networks or []])
    # Alerts are told, and pages are asked for, beyond the platform's own networks.
    if publish or name == watching.ALERTMANAGER:
        joined += [each for each, network in platform.networks.items() if not network.internal and each not in joined][
            :1
        ]
    return joined


class _Chooser:
    """Chooses networks by the rules that the models' docstrings state."""

    def __init__(self, platform: Platform, *, reaches_out: bool) -> None:
        self._platform = platform
        self._reaches_out = reaches_out
        self._declared = list(platform.networks)
        self._internal = [name for name, network in platform.networks.items() if network.internal]
        self._open = [name for name, network in platform.networks.items() if not network.internal]

    def ordered(self, names: Iterable[str]) -> list[str]:
        """Order names as the platform declares them; undeclared ones (an error of their own) last."""
        wanted = list(dict.fromkeys(names))
        return [name for name in self._declared if name in wanted] + [
            name for name in wanted if name not in self._declared
        ]

    def _first(self) -> list[str]:
        return (self._internal or self._declared)[:1]

    def store(self, store: Store) -> list[str]:
        if store.networks is not None:
            return self.ordered(store.networks)
        # Docker publishes no port of a container that is on internal networks alone.
        # The registry of models is outside.
        outward = store.publish or (isinstance(store, ModelServer) and store.pulls)
        return self.ordered([*self._first(), *(self._open[:1] if outward else ())])

    def workload(self, workload: Workload) -> list[str]:
        if workload.host_network:
            return []
        if workload.networks is not None:
            return self.ordered(workload.networks)
        return self.ordered([*self._first(), *(self._open[:1] if workload.egress or workload.publish else ())])

    def prometheus(self, membership: Membership) -> list[str]:
        monitoring = self._platform.monitoring
        assert monitoring is not None  # noqa: S101 - the only caller asks first
        if monitoring.networks is not None:
            return self.ordered(monitoring.networks)
        read = [membership[section, name] for section, name, _ in stores(self._platform)]
        read += [membership[section, name] for section, name, workload in workloads(self._platform) if workload.metrics]
        if self._platform.backups is not None:
            read.append(membership[BACKUPS_NAME, BACKUPS_NAME])
        joined = _join(self._first(), read)
        return [*joined, *[name for name in self._open[:1] if monitoring.publish and name not in joined]]

    def gateway(self, membership: Membership) -> list[str]:
        gateway = self._platform.gateway
        assert gateway is not None  # noqa: S101 - the only caller asks first
        if gateway.networks is not None:
            return self.ordered(gateway.networks)
        routed = routed_parts(self._platform)
        targets = [membership.get((section, name), []) for name in routed for section in ROUTE_SECTIONS]
        targets += [membership.get((section, name), []) for section in STORE_SECTIONS for name in gateway.tcp]
        if any(name in watching.SERVERS and name not in self._platform.services for name in routed):
            # All that a route may lead to is on the first network of Prometheus.
            targets.append(membership.get((watching.SECTION, watching.PROMETHEUS), [])[:1])
        return self.ordered(_join((self._open or self._declared)[:1], targets))

    def backups(self, backups: Backups, membership: Membership) -> list[str]:
        if backups.networks is not None:
            return self.ordered(backups.networks)
        chosen = {store.name for store in backed_up(self._platform) if store.kind is not StoreKind.VOLUME}
        stores_ = [membership[section, name] for section, name, _ in stores(self._platform) if name in chosen]
        # Of several networks that would do, the one that others need anyway.
        joined = _join(self._open[:1] if backups.goes_out or self._reaches_out else [], stores_)
        return self.ordered(joined or self._first())


def _referenced(workload: Workload, base: Membership) -> list[list[str]]:
    sections = (*STORE_SECTIONS, "services")
    return [
        base.get((reference.section, reference.name), [])
        for reference in references_in(workload)
        if reference.section in sections
    ]


def _join(own: Sequence[str], others: Iterable[Sequence[str]]) -> list[str]:
    """Add the first network of each other part with which none is shared yet."""
    joined = list(own)
    for networks in others:
        if networks and not set(joined) & set(networks):
            joined.append(networks[0])
    return joined
