"""As much of S3 as scenarios need, signed by hand: to look at objects, and to change them behind a backup's back."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import http.client
import urllib.parse
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as ET

_REGION: Final = "us-east-1"
_OK: Final = range(200, 300)


class S3Refused(AssertionError):  # noqa: N818 - named as what it reports
    """The object store did not do it."""


@dataclass(frozen=True)
class S3:
    """One account of an object store that is reached over plain HTTP."""

    address: str
    """``host:port``."""
    key: str
    """Its access key."""
    secret: str
    """Its secret key."""

    def make(self, bucket: str) -> None:
        """Make a bucket."""
        self._ask("PUT", f"/{bucket}")

    def names(self, bucket: str, prefix: str = "") -> list[str]:
        """Return the keys below a prefix (at most a thousand)."""
        answer = self._ask("GET", f"/{bucket}", {"list-type": "2", "prefix": prefix})
        return [str(item.text) for item in ET.fromstring(answer).iter() if item.tag.endswith("}Key")]  # noqa: S314 - our own server

    def get(self, bucket: str, name: str) -> bytes:
        """Return an object."""
        return self._ask("GET", f"/{bucket}/{name}")

    def put(self, bucket: str, name: str, content: bytes) -> None:
        """Write an object."""
        self._ask("PUT", f"/{bucket}/{name}", content=content)

    def remove(self, bucket: str, name: str) -> None:
        """Remove an object."""
        self._ask("DELETE", f"/{bucket}/{name}")

    def _ask(self, method: str, path: str, query: dict[str, str] | None = None, content: bytes = b"") -> bytes:
        asked = urllib.parse.quote(path)
        words = urllib.parse.urlencode(sorted((query or {}).items()), quote_via=urllib.parse.quote)
        connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            headers = self._signed(method, asked, words, hashlib.sha256(content).hexdigest())
            connection.request(method, f"{asked}?{words}" if words else asked, content, headers)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status not in _OK:
            raise S3Refused(f"{method} {path}: {answer.status} {body[:500].decode(errors='replace')}")
        return body

    def _signed(self, method: str, path: str, query: str, body: str) -> dict[str, str]:
        """Sign a request: AWS's signature version 4 over host, date and the body's hash."""
        moment = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
        headers = {"host": self.address, "x-amz-content-sha256": body, "x-amz-date": moment}
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        request = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{body}"
        scope = f"{moment[:8]}/{_REGION}/s3/aws4_request"
        text = "\n".join(("AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(request.encode()).hexdigest()))
        key = f"AWS4{self.secret}".encode()
        for word in (*scope.split("/"), text):
            key = hmac.digest(key, word.encode(), "sha256")
        credential = f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
        return {**headers, "authorization": credential}
