"""A stack's checkpoint file: reading, checking and writing it as the Pulumi CLI does."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from engine.errors import StackNotFound, StateDamaged, UnsupportedFeature
from engine.state import Entry, now, read_entry
from engine.urn import split_reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from engine.backend import Backend
    from engine.crypto import Crypter

VERSION: Final = "v3.260.0"
"""The CLI version whose state format this is; it stands in the manifest of checkpoints that had none."""
_KNOWN_FEATURES: Final = frozenset({"replaceWith", "taint", "refreshBeforeUpdate"})
_LATEST: Final = frozenset({"manifest", "secrets_providers", "resources", "pending_operations", "metadata"})
_NEWEST_SCHEMA: Final = 4


@dataclass(frozen=True)
class Pending:
    """An operation that was under way when the file was written: ``creating``, ``updating``, ``deleting``."""

    entry: Entry
    type: str


@dataclass
class Checkpoint:
    """What the file says, secrets opened."""

    manifest: dict[str, Any] = field(default_factory=dict)
    salt: str = ""
    """Of the secrets in the file; empty if it says nothing of secrets."""
    resources: list[Entry] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    """Keys of the file that this engine has no use for and keeps."""

    def live(self) -> dict[str, Entry]:
        """The entries by URN, without those that wait for their deletion."""
        return {entry.urn: entry for entry in self.resources if not entry.delete}


def exists(backend: Backend) -> bool:
    """Whether the backend has the stack."""
    return any(_variants(backend))


def _variants(backend: Backend) -> list[Any]:
    names = (f"{backend.stack}.json", f"{backend.stack}.json.gz", f"{backend.stack}.json.zst")
    found = [backend.stacks / name for name in names if (backend.stacks / name).exists()]
    return sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def read_raw(backend: Backend) -> dict[str, Any]:
    """The file's ``checkpoint`` object. Raises StackNotFound, StateDamaged or UnsupportedFeature."""
    variants = _variants(backend)
    if not variants:
        raise StackNotFound(f"no stack named {backend.stack!r} of project {backend.project!r} in {backend.home}")
    path = variants[0]
    if path.suffix == ".zst":
        raise UnsupportedFeature(f"The compressed checkpoint {path}")
    try:
        content = path.read_bytes()
        file = json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)
        version, raw = file["version"], file["checkpoint"]
        latest = raw.get("latest") or {}
        manifest = latest.get("manifest") or {}
    except (OSError, EOFError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise StateDamaged(
            f"{path} can't be read as a checkpoint ({error}); {path.name}.bak is the one before"
        ) from error
    if version > _NEWEST_SCHEMA:
        raise UnsupportedFeature(f"A checkpoint of version {version}")
    if unknown := sorted(set(file.get("features") or ()) - _KNOWN_FEATURES):
        raise UnsupportedFeature(f"A checkpoint that uses {', '.join(unknown)}")
    if latest and manifest.get("magic", "") != magic(manifest.get("version", "")):
        raise StateDamaged(
            f"{path}: the manifest's magic does not belong to its version; the file was edited or damaged"
        )
    if damage := (latest.get("metadata") or {}).get("integrity_error"):
        raise StateDamaged(f"{path}: the last write left it inconsistent: {damage.get('error', damage)}")
    return dict(raw)


def salt_of(raw: dict[str, Any]) -> str:
    """The salt that the file's secrets were written with; empty if it names no secrets provider."""
    providers = (raw.get("latest") or {}).get("secrets_providers") or {}
    if not providers:
        return ""
    if providers.get("type") != "passphrase":
        raise UnsupportedFeature(f"The secrets provider {providers.get('type')}")
    return str(providers["state"]["salt"])


def parse(raw: dict[str, Any], crypter: Crypter | None) -> Checkpoint:
    """The file's content; raises StateDamaged if an invariant does not hold."""
    latest = raw.get("latest") or {}
    checkpoint = Checkpoint(
        manifest=latest.get("manifest") or {},
        salt=salt_of(raw),
        resources=[read_entry(data, crypter) for data in latest.get("resources") or ()],
        pending=[
            Pending(read_entry(data["resource"], crypter), data["type"])
            for data in latest.get("pending_operations") or ()
        ],
        metadata=latest.get("metadata") or {},
        extra={key: value for key, value in latest.items() if key not in _LATEST},
    )
    for entry in checkpoint.resources:
        for key in ("viewOf", "resourceHooks", "extensionRef", "snippetID"):
            if entry.extra.get(key):
                raise UnsupportedFeature(f"{key} of {entry.urn}")
    verify(checkpoint.resources)
    return checkpoint


def magic(version: str) -> str:
    """The manifest's check value of a version."""
    return hashlib.sha256(version.encode()).hexdigest() if version else ""


def compose(
    name: str, base: Checkpoint, salt: str, *, resources: Iterable[str], pending: Iterable[str], features: Sequence[str]
) -> bytes:
    """The bytes of the file of the stack of this full name, from entries that are JSON text already."""
    version = base.manifest.get("version") or VERSION
    latest: dict[str, Any] = {"manifest": {"time": now(), "magic": magic(version), "version": version}}
    if salt:
        latest["secrets_providers"] = {"type": "passphrase", "state": {"salt": salt}}
    parts = [dump(latest)[1:-1]]
    parts += [f'"{key}":[{text}]' for key, text in _lists(resources=resources, pending_operations=pending) if text]
    parts.append(f'"metadata":{dump({k: v for k, v in base.metadata.items() if k != "integrity_error"})}')
    parts += [f"{dump(key)}:{dump(value)}" for key, value in base.extra.items()]
    head = f'"version":4,"features":{dump(list(features))}' if features else '"version":3'
    return f'{{{head},"checkpoint":{{"stack":{dump(name)},"latest":{{{",".join(parts)}}}}}}}\n'.encode()


def _lists(**texts: Iterable[str]) -> list[tuple[str, str]]:
    return [(key, ",".join(items)) for key, items in texts.items()]


def dump(value: Any) -> str:
    """Compact JSON, as the CLI writes checkpoints."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def features_of(resources: Sequence[Entry]) -> list[str]:
    """What makes the CLI need schema version 4 to read these entries."""
    tests: dict[str, Callable[[Entry], Any]] = {
        "refreshBeforeUpdate": lambda entry: entry.extra.get("refreshBeforeUpdate"),
        "replaceWith": lambda entry: entry.replace_with,
        "taint": lambda entry: entry.taint,
    }
    return [name for name, test in tests.items() if any(test(entry) for entry in resources)]


def save(backend: Backend, content: bytes) -> None:
    """Replace the stack's file, keeping the one before as ``.bak``."""
    path = backend.checkpoint
    backend.keep_previous(path)
    backend.write(path, content)
    for variant in _variants(backend):
        if variant != path:  # the newest of the variants counts, so a compressed one would come back one day
            variant.unlink()


def save_empty(backend: Backend) -> None:
    """Make a stack that has nothing yet, as ``pulumi stack init`` does."""
    backend.prepare()
    backend.write(
        backend.checkpoint, f'{{"version":3,"checkpoint":{{"stack":{dump(backend.qualified_name)}}}}}\n'.encode()
    )


def verify(resources: Sequence[Entry]) -> None:
    """Raise StateDamaged unless everything that an entry refers to stands before it and no URN lives twice."""
    seen: set[str] = set()
    providers: set[str] = set()
    for entry in resources:
        if not entry.urn or not entry.type:
            raise StateDamaged("an entry of the state has no URN or no type")
        if entry.id and not entry.custom:
            raise StateDamaged(f"the component {entry.urn} has an id")
        if entry.provider and entry.provider not in providers and not entry.pending_replacement:
            raise StateDamaged(f"{entry.urn} refers to the unknown provider {entry.provider}")
        for urn in entry.dependency_urns():
            if urn not in seen and not (entry.pending_replacement and urn == split_reference(entry.provider)[0]):
                later = any(other.urn == urn for other in resources)
                raise StateDamaged(f"{entry.urn} depends on {urn}, which {'comes after it' if later else 'is missing'}")
        seen.add(entry.urn)
        if entry.is_provider:
            providers.add(f"{entry.urn}::{entry.id}")
    living = Counter(entry.urn for entry in resources if not entry.delete)
    if twice := [urn for urn, count in living.items() if count > 1]:
        raise StateDamaged(f"{twice[0]} stands twice in the state")
