"""``python -m operate.probe``: the prober for programs.

The first line of stdin is what to send, each further one is a mark, and its end is the end. The first line of stdout
says that it sends, the last one is the summary. People use ``slipway probe``.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from operate.errors import OperateError
from operate.priority import set_nice
from operate.probe.load import run, stdin_lines
from operate.probe.model import Probe

if TYPE_CHECKING:
    from operate.probe.load import Control


def main() -> int:
    """Send what stdin says."""
    # Its users are on other machines: here it should not wait for the processors that the deployment takes.
    set_nice(-10)
    lines = stdin_lines()

    def begin(control: Control) -> None:
        control.follow(lines, stop_at_end=True)
        sys.stdout.write("sending\n")
        sys.stdout.flush()

    try:
        summary = run(Probe.from_json(next(lines)), begin)
    except OperateError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write(summary.to_json() + "\n")
    return 0 if summary.good else 1


if __name__ == "__main__":
    sys.exit(main())
