"""Whether Pulumi is installed, without running it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operate.pulumi_install import bin_folder, find_pulumi, plugin_versions

if TYPE_CHECKING:
    from pathlib import Path


def _executable(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    path.chmod(0o755)


def _plugins(home: Path) -> None:
    for name, version in plugin_versions().items():
        _executable(home / ".pulumi" / "plugins" / f"resource-{name}-v{version}" / f"pulumi-resource-{name}")


def test_nothing_is_there(tmp_path: Path) -> None:
    """A closed machine."""
    install = find_pulumi({"PATH": str(tmp_path), "HOME": str(tmp_path)})
    assert (install.usable, install.lack) == (False, "no pulumi on PATH")
    assert bin_folder(install) is None


def test_the_cli_without_its_plugins(tmp_path: Path) -> None:
    """It would want to download them."""
    _executable(tmp_path / "bin" / "pulumi")
    install = find_pulumi({"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)})
    versions = plugin_versions()
    expected = f"pulumi has no plugin docker {versions['docker']}, random {versions['random']}"
    assert (install.usable, install.lack) == (False, expected)


def test_everything_is_there(tmp_path: Path) -> None:
    """On PATH, plugins where Pulumi keeps them."""
    _executable(tmp_path / "bin" / "pulumi")
    _plugins(tmp_path)
    install = find_pulumi({"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)})
    assert (install.usable, install.lack, install.on_path) == (True, "", True)
    assert bin_folder(install) is None


def test_where_its_installer_puts_it(tmp_path: Path) -> None:
    """Not on PATH yet, but there: `slipway env` adds the folder."""
    _executable(tmp_path / ".pulumi" / "bin" / "pulumi")
    _plugins(tmp_path)
    install = find_pulumi({"PATH": "/nowhere", "HOME": str(tmp_path)})
    assert install.usable
    assert bin_folder(install) == tmp_path / ".pulumi" / "bin"


def test_a_download_that_was_interrupted_does_not_count(tmp_path: Path) -> None:
    """Pulumi leaves a mark beside the folder until it is whole."""
    _executable(tmp_path / "bin" / "pulumi")
    _plugins(tmp_path)
    version = plugin_versions()["docker"]
    (tmp_path / ".pulumi" / "plugins" / f"resource-docker-v{version}.partial").write_text("")
    assert find_pulumi({"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}).missing_plugins == (f"docker {version}",)


def test_plugins_on_path_count(tmp_path: Path) -> None:
    """Pulumi takes them from there too."""
    for name in ("pulumi", "pulumi-resource-docker", "pulumi-resource-random"):
        _executable(tmp_path / "bin" / name)
    assert find_pulumi({"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}).usable
