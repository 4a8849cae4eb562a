"""What a route says besides where it leads: that it can be, and that nothing of it would be silently ignored."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from settings.model import GATEWAY_PORTS, TLS_PORT, Balance, Slash
from settings.problems import Finding, listing, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from settings.description import Description
    from settings.model import Gateway
    from settings.paths import Path

_OWN_PORTS: Final = tuple(sorted((*GATEWAY_PORTS, 8081, TLS_PORT)))
_OWN: Final = "/.slipway/"
_CHALLENGES: Final = "/.well-known/acme-challenge/"
_SLOWEST_PER_MINUTE: Final = 1
_PROXIED: Final = (
    "port", "version", "strip", "rewrite", "websocket", "streaming", "stream_upload", "timeout", "send_timeout",
    "connect_timeout", "retries", "request_headers", "balance", "max_fails", "fail_timeout",
)  # fmt: skip
"""What only a route with ``to`` can mean."""
_RETURNS: Final = (
    "rate",
    "connections",
    "auth",
    "api_key",
    "basic_auth",
    "allow",
    "deny",
    "max_body",
    "cache",
    "compress",
)
"""What nginx does not apply where it answers at once."""
_FIELDS: Final = {
    "timeout": "timeout_s",
    "send_timeout": "send_timeout_s",
    "connect_timeout": "connect_timeout_s",
    "fail_timeout": "fail_timeout_s",
    "max_body": "max_body_mib",
}


def nothing_is_ignored(description: Description) -> Iterator[Finding]:
    """A setting that has no effect on this kind of route is an error, not a comment."""
    for path, route in description.routes():
        if route.targets:
            continue
        without = _PROXIED if route.files else (*_PROXIED, *_RETURNS)
        kind = "files" if route.files else "redirect" if route.redirect else "answer" if route.answer else None
        for name in without:
            if kind and _FIELDS.get(name, name) in route.model_fields_set:
                yield Finding((*path, name), f"has no effect beside {kind}", fix=f"remove {name}")


def rewrites_are_clear(description: Description) -> Iterator[Finding]:
    """A path is changed in one way."""
    for path, route in description.routes():
        if route.strip and route.rewrite is not None:
            yield Finding((*path, "strip"), "says another path than rewrite", fix="remove one of them")
        if route.slash is not Slash.LEAVE and route.path == "/":
            yield Finding((*path, "slash"), "has no effect on the path /", fix="remove slash")
        if route.redirect is not None and route.redirect.keep_path and not route.redirect.to.rstrip("/"):
            yield Finding((*path, "redirect", "to"), "with keep_path, / leads to itself", fix="name a host, or a path")
        if route.answer is not None and (route.answer.text is None) == (route.answer.json_ is None):
            yield Finding((*path, "answer"), "needs a text, or json", allowed="exactly one of text, json")
        if route.answer is not None and "$" in route.answer.body():
            yield Finding((*path, "answer"), "'$' can't stand in an answer: nginx would read a variable")


def own_paths_stay_free(description: Description) -> Iterator[Finding]:
    """Some paths are answered by the gateway itself, in front of every route."""
    gateway = description.declared.gateway
    own = (_OWN, _CHALLENGES) if gateway is not None and gateway.tls and gateway.tls.acme else (_OWN,)
    for path, route in description.routes():
        if below := next((item for item in own if route.path.startswith(item)), None):
            yield Finding((*path, "path"), f"what is below {below} is the gateway's own", fix="choose another path")
        elif gateway is not None and route.exact and route.path == gateway.health_path:
            yield Finding(
                (*path, "path"),
                f"gateway.health_path answers {route.path} already",
                fix="remove the route, or health_path",
                about=(("gateway", "health_path"),),
            )


def rates_are_possible(description: Description) -> Iterator[Finding]:
    """The gateway counts in whole requests a second or a minute."""
    for path, route in description.routes():
        if route.rate is not None and route.rate.per_second * 60 < _SLOWEST_PER_MINUTE:
            yield Finding((*path, "rate"), "is below one request a minute", allowed="1/m or more")


def addresses_are_ranges(description: Description) -> Iterator[Finding]:
    """Lists of addresses hold addresses and ranges."""
    gateway = description.declared.gateway
    if gateway is None:
        return
    lists: list[tuple[Path, Sequence[str]]] = [(("gateway", "trusted_proxies"), gateway.trusted_proxies)]
    for path, route in description.routes():
        lists += [((*path, "allow"), route.allow), ((*path, "deny"), route.deny)]
    for path, addresses in lists:
        for index, address in enumerate(addresses):
            try:
                ipaddress.ip_network(address)
            except ValueError:
                yield Finding(
                    (*path, index),
                    f"'{address}' is no address and no range",
                    allowed="such as 203.0.113.7, 10.0.0.0/8 (no bits beyond its mask) or 2001:db8::/32",
                )


def passwords_are_declared(description: Description) -> Iterator[Finding]:
    """Passwords and keys that the gateway uses are declared secrets."""
    known = description.declared.secrets
    for path, name in gateway_secrets(description.declared.gateway):
        if name not in known:
            yield Finding(
                path,
                f"the secret '{name}' is not declared",
                allowed=listing(known),
                nearest=nearest(name, known),
                fix=f"add under secrets: {name}: {{}}",
                about=(("secrets", name),),
            )


def gateway_secrets(gateway: Gateway | None) -> Iterator[tuple[Path, str]]:
    """Yield the secrets that a gateway names, each with its path."""
    if gateway is None:
        return
    for index, route in enumerate(gateway.routes):
        if route.api_key is not None:
            yield ("gateway", "routes", index, "api_key"), route.api_key
        for user, name in (route.basic_auth.users if route.basic_auth else {}).items():
            yield ("gateway", "routes", index, "basic_auth", "users", user), name
    for index, certificate in enumerate(gateway.tls.certificates if gateway.tls else ()):
        yield ("gateway", "tls", "certificates", index, "certificate"), certificate.certificate
        yield ("gateway", "tls", "certificates", index, "key"), certificate.key


def balances_agree_with_weights(description: Description) -> Iterator[Finding]:
    """A cookie can't follow weights between services."""
    for path, route in description.routes():
        if route.balance is Balance.STICKY and len(route.targets) > 1:
            yield Finding((*path, "balance"), "sticky needs one service", fix="remove balance, or lead to one service")


def pass_through_leads_to_stores(description: Description) -> Iterator[Finding]:
    """Pass-through is for stores; services have routes."""
    gateway = description.declared.gateway
    if gateway is None:
        return
    declared = description.declared
    stores = {**declared.databases, **declared.caches, **declared.vector_stores}
    for name, port in gateway.tcp.items():
        path: Path = ("gateway", "tcp", name)
        if name not in stores:
            yield Finding(
                path,
                f"there is no database, cache or vector store '{name}'",
                allowed=listing(stores),
                nearest=nearest(name, stores),
                fix="a service or model server is reached by a route",
            )
        if port.host_port in _OWN_PORTS:
            yield Finding(
                (*path, "host_port"),
                f"the gateway itself listens on {port.host_port} inside its container",
                allowed=f"any port but {', '.join(map(str, _OWN_PORTS))}",
            )


CHECKS: Final = (
    nothing_is_ignored,
    rewrites_are_clear,
    own_paths_stay_free,
    rates_are_possible,
    addresses_are_ranges,
    passwords_are_declared,
    balances_agree_with_weights,
    pass_through_leads_to_stores,
)
