"""The host's apt sources, turned into those of the release that Slipway's images are made from.

A closed machine installs from its own mirror; so do the images, and no mirror's name stands in this repository. Pure:
texts in, text out, apart from `host_sources`, which reads the host's files.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SUITE: Final = "bookworm"
"""The Debian release that the images are made from."""

_RELEASE_SUITES: Final = ("", "-updates", "-security")
_CODENAMES: Final = ("bullseye", "bookworm", "trixie", "forky", "sid")
_ONE_LINE: Final = re.compile(
    r"deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>[^\s[]\S*)\s+(?P<suite>\S+)\s+(?P<components>.+)"
)


class NoDebianSourcesError(Exception):
    """The host has no apt source of Debian's main archive to install from."""


@dataclass(frozen=True)
class Source:
    """One archive: where it is, which suite, which key signs it."""

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str | None = None
    trusted: str | None = None


def parse(text: str, *, deb822: bool) -> list[Source]:
    """Return the binary package sources that a file of apt's names; those switched off are left out."""
    return list(_parse_deb822(text) if deb822 else _parse_one_line(text))


def for_suite(sources: list[Source], suite: str = SUITE) -> str:
    """Return the deb822 text that installs `suite` from the archives of `sources`.

    The sources may be those of another Debian release: the archives hold all of them. Archives of other projects, and
    suites that no image needs (backports), are left out.

    Raises:
        NoDebianSourcesError: none of the sources is Debian's main archive.
    """
    blocks: dict[str, None] = {}
    kinds: set[str] = set()
    for source in sources:
        kind = _kind(source)
        if kind is None:
            continue
        kinds.add(kind)
        lines = [
            "Types: deb",
            f"URIs: {source.uri}",
            f"Suites: {suite}{kind}",
            "Components: main",
            *([f"Signed-By: {source.signed_by}"] if source.signed_by else []),
            *([f"Trusted: {source.trusted}"] if source.trusted else []),
        ]
        blocks["\n".join(lines) + "\n"] = None
    if "" not in kinds:
        raise NoDebianSourcesError(
            "this machine's apt sources name no Debian archive (a source with the component main and a suite such as "
            f"{suite}); write one to a file and set SLIPWAY_APT_SOURCES to its path"
        )
    return "\n".join(blocks)


def host_sources(environment: Mapping[str, str], root: Path = Path("/etc/apt")) -> str:
    """Return the deb822 text for the images, from ``SLIPWAY_APT_SOURCES`` as it is, or from the host's sources.

    Raises:
        NoDebianSourcesError: neither is usable.
    """
    own = environment.get("SLIPWAY_APT_SOURCES")
    if own:
        try:
            return Path(own).read_text(encoding="utf-8")
        except OSError as error:
            raise NoDebianSourcesError(f"SLIPWAY_APT_SOURCES names {own}: {error.strerror}") from error
    files = [root / "sources.list", *sorted((root / "sources.list.d").glob("*"))]
    sources: list[Source] = []
    for file in files:
        if file.suffix in {".list", ".sources"} and file.is_file():
            sources += parse(file.read_text(encoding="utf-8"), deb822=file.suffix == ".sources")
    return for_suite(sources)


def _kind(source: Source) -> str | None:
    """Return which of a release's suites a source holds (`""`, `-updates`, `-security`), None where it is neither."""
    codename, dash, rest = source.suite.removesuffix("/").replace("/updates", "-security").partition("-")
    kind = dash + rest
    known = codename in _CODENAMES or codename in {"stable", "oldstable", "testing"}
    return kind if known and kind in _RELEASE_SUITES and "main" in source.components else None


def _parse_deb822(text: str) -> Iterator[Source]:
    uncommented = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for paragraph in re.split(r"\n\s*\n", uncommented):
        fields: dict[str, str] = {}
        name = ""
        for line in paragraph.splitlines():
            if line[:1].isspace():
                fields[name] = f"{fields.get(name, '')}\n{line}"
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.lower()
                fields[name] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() == "no":
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                components = tuple(fields.get("components", "").split())
                yield Source(uri, suite, components, fields.get("signed-by"), fields.get("trusted"))


def _parse_one_line(text: str) -> Iterator[Source]:
    for line in text.splitlines():
        match = _ONE_LINE.fullmatch(line.split("#")[0].strip())
        if match is None:
            continue
        options = {
            option.partition("=")[0].lower(): option.partition("=")[2] for option in shlex.split(match["options"] or "")
        }
        components = tuple(match["components"].split())
        yield Source(match["uri"], match["suite"], components, options.get("signed-by"), options.get("trusted"))
