"""``slipway recover``: a whole platform on a host that has nothing, from the object store alone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import options
from cli.console import Console
from operate.errors import OperateError

if TYPE_CHECKING:
    import docker

    from cli.workplace import Workplace
    from operate.recovery import Kit


class WrongArguments(OperateError):  # noqa: N818 - named as what it reports
    """Nothing, or two things, were asked for."""

    exit_code = 2


@click.command("recover", epilog="Example: slipway recover /media/safe/prod.kit --yes")
@click.argument("kit", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option(
    "--write", "out", type=click.Path(dir_okay=False, path_type=Path), help="Write the kit of a stack to a new file."
)
@click.option("--backup", "wanted", metavar="BACKUP", help="The backup. Default: the newest verified one.")
@options.stack
@options.engine
@options.yes
@click.pass_obj
def command(
    work: Workplace, *, kit: Path | None, out: Path | None, wanted: str | None, stack: str, engine: str, yes: bool
) -> None:
    """Recover the stack that KIT is of, on a host that has nothing of it.

    A kit is written while all is well: `slipway recover --write FILE --stack prod`. It has what nobody can find out
    afterwards: where the backups are, the keys, the passphrases. Keep it away from the host and from the backups; write
    it anew when one of them changes.

    It fetches the stack's state, deploys the platform with its old credentials, and restores every store.

    Exit codes: 0 done, 1 refused or failed, 2 wrong arguments, or nobody to answer and no --yes, 8 not confirmed.
    """
    if (kit is None) == (out is None):
        raise WrongArguments("give a kit to recover from, or --write FILE to make one")
    console = Console()
    if out is not None:
        _write(work, stack, out, console)
        return
    assert kit is not None  # noqa: S101 - said above
    _recover(work, kit, wanted, engine, console, yes=yes)


def _write(work: Workplace, stack: str, out: Path, console: Console) -> None:
    from operate.backups import find_scheduler  # noqa: PLC0415 - loads Docker's library
    from operate.passphrase import find_passphrase  # noqa: PLC0415 - only here
    from operate.recovery import RecoveryRefused, make_kit, write_kit  # noqa: PLC0415 - as above

    passphrase = find_passphrase(work.root, work.environ)
    if passphrase is None:
        raise RecoveryRefused(f"the passphrase of stack {stack} is not on this machine")
    write_kit(make_kit(find_scheduler(work.docker_client(stack), work.project, stack), passphrase.value), out)
    console.good(f"{out}: whoever has it can read all backups. Keep it away from this host, and away from them")


def _recover(  # noqa: PLR0917 - one a choice of the user's
    work: Workplace, file: Path, wanted: str | None, engine: str, console: Console, yes: bool
) -> None:
    from cli.deploy import Deployment, deploy  # noqa: PLC0415 - loads the engines
    from operate.recovery import RecoveryRefused, read_kit, refuse_what_is_there  # noqa: PLC0415 - as above

    kit = read_kit(file)
    folder = work.backend.folder
    if folder is None:
        raise RecoveryRefused(f"the state goes into files of this machine, and the backend is {work.backend.url}")
    client = work.docker_client()
    refuse_what_is_there(client, kit)
    chosen = _fetch(work, client, kit, wanted, folder, console, yes=yes)
    asked = Deployment(
        stack=kit.stack, engine=engine, yes=True, refresh=True, backup=False, rollback=False, message="recover"
    )
    deploy(work, asked)
    _restore(work, kit, chosen, console)
    console.good(f"stack {kit.stack} is what it was in backup {chosen}")


def _fetch(  # noqa: PLR0917 - as above
    work: Workplace,
    client: docker.DockerClient,
    kit: Kit,
    wanted: str | None,
    folder: Path,
    console: Console,
    yes: bool,
) -> str:
    from operate.image_lock import own_reference  # noqa: PLC0415 - as above
    from operate.images import build_images  # noqa: PLC0415 - only here
    from operate.recovery import fetch_checkpoint, fetcher, newest, put_back  # noqa: PLC0415 - as above

    console.step("image of backups: built unless it is there")
    build_images(["backup"], client=client, folder=work.root / "images")
    with fetcher(client, kit, own_reference("backup")) as container:
        chosen = wanted or newest(container)
        console.confirm(f"Recover stack {kit.stack} on this host from backup {chosen}?", yes=yes)
        files = fetch_checkpoint(container, chosen)
    for name in put_back(files, kit, work.root, folder):
        console.step(f"written: {name}")
    return chosen


def _restore(work: Workplace, kit: Kit, chosen: str, console: Console) -> None:
    from cli.commands.restore import open_restore  # noqa: PLC0415 - loads Docker's library

    restore = open_restore(work, kit.stack, console)
    source = restore.choose(chosen, ())
    restore.run(source, f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    restore.forget()
    if source.left_out:
        console.step(f"not restored as a store: {', '.join(source.left_out)}")
