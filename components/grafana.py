"""What Grafana is given: where Prometheus is, and the dashboards that were made for it (``dashboards/``)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any, Final

from components.prometheus import Timing, Watched

_PROVISIONING: Final = "/etc/slipway/provisioning"
_DASHBOARDS: Final = "/etc/slipway/dashboards"
SOURCE: Final = "prometheus"
"""The data source's id, which the dashboards name."""
DASHBOARDS: Final[Mapping[str, str]] = {
    "overview": "always",
    "services": "gateway",
    "databases": "databases",
    "caches": "caches",
    "agents": "workloads",
    "host": "host",
}
"""Each dashboard, and the field of :class:`Watched` without which it is left out."""


def grafana_env(path: str, password_file: str) -> dict[str, str]:
    """Return Grafana's settings.

    Args:
        path: Where it is reached through a gateway.
        password_file: File with the password of ``admin``.
    """
    env = {
        "GF_SECURITY_ADMIN_PASSWORD__FILE": password_file,
        "GF_PATHS_PROVISIONING": _PROVISIONING,
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": f"{_DASHBOARDS}/overview.json",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_PLUGINS_PREINSTALL_DISABLED": "true",
        "GF_USERS_ALLOW_SIGN_UP": "false",
        "GF_SECURITY_DISABLE_GRAVATAR": "true",
        "GF_LOG_MODE": "console",
    }
    if path != "/":
        env["GF_SERVER_ROOT_URL"] = f"%(protocol)s://%(domain)s{path.rstrip('/')}/"
        env["GF_SERVER_SERVE_FROM_SUB_PATH"] = "true"
    return env


def grafana_files(prometheus: str, timing: Timing, watched: Watched) -> dict[str, str]:
    """Return the data source and the dashboards for what there is, by path.

    Args:
        prometheus: Address of Prometheus.
        timing: How often metrics are read.
        watched: What there is.
    """
    source: dict[str, Any] = {
        "apiVersion": 1,
        "datasources": [
            {
                "name": "Prometheus",
                "uid": SOURCE,
                "type": "prometheus",
                "access": "proxy",
                "url": prometheus,
                "isDefault": True,
                "jsonData": {"timeInterval": timing.interval, "httpMethod": "POST"},
            }
        ],
    }
    provider: dict[str, Any] = {
        "apiVersion": 1,
        "providers": [{"name": "slipway", "type": "file", "options": {"path": _DASHBOARDS}}],
    }
    files = {
        f"{_PROVISIONING}/datasources/slipway.yml": json.dumps(source, indent=1) + "\n",
        f"{_PROVISIONING}/dashboards/slipway.yml": json.dumps(provider, indent=1) + "\n",
    }
    for name, needs in DASHBOARDS.items():
        if needs == "always" or getattr(watched, needs):
            files[f"{_DASHBOARDS}/{name}.json"] = dashboard(name)
    return files


def dashboard(name: str) -> str:
    """Return the text of a dashboard."""
    return (resources.files("components") / "dashboards" / f"{name}.json").read_text(encoding="utf-8")
