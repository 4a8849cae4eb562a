"""``slipway status``: what runs and whether it is well."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from cli import options
from cli.console import Console
from cli.exit_codes import ExitCode
from cli.status_text import certificates_table, replicas_table, versions_table
from operate.backups import PART, BackupFailed, find_scheduler_if_any
from operate.maintenance import closed
from operate.moments import told
from operate.status import read_status

if TYPE_CHECKING:
    from collections.abc import Mapping

    import docker

    from cli.workplace import Workplace
    from operate.certificates import ServedCertificate
    from operate.status import Status
    from operate.version_status import RunningVersion

_HTTPS: Final = "->8443/tcp"
_LOG_LINES: Final = 5


@click.command("status", epilog="Example: slipway status --stack prod --json")
@options.stack
@options.json_output
@click.pass_obj
def command(work: Workplace, *, stack: str, as_json: bool) -> None:
    """Show what runs and whether it is well, compared with the stack's state, and the certificates that are served.

    Exit codes: 0 everything is well, 1 something is missing, stopped, unhealthy or expired, or nothing is deployed.
    """
    console = Console(json_mode=as_json)
    client = work.docker_client(stack)
    status = read_status(client, work.project, stack, work.local_view(stack))
    status = replace(
        status,
        certificates=_certificates(work, stack, status),
        closed=_closed(work, stack, status),
        versions=_versions(work, stack, status),
        backups=_backups(work, stack, status),
    )
    if as_json:
        click.echo(json.dumps(status.to_dict(), indent=2))
    else:
        _tell(console, status)
        _tell_stories(console, client, status)
    if status.troubles or not status.deployed:
        raise click.exceptions.Exit(ExitCode.FAILED)


def _tell_stories(console: Console, client: docker.DockerClient, status: Status) -> None:
    """Let what is not well, or was restarted lately, speak for itself: exit code, health check, last log lines."""
    from operate.diagnosis import story  # noqa: PLC0415 - only where something is wrong

    for replica in (item for part in status.parts for item in part.replicas):
        lately = replica.well and replica.restarted_lately(datetime.now(UTC))
        if lately:
            console.warn(f"{replica.part}-{replica.replica} was restarted {replica.restarts} times, and again just now")
        if (lately or not (replica.well or replica in status.held)) and (said := story(client, replica.id, _LOG_LINES)):
            console.say("\n".join(f"  {line}" for line in said.splitlines()))


def _certificates(work: Workplace, stack: str, status: Status) -> tuple[ServedCertificate, ...]:
    """Ask for certificates where a gateway runs that serves HTTPS on this machine."""
    serves = any(
        replica.kind == "gateway" and replica.well and any(port.endswith(_HTTPS) for port in replica.ports)
        for part in status.parts
        for replica in part.replicas
    )
    loaded = work.load_if_possible(stack) if serves else None
    if loaded is None or loaded.platform.gateway is None:
        return ()
    from operate.certificates import served_certificates  # noqa: PLC0415 - imports settings, and with it pydantic

    return served_certificates(loaded.platform.gateway)


def _versions(work: Workplace, stack: str, status: Status) -> tuple[RunningVersion, ...]:
    """Look up what serves where containers of two versions are there."""
    if not any(replica.slot for part in status.parts for replica in part.replicas):
        return ()
    loaded = work.load_if_possible(stack)
    if loaded is None:
        return ()
    from operate.version_status import running_versions  # noqa: PLC0415 - imports settings, and with it pydantic

    return running_versions(loaded)


def _closed(work: Workplace, stack: str, status: Status) -> tuple[str, ...]:
    """Ask a gateway that runs which services are in maintenance."""
    if not any(replica.kind == "gateway" and replica.well for part in status.parts for replica in part.replicas):
        return ()
    return tuple(closed(work.docker_client(stack), work.project, stack))


def _backups(work: Workplace, stack: str, status: Status) -> Mapping[str, Any] | None:
    """Ask the container that makes backups, where it runs, how the last ones ended."""
    if not any(part.name == PART and part.well for part in status.parts):
        return None
    scheduler = find_scheduler_if_any(work.docker_client(stack), work.project, stack)
    try:
        return None if scheduler is None else dict(scheduler.ask("status"))
    except BackupFailed:
        return None  # it is not well, which the table says


def _tell_backups(console: Console, backups: Mapping[str, Any]) -> None:
    """Say from when there is something to restore."""
    if not backups:
        return
    verified = backups.get("last_verified")
    console.step(f"newest verified backup: {verified['id']}" if verified else "no backup was verified yet")
    for name, known in (backups.get("point_in_time") or {}).get("databases", {}).items():
        console.step(told(name, known))


def _tell(console: Console, status: Status) -> None:
    if not status.deployed:
        console.say(f"stack {status.stack}: nothing is deployed. slipway up --stack {status.stack}")
        return
    replicas_table(console, status)
    certificates_table(console, status)
    versions_table(console, status)
    done = [job for job in status.one_shots if job.exit_code == 0]
    summary = [f"{len(done)} of {len(status.one_shots)} one-shot containers succeeded"] if status.one_shots else []
    summary += [f"{status.carriers} file carriers"] if status.carriers else []
    if summary:
        console.step(", ".join(summary))
    if status.closed:
        names = "every service" if "" in status.closed else ", ".join(status.closed)
        console.warn(f"in maintenance: {names} (slipway maintenance off --stack {status.stack})")
    _tell_backups(console, status.backups or {})
    if status.held:
        console.step(f"held for the backup that runs: {', '.join(replica.title for replica in status.held)}")
    if status.superseded:
        names = ", ".join(status.superseded)
        console.warn(f"left by a release that did not end; may still serve, and goes when slipway up succeeds: {names}")
    if status.leftovers:
        console.warn(f"not in the state, left by an interrupted operation: {', '.join(status.leftovers)}")
    if not status.known:
        console.step("the state is not in files of this machine, so nothing is known of what should run beside this")
    if status.troubles:
        for trouble in status.troubles:
            click.secho(f"  {trouble}", fg="red")
    else:
        console.good("everything is well")
