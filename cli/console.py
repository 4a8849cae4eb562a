"""Writing to the terminal: messages, tables, questions. Results go to stdout, what is said about them to stderr."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

_GAP: Final = "  "


class NotConfirmed(click.exceptions.Exit):
    """The user said no, or nobody is there to say yes."""


class Console:
    """Says things to the user; in JSON mode stdout belongs to the data, so everything else goes to stderr."""

    def __init__(self, *, json_mode: bool = False) -> None:
        self.json_mode = json_mode

    @property
    def stream(self) -> IO[str]:
        """Where people read."""
        return sys.stderr if self.json_mode else sys.stdout

    @property
    def interactive(self) -> bool:
        """Whether somebody is there to answer a question."""
        return sys.stdin.isatty() and self.stream.isatty()

    def say(self, text: str = "") -> None:
        """Write a line."""
        click.echo(text, file=self.stream)

    def step(self, text: str) -> None:
        """Write a line on what is being done, less prominent than results."""
        click.secho(text, file=self.stream, dim=True)

    def warn(self, text: str) -> None:
        """Write a warning."""
        click.secho(f"warning: {text}", file=sys.stderr, fg="yellow")

    def good(self, text: str) -> None:
        """Write a line on what went well."""
        click.secho(text, file=self.stream, fg="green")

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write an aligned table."""
        if not rows:
            return
        widths = [max(len(str(row[index])) for row in [header, *rows]) for index in range(len(header))]

        def line(cells: Sequence[str]) -> str:
            return _GAP.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()

        click.secho(line(header), file=self.stream, bold=True)
        for row in rows:
            click.echo(line(row), file=self.stream)

    def confirm(self, question: str, *, yes: bool, option: str = "--yes") -> None:
        """Go on only if the user agrees.

        Raises:
            NotConfirmed: They do not (exit code 8), or nobody is there to ask (exit code 2).
        """
        if yes:
            return
        if not self.interactive:
            click.secho(f"error: {question} Nobody is there to answer: add {option}", file=sys.stderr, fg="red")
            raise NotConfirmed(2)
        if not click.confirm(question, default=False, err=self.json_mode):
            self.say("nothing was done")
            raise NotConfirmed(8)


def error(text: str) -> None:
    """Write an error message to stderr."""
    click.secho(f"error: {text}", file=sys.stderr, fg="red")
