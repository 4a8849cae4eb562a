"""Which addresses nginx reads in place of names, by the shell script that runs beside it, with a resolver of ours."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from components.nginx import Backend, GatewayRoute, Server, TcpRoute, render
from components.probes import script

GETENT = """\
#!/bin/sh
# Says nothing in time where it is asked for somebody slow together with others, as a real one that waits for an answer.
shift
case "$#$*" in 1*) ;; *slow*) exit 124 ;; esac
for name in "$@"; do grep "[ ]$name\\$" "$HOSTS"; done
true
"""
CONFIG = """\
http {
  upstream to-api {
    server api-0-abc:8000 weight=3 max_fails=2 fail_timeout=2s;
    server api-1-abc:8000 max_fails=2 fail_timeout=2s;
    server 127.0.0.1:9;
    keepalive 32;
  }
  server {
    server_name api-0-abc;
    return 301 https://api-0-abc:8000/;
  }
}
stream {
  upstream to-main {
    server main-abc:5432;
  }
}
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return a folder with a configuration and a resolver that knows what stands in ``hosts``."""
    (tmp_path / "getent").write_text(GETENT)
    (tmp_path / "getent").chmod(0o755)
    (tmp_path / "a.conf").write_text(CONFIG)
    return tmp_path


def shell(folder: Path, line: str, hosts: str) -> str:
    (folder / "hosts").write_text(hosts)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "HOSTS": str(folder / "hosts")}
    done = subprocess.run(
        ["sh", "-euc", f"{script('gateway-addresses.sh')}\n{line}"],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    return done.stdout


def addressed(folder: Path, hosts: str) -> list[str]:
    """Return the servers of the configuration as nginx gets them."""
    text = shell(folder, 'with_addresses a.conf "$(find_all $(names_in a.conf))"', hosts)
    assert text.startswith("# of a.conf\n")
    others = [line for line in CONFIG.splitlines() if " server " not in line or line.endswith("{")]
    assert [line for line in text.splitlines()[1:] if " server " not in line or line.endswith("{")] == others
    return [
        line.strip() for line in text.splitlines() if line.strip().startswith("server ") and line.strip()[-1] != "{"
    ]


def test_names_become_addresses_and_nothing_else_changes(run: Path) -> None:
    """Weights and limits stay; an address, and a name that stands elsewhere, are left alone."""
    assert addressed(run, "10.0.0.2 api-0-abc\n10.0.0.3 api-1-abc\n10.0.1.9   main-abc\n") == [
        "server 10.0.0.2:8000 weight=3 max_fails=2 fail_timeout=2s;",
        "server 10.0.0.3:8000 max_fails=2 fail_timeout=2s;",
        "server 127.0.0.1:9;",
        "server 10.0.1.9:5432;",
    ]


def test_what_is_gone_is_down_and_keeps_its_place(run: Path) -> None:
    """The others keep theirs too, by which clients are led to the same one."""
    found = addressed(run, "10.0.0.3 api-1-abc\n")
    assert found[0] == "server 127.0.0.1:9 down;  # api-0-abc"
    assert found[1].startswith("server 10.0.0.3:8000 ")
    assert found[3] == "server 127.0.0.1:9 down;  # main-abc"


def test_a_name_stays_where_nobody_can_be_asked(run: Path) -> None:
    """Or where nginx has found it a moment ago, and we have not: nothing that serves is marked down by mistake."""
    text = shell(run, 'with_addresses a.conf "$(find_all api-0-abc api-1-abc)" stay', "10.0.0.3 api-1-abc\n")
    assert "server api-0-abc:8000 weight=3 max_fails=2 fail_timeout=2s;" in text
    assert "server 10.0.0.3:8000 " in text
    assert "down" not in text


def test_every_address_of_a_name_is_used(run: Path) -> None:
    """In an order that does not depend on the answer's."""
    hosts = "10.0.0.9 main-abc\n10.0.0.3 main-abc\nfd00::5 main-abc\n"
    assert addressed(run, hosts)[3:] == ["server 10.0.0.3:5432;", "server 10.0.0.9:5432;", "server [fd00::5]:5432;"]


def test_one_name_that_nobody_answers_for_hides_no_other(run: Path) -> None:
    """Asked for together it takes too long: then each is asked for by itself."""
    (run / "a.conf").write_text(CONFIG.replace("main-abc", "slow"))
    text = shell(run, "find_all $(names_in a.conf)", "10.0.0.2 api-0-abc\n10.0.0.3 api-1-abc\n")
    assert text.splitlines() == ["10.0.0.2 api-0-abc", "10.0.0.3 api-1-abc"]


def test_it_finds_every_server_that_we_write(run: Path) -> None:
    """What the renderer writes is what the script looks for."""
    upstreams = {
        "api": [Backend(address="api-0-abc:80", weight=3), Backend(address="api-1-abc:80")],
        "store": [Backend(address="main-abc:5432")],
    }
    server = Server(tcp=[TcpRoute(port=5432, upstream="store")])
    (run / "a.conf").write_text(render([GatewayRoute(upstream="api")], upstreams, server))
    assert shell(run, "names_in a.conf", "").split() == ["api-0-abc", "api-1-abc", "main-abc"]
    assert shell(run, "find_all", "").split() == []
