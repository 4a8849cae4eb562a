"""An image that stands in for ``qdrant/qdrant``, with its user, folders and ports."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from operate.image_lock import own_reference

if TYPE_CHECKING:
    import docker

_PROGRAM = Path(__file__).with_name("stand_in.py")
_DOCKERFILE = """\
FROM {base}
USER 0
COPY stand_in.py /opt/stand_in.py
WORKDIR /qdrant
RUN mkdir storage snapshots config
USER 1000:1000
HEALTHCHECK NONE
ENTRYPOINT []
CMD ["python3", "/opt/stand_in.py"]
"""
"""Its folders are root's, as those of the real image are."""


def stand_in(client: docker.DockerClient) -> str:
    """Return the image's reference; it is built unless it is there."""
    import docker.errors  # noqa: PLC0415 - slow to load

    program = _PROGRAM.read_bytes()
    dockerfile = _DOCKERFILE.format(base=own_reference("sample")).encode()
    digest = hashlib.sha256(dockerfile + program).hexdigest()[:12]
    reference = f"slipway-e2e/qdrant-stand-in:{digest}"
    try:
        client.images.get(reference)
    except docker.errors.ImageNotFound:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name, content in (("Dockerfile", dockerfile), ("stand_in.py", program)):
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(content), 0o644
                archive.addfile(entry, io.BytesIO(content))
        buffer.seek(0)
        client.images.build(fileobj=buffer, custom_context=True, tag=reference, rm=True)
    return reference
