"""Measure Slipway beside Docker Compose v2, on the same images and in one run, and print a table of ratios.

Needs Docker, Slipway's images (``./slipway images build``) and, for the comparison, the Compose plugin. Load goes to
127.0.0.1 only. Everything that is made carries the stack's name ``bench`` and is removed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import docker
from rows import release, say, start_and_unchanged, width
from scratch import Scratch
from table import Row, render


def main() -> None:
    """Run the chosen measurements and print the table."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=", description=__doc__)
    parser.add_argument("--only", choices=("start", "width", "release"), help="one of the measurements. Default: all")
    parser.add_argument("--runs", type=int, default=3, help="runs of each tool, alternating (default: 3)")
    parser.add_argument("--sizes", type=int, nargs="*", default=[10, 100, 1000], help="containers of the previews")
    parser.add_argument(
        "--release-seconds", type=float, default=60.0, help="span of load during releases (default: 60)"
    )
    args = parser.parse_args()
    client = docker.from_env()
    engines = ["embedded", *(["pulumi"] if shutil.which("pulumi") else [])]
    say(f"engines: {', '.join(engines)}; Docker {client.version()['Version']}; {os.cpu_count()} CPUs")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as name:
        folder = Path(name)
        scratch = Scratch(folder)
        if args.only in {None, "start"}:
            (folder / "start").mkdir()
            rows += start_and_unchanged(client, scratch, folder / "start", engines, args.runs)
        if args.only in {None, "width"}:
            rows += width(scratch, engines, args.sizes)
        if args.only in {None, "release"}:
            (folder / "release").mkdir()
            rows += release(client, scratch, folder / "release", engines, args.release_seconds)
    print(f"\n{render(rows)}")


if __name__ == "__main__":
    main()
