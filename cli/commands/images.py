"""``slipway images``: build or list the images that Slipway ships."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.console import Console

if TYPE_CHECKING:
    from cli.workplace import Workplace


@click.group("images", epilog="Example: slipway images build sample")
def command() -> None:
    """Build or list the images that Slipway ships. `up` builds by itself what it needs."""


@command.command("build", epilog="Example: slipway images build postgres sample")
@click.argument("names", nargs=-1)
@click.pass_obj
def build(work: Workplace, *, names: tuple[str, ...]) -> None:
    """Build what is missing, of all images or of those named; one that is there is left alone.

    Exit codes: 0 done, 1 one could not be built.
    """
    from operate.image_lock import names as known_names  # noqa: PLC0415 - only here
    from operate.images import build_images  # noqa: PLC0415 - as above

    folder = work.root / "images"
    known = known_names(folder)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise click.UsageError(f"no image {', '.join(unknown)}; there are {', '.join(known)}")
    console = Console()
    for image in build_images(list(names) or None, console.step, work.docker_client(), folder):
        console.say(f"{image.reference}  {f'built in {image.seconds:.0f} s' if image.built else 'is there'}")


@command.command("list", epilog="Example: slipway images list")
@click.pass_obj
def list_(work: Workplace) -> None:
    """List the images of the catalogue, both families, and whether this machine has them."""
    from operate.image_lock import read_lock  # noqa: PLC0415 - only here
    from operate.images import missing_images, recorded_family  # noqa: PLC0415 - as above

    folder = work.root / "images"
    client = work.docker_client()
    lock = read_lock(folder)
    rows = []
    for family in ("official", "debian"):
        missing = {image.name: image.remedy for image in missing_images(family, list(lock), client, folder)}
        for role, references in lock.items():
            state = f"missing ({missing[role]})" if role in missing else "here"
            rows.append([role, family, state, references[family].partition("@")[0]])
    console = Console()
    console.table(["ROLE", "FAMILY", "STATE", "IMAGE"], sorted(rows))
    decided = recorded_family(work.state_folder)
    console.step(f"this machine uses: {decided.family if decided else 'not decided yet; slipway up does'}")


@command.command("lock", epilog="Example: slipway images lock")
@click.pass_obj
def lock(work: Workplace) -> None:
    """Bring images/lock.yaml up to date with the images' folders, after a change to one of them."""
    from operate.images import write_lock  # noqa: PLC0415 - only here

    changed = write_lock(work.root / "images")
    Console().say("images/lock.yaml is up to date" + (" now" if changed else " already"))
