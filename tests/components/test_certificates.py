"""Certificates by ACME: the order of their making, and that a new one replaces nothing."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components import Gateway, GatewayArgs, GatewayRoute, Network
from components.certificates import SERIAL, Certificates, CertificatesArgs
from components.composition import compose
from settings import StackSource, load_catalogue, load_platform
from testing import Graph, render

ROOT = Path(__file__).resolve().parents[2]
ARGS = CertificatesArgs(
    image="certbot",
    hosts=["a.example.org", "b.example.org"],
    email="ops@example.org",
    directory="https://ca.example.org/dir",
)
TLS: dict[str, Any] = {
    "mode": "acme",
    "publish": 8443,
    "acme": {"email": "ops@example.org", "agree_terms": True},
}


def _program(args: CertificatesArgs = ARGS) -> None:
    edge = Network("edge").attach("gateway")
    made = Certificates("certificates", args)
    gateway = Gateway(
        "gateway",
        GatewayArgs(
            image="nginx",
            routes=[GatewayRoute(upstream="api")],
            upstreams={"api": ["api-0:8000"]},
            networks=[edge],
            volumes=[made.mount],
            watch=SERIAL,
            needs=[made.ready],
        ),
    )
    made.obtain("gateway", [replace(edge, aliases=())], gateway.reloaded)


def _graph(args: CertificatesArgs = ARGS) -> Graph:
    return render(lambda: _program(args))


def _settings(graph: Graph, name: str) -> dict[str, Any]:
    (variable,) = graph[name].inputs["envs"]
    found: dict[str, Any] = json.loads(variable.partition("=")[2])
    return found


def test_each_step_waits_for_the_one_before() -> None:
    """A placeholder, the gateway, the authority, and then what renews."""
    graph = _graph()
    steps = (
        "certificates-owner",
        "certificates-placeholder",
        "gateway-verify",
        "gateway-server",
        "gateway-reload",
        "certificates-issue",
        "certificates-renewal",
    )
    for before, after in itertools.pairwise(steps):
        assert graph[before].urn in graph[after].waits_for, f"{after} after {before}"


def test_the_gateway_reads_and_only_certbot_writes() -> None:
    """One volume, which the gateway's containers mount read-only, and which outlives the platform."""
    graph = _graph()
    volume = graph["certificates-volume"]
    assert volume.options.retain_on_delete
    for name in ("gateway-verify", "gateway-server"):
        mounts = {mount["containerPath"]: mount for mount in graph[name].inputs["volumes"]}
        assert mounts["/var/lib/acme"]["readOnly"] is True
    for name in ("certificates-issue", "certificates-renewal"):
        (mount,) = graph[name].inputs["volumes"]
        assert not mount.get("readOnly")


def test_the_gateway_watches_for_new_certificates() -> None:
    """It starts through a script that makes it reload; nginx is process 1 in the end."""
    server = _graph()["gateway-server"].inputs
    assert server["command"][-1] == SERIAL
    assert server["command"][0].rstrip().endswith('exec nginx -c "/etc/nginx/conf.d/$run"')


def test_how_often_is_looked_does_not_ask_the_authority_again() -> None:
    """Only what a certificate depends on makes the one that asks run again, and nothing touches the gateway."""
    before, after = _graph(), _graph(replace(ARGS, check_every_s=60.0, warn_before_s=86_400.0))
    changed = {item.name for item in before if item.custom and after[item.name].inputs != item.inputs}
    assert changed == {"certificates-renewal"}


def test_another_host_asks_again_and_keeps_the_gateways_container() -> None:
    before, after = _graph(), _graph(replace(ARGS, hosts=[*ARGS.hosts, "c.example.org"]))
    changed = {item.name for item in before if item.custom and after[item.name].inputs != item.inputs}
    assert changed == {"certificates-placeholder", "certificates-issue", "certificates-renewal"}


def test_they_are_told_what_to_do() -> None:
    """The gateway's name, the authority, the hosts; nothing secret."""
    asked = _settings(_graph(), "certificates-issue")
    assert asked["hosts"] == list(ARGS.hosts)
    assert (asked["directory"], asked["gateway"]) == (ARGS.directory, "gateway:8443")


@pytest.mark.parametrize(
    ("directory", "hsts"), [("letsencrypt", True), ("letsencrypt-staging", False), ("https://ca.example.org/d", True)]
)
def test_a_description_becomes_a_gateway_with_certificates(tmp_path: Path, directory: str, hsts: bool) -> None:
    """Each host with its own certificate, challenges answered over HTTP, every other name refused."""
    description = {
        "name": "app",
        "images": {"family": "debian"},
        "services": {"api": {"image": "a/b:1", "port": 80, "health": {"path": "/"}}},
        "gateway": {
            "publish": 8080,
            "routes": [{"to": "api"}, {"to": "api", "host": "a.example.org"}, {"to": "api", "host": "b.example.org"}],
            "tls": {**TLS, "acme": {**TLS["acme"], "directory": directory}},
        },
    }
    (tmp_path / "blueprints").mkdir()
    (tmp_path / "blueprints" / "app.yaml").write_text(json.dumps(description), encoding="utf-8")
    (tmp_path / "images").symlink_to(ROOT / "images")
    (tmp_path / "Pulumi.yaml").write_text("name: slipway\nruntime: python\n", encoding="utf-8")
    loaded = load_platform(StackSource(root=tmp_path, project="slipway", stack="dev", blueprint="app"))
    graph = render(lambda: compose(loaded, load_catalogue(tmp_path), lambda _name: pytest.fail("no secret is asked")))
    config = str(graph["gateway"].outputs["config"])
    for host in ("a.example.org", "b.example.org"):
        assert f"ssl_certificate /var/lib/acme/live/{host}/fullchain.pem;" in config
    assert "ssl_reject_handshake on;" in config
    assert config.count("/.well-known/acme-challenge/") == 3
    assert ("max-age=63072000" in config) == hsts
    assert graph["gateway-certificates-volume"].inputs["name"] == "slipway-dev-gateway-certificates"
    assert graph["gateway-certificates-renewal"].inputs["user"] == "101:101"
