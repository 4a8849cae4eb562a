"""Redis and nginx: the parts of the public images' contracts that Slipway relies on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

BARE = "events {} http { server { listen 8080; return 200 'one'; } }"


def conf(tmp_path: Path, name: str, text: str) -> tuple[str, dict[str, str]]:
    """Write a file that every user may read; return its path and how it is mounted."""
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    file.chmod(0o444)
    tmp_path.chmod(0o755)
    return str(file), {"bind": f"/run/{name}", "mode": "ro"}


def test_redis_takes_its_password_from_a_configuration_file(lab: Any, tmp_path: Path) -> None:
    """A file alone as the argument means redis-server with it; healthy without knowing the password."""
    source, mount = conf(tmp_path, "redis.conf", "requirepass a-long-password\nappendonly yes\ndir /data\n")
    volume = lab.volume()
    container = lab.run("redis", [mount["bind"]], volumes={source: mount, volume: {"bind": "/data"}})
    lab.healthy(container)
    assert "NOAUTH" in lab.sh(container, "redis-cli", "set", "k", "v")
    secret = {"REDISCLI_AUTH": "a-long-password"}
    assert lab.sh(container, "redis-cli", "set", "k", "v", environment=secret).strip() == "OK"
    container.kill()
    container.start()
    lab.healthy(container)
    assert lab.sh(container, "redis-cli", "get", "k", environment=secret).strip() == "v"
    assert "a-long-password" not in lab.sh(container, "cat", "/proc/1/cmdline", "/proc/1/environ")


def test_redis_without_a_password_answers_nobody_from_outside(lab: Any) -> None:
    """Protected mode, which the public image turns off, stays on."""
    network = lab.network()
    server = lab.run("redis", ["--save", ""], network=network.name)
    lab.healthy(server)
    client = lab.run("redis", ["redis-cli", "-h", server.name, "ping"], network=network.name)
    assert "DENIED Redis is running in protected mode" in lab.ends(client)[1]


def test_nginx_checks_any_configuration_as_its_user(lab: Any, tmp_path: Path) -> None:
    """Also one that names no path of its own: the compiled-in ones lead to /tmp. A wrong one is refused."""
    source, mount = conf(tmp_path, "bare.conf", BARE)
    volumes = {source: mount}
    status, said = lab.ends(lab.run("nginx", ["nginx", "-t", "-c", mount["bind"]], volumes=volumes))
    assert (status, "test is successful" in said) == (0, True)
    source, mount = conf(tmp_path, "wrong.conf", "events {} http { servr {} }")
    status, said = lab.ends(lab.run("nginx", ["nginx", "-t", "-c", mount["bind"]], volumes={source: mount}))
    assert (status, 'unknown directive "servr"' in said) == (1, True)


def test_nginx_has_the_modules_that_gateways_use(lab: Any, tmp_path: Path) -> None:
    """TLS with HTTP/2, real addresses, status, sub-requests; TCP through a module to load."""
    text = """
        load_module /usr/lib/nginx/modules/ngx_stream_module.so;
        events {}
        stream { server { listen 9000; proxy_pass 127.0.0.1:1; } }
        http { server {
            listen 8443 ssl http2; ssl_reject_handshake on;
            set_real_ip_from 10.0.0.0/8;
            location /status { stub_status; }
            location / { auth_request /status; limit_except GET { deny all; } }
        } }"""
    source, mount = conf(tmp_path, "modules.conf", text)
    status, said = lab.ends(lab.run("nginx", ["nginx", "-t", "-c", mount["bind"]], volumes={source: mount}))
    assert status == 0, said


def test_nginx_reloads_a_configuration_that_was_staged_in_its_volume(lab: Any) -> None:
    """A fresh volume at conf.d belongs to user 101; another stages, verifies and swaps, HUP does the rest."""
    volumes = {lab.volume(): {"bind": "/etc/nginx/conf.d"}}
    stage = 'cd /etc/nginx/conf.d && test -z "$(ls -A)" && echo "$0" >a.conf && ln -s a.conf live.conf'
    stage += " && nginx -t -c $PWD/live.conf"
    status, said = lab.ends(lab.run("nginx", ["sh", "-c", stage, BARE], volumes=volumes))
    assert status == 0, said
    server = lab.run("nginx", ["nginx", "-c", "/etc/nginx/conf.d/live.conf", "-g", "daemon off;"], volumes=volumes)
    fetch = ("wget", "-q", "-O", "-", "http://127.0.0.1:8080/")
    lab.until(lambda: server.exec_run(list(fetch))[0] == 0)
    assert lab.sh(server, *fetch) == "one"
    swap = 'set -e; cd /etc/nginx/conf.d; echo "$0" >b.conf; ln -s b.conf next; mv -T next live.conf; kill -HUP 1'
    beside = {"volumes": volumes, "pid_mode": f"container:{server.id}"}
    reload = lab.run("nginx", ["sh", "-c", swap, BARE.replace("one", "two")], **beside)
    assert lab.ends(reload)[0] == 0
    lab.until(lambda: lab.sh(server, *fetch) == "two")
    assert server.stop(timeout=30) is None
    server.reload()
    assert server.attrs["State"]["ExitCode"] == 0
