"""What runs beside certbot: when a certificate is due, that a change is one step, what the health check is told."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from components.scripts import acme
from tests.e2e.harness.tls import make_certificate

HOST = "a.example.org"
DAY_S = 86_400
SETTINGS: dict[str, Any] = {
    "hosts": [HOST],
    "email": "ops@example.org",
    "directory": "https://ca.example.org/dir",
    "gateway": "gateway:8443",
    "renew_before_s": 30 * DAY_S,
    "check_every_s": DAY_S,
    "warn_before_s": 14 * DAY_S,
}


@pytest.fixture
def keeper(tmp_path: Path) -> acme.Keeper:
    """Return a keeper of a volume with placeholders."""
    made = acme.Keeper(SETTINGS, root=tmp_path / "acme", health=tmp_path / "health")
    made.root.mkdir()
    assert made.placeholder() == 0
    return made


@pytest.fixture
def signed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take certificates that sign themselves for an authority's."""
    monkeypatch.setattr(acme, "is_placeholder", lambda _found: False)


def test_a_placeholder_lets_nginx_start_and_is_due(keeper: acme.Keeper) -> None:
    """It is made once."""
    found = keeper.certificate(HOST)
    assert found is not None
    assert acme.is_placeholder(found)
    assert keeper.due(HOST) == acme.NONE_YET
    keeper.placeholder()
    again = keeper.certificate(HOST)
    assert again is not None
    assert again.serial_number == found.serial_number


def test_files_are_their_owners_alone(keeper: acme.Keeper) -> None:
    for path in keeper.root.rglob("*"):
        if not path.is_symlink():
            assert stat.S_IMODE(path.stat().st_mode) in {0o600, 0o700}, path


def test_a_change_moves_one_link_and_says_so(keeper: acme.Keeper) -> None:
    """Certificate and key change together, and the one before stays: nginx may be reading it."""
    link, serial = keeper.root / "live" / HOST, keeper.root / "serial"
    before, said = link.resolve(), serial.read_text(encoding="utf-8")
    keeper.deploy(HOST, *make_certificate(HOST))
    assert link.is_symlink()
    assert link.resolve() != before
    assert (before / "privkey.pem").exists()
    assert serial.read_text(encoding="utf-8") != said
    assert not list(keeper.root.rglob(".*"))


@pytest.mark.usefixtures("signed")
@pytest.mark.parametrize(("days", "due"), [(80, False), (29, True), (2, True)])
def test_what_ends_soon_is_due(keeper: acme.Keeper, days: int, due: bool) -> None:
    """By the setting, and at the latest at a third of its time."""
    keeper.deploy(HOST, *make_certificate(HOST, days=days))
    keeper.note(HOST, directory=SETTINGS["directory"])
    assert (keeper.due(HOST) is not None) == due


@pytest.mark.usefixtures("signed")
def test_a_third_of_a_certificates_time_is_enough(keeper: acme.Keeper) -> None:
    """A setting beyond that would renew for ever."""
    keeper.settings = {**SETTINGS, "renew_before_s": 365 * DAY_S}
    keeper.note(HOST, directory=SETTINGS["directory"])
    keeper.deploy(HOST, *make_certificate(HOST, days=40))
    assert keeper.due(HOST) is None
    keeper.deploy(HOST, *make_certificate(HOST, days=29))
    assert keeper.due(HOST) is not None


@pytest.mark.usefixtures("signed")
def test_another_authority_makes_it_due(keeper: acme.Keeper) -> None:
    keeper.deploy(HOST, *make_certificate(HOST))
    keeper.note(HOST, directory="https://staging.example.org/dir")
    assert keeper.due(HOST) == "another authority is to be asked"


def test_what_fails_changes_nothing_and_is_counted(
    keeper: acme.Keeper, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With certbot's own words, in the log and for the health check."""
    before = (keeper.root / "live" / HOST).resolve()
    monkeypatch.setattr(keeper, "certbot", lambda _host, *, force: f"Some challenges have failed. {force}")
    assert keeper.issue() == 1
    assert (keeper.root / "live" / HOST).resolve() == before
    assert "Some challenges have failed. False" in capsys.readouterr().out
    assert keeper.state()[HOST]["failures"] == 1


@pytest.mark.usefixtures("signed")
def test_the_health_check_is_told_until_when(keeper: acme.Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """Well until 14 days before the end; at once no more after three failures in a row."""
    keeper.deploy(HOST, *make_certificate(HOST, days=60))
    found = keeper.certificate(HOST)
    assert found is not None
    keeper.tell_health()
    assert int(_health(keeper)[0]) == int(acme.ends(found).timestamp()) - 14 * DAY_S
    monkeypatch.setattr(keeper, "certbot", lambda _host, *, force: f"no route to host {force}")
    for number in (1, 2, 3):
        keeper.obtain(HOST, "it was asked for")
        keeper.tell_health()
        until, *lines = _health(keeper)
        assert (int(until) == 0) == (number == 3)
        assert f"{HOST}: {number} attempts failed: no route to host True" in lines


def test_without_a_certificate_it_is_not_well(keeper: acme.Keeper) -> None:
    keeper.tell_health()
    assert _health(keeper) == ["0", f"{HOST}: has no certificate of the authority"]


def test_a_success_makes_good(keeper: acme.Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """What certbot keeps is copied for nginx, and failures are forgotten."""
    chain, key = make_certificate(HOST)
    lineage = keeper.root / "certbot" / "live" / HOST
    lineage.mkdir(parents=True)
    (lineage / "fullchain.pem").write_text(chain, encoding="utf-8")
    (lineage / "privkey.pem").write_text(key, encoding="utf-8")
    keeper.note(HOST, failures=2, trouble="no route")
    monkeypatch.setattr(keeper, "certbot", lambda _host, **_force: None)
    monkeypatch.setattr(keeper, "await_served", lambda _host: None)
    assert keeper.obtain(HOST, acme.NONE_YET)
    assert keeper.state()[HOST] == {"failures": 0, "trouble": "", "directory": SETTINGS["directory"]}
    assert (keeper.root / "live" / HOST / "privkey.pem").read_text(encoding="utf-8") == key


def test_a_gateway_that_does_not_serve_it_is_a_failure(keeper: acme.Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """Renewed and not served is no renewal."""
    monkeypatch.setattr(acme, "SERVED_S", 0.0)
    monkeypatch.setattr(acme, "served", lambda _address, _host: None)
    assert not keeper.is_served(HOST)
    assert "the gateway does not serve it" in keeper.state()[HOST]["trouble"]


def test_a_state_that_was_cut_off_is_no_state(keeper: acme.Keeper) -> None:
    (keeper.root / "state.json").write_text('{"a', encoding="utf-8")
    assert keeper.state() == {}
    keeper.note(HOST, failures=1)
    assert json.loads((keeper.root / "state.json").read_text(encoding="utf-8")) == {HOST: {"failures": 1}}


def _health(keeper: acme.Keeper) -> list[str]:
    return keeper.health.read_text(encoding="utf-8").splitlines()
