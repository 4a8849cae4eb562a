"""The parts of a platform that exist so far, and what others may ask of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi

from components.args import Dependency, PublishedPort
from components.backup_job import BackupJob
from components.cache import Cache
from components.certificates import Certificates
from components.database import Database
from components.database_tls import ca_file
from components.exporters import Running
from components.external_database import ExternalDatabase
from components.gateway import Gateway
from components.job import Job
from components.model_server import ModelServer
from components.monitoring import Monitoring, Server
from components.network import Network
from components.replicas import Service, Workers
from components.translate import published_ports
from components.vector_store import VectorStore
from settings.load import Loaded
from settings.model import TLS_PORT, Condition, Workload
from settings.model import Gateway as GatewayModel
from settings.references import Reference
from settings.texts import references_in
from settings.versions import Versions

_HTTP: Final = 80
_HTTPS: Final = 443


@dataclass
class Parts:
    """Components by the name that the description gives them."""

    networks: dict[str, Network] = field(default_factory=dict)
    volumes: dict[str, pulumi.Output[str]] = field(default_factory=dict)
    databases: dict[str, Database] = field(default_factory=dict)
    externals: dict[str, ExternalDatabase] = field(default_factory=dict)
    caches: dict[str, Cache] = field(default_factory=dict)
    vector_stores: dict[str, VectorStore] = field(default_factory=dict)
    model_servers: dict[str, ModelServer] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    workers: dict[str, Workers] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    secrets: dict[str, pulumi.Output[str]] = field(default_factory=dict)
    certificates: Certificates | None = None
    backups: BackupJob | None = None
    monitoring: Monitoring | None = None
    hosts: dict[str, str] = field(default_factory=dict)
    """DNS names of versions of services, where they are not the names among the platform's services."""

    def host(self, name: str) -> str:
        """Return the name under which others reach a service, which is also its component's."""
        return self.hosts.get(name, name)

    def running(self, gateway: Gateway | None) -> list[Running]:
        """Return every container that should run, but those that watch the others."""
        replicated: list[tuple[str, Mapping[str, Service] | Mapping[str, Workers]]] = [
            ("service", self.services),
            ("workers", self.workers),
        ]
        found = [
            Running(part=name, kind=kind, replica=index, container=container)
            for kind, components in replicated
            for name, component in components.items()
            for index, container in enumerate(component.containers)
        ]
        single = [("database", name, database.container) for name, database in self.databases.items()]
        single += [("cache", name, cache.container) for name, cache in self.caches.items()]
        single += [("gateway", "gateway", gateway.container)] if gateway else []
        found += [Running(part=name, kind=kind, replica=0, container=container) for kind, name, container in single]
        return found

    def need(self, name: str, condition: Condition) -> Sequence[Dependency]:
        """Return what to depend on, so that a part is healthy, started or completed first."""
        if name in self.jobs:
            job = self.jobs[name]
            return [job.succeeded if condition is Condition.COMPLETED else job.container]
        if name in self.model_servers:
            server = self.model_servers[name]
            return server.ready if condition is Condition.HEALTHY else server.containers
        replicated = self.services.get(name) or self.workers.get(name)
        return list(replicated.containers) if replicated is not None else [self.store(name).container]

    def store(self, name: str) -> Database | Cache | VectorStore:
        """Return the store of this name."""
        return self.databases.get(name) or self.caches.get(name) or self.vector_stores[name]

    def route_target(self, name: str) -> Service | ModelServer | VectorStore | Server:
        """Return the part of this name that a route leads to: what watches, too."""
        for section in (self.services, self.model_servers, self.vector_stores):
            if name in section:
                return section[name]
        return (self.monitoring.servers if self.monitoring else {})[name]

    def value_of(self, reference: Reference, loaded: Loaded) -> pulumi.Input[str]:
        """Return what a reference stands for; what is secret comes as a secret Output."""
        platform = loaded.platform
        if reference.section == "secrets":
            return self.secrets[reference.name]
        if reference.section == "services":
            port = platform.services[reference.name].port
            host = self.host(reference.name)
            known: Mapping[str, pulumi.Input[str]] = {
                "host": host,
                "port": str(port),
                "url": f"http://{host}:{port}",
            }
            return known[reference.attribute]
        names = {"platform": platform.name, "stack": loaded.stack, "environment": loaded.environment or ""}
        if reference.section in names:
            return names[reference.section]
        if reference.section in {"vector_stores", "model_servers"}:
            part = getattr(self, reference.section)[reference.name]
            value = getattr(part, reference.attribute)
            return str(value) if isinstance(value, int) else value
        database = self.databases.get(reference.name) or self.externals.get(reference.name)
        store = database or self.caches[reference.name]
        known = {"host": store.host, "port": str(store.port), "password": store.password, "url": store.url}
        if database is not None:
            described = platform.databases.get(reference.name) or loaded.externals[reference.name]
            known |= {
                "database": described.database or "",
                "user": database.role,
                "url_without_password": database.url_without_password,
                "ca_file": ca_file(reference.name),
            }
        return known[reference.attribute]

    def authorities(self, workload: Workload) -> dict[str, pulumi.Input[str]]:
        """Return the files by which a workload knows the databases whose address, or whose file, it refers to."""
        found: dict[str, pulumi.Input[str]] = {}
        for reference in references_in(workload):
            database = self.databases.get(reference.name) if reference.section == "databases" else None
            if database is None or database.ca is None:
                continue
            path = ca_file(reference.name)
            addressed = reference.attribute.startswith("url") and path in database.url_without_password
            if addressed or reference.attribute == "ca_file":
                found[path] = database.ca
        return found

    def containers(self) -> list[pulumi.Resource]:
        """Return every container but the gateway's and the carriers of files, which these wait for."""
        replicas: list[Service | Workers | ModelServer] = [
            *self.services.values(),
            *self.workers.values(),
            *self.model_servers.values(),
        ]
        single: list[Database | Cache | VectorStore | Job] = [
            *self.databases.values(),
            *self.caches.values(),
            *self.vector_stores.values(),
            *self.jobs.values(),
        ]
        return [
            *(container for part in replicas for container in part.containers),
            *(server.keeper for server in self.model_servers.values() if server.keeper is not None),
            *(part.container for part in single),
            *([self.certificates.container] if self.certificates else []),
            *([self.backups.container] if self.backups else []),
            *(self.monitoring.containers.values() if self.monitoring else []),
        ]

    def exports(self, loaded: Loaded, gateway: Gateway | None) -> dict[str, Any]:
        """Return what the stack exports: addresses, container names, database addresses without password."""
        platform = loaded.platform
        exports: dict[str, Any] = {
            "platform": platform.name,
            "urls": _urls(platform.gateway),
            "replicas": {
                **{self.host(name): service.container_names for name, service in self.services.items()},
                **{name: workers.container_names for name, workers in self.workers.items()},
            },
            "databases": {
                **{name: database.url_without_password for name, database in self.databases.items()},
                **{name: database.url_without_password for name, database in self.externals.items()},
            },
        }
        for section in ("vector_stores", "model_servers"):
            if made := getattr(self, section):
                exports[section] = {name: part.url for name, part in made.items()}
        if gateway is not None:
            exports["gateway"] = gateway.container.name
        if loaded.versions:
            exports["versions"] = {name: traffic_of(versions) for name, versions in loaded.versions.items()}
        return exports


def traffic_of(versions: Versions) -> dict[str, int]:
    """Return the share of a service's requests, in percent, that each of its versions gets, by DNS name."""
    serving, other = versions.hosts[versions.service], versions.hosts[versions.other]
    return {serving: 100 - versions.weight, **({other: versions.weight} if versions.has_other else {})}


def _urls(gateway: GatewayModel | None) -> list[str]:
    ports = gateway.ports if gateway is not None else {}
    return [_url(port) for port in published_ports(port for place, port in ports.items() if place[0] != "tcp")]


def _url(port: PublishedPort) -> str:
    host = "localhost" if port.address in {"0.0.0.0", "127.0.0.1"} else port.address  # noqa: S104 - read, not bound
    scheme, usual = ("https", _HTTPS) if port.port == TLS_PORT else ("http", _HTTP)
    return f"{scheme}://{host}" + ("" if port.host_port == usual else f":{port.host_port}")
