"""Files that are put into a container before it starts, as one tar archive unpacked at its root."""

from __future__ import annotations

import base64
import io
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.provider import ProviderError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PLAIN = 0o644
_EXECUTABLE = 0o744


def upload_archive(uploads: Sequence[Mapping[str, Any]]) -> bytes:
    """Pack a container's ``uploads``. Missing parent folders are the daemon's to make, owned by root.

    Raises:
        ProviderError: One of them has no content, more than one, or a source that can't be read.
    """
    buffer = io.BytesIO()
    now = int(time.time())
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for upload in uploads:
            content = _content(upload)
            entry = tarfile.TarInfo(upload["file"])
            entry.size = len(content)
            entry.mtime = now
            entry.mode = _mode(upload)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _mode(upload: Mapping[str, Any]) -> int:
    if upload["permissions"]:
        return int(upload["permissions"], 8)
    return _EXECUTABLE if upload["executable"] else _PLAIN


def _content(upload: Mapping[str, Any]) -> bytes:
    given = [name for name in ("content", "contentBase64", "source") if upload[name]]
    where = f"Container input 'uploads' for {upload['file']}"
    if len(given) != 1:
        words = "none of them (an empty file can't be uploaded)" if not given else " and ".join(given)
        raise ProviderError(f"{where}: give exactly one of content, contentBase64 and source, not {words}")
    if upload["content"]:
        return str(upload["content"]).encode()
    if upload["contentBase64"]:
        return base64.b64decode(upload["contentBase64"])
    try:
        return Path(upload["source"]).read_bytes()
    except OSError as error:
        raise ProviderError(f"{where}: the source can't be read ({error.strerror})") from error
