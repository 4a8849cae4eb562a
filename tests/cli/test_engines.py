"""Which engine works, why, and with what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.console import Console
from cli.engine_embedded import EmbeddedEngine
from cli.engine_pulumi import PulumiEngine
from cli.engines import Choice, EngineUnavailable, choose, find_stack_passphrase, open_engine, pulumi_environment
from cli.workplace import Workplace
from operate.backend import Backend
from operate.passphrase import PassphraseError
from operate.pulumi_install import PulumiInstall, plugin_versions

if TYPE_CHECKING:
    from pathlib import Path

FILES = Backend("file:///state", "the project's .state/")
REMOTE = Backend("https://api.example.org", "pulumi login (credentials.json)")
THERE = PulumiInstall("/opt/pulumi", on_path=True, missing_plugins=())
ABSENT = PulumiInstall(None, on_path=False, missing_plugins=("docker 5.2.0",))
BARE = PulumiInstall("/opt/pulumi", on_path=True, missing_plugins=("docker 5.2.0",))


@pytest.mark.parametrize(
    ("wanted", "install", "line"),
    [
        ("auto", THERE, "engine: pulumi (/opt/pulumi)"),
        ("auto", ABSENT, "engine: embedded (no pulumi on PATH; make pulumi installs it)"),
        ("auto", BARE, "engine: embedded (pulumi has no plugin docker 5.2.0; make pulumi installs it)"),
        ("embedded", THERE, "engine: embedded (asked for)"),
        ("pulumi", THERE, "engine: pulumi (asked for)"),
    ],
)
def test_the_choice_and_its_reason(wanted: str, install: PulumiInstall, line: str) -> None:
    """Always told in one line."""
    assert str(choose(wanted, install, FILES)) == line


@pytest.mark.parametrize(
    ("wanted", "install", "backend", "text"),
    [
        ("pulumi", ABSENT, FILES, "--engine pulumi: no pulumi on PATH\n  fix: make pulumi, or --engine embedded"),
        (
            "pulumi",
            BARE,
            FILES,
            "--engine pulumi: pulumi has no plugin docker 5.2.0\n  fix: make pulumi, or --engine embedded",
        ),
        (
            "auto",
            ABSENT,
            REMOTE,
            (
                "the backend https://api.example.org (pulumi login (credentials.json)) needs the Pulumi CLI;"
                " the embedded engine knows files\n  fix: make pulumi (no pulumi on PATH)"
            ),
        ),
        (
            "embedded",
            THERE,
            REMOTE,
            (
                "the backend https://api.example.org (pulumi login (credentials.json)) needs the Pulumi CLI;"
                " the embedded engine knows files\n  fix: use --engine pulumi"
            ),
        ),
    ],
)
def test_what_cannot_work_is_refused_by_name(wanted: str, install: PulumiInstall, backend: Backend, text: str) -> None:
    """With the command that mends it."""
    with pytest.raises(EngineUnavailable) as caught:
        choose(wanted, install, backend)
    assert str(caught.value) == text


def test_a_remote_backend_is_pulumis() -> None:
    """Where it is installed."""
    assert choose("auto", THERE, REMOTE) == Choice("pulumi", "/opt/pulumi")


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    """Return a project on a machine without Pulumi."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    return Workplace(tmp_path, {"HOME": str(tmp_path / "home"), "PATH": str(tmp_path / "bin")})


def install_pulumi(place: Workplace) -> None:
    """Put a CLI with its plugins there."""
    folder = place.root / "bin"
    folder.mkdir()
    for name in ("pulumi", *(f"pulumi-resource-{plugin}" for plugin in plugin_versions())):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)


def test_the_embedded_engine_on_a_closed_machine(place: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    """The passphrase is generated on the way, and said once."""
    engine = open_engine(place, "dev", "auto", Console())
    assert isinstance(engine, EmbeddedEngine)
    assert not engine.exists()
    assert capsys.readouterr().out == (
        "engine: embedded (no pulumi on PATH; make pulumi installs it)\n"
        "passphrase: generated into .state/passphrase; it encrypts the secrets in the state. Keep a copy of it: "
        "without it they are lost\n"
    )
    engine.create()
    assert engine.exists()
    assert engine.history() == []
    assert engine.export() == {}
    open_engine(place, "dev", "auto", Console())
    assert "passphrase" not in capsys.readouterr().out


def test_pulumi_where_it_is_installed(place: Workplace, capsys: pytest.CaptureFixture[str]) -> None:
    """On the same state; its folder is made, since the CLI does not."""
    install_pulumi(place)
    engine = open_engine(place, "dev", "auto", Console())
    assert isinstance(engine, PulumiEngine)
    assert capsys.readouterr().out.startswith(f"engine: pulumi ({place.root}/bin/pulumi)\n")
    assert (place.root / ".state").is_dir()
    assert not engine.exists()


def test_no_passphrase_is_made_for_what_is_encrypted(place: Workplace) -> None:
    """A colleague's stack, fresh from git."""
    (place.root / "Pulumi.dev.yaml").write_text("encryptionsalt: v1:x:y\n")
    with pytest.raises(PassphraseError, match="the secrets of stack dev are encrypted with a passphrase"):
        open_engine(place, "dev", "auto", Console())


def test_a_service_needs_no_passphrase(place: Workplace) -> None:
    """Neither a Pulumi Cloud backend nor a cloud's key service."""
    (place.root / "Pulumi.dev.yaml").write_text("secretsprovider: awskms://key\n")
    assert find_stack_passphrase(place, "dev", Console()) is None
    remote = Workplace(place.root, {**place.environ, "PULUMI_BACKEND_URL": "https://api.example.org"})
    assert find_stack_passphrase(remote, "other", Console()) is None
    assert not (place.root / ".state").exists()


def test_what_pulumi_gets_beyond_the_users_own_variables(place: Workplace) -> None:
    """Only what is missing: the user's settings go first."""
    passphrase = find_stack_passphrase(place, "dev", Console())
    assert pulumi_environment(place, passphrase) == {
        "PULUMI_BACKEND_URL": f"file://{place.root}/.state",
        "PULUMI_CONFIG_PASSPHRASE_FILE": f"{place.root}/.state/passphrase",
    }
    own = {"PULUMI_BACKEND_URL": "file:///elsewhere", "PULUMI_CONFIG_PASSPHRASE": "x"}
    set_already = Workplace(place.root, {**place.environ, **own})
    assert pulumi_environment(set_already, find_stack_passphrase(set_already, "dev", Console())) == {}
    logged_in = Workplace(place.root, {**place.environ, "PULUMI_BACKEND_URL": "https://api.example.org"})
    assert pulumi_environment(logged_in, None) == {}
