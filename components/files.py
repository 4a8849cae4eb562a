"""Files for containers whose root filesystem is read-only: volumes with immutable content.

A container that is created and never started carries the files into a volume, whose label is a hash of the content: new
content makes a new volume, so what mounts it is replaced, and the old one goes last. Nothing that runs ever sees a file
change or half a file.

Files are mode 0444: Docker's provider can't give an uploaded file to a user id, and the volume is mounted by one
workload only, whose processes share one user.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import posixpath
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_docker as docker
import pulumi_random as random

from components import labels
from components.args import Dependency, VolumeMount
from components.carrier import Binary, make_carrier

_KEY_LENGTH = 32
_DIGITS = 16


@dataclass(frozen=True, kw_only=True)
class SecretFilesArgs:
    """Arguments of :class:`SecretFiles`."""

    files: Mapping[str, pulumi.Input[str] | Binary]
    """Content by absolute path in the container that will mount them; never empty."""
    image: pulumi.Input[str]
    """Image of the never-started carrier; what stands in it at the files' folders is copied beside them."""
    image_folders: bool = False
    """Whether the image's own files in those folders matter: a new image then makes new volumes too."""
    secret: bool = True
    """Whether all of the content is secret. False keeps plain configuration readable in previews; a secret Output in it
    stays secret."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of volumes and carrier."""
    key: pulumi.Input[str] | None = None
    """Secret with which content is hashed for the volumes' label; many may share one. Default: a generated one."""


class SecretFiles(pulumi.ComponentResource):
    """Files in volumes, one volume a folder, that workloads mount read-only.

    The hash of secret content is keyed, so that a label gives nothing away about a weak secret.
    """

    mounts: Sequence[VolumeMount]
    """The volumes to mount, each at its files' folder."""
    ready: Sequence[Dependency]
    """What must be there before a container that mounts them starts."""

    def __init__(self, name: str, args: SecretFilesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slipway:index:SecretFiles", name, {}, opts)
        if not args.files:
            raise ValueError(f"SecretFiles {name}: files must not be empty")
        folders: dict[str, dict[str, pulumi.Input[str] | Binary]] = defaultdict(dict)
        for path, content in sorted(args.files.items()):
            if not path.startswith("/") or posixpath.dirname(path) == "/":
                raise ValueError(f"SecretFiles {name}: {path!r} must be an absolute path below a folder")
            if args.secret and isinstance(content, Binary):
                raise ValueError(f"SecretFiles {name}: {path!r} is no text, which secret files are")
            folders[posixpath.dirname(path)][path] = content
        contents = {path: _kept(value) if args.secret else value for path, value in args.files.items()}
        digest = self._digest(name, args, contents)
        volumes = {
            folder: docker.Volume(
                f"{name}-{_slug(folder)}",
                docker.VolumeArgs(
                    labels=[
                        *(docker.VolumeLabelArgs(label=key, value=value) for key, value in sorted(args.labels.items())),
                        docker.VolumeLabelArgs(label=labels.CONTENT, value=digest),
                    ]
                ),
                opts=pulumi.ResourceOptions(parent=self, delete_before_replace=False),
            )
            for folder in folders
        }
        carrier = make_carrier(
            f"{name}-carrier",
            image=args.image,
            folders={folder: volume.name for folder, volume in volumes.items()},
            files=[(path, contents[path]) for path in sorted(contents)],
            part_labels=args.labels,
            parent=self,
            # Another image alone must not fill the volumes again: they are in use, and would be rewritten in place.
            ignore_changes=None if args.image_folders else ["image"],
        )
        self.mounts = tuple(
            VolumeMount(volume_name=volume.name, path=folder, read_only=True) for folder, volume in volumes.items()
        )
        self.ready = (carrier,)
        self.register_outputs({"mounts": {mount.path: mount.volume_name for mount in self.mounts}})

    def _digest(
        self, name: str, args: SecretFilesArgs, files: Mapping[str, pulumi.Input[str] | Binary]
    ) -> pulumi.Output[str]:
        contents = {path: value.base64 if isinstance(value, Binary) else value for path, value in files.items()}
        image = args.image if args.image_folders else ""
        # A promised value in plain configuration may be, or hold, a secret.
        if not args.secret and all(isinstance(value, str) for value in contents.values()):
            return pulumi.Output.all(contents=contents, image=image).apply(
                lambda known: hashlib.sha256(_canonical(known)).hexdigest()[:_DIGITS]
            )
        key = args.key if args.key is not None else make_key(f"{name}-key", parent=self)
        return _keyed({"contents": contents, "image": image}, key)


def _kept(content: pulumi.Input[str] | Binary) -> pulumi.Input[str] | Binary:
    return content if isinstance(content, Binary) else pulumi.Output.secret(content)


def content_digest(contents: Mapping[str, pulumi.Input[str]], key: pulumi.Input[str] | None) -> pulumi.Output[str]:
    """Return a hash of files' contents by name that may stand in plain sight.

    Args:
        contents: Content by name; promised values may be secret.
        key: Secret with which promised ones are hashed; needed if there are any.
    """
    if key is None or all(isinstance(value, str) for value in contents.values()):
        return pulumi.Output.all(**contents).apply(
            lambda known: hashlib.sha256(_canonical(known)).hexdigest()[:_DIGITS]
        )
    return _keyed({"contents": contents}, key)


def _keyed(content: Mapping[str, Any], key: pulumi.Input[str]) -> pulumi.Output[str]:
    digest = pulumi.Output.all(content=content, key=key).apply(
        lambda known: hmac.new(known["key"].encode(), _canonical(known["content"]), "sha256").hexdigest()[:_DIGITS]
    )
    return pulumi.Output.unsecret(digest)


def make_key(name: str, *, parent: pulumi.Resource | None) -> pulumi.Output[str]:
    """Register a secret with which contents are hashed."""
    key = random.RandomPassword(
        name,
        random.RandomPasswordArgs(length=_KEY_LENGTH, special=False),
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return pulumi.Output.secret(key.result)


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _slug(folder: str) -> str:
    """Name a folder so that no two have one name, in characters that Docker allows in a volume's name."""
    escaped = re.sub(
        r"[^A-Za-z0-9./]", lambda match: f"_{match[0] if match[0] in '-_' else hex(ord(match[0]))}", folder
    )
    return escaped.strip("/").replace("/", "-")
