"""From the description of a gateway to the arguments of its component."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pulumi

from components import nginx
from components.carrier import Binary
from components.certificates import certificate_of
from components.gateway import FILES
from components.nginx import Backend, Balancing, GatewayRoute, Server
from components.nginx.headers import SECURITY
from components.nginx.model import CONFIG_FOLDER, LISTEN_PORT
from components.parts import Parts, traffic_of
from components.self_signed import self_signed
from settings.catalogue import CatalogueImage
from settings.certificates import tls_hosts
from settings.load import Loaded
from settings.model import LETS_ENCRYPT_STAGING, Balance, Gateway, Route, RouteVersion, TlsMode

_LARGEST: Final = 5 * 2**20
"""Bytes of static files; they stand in the stack's state."""
_HSTS_S: Final = 63_072_000.0
"""Two years: Mozilla's guideline 6.0."""
_DIGITS: Final = 8
_WHOLE: Final = 100
"""Percent."""


class GatewayParts:
    """What a gateway's arguments are made of.

    Args:
        loaded: The resolved description; it has a gateway.
        parts: The components that exist.
        files_key: Secret with which contents are hashed, and of which a self-signed certificate is made.
        image: What the catalogue knows of the gateway's image.
    """

    def __init__(self, loaded: Loaded, parts: Parts, files_key: pulumi.Output[str], image: CatalogueImage) -> None:
        assert loaded.platform.gateway is not None  # noqa: S101 - the only caller asks
        self.gateway: Gateway = loaded.platform.gateway
        self._versions = loaded.versions
        self._parts = parts
        self._key = files_key
        self._image = image
        self.files: dict[str, pulumi.Input[str] | Binary] = {}
        self.upstreams: dict[str, pulumi.Input[Sequence[Backend | str]]] = {}
        self.balancing: dict[str, Balancing] = {}
        self.routes = [self._route(index, route) for index, route in enumerate(self.gateway.routes)]
        self.server = self._server()

    @property
    def traffic(self) -> dict[str, str]:
        """Who gets a service's requests, in words, where two versions of it run."""
        return {
            name: ", ".join(f"{share} % {host}" for host, share in traffic_of(versions).items())
            for name, versions in self._versions.items()
            if versions.has_other
        }

    def _route(self, index: int, route: Route) -> GatewayRoute:
        services = route.services
        if route.version is RouteVersion.OTHER:
            versions = self._versions[route.services[0]]
            if not versions.has_other:
                text = f"there is one version of {versions.service} now\n"
                return GatewayRoute(
                    answer=nginx.Answer(body=text, status=404), path=route.path, exact=route.exact, host=route.host
                )
            route = route.model_copy(update={"targets": {versions.other: 1}})
        return GatewayRoute(
            upstream=self._upstream(route) if route.targets else None,
            redirect=nginx.Redirect(
                to=route.redirect.to, status=route.redirect.status, keep_path=route.redirect.keep_path
            )
            if route.redirect
            else None,
            answer=nginx.Answer(
                body=route.answer.body(),
                content_type=route.answer.content_type
                or ("text/plain" if route.answer.text is not None else "application/json"),
                status=route.answer.status,
            )
            if route.answer
            else None,
            files=self._static(index, route),
            services=services,
            path=route.path,
            exact=route.exact,
            host=route.host,
            strip=route.strip,
            rewrite=route.rewrite,
            slash=route.slash.value,
            websocket=route.websocket,
            streaming=route.streaming,
            stream_upload=route.stream_upload,
            timeout_s=route.timeout_s,
            send_timeout_s=route.send_timeout_s,
            connect_timeout_s=route.connect_timeout_s,
            retries=route.retries,
            max_body_mib=route.max_body_mib,
            rate=nginx.RateLimit(per_second=route.rate.per_second, burst=route.rate.burst, header=route.rate.header)
            if route.rate
            else None,
            connections=route.connections,
            compress=route.compress,
            cache_control=route.cache,
            headers={name: value or None for name, value in route.headers.items()},
            request_headers=route.request_headers,
            api_key=self._api_key(route),
            basic_auth=self._basic_auth(index, route),
            auth=nginx.SubrequestAuth(
                upstream=self._single(route.auth.to), path=route.auth.path, headers=tuple(route.auth.headers)
            )
            if route.auth
            else None,
            allow=route.allow,
            deny=route.deny,
        )

    def _upstream(self, route: Route) -> str:
        """Return the name of a route's upstream; routes that want the same of the same services share one."""
        sticky = route.balance is Balance.STICKY
        balancing = Balancing(
            method="round_robin" if sticky else route.balance.value,
            sticky=sticky,
            max_fails=route.max_fails,
            fail_timeout_s=route.fail_timeout_s,
        )
        if len(route.targets) == 1 and balancing == Balancing() and route.port is None:
            return self._single(route.services[0])
        said = f"{sorted(route.targets.items())}{balancing}{route.port or ''}"
        what = hashlib.sha256(said.encode()).hexdigest()[:_DIGITS]
        name = f"{'-'.join(sorted(route.targets))}-{what}"
        self.upstreams[name] = self._weighted(route.targets, route.port)
        self.balancing[name] = balancing
        return name

    def _single(self, service: str) -> str:
        self.upstreams[service] = self._weighted({service: 1})
        return service

    def _weighted(self, said: Mapping[str, int], port: int | None = None) -> pulumi.Output[Sequence[Backend | str]]:
        """Spread weights over replicas, exactly: nginx weighs containers, people weigh services and their versions."""
        targets: dict[str, int] = {}
        for name, weight in said.items():
            versions = self._versions.get(name)
            share = versions.weight if versions else 0
            targets[name] = weight * (_WHOLE - share)
            if versions and share:
                targets[versions.other] = weight * share
        services = {name: self._parts.route_target(name) for name, weight in targets.items() if weight}
        counts = {name: max(1, len(service.containers)) for name, service in services.items()}
        whole = math.lcm(*counts.values())
        weights = {name: targets[name] * whole // count for name, count in counts.items()}
        common = math.gcd(*weights.values())
        names = {name: service.container_names for name, service in services.items()}
        return pulumi.Output.all(names=names).apply(
            lambda known: [
                Backend(address=f"{container}:{port or services[name].port}", weight=weights[name] // common)
                for name in services
                for container in known["names"][name]
            ]
        )

    def _static(self, index: int, route: Route) -> nginx.StaticFiles | None:
        if route.files is None:
            return None
        prefix = f"static-{index}"
        for path, content in _read_folder(Path(route.files.folder), route.files.folder).items():
            self.files[f"{prefix}{route.path.rstrip('/')}/{path}"] = content
        return nginx.StaticFiles(root=f"{FILES}/{prefix}", index=route.files.index, fallback=route.files.fallback)

    def _basic_auth(self, index: int, route: Route) -> nginx.BasicAuth | None:
        if route.basic_auth is None:
            return None
        name = f"users-{index}"
        lines = [
            pulumi.Output.all(user=user, password=self._parts.secrets[secret]).apply(lambda known: _htpasswd(**known))
            for user, secret in sorted(route.basic_auth.users.items())
        ]
        self.files[name] = pulumi.Output.secret(pulumi.Output.all(*lines).apply("".join))
        return nginx.BasicAuth(realm=route.basic_auth.realm, file=f"{FILES}/{name}")

    def _api_key(self, route: Route) -> nginx.ApiKey | None:
        if route.api_key is None:
            return None
        name = f"key-{route.api_key}"
        self.files[name] = pulumi.Output.secret(self._parts.secrets[route.api_key].apply(nginx.key_file))
        return nginx.ApiKey(name=route.api_key, file=f"{FILES}/{name}")

    def _server(self) -> Server:
        gateway = self.gateway
        own = {name.lower() for name in gateway.headers}
        headers = {name: value for name, value in SECURITY.items() if name.lower() not in own}
        headers |= {name: value for name, value in gateway.headers.items() if value}
        if gateway.maintenance_page:
            self.files["maintenance.html"] = _read(Path(gateway.maintenance_page), gateway.maintenance_page)
        return Server(
            workers=gateway.workers,
            ports=sorted({LISTEN_PORT, *(port.port for port in gateway.publish)}),
            max_body_mib=gateway.max_body_mib,
            drain_s=gateway.drain_s,
            # An unknown name has no certificate, so it is refused over HTTP too.
            hosts=sorted({*gateway.hosts, *self.acme_hosts}),
            headers=headers,
            compress=gateway.compress,
            trusted_proxies=gateway.trusted_proxies,
            health_path=gateway.health_path,
            maintenance_page=f"{FILES}/maintenance.html" if gateway.maintenance_page else None,
            maintenance_retry_s=int(gateway.maintenance_retry_s),
            tls=self._tls(),
            acme=bool(self.acme_hosts),
            tcp=[self._tcp(name, port.host_port, port.idle_s) for name, port in gateway.tcp.items()],
            stream_module=self._image.facts.get("stream_module"),
            mime_types=str(self._image.facts.get("mime_types", Server.mime_types)),
            report=self._parts.monitoring is not None,
            http2_directive=bool(self._image.facts.get("http2_directive")),
        )

    def _tcp(self, name: str, port: int, idle_s: float) -> nginx.TcpRoute:
        store = self._parts.store(name)
        self.upstreams[f"store-{name}"] = store.container.name.apply(
            lambda container: [Backend(address=f"{container}:{store.port}")]
        )
        return nginx.TcpRoute(port=port, upstream=f"store-{name}", idle_s=idle_s)

    def _tls(self) -> nginx.Tls | None:
        tls = self.gateway.tls
        if tls is None:
            return None
        if tls.mode is TlsMode.SELF_SIGNED:
            certificates = [self._self_signed()]
            hsts = 0.0
        elif tls.acme is not None:
            certificates = [certificate_of(host) for host in self.acme_hosts]
            untrusted = tls.acme.directory == LETS_ENCRYPT_STAGING
            hsts = (0.0 if untrusted else _HSTS_S) if tls.hsts_s is None else tls.hsts_s
        else:
            certificates = [
                self._certificate(
                    index,
                    item.hosts,
                    self._parts.secrets[item.certificate],
                    self._parts.secrets[item.key],
                    stapling=item.stapling,
                )
                for index, item in enumerate(tls.certificates)
            ]
            hsts = _HSTS_S if tls.hsts_s is None else tls.hsts_s
        return nginx.Tls(
            certificates=certificates,
            redirect=tls.redirect,
            port=tls.publish.host_port,
            hsts_s=int(hsts),
            hsts_subdomains=tls.hsts_subdomains,
        )

    @property
    def acme_hosts(self) -> list[str]:
        """The hosts whose certificates are obtained from an authority."""
        tls = self.gateway.tls
        return tls_hosts(self.gateway) if tls is not None and tls.mode is TlsMode.ACME else []

    def _self_signed(self) -> nginx.Certificate:
        assert self.gateway.tls is not None  # noqa: S101 - the only caller has asked
        hosts = self.gateway.tls.hosts or sorted({"localhost", "127.0.0.1", *tls_hosts(self.gateway)})
        today = datetime.now(UTC).date()
        pair = self._key.apply(lambda key: self_signed(key, hosts, today))
        certificate, key = pair.apply(lambda both: both[0]), pair.apply(lambda both: both[1])
        return self._certificate(0, (), certificate, key, stapling=False)

    def _certificate(
        self,
        index: int,
        hosts: Sequence[str],
        certificate: pulumi.Output[str],
        key: pulumi.Output[str],
        *,
        stapling: bool,
    ) -> nginx.Certificate:
        self.files[f"tls-{index}.crt"] = certificate
        self.files[f"tls-{index}.key"] = pulumi.Output.secret(key)
        path = f"{CONFIG_FOLDER}/{FILES}/tls-{index}"
        trusted = f"{path}.crt" if stapling else None
        return nginx.Certificate(certificate=f"{path}.crt", key=f"{path}.key", hosts=tuple(hosts), trusted=trusted)


def _htpasswd(user: str, password: str) -> str:
    """Return a line of an htpasswd file, the same for the same password.

    Salted SHA-1 is the one form that every nginx reads without the system's crypt, and quick enough for each request:
    bcrypt would cost a core 50 ms a request. The file is readable by the gateway's user alone.
    """
    salt = hmac.new(password.encode(), f"slipway-htpasswd|{user}".encode(), hashlib.sha256).digest()[:16]
    digest = hashlib.sha1(password.encode() + salt).digest()  # noqa: S324 - the format's own; see above
    return f"{user}:{{SSHA}}{base64.b64encode(digest + salt).decode()}\n"


def _read_folder(folder: Path, written: str) -> dict[str, str | Binary]:
    if not folder.is_dir():
        raise pulumi.RunError(f"gateway.routes[].files: there is no folder {written}\n  fix: make it, or name another")
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    if not found:
        raise pulumi.RunError(f"gateway.routes[].files: the folder {written} holds no file")
    size = sum(path.stat().st_size for path in found.values())
    if size > _LARGEST:
        raise pulumi.RunError(
            f"gateway.routes[].files: the files of {written} are {size / 2**20:.1f} MiB\n"
            f"  allowed: at most {_LARGEST // 2**20} MiB: they stand in the stack's state\n"
            "  fix: serve them from a container, and lead a route to it"
        )
    return {name: _read(path, written) for name, path in found.items()}


def _read(path: Path, written: str) -> str | Binary:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise pulumi.RunError(f"gateway: can't read {written}: {error.strerror}") from None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return Binary(base64.b64encode(data).decode())
