"""nginx's configuration as a tree of directives, written by a library that knows how to quote them.

Pure functions: from routes to text. ``model`` says what can be asked for, ``render`` writes it.
"""

from components.nginx.keys import key_file
from components.nginx.model import (
    Answer,
    ApiKey,
    Backend,
    Balancing,
    BasicAuth,
    Certificate,
    GatewayRoute,
    RateLimit,
    Redirect,
    Server,
    StaticFiles,
    SubrequestAuth,
    TcpRoute,
    Tls,
)
from components.nginx.render import render

__all__ = [
    "Answer",
    "ApiKey",
    "Backend",
    "Balancing",
    "BasicAuth",
    "Certificate",
    "GatewayRoute",
    "RateLimit",
    "Redirect",
    "Server",
    "StaticFiles",
    "SubrequestAuth",
    "TcpRoute",
    "Tls",
    "key_file",
    "render",
]
