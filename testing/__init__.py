"""Test a platform's graph in milliseconds: no engine, no Docker, no network.

``render`` runs any Pulumi program or component, ``render_stack`` a project's own program for one of its stacks. Both
return a :class:`Graph` to ask: what is there, with which inputs and options, what waits for what, and whether a secret
stands in the open. What no such test can prove: that Docker accepts it, and that it runs.
"""

from engine.provider import UNKNOWN
from testing.graph import Graph, Log
from testing.monitor import DuplicateUrnError, RecordingMonitor, UnknownInvokeError
from testing.resource import Options, Resource
from testing.running import render
from testing.stacks import made_up_secret, render_stack

__all__ = [
    "UNKNOWN",
    "DuplicateUrnError",
    "Graph",
    "Log",
    "Options",
    "RecordingMonitor",
    "Resource",
    "UnknownInvokeError",
    "made_up_secret",
    "render",
    "render_stack",
]
