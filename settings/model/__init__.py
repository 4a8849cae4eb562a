"""The typed description of a platform, one module a theme."""

from settings.model.base import Model
from settings.model.gateway import GATEWAY_PORT, Gateway, TcpRoute
from settings.model.health import Health
from settings.model.mounts import BindMount, SecretUse, VolumeMount
from settings.model.platform import Host, ImageFamily, Images, Platform
from settings.model.ports import Protocol, Publish
from settings.model.routes import Answer, Balance, BasicAuth, Rate, Redirect, RedirectStatus, Route, Slash, StaticFiles, SubrequestAuth
from settings.model.stores import (
    Cache,
    CacheEngine,
    Database,
    DatabaseEngine,
    Eviction,
    Network,
    Persistence,
    Secret,
    SecretSource,
    Volume,
)
from settings.model.tls import TLS_PORT, Certificate, Tls, TlsMode
from settings.model.workload import (
    Build,
    Condition,
    Job,
    Logs,
    Metrics,
    Relaxation,
    RestartPolicy,
    Service,
    Ulimit,
    Worker,
    Workload,
)

__all__ = [
    "GATEWAY_PORT",
    "TLS_PORT",
    "Answer",
    "Balance",
    "BasicAuth",
    "BindMount",
    "Build",
    "Cache",
    "CacheEngine",
    "Certificate",
    "Condition",
    "Database",
    "DatabaseEngine",
    "Eviction",
    "Gateway",
    "Health",
    "Host",
    "ImageFamily",
    "Images",
    "Job",
    "Logs",
    "Metrics",
    "Model",
    "Network",
    "Persistence",
    "Platform",
    "Protocol",
    "Publish",
    "Rate",
    "Redirect",
    "RedirectStatus",
    "Relaxation",
    "RestartPolicy",
    "Route",
    "Secret",
    "SecretSource",
    "SecretUse",
    "Service",
    "Slash",
    "StaticFiles",
    "SubrequestAuth",
    "TcpRoute",
    "Tls",
    "TlsMode",
    "Ulimit",
    "Volume",
    "VolumeMount",
    "Worker",
    "Workload",
]
