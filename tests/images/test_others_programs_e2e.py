"""pgAdmin, MailHog and n8n, where their images were built: what a platform under development does with them."""

from __future__ import annotations

import http.client
import json
import re
import smtplib
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.harness.n8n import N8n
from tests.e2e.harness.pgadmin import PgAdmin
from tests.images.test_hardened_e2e import needs

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

EMAIL = "admin@octocode.dev"
SERVERS = (
    '{"Servers": {"1": {"Name": "main", "Group": "All", "Host": "main", "Port": 5432, "MaintenanceDB": "postgres",\
 "Username": "owner", "SSLMode": "prefer"}}}'
)

_MAIL: dict[str, Any] = {
    "network_mode": "bridge",
    "ports": {"1025/tcp": ("127.0.0.1", None), "8025/tcp": ("127.0.0.1", None)},
}


def _pgadmin(lab: Any, secret_file: Path, data: str) -> Any:
    """Start pgAdmin with nothing but its volume and memory to write to, without any right, on a port of its own."""
    needs(lab.references, "pgadmin")
    servers = secret_file.with_name("servers.json")
    servers.write_text(SERVERS, encoding="utf-8")
    return lab.run(
        "pgadmin",
        network_mode="bridge",
        ports={"5050/tcp": ("127.0.0.1", None)},
        volumes={
            data: {"bind": "/var/lib/pgadmin", "mode": "rw"},
            str(secret_file): {"bind": "/run/secrets/password", "mode": "ro"},
            str(servers): {"bind": "/run/servers.json", "mode": "ro"},
        },
        environment={
            "PGADMIN_DEFAULT_EMAIL": EMAIL,
            "PGADMIN_DEFAULT_PASSWORD_FILE": "/run/secrets/password",
            "PGADMIN_LISTEN_PORT": "5050",
            "PGADMIN_SERVER_JSON_FILE": "/run/servers.json",
            "PGADMIN_CONFIG_LOGIN_BANNER": "'a banner of ours'",
        },
    )


def _browser(lab: Any, container: Any) -> PgAdmin:
    return PgAdmin(f"http://127.0.0.1:{lab.port(container, 5050)}")


def test_pgadmin_is_set_up_once(lab: Any, secret_file: Path) -> None:
    """The login of its variables, its servers, its settings; all of it is there after a kill."""
    container = _pgadmin(lab, secret_file, lab.volume())
    lab.healthy(container, 120)
    browser = _browser(lab, container)
    assert not browser.log_in(EMAIL, "another")
    assert browser.log_in(EMAIL, secret_file.read_text(encoding="utf-8"))
    assert set(browser.servers()) == {"main"}
    assert "a banner of ours" in lab.sh(container, "wget", "-q", "-O", "-", "http://127.0.0.1:5050/login")
    container.kill()
    container.start()
    lab.healthy(container, 120)
    browser = _browser(lab, container)
    assert browser.log_in(EMAIL, secret_file.read_text(encoding="utf-8"))
    assert set(browser.servers()) == {"main"}
    assert container.logs().count(b"Application Initialisation") == 1


def test_a_first_start_of_pgadmin_that_was_cut_short_begins_anew(lab: Any, secret_file: Path) -> None:
    """Else it would serve a database without a user, or without its servers."""
    container = _pgadmin(lab, secret_file, lab.volume())
    made = ["sh", "-c", "test -s /var/lib/pgadmin/pgadmin4.db"]
    lab.until(lambda: container.exec_run(made).exit_code == 0, 120)
    container.kill()
    container.start()
    lab.healthy(container, 120)
    browser = _browser(lab, container)
    assert browser.log_in(EMAIL, secret_file.read_text(encoding="utf-8"))
    assert set(browser.servers()) == {"main"}


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "PGADMIN_DEFAULT_EMAIL is not set: set it, or PGADMIN_DEFAULT_EMAIL_FILE to a file that holds it"),
        (
            {"PGADMIN_DEFAULT_EMAIL": EMAIL, "PGADMIN_DEFAULT_PASSWORD_FILE": "/nowhere"},
            r"names /nowhere, which user 5050",
        ),
        ({"PGADMIN_ENABLE_TLS": "1"}, "end TLS at the gateway before it"),
        (
            {
                "PGADMIN_DEFAULT_EMAIL": EMAIL,
                "PGADMIN_DEFAULT_PASSWORD": "x",
                "PGADMIN_CONFIG_SMTP_PASSWORD": "hunter two",
            },
            "PGADMIN_CONFIG_SMTP_PASSWORD is no Python literal",
        ),
    ],
)
def test_pgadmin_says_what_it_lacks(lab: Any, environment: dict[str, str], said: str) -> None:
    """One sentence with the variable's name, and nobody's secret."""
    needs(lab.references, "pgadmin")
    container = lab.run(
        "pgadmin", environment=environment, volumes={lab.volume(): {"bind": "/var/lib/pgadmin", "mode": "rw"}}
    )
    status, output = lab.ends(container, 120)
    assert status == 1
    assert re.search(said, output)
    assert "hunter" not in output
    assert "Traceback" not in output


def _send(lab: Any, container: Any, text: str) -> None:
    with smtplib.SMTP("127.0.0.1", lab.port(container, 1025), timeout=60) as sender:
        sender.sendmail("app@example.org", ["user@example.org"], f"Subject: a mail\r\n\r\n{text}")


def _caught(lab: Any, container: Any) -> list[tuple[list[str], str]]:
    connection = http.client.HTTPConnection("127.0.0.1", lab.port(container, 8025), timeout=10)
    connection.request("GET", "/api/v2/messages")
    told = json.loads(connection.getresponse().read())
    connection.close()
    return [(mail["Raw"]["To"], mail["Content"]["Body"]) for mail in told["items"]]


def test_mailhog_shows_what_was_sent(lab: Any) -> None:
    """By SMTP on 1025, on 8025 for the reader; it writes nowhere and needs no right."""
    needs(lab.references, "mailhog")
    container = lab.run("mailhog", **_MAIL)
    lab.healthy(container)
    _send(lab, container, "hello")
    assert _caught(lab, container) == [(["user@example.org"], "hello")]


def test_mailhog_works_over_a_slow_connection(lab: Any) -> None:
    """Its monkey slows it by a package of ours, in place of one without a licence: no byte is lost by that."""
    needs(lab.references, "mailhog")
    slow = ["-jim-linkspeed-affect=1", "-jim-linkspeed-min=200", "-jim-linkspeed-max=200"]
    calm = ["-jim-disconnect=0", "-jim-accept=1", "-jim-reject-sender=0", "-jim-reject-recipient=0"]
    container = lab.run("mailhog", ["-invite-jim", *slow, *calm], **_MAIL)
    lab.healthy(container)
    text = "x" * 1500
    _send(lab, container, text)
    assert _caught(lab, container) == [(["user@example.org"], text)]
    assert b"Restricting throughput" in container.logs()


def _n8n(lab: Any, secret_file: Path, data: str) -> Any:
    """Start n8n with nothing but its volume and memory to write to, without any right, on a port of its own."""
    needs(lab.references, "n8n")
    return lab.run(
        "n8n",
        network_mode="bridge",
        ports={"5678/tcp": ("127.0.0.1", None)},
        volumes={
            data: {"bind": "/home/node/.n8n", "mode": "rw"},
            str(secret_file): {"bind": "/run/secrets/key", "mode": "ro"},
        },
        environment={"N8N_ENCRYPTION_KEY_FILE": "/run/secrets/key"},
    )


def test_n8n_keeps_its_owner_and_its_key_over_a_kill(lab: Any, secret_file: Path) -> None:
    """The key of its file is the one that it encrypts with."""
    data = lab.volume()
    container = _n8n(lab, secret_file, data)
    lab.healthy(container, 180)
    browser = N8n(f"http://127.0.0.1:{lab.port(container, 5678)}")
    browser.set_up("ops@slipway.test", "Of-no-worth-1")
    kept = json.loads(lab.sh(container, "cat", "/home/node/.n8n/config"))
    assert kept["encryptionKey"] == secret_file.read_text(encoding="utf-8")
    container.kill()
    container.start()
    lab.healthy(container, 180)
    browser = N8n(f"http://127.0.0.1:{lab.port(container, 5678)}")
    browser.log_in("ops@slipway.test", "Of-no-worth-1")
    assert browser.workflows() == set()
