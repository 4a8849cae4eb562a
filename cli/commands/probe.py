"""``slipway probe``: requests at a constant rate, to see what a change lets its users notice."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import click

from cli import options
from cli.console import Console
from cli.probe_text import summary_text
from operate.probe import Probe, run, stdin_lines

if TYPE_CHECKING:
    from operate.probe.load import Control


@click.command("probe", epilog="Example: slipway probe http://127.0.0.1:8080/health --rate 200 --seconds 30")
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("--rate", type=float, default=50.0, show_default=True, help="GETs a second.")
@click.option("--seconds", type=float, help="For how long. Default: until Ctrl-C.")
@click.option("--reuse", is_flag=True, help="GETs share connections, as a browser's do. Default: each has its own.")
@click.option("--post", metavar="PATH", help="Also POST bodies that must arrive exactly once.")
@click.option("--post-rate", type=float, default=10.0, show_default=True, help="POSTs a second.")
@click.option("--stream", metavar="PATH", help="Also read server-sent events, which must come to their end.")
@click.option("--stream-every", "stream_every_s", type=float, default=5.0, show_default=True, help="Seconds.")
@click.option("--websocket", metavar="PATH", help="Also hold websockets, which must stay up or be told to come back.")
@click.option("--websockets", type=click.IntRange(1, 1000), default=1, show_default=True, help="How many.")
@click.option("--upload", metavar="PATH", help="Also send large bodies, which must arrive whole.")
@click.option("--upload-every", "upload_every_s", type=float, default=10.0, show_default=True, help="Seconds.")
@click.option("--upload-mib", type=click.IntRange(1, 2048), default=50, show_default=True, help="Size of an upload.")
@click.option(
    "--connect", metavar="HOST[:PORT]", help="Connect there, whatever the URLs say; they still name the host."
)
@click.option("--trust", type=click.Path(exists=True, dir_okay=False), help="PEM file of the authority to trust.")
@click.option("--insecure", is_flag=True, help="Take any certificate.")
@click.option("--timeout", "timeout_s", type=float, default=10.0, show_default=True, help="Seconds for an answer.")
@click.option("--records", metavar="FILE", help="Write every request down there, a JSON object a line.")
@options.json_output
def command(*, urls: tuple[str, ...], insecure: bool, as_json: bool, **asked: Any) -> None:
    """Send requests at a constant rate, and say how many failed and how long the others took.

    A request is sent when its time comes, whether or not earlier ones were answered, and its time runs from then: a
    stall is seen as slow requests. A word and Enter on stdin gives the moment a name, and the times from there on are
    told apart. Nothing is sent to any address but those that are given. What must answer to --post, --stream and
    --upload is in docs/operations.md.

    Exit codes: 0 all was well, 1 a request failed, or one arrived twice or never, 2 wrong arguments.
    """
    summary = run(Probe(urls=urls, verify=not insecure, **asked), _steer)
    if as_json:
        click.echo(summary.to_json())
    else:
        Console().say(summary_text(summary))
    if not summary.good:
        raise click.exceptions.Exit(1)


def _steer(control: Control) -> None:
    """Let Ctrl-C end the run, and words on stdin mark it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        control.loop.add_signal_handler(number, control.stop)
    control.follow(stdin_lines(), stop_at_end=False)
