"""``slipway rollback``: deploy a recorded release."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli import options
from cli.console import Console
from cli.deploy import Deployment, deploy
from operate.releases import NoSuchRelease, check_images, releases_of

if TYPE_CHECKING:
    from cli.workplace import Workplace


@click.command("rollback", epilog="Example: slipway rollback --stack prod 12")
@click.argument("number", type=click.IntRange(min=1), required=False)
@options.stack
@options.engine
@options.probe
@options.yes
@options.json_output
@click.pass_obj
def command(
    work: Workplace, *, number: int | None, stack: str, engine: str, probe: str | None, yes: bool, as_json: bool
) -> None:
    """Return the whole platform to release NUMBER; without it, to the one before the present one.

    Its description, images and profiles are deployed as they were recorded; secrets and data stay as they are now. The
    blueprint and the stack's file are not touched: the next `slipway up` deploys what they say.

    Exit codes: 0 done, 1 failed, 2 the release can't be deployed any more, 6 there is no such release.
    """
    console = Console(json_mode=as_json)
    releases = releases_of(work.backend, work.state_folder, work.project, stack)
    release = releases.get(number) if number is not None else releases.before_latest()
    if release is None:
        raise NoSuchRelease(
            f"stack {stack} has no release before the present one\n  fix: slipway releases --stack {stack}"
        )
    check_images(work.docker_client(stack), release)
    console.step(
        f"rollback to release {release.number} ({release.time}, {release.message}, {release.commit or 'no git'})"
    )
    work.choose_release(releases.file(release.number))
    try:
        deploy(
            work,
            Deployment(
                stack=stack,
                engine=engine,
                message=f"rollback to {release.number}",
                probe=probe,
                yes=yes,
                as_json=as_json,
                rollback=False,
            ),
        )
    finally:
        work.choose_release(None)
    console.say(f"the blueprint and Pulumi.{stack}.yaml say what they said: the next `slipway up` deploys that")
