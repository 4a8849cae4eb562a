"""The host's apt sources become those of the images, whatever release the host runs and however they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from operate.apt_sources import NoDebianSourcesError, Source, for_suite, host_sources, parse

if TYPE_CHECKING:
    from pathlib import Path

DEB822 = """\
Types: deb deb-src
# a comment within
URIs: http://mirror.test/debian
Suites: trixie trixie-updates trixie-backports
Components: main
  contrib
Signed-By: /usr/share/keyrings/debian.gpg

Types: deb
URIs: https://packages.test/tool
Suites: stable-tool
Components: main

Types: deb
Enabled: no
URIs: http://off.test/debian
Suites: bookworm
Components: main
"""
ONE_LINE = """\
# deb http://no.test/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://mirror.test/debian bookworm main contrib # tail
deb-src http://mirror.test/debian bookworm main
deb http://mirror.test/security bookworm-security main
deb http://mirror.test/old bullseye/updates main
deb [trusted=yes] file:/srv/debian ./
"""


def test_both_forms_are_read() -> None:
    """What is commented out, switched off or source code is left out."""
    assert parse(DEB822, deb822=True)[:2] == [
        Source("http://mirror.test/debian", "trixie", ("main", "contrib"), "/usr/share/keyrings/debian.gpg"),
        Source("http://mirror.test/debian", "trixie-updates", ("main", "contrib"), "/usr/share/keyrings/debian.gpg"),
    ]
    assert [source.uri for source in parse(DEB822, deb822=True)][3:] == ["https://packages.test/tool"]
    assert [source.suite for source in parse(ONE_LINE, deb822=False)] == [
        "bookworm",
        "bookworm-security",
        "bullseye/updates",
    ]
    assert parse(ONE_LINE, deb822=False)[0].signed_by == "/k.gpg"


def test_another_release_of_the_host_is_turned_into_ours() -> None:
    """A trixie host builds bookworm images from its own mirror, and from nobody else's archive."""
    text = for_suite(parse(DEB822, deb822=True))
    assert text == (
        "Types: deb\nURIs: http://mirror.test/debian\nSuites: bookworm\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian.gpg\n\n"
        "Types: deb\nURIs: http://mirror.test/debian\nSuites: bookworm-updates\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian.gpg\n"
    )


def test_a_result_is_read_back_as_it_was_written() -> None:
    """The text is what apt reads."""
    sources = parse(ONE_LINE, deb822=False)
    again = parse(for_suite(sources), deb822=True)
    assert [(source.uri, source.suite) for source in again] == [
        ("http://mirror.test/debian", "bookworm"),
        ("http://mirror.test/security", "bookworm-security"),
        ("http://mirror.test/old", "bookworm-security"),
    ]


def test_a_host_without_debian_is_told_what_to_do() -> None:
    """Ubuntu's archive does not hold Debian's packages."""
    ubuntu = [Source("http://archive.test/ubuntu", "noble", ("main",))]
    with pytest.raises(NoDebianSourcesError, match="SLIPWAY_APT_SOURCES"):
        for_suite(ubuntu)


def test_the_hosts_files_are_read(tmp_path: Path) -> None:
    """Both places; a file that apt ignores is ignored."""
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "debian.sources").write_text(DEB822, encoding="utf-8")
    (tmp_path / "sources.list.d" / "old.list.disabled").write_text(ONE_LINE, encoding="utf-8")
    assert host_sources({}, tmp_path) == for_suite(parse(DEB822, deb822=True))


def test_a_file_of_ones_own_is_taken_as_it_is(tmp_path: Path) -> None:
    """Whoever writes it knows best; one that is not there is named."""
    own = tmp_path / "own.sources"
    own.write_text("Types: deb\n", encoding="utf-8")
    assert host_sources({"SLIPWAY_APT_SOURCES": str(own)}) == "Types: deb\n"
    with pytest.raises(NoDebianSourcesError, match=r"nowhere: No such file"):
        host_sources({"SLIPWAY_APT_SOURCES": "nowhere"})
