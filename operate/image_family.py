"""Which family of images this machine uses: the public ones where their registry answers, else Slipway's own.

The first answer is written down, because data follow it: the families differ in PostgreSQL's major version, and a
cluster does not start on another one.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import yaml

from operate import image_lock

if TYPE_CHECKING:
    from pathlib import Path

    import docker

STATE_FOLDER: Final = image_lock.IMAGES_FOLDER.parent / ".state"
"""Where this machine's decisions are kept; never in git."""

MACHINE_FILE: Final = "machine.yaml"
_PROBE_SECONDS: Final = 5.0
_PROBE_ROLE: Final = "postgres"


class Family(StrEnum):
    """Where images come from."""

    OFFICIAL = "official"
    DEBIAN = "debian"


@dataclass(frozen=True)
class FamilyDecision:
    """A family and the reason for it, as a sentence for the user."""

    family: Family
    why: str


class MachineFileError(Exception):
    """The machine file does not say a family that exists; the text says what to write."""


def recorded_family(state_folder: Path = STATE_FOLDER) -> FamilyDecision | None:
    """Return what was decided before, None where nothing was.

    Raises:
        MachineFileError: the file cannot be used.
    """
    file = state_folder / MACHINE_FILE
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        return None
    except yaml.YAMLError as error:
        raise MachineFileError(f"{file} is not YAML: {error}") from error
    images = content.get("images") if isinstance(content, dict) else None
    family = images.get("family") if isinstance(images, dict) else None
    if family is None:
        return None
    if family not in list(Family):
        allowed = " or ".join(Family)
        raise MachineFileError(f"{file}: images.family is {family!r}; it must be {allowed}")
    return FamilyDecision(Family(family), f"{MACHINE_FILE} says so")


def detect_family(
    client: docker.DockerClient,
    state_folder: Path = STATE_FOLDER,
    folder: Path = image_lock.IMAGES_FOLDER,
    timeout_seconds: float = _PROBE_SECONDS,
) -> FamilyDecision:
    """Return the family recorded for this machine; where there is none, find out and record it.

    The public images are taken when all of them are here already or their registry answers for one of them within
    `timeout_seconds`.

    Raises:
        MachineFileError: the recorded decision cannot be used.
        OSError: the decision cannot be written.
    """
    recorded = recorded_family(state_folder)
    if recorded is not None:
        return recorded
    decision = _probe(client, folder, timeout_seconds)
    _record(decision, state_folder / MACHINE_FILE)
    return decision


def _probe(client: docker.DockerClient, folder: Path, timeout_seconds: float) -> FamilyDecision:
    lock = image_lock.read_lock(folder)
    usual = [role for role in lock if role != image_lock.BASE and not image_lock.on_request(role, folder)]
    public = [lock[role][Family.OFFICIAL] for role in usual]
    public = [reference for reference in public if not reference.startswith(image_lock.OWN)]
    if all(_is_here(client, reference) for reference in public):
        return FamilyDecision(Family.OFFICIAL, "the pinned public images are on this machine")
    reference = lock[_PROBE_ROLE][Family.OFFICIAL]
    shown = reference.partition("@")[0]
    problem = _ask_registry(client, reference, timeout_seconds)
    if problem is None:
        return FamilyDecision(Family.OFFICIAL, f"the registry of {shown} answers")
    return FamilyDecision(Family.DEBIAN, f"{shown} cannot be pulled here: {problem}")


def _is_here(client: docker.DockerClient, reference: str) -> bool:
    import docker.errors  # noqa: PLC0415  (slow to load; most commands need no Docker)

    try:
        client.images.get(reference)
    except docker.errors.ImageNotFound:
        return False
    return True


def _ask_registry(client: docker.DockerClient, reference: str, timeout_seconds: float) -> str | None:
    """Return why the daemon cannot get an image's manifest, None where it can.

    The daemon does the asking, since it would do the pulling. It has no time limit of its own to set, so the
    question is put in a thread that is not waited for beyond the limit.
    """
    import docker.errors  # noqa: PLC0415  (as above)

    answers: list[str | None] = []

    def ask() -> None:
        try:
            client.api.inspect_distribution(reference)  # type: ignore[no-untyped-call]  # types-docker leaves it out
        except docker.errors.APIError as error:
            answers.append(str(error.explanation or error))
        except (docker.errors.DockerException, OSError) as error:
            answers.append(str(error))
        else:
            answers.append(None)

    thread = threading.Thread(target=ask, name="registry-probe", daemon=True)
    thread.start()
    thread.join(timeout_seconds)
    return answers[0] if answers else f"its registry does not answer within {timeout_seconds:g} s"


def _record(decision: FamilyDecision, file: Path) -> None:
    """Add the decision to the machine file, keeping what else stands in it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    old = file.read_text(encoding="utf-8") if file.exists() else ""
    day = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    why = " ".join(decision.why.split())
    entry = (
        f"  # {day}: {why}.\n  # Databases made with one family do not start on the other: back up before a change.\n"
    )
    entry += f"  family: {decision.family}\n"
    lines = old.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    heading = next((index for index, line in enumerate(lines) if line.rstrip() == "images:"), None)
    if heading is None:
        lines += ["images:\n", entry]
    else:
        lines.insert(heading + 1, entry)
    scratch = file.with_suffix(".yaml.partial")
    scratch.write_text("".join(lines), encoding="utf-8")
    scratch.replace(file)
