"""Measure Slipway beside Docker Compose v2, on the same images and in one run, and print a table of ratios.

Needs Docker, Slipway's images (``./slipway images build``) and, for the comparison, the Compose plugin. Load goes to
127.0.0.1 only. Everything that is made carries a stack's name that begins with ``bench`` and is removed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import docker
from prove import Counts, prove
from prove import render as render_proofs
from rows import say, start_and_unchanged, width
from scratch import Scratch
from table import Row, render


def main() -> int:
    """Run the chosen measurements and print the table."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=", description=__doc__)
    parser.add_argument("--only", choices=("start", "width", "prove"), help="one of the measurements. Default: all")
    parser.add_argument("--engines", nargs="*", help="engines to measure. Default: those that are present")
    parser.add_argument("--runs", type=int, default=3, help="runs of each tool, alternating (default: 3)")
    parser.add_argument("--sizes", type=int, nargs="*", default=[10, 100, 1000], help="containers of the previews")
    for name, count in vars(Counts()).items():
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=type(count), default=count, help=f"(default: {count:g})"
        )
    parser.add_argument("--records", type=Path, help="folder for every request of the proof, a JSON object a line")
    args = parser.parse_args()
    client = docker.from_env()
    engines = args.engines or ["embedded", *(["pulumi"] if shutil.which("pulumi") else [])]
    say(f"engines: {', '.join(engines)}; Docker {client.version()['Version']}; {os.cpu_count()} CPUs")
    rows: list[Row] = []
    proofs = []
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as name:
        folder = Path(name)
        if args.only != "prove":
            scratch = Scratch(folder)
        if args.only in {None, "start"}:
            (folder / "start").mkdir()
            rows += start_and_unchanged(client, scratch, folder / "start", engines, args.runs)
        if args.only in {None, "width"}:
            rows += width(scratch, engines, args.sizes)
        if args.only in {None, "prove"}:
            counts = Counts(**{name: getattr(args, name) for name in vars(Counts())})
            proofs = prove(engines, counts, args.records)
    print(f"\n{render(rows)}" if rows else "")
    print(render_proofs(proofs) if proofs else "")
    return 0 if all(proof.good for proof in proofs if proof.tool.startswith("slipway")) else 1


if __name__ == "__main__":
    sys.exit(main())
