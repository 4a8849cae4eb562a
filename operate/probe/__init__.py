"""A prober: requests at a constant rate, each written down, to say what a change let its users notice.

It is a program of its own (``slipway probe``, or ``python -m operate.probe`` with its settings on stdin), since a
deployment in the same process would take its time away. Open loop: a request is sent when its time comes, whether or
not earlier ones were answered, and its time runs from that moment, so that a stall is seen as slow requests and not as
fewer of them.

It sends to the addresses that it is given and to no other: it follows no redirect and no link.
"""

from operate.probe.client import Told
from operate.probe.load import Control, run, stdin_lines
from operate.probe.model import Kind, Mark, Probe, Record
from operate.probe.process import Probing
from operate.probe.summary import Figures, Phase, Summary, summarize

__all__ = [
    "Control",
    "Figures",
    "Kind",
    "Mark",
    "Phase",
    "Probe",
    "Probing",
    "Record",
    "Summary",
    "Told",
    "run",
    "stdin_lines",
    "summarize",
]
