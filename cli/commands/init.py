"""``slipway init``: a project of one's own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.console import Console
from operate.new_project import STARTER, Answers, check, templates, write_project

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.command(
    "init", epilog="Example: slipway init ~/shop --template starter --domain app.example.org --email me@example.org"
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", help="Name of the platform. Default: the folder's.")
@click.option("--template", metavar="NAME", help="Blueprint to begin with: starter, or one of the five systems.")
@click.option("--port", type=int, help="Port of 127.0.0.1 in dev. Default: 8080.")
@click.option("--domain", help="Host name in prod, with HTTPS by Let's Encrypt. Default: none, HTTP on port 80.")
@click.option("--email", help="Where Let's Encrypt writes to; giving it agrees to its terms of service.")
def command(
    *, folder: Path, name: str | None, template: str | None, port: int | None, domain: str | None, email: str | None
) -> None:
    """Write a project into FOLDER: blueprint, stacks dev and prod, program, test, README.

    At a terminal five questions are asked, but for what an option answers; elsewhere what is not said has its default.

    Exit codes: 0 done, 2 the folder is taken or an answer can't be.
    """
    console = Console()
    ask = sys.stdin.isatty() and sys.stdout.isatty()
    given = {"name": name, "template": template, "port": port, "domain": domain, "email": email}
    answers = _answers(folder, {key: str(value) for key, value in given.items() if value is not None}, ask=ask)
    files = write_project(folder, answers)
    for file in files:
        console.step(f"{folder / file}")
    console.good(f"project {answers.name}: {len(files)} files")
    console.say(f"next: cd {folder} && ./slipway preview")


def _answers(folder: Path, given: Mapping[str, str], *, ask: bool) -> Answers:
    """Return what options say, and for the rest what is asked for, or its default."""

    def answer(key: str, question: str, default: str) -> str:
        if key in given:
            return given[key]
        return str(click.prompt(question, default=default, show_default=bool(default))) if ask else default

    name = answer("name", "Name of the platform", folder.resolve().name)
    template = answer("template", f"Template ({', '.join(templates())})", STARTER)
    check(Answers(name=name, template=template))
    if template != STARTER:  # it has its own addresses, and says so where they are given
        port = int(given.get("port", Answers.port))
        return Answers(name=name, template=template, port=port, domain=given.get("domain", ""))
    port_text = answer("port", "Port on this machine in dev", str(Answers.port))
    domain = answer("domain", "Host name in prod (empty: none, HTTP alone)", "")
    email = ""
    if domain:
        email = answer("email", "E-mail for Let's Encrypt (giving it agrees to its terms of service)", "")
    if not port_text.isdigit():
        raise click.BadParameter(f"{port_text} is no port")
    return Answers(name=name, template=template, port=int(port_text), domain=domain, email=email)
