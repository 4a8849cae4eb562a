"""A stand-in for Grafana, whose server is in no package registry. It says that it is one.

It answers on the same port and health path, and lists the dashboards that it was given.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Final

from operate.image_lock import read_lock

if TYPE_CHECKING:
    import docker

GRAFANA: Final = "slipway-stand-in/grafana:11.6.0"
_PROGRAM: Final = """
import http.server, json, os, pathlib
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        folder = pathlib.Path(os.environ["GF_PATHS_PROVISIONING"])
        boards = json.loads((folder / "dashboards/slipway.yml").read_text())["providers"][0]["options"]["path"]
        answers = {
            "/api/health": {"database": "ok", "version": "a stand-in for Grafana"},
            "/api/search": sorted(json.loads(file.read_text())["title"] for file in pathlib.Path(boards).iterdir()),
            "/api/datasources": json.loads((folder / "datasources/slipway.yml").read_text())["datasources"],
        }
        answer = answers.get(self.path)
        body = json.dumps(answer).encode()
        self.send_response(200 if answer is not None else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
pathlib.Path("/var/lib/grafana/grafana.db").touch()
http.server.ThreadingHTTPServer(("", 3000), Handler).serve_forever()
"""


def build_grafana(client: docker.DockerClient) -> str:
    """Build the stand-in and return its reference."""
    base = read_lock()["exporters"]["debian"]
    lines = [
        f"FROM {base}",
        "USER 0",
        "RUN install -d -o 472 -g 0 -m 0775 /var/lib/grafana",
        "USER 472:0",
        'LABEL org.opencontainers.image.title="a stand-in for Grafana"',
        f"CMD {json.dumps(['python3', '-u', '-c', _PROGRAM])}",
    ]
    client.images.build(fileobj=io.BytesIO("\n".join(lines).encode()), tag=GRAFANA, rm=True)
    return GRAFANA
