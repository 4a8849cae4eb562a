"""Checks of one stack: description, passphrase, state, lock, ports."""

from __future__ import annotations

import hashlib
import json
import stat
from typing import TYPE_CHECKING, Any

from operate.backend import STATE_FOLDER
from operate.checks import Check, fail, ok, warn
from operate.locks import lock_holders
from operate.passphrase import PassphraseError, find_passphrase
from operate.platform_view import host_ports
from operate.ports import listeners, own_ports, owner, taken
from operate.stack_view import StateUnreadable, read_local, state_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import docker

    from settings import Loaded


def check_passphrase(root: Path, environ: Mapping[str, str], stack: str, *, encrypted: bool) -> Check:
    """Whether the passphrase is there, and only for its owner to read."""
    try:
        found = find_passphrase(root, environ)
    except PassphraseError as error:
        return fail("passphrase", str(error), f"mend PULUMI_CONFIG_PASSPHRASE_FILE or {STATE_FOLDER}/passphrase")
    if found is None:
        if encrypted:
            fix = f"put it into {STATE_FOLDER}/passphrase, or set PULUMI_CONFIG_PASSPHRASE"
            return fail("passphrase", f"stack {stack} is encrypted with one that is not on this machine", fix)
        return ok("passphrase", f"none yet; the first deployment generates {STATE_FOLDER}/passphrase")
    if found.file is not None and found.file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return warn("passphrase", f"{found.file} can be read by others", f"chmod 600 {found.file}")
    return ok("passphrase", f"from {found.source}")


def check_lock(folder: Path, project: str, stack: str) -> Check:
    """Whether an operation holds the stack's lock."""
    holders = lock_holders(folder, project, stack)
    if holders:
        who = "; ".join(holder.text for holder in holders)
        return warn("lock", f"held by {who}", f"wait for it; if it has certainly ended: slipway cancel --stack {stack}")
    return ok("lock", "free")


def check_state(folder: Path, project: str, stack: str) -> Check:
    """Whether the state can be read, is whole, and has no interrupted operation in it."""
    file = state_file(folder, project, stack)
    if file is None:
        return ok("state", f"stack {stack} is not deployed yet")
    restore = f"cp {file}.bak {file}, after looking at both"
    try:
        view = read_local(folder, project, stack)
    except StateUnreadable as error:
        return fail("state", str(error), restore)
    if file.suffix == ".json" and (problem := _damage(json.loads(file.read_bytes()))):
        return fail("state", f"{file}: {problem}", restore)
    if view is not None and view.pending:
        text = f"{len(view.pending)} operations were interrupted"
        return warn("state", text, f"slipway up --stack {stack} finishes them")
    return ok("state", f"{view.resources if view else 0} resources, whole")


def _damage(document: Any) -> str:
    """Say which of Pulumi's own rules a checkpoint breaks; nothing if it breaks none."""
    latest = document["checkpoint"].get("latest") or {}
    manifest = latest.get("manifest") or {}
    version = manifest.get("version", "")
    if latest and manifest.get("magic", "") != (hashlib.sha256(version.encode()).hexdigest() if version else ""):
        return "the manifest's magic does not fit its version: edited by hand?"
    seen: set[str] = set()
    for entry in latest.get("resources") or ():
        needed = {*(entry.get("dependencies") or ()), *([entry["parent"]] if entry.get("parent") else [])}
        if lost := sorted(needed - seen):
            return f"{entry['urn']} refers to {lost[0]}, which does not stand before it"
        seen.add(entry["urn"])
    return ""


def check_ports(loaded: Loaded, client: docker.DockerClient, *, local: bool) -> Check:
    """Whether the ports that the stack publishes are free, or its own already."""
    wanted = host_ports(loaded.platform)
    if not wanted:
        return ok("ports", "none is published")
    text = ", ".join(str(port) for port in wanted)
    if not local:
        return ok("ports", f"{text} (not looked at: Docker runs on another machine)")
    mine = own_ports(client, loaded.project, loaded.stack)
    clashes = taken((port for port in wanted if (port.port, port.protocol) not in mine), listeners())
    if clashes:
        who = "; ".join(f"{port} by {owner(listener, client)}" for port, listener in clashes)
        return fail("ports", f"in use: {who}", "stop that, or publish another port: gateway.publish of this stack")
    return ok("ports", f"{text} {'are' if len(wanted) > 1 else 'is'} free or this stack's own")
