"""Build one image through the Docker API, with progress and failures that can be read.

Not here: which images, in which order (`operate.images`); what their references are (`operate.image_lock`).
"""

from __future__ import annotations

import io
import os
import shutil
import ssl
import subprocess
import tarfile
import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from operate import image_lock
from operate.apt_sources import SUITE, NoDebianSourcesError, host_sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import docker

Progress = Callable[[str], None]
"""Takes one line of progress, such as ``postgres: step 3/9: RUN groupadd …``."""

_TAIL_LINES: Final = 20
_STEP_WIDTH: Final = 100
_SLOW_INSTRUCTIONS: Final = ("FROM", "COPY", "RUN")
"""What is worth a line of progress; the rest takes no time."""

HOST_CA: Final = "host-ca.crt"
"""A file of the context that is no file of the folder: the certificates that this machine trusts."""
_MIRRORS: Final = ("GOPROXY", "NPM_CONFIG_REGISTRY", "PIP_INDEX_URL")
_CHUNK_BYTES: Final = 1 << 20
# What `docker import` adds to the bare tree; the Dockerfile of the base says the same for the other way.
_IMPORT_CHANGES: Final = (
    "ENV LANG=C.UTF-8",
    "LABEL org.opencontainers.image.title='slipway base'",
    "LABEL org.opencontainers.image.description='Minimal Debian 12 that Slipway images stand on'",
    f"LABEL org.opencontainers.image.version={SUITE}",
    "LABEL org.opencontainers.image.licenses=Apache-2.0",
    "USER 65534:65534",
    "HEALTHCHECK NONE",
    'CMD ["/bin/sh"]',
)


class ImageBuildError(Exception):
    """An image could not be built. The text names the image and step and ends with the last lines of its output."""

    def __init__(self, name: str, problem: str, output: list[str]) -> None:
        """Compose the text; `output` may be empty."""
        self.name = name
        tail = "".join(f"\n    {line}" for line in output)
        super().__init__(f"image {name} could not be built: {problem}{tail}")


@dataclass(frozen=True)
class Builder:
    """Builds images with one Docker, telling one listener."""

    client: docker.DockerClient
    progress: Progress
    folder: Path
    """Where the images' folders are."""

    def base(self, reference: str) -> str:
        """Make the base image: with mmdebstrap from the host's apt sources, else from the pinned public Debian image.

        Returns:
            The image's id.

        Raises:
            ImageBuildError: neither way works here; the text says what is missing.
        """
        name = image_lock.BASE
        if shutil.which("mmdebstrap") is None:
            why_not = "mmdebstrap is not installed (apt-get install mmdebstrap)"
        else:
            try:
                sources = host_sources(os.environ)
            except NoDebianSourcesError as error:
                why_not = str(error)
            else:
                return self._bootstrap_base(reference, sources)
        public = image_lock.read_lock(self.folder)[name]["official"]
        shown = public.partition("@")[0]
        self.progress(f"{name}: {why_not}; taking {shown} from its registry instead")
        self.pull(name, public, f"{why_not}, and {shown} cannot be pulled")
        return self.from_folder(name, reference, {"FROM": public})

    def pull(self, name: str, reference: str, problem: str) -> None:
        """Pull a pinned image.

        Raises:
            ImageBuildError: the registry does not give it; the text starts with `problem`.
        """
        import docker.errors  # noqa: PLC0415  (slow to load; most commands need no Docker)

        self.progress(f"{name}: pulling {reference.partition('@')[0]}")
        try:
            self.client.images.pull(reference)
        except docker.errors.APIError as error:
            raise ImageBuildError(name, f"{problem}: {error.explanation or error}", []) from error

    def from_folder(self, name: str, reference: str, arguments: Mapping[str, str]) -> str:
        """Build an image from its folder with build arguments; return its id.

        Raises:
            ImageBuildError: a step failed.
        """
        dockerfile = (self.folder / name / "Dockerfile").read_text(encoding="utf-8")
        events = self.client.api.build(
            fileobj=_context(name, self.folder, {HOST_CA: _trusted()} if f"COPY {HOST_CA} " in dockerfile else {}),
            custom_context=True,
            # As mmdebstrap: what reaches the mirror is this machine's network, whatever Docker's bridge reaches.
            network_mode="host",
            tag=reference,
            buildargs={**_proxies(), **_mirrors(dockerfile), **arguments},
            labels={"org.opencontainers.image.revision": reference.rpartition("-")[2]},
            rm=True,
            forcerm=True,
            decode=True,
        )
        step = "before the first step"
        tail: deque[str] = deque(maxlen=_TAIL_LINES)
        for event in events:
            for line in _lines(event):
                if line.startswith("Step "):
                    step = " ".join(line.replace(" : ", ": ", 1).split()).replace("S", "s", 1)[:_STEP_WIDTH]
                    tail.clear()
                    if any(f": {instruction} " in step for instruction in _SLOW_INSTRUCTIONS):
                        self.progress(f"{name}: {step}")
                else:
                    tail.append(line)
            if "error" in event:
                raise ImageBuildError(name, f"{step} failed: {event['error'].strip()}", list(tail))
        return str(self.client.images.get(reference).id)

    def _bootstrap_base(self, reference: str, sources: str) -> str:
        name = image_lock.BASE
        repository, _, tag = reference.rpartition(":")
        self.progress(f"{name}: mmdebstrap {SUITE} from this machine's apt sources")
        with tempfile.TemporaryDirectory(prefix="slipway-base-") as scratch:
            file = Path(scratch) / "debian.sources"
            file.write_text(sources, encoding="utf-8")
            changes = [*_IMPORT_CHANGES, f"LABEL org.opencontainers.image.revision={reference.rpartition('-')[2]}"]
            tree = _bootstrap(name, [str(self.folder / name / "bootstrap"), SUITE, str(file)])
            self.client.api.import_image(src=tree, repository=repository, tag=tag, changes=changes, stream_src=True)
        return str(self.client.images.get(reference).id)


def _bootstrap(name: str, command: list[str]) -> Iterator[bytes]:
    """Yield the archive that a command writes.

    Raises:
        ImageBuildError: it failed. That is raised before the end of the archive is said, so Docker drops what it got.
    """
    with (
        tempfile.TemporaryFile() as messages,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=messages, stdin=subprocess.DEVNULL) as process,
    ):
        assert process.stdout is not None  # noqa: S101  (asked for above)
        try:
            while chunk := process.stdout.read(_CHUNK_BYTES):
                yield chunk
            status = process.wait()
        finally:
            # Left early when Docker stops listening: mmdebstrap then cleans up after itself.
            if process.poll() is None:
                process.terminate()
        if status:
            messages.seek(0)
            output = messages.read().decode(errors="replace").splitlines()
            raise ImageBuildError(name, f"mmdebstrap ended with status {status}", output[-_TAIL_LINES:])


def _context(name: str, folder: Path, further: Mapping[str, bytes]) -> io.BytesIO:
    """Return the build context as a tar archive with modes, owners and times that do not depend on the checkout."""
    files = [
        (relative, path.read_bytes(), executable)
        for relative, path, executable in image_lock.context_files(name, folder)
    ]
    files += [(relative, content, False) for relative, content in further.items()]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for relative, content, executable in files:
            entry = tarfile.TarInfo(relative)
            entry.size, entry.mode = len(content), 0o755 if executable else 0o644
            archive.addfile(entry, io.BytesIO(content))
    buffer.seek(0)
    return buffer


def _lines(event: dict[str, Any]) -> list[str]:
    return [line for line in str(event.get("stream", "")).splitlines() if line.strip()]


def _trusted() -> bytes:
    """Return the certificates that this machine trusts, for a stage that downloads over HTTPS."""
    file = ssl.get_default_verify_paths().cafile
    return Path(file).read_bytes() if file else b""


def _mirrors(dockerfile: str) -> dict[str, str]:
    """Return where Go modules and Python packages come from, for a Dockerfile that asks; by default their registry."""
    return {name: os.environ[name] for name in _MIRRORS if f"ARG {name}" in dockerfile and os.environ.get(name)}


def _proxies() -> dict[str, str]:
    """Return this process's proxy settings as build arguments: Docker knows them by name and keeps them in no layer."""
    wanted = ("http_proxy", "https_proxy", "no_proxy")
    return {key: value for key, value in os.environ.items() if key.lower() in wanted and value}
