"""Credentials that can be changed while they are in use, and values that are generated anew.

Every value after the first comes from a seed that nothing but the state holds, and a number: the same number always
gives the same value, so that a stack that is destroyed and deployed again has its credentials again. One value tells
nothing of another.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import pulumi
import pulumi_docker as docker
import pulumi_random as random

from components.args import NetworkAttachment, WorkloadArgs
from components.container import make_container
from components.outcome import success_of
from components.probes import script
from components.workload import make_files

_SECRETS: Final = "/run/secrets"
_LENGTH: Final = 32
_SEED_LENGTH: Final = 64
_LONGEST_ROLE: Final = 55
"""PostgreSQL cuts names at 63 bytes, and the roles of a rotation add a few."""


@dataclass(frozen=True)
class Step:
    """Where a rotation stands, by its number of steps: it opens, and closes when all clients have moved."""

    number: int
    """Steps done: 0 for none, odd while two credentials are valid, even when one is."""

    @property
    def generation(self) -> int:
        """Which credential clients use; 0 is the first."""
        return (self.number + 1) // 2

    @property
    def is_open(self) -> bool:
        """Whether the credential before is valid too."""
        return self.number % 2 == 1


@dataclass(frozen=True, kw_only=True)
class LoginArgs:
    """Arguments of :class:`Login`."""

    step: Step
    """Where the rotation stands; its generation is at least 1."""
    owner: str
    """The role that owns the database; rotated ones act as it."""
    owner_password: pulumi.Input[str]
    """Its own password, the first one."""
    database: str
    """Name of the database."""
    host: str
    """Name of the server."""
    server: docker.Container
    """The server."""
    image: pulumi.Input[str]
    """An image with ``psql``."""
    user: str
    """Numeric ``uid:gid``."""
    networks: Sequence[NetworkAttachment]
    """Networks of the server."""
    protect: bool = True
    """Whether deleting the seed is refused."""
    files_image: pulumi.Input[str] | None = None
    """Image of the never-started containers that carry files."""
    files_key: pulumi.Input[str] | None = None
    """Secret with which files are hashed for a label."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of its container."""


class Login(pulumi.ComponentResource):
    """The login role of a generation, made ready on a running server by a container that runs once for each step."""

    role: str
    """The role that clients log in as."""
    password: pulumi.Output[str]
    """Its password (secret), promised once the server knows it."""

    def __init__(self, name: str, args: LoginArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slipway:index:Login", name, {}, opts)
        seed = make_seed(f"{name}-seed", parent=self, protect=args.protect)
        generation = args.step.generation
        self.role = role_of(args.owner, generation)
        admin = f"{args.owner[:_LONGEST_ROLE]}_rotate"
        password = value_of(seed, f"login {generation}", _LENGTH)
        job = WorkloadArgs(
            image=args.image,
            user=args.user,
            entrypoint=["sh", "-c", script("postgres-rotate.sh")],
            command=[],
            env={
                "PGHOST": args.host,
                "PGDATABASE": args.database,
                "PGCONNECT_TIMEOUT": "10",
                "OWNER": args.owner,
                "ADMIN": admin,
                "NEXT": self.role,
                "OTHER": role_of(args.owner, generation + 1),
                "STEP": "open" if args.step.is_open else "close",
            },
            secret_files={
                f"{_SECRETS}/owner": args.owner_password,
                f"{_SECRETS}/admin": value_of(seed, "admin", _LENGTH),
                f"{_SECRETS}/next": password,
            },
            networks=[replace(network, aliases=()) for network in args.networks],
            needs=[args.server],
            memory_mib=64,
            files_image=args.files_image,
            files_key=args.files_key,
            labels=args.labels,
        )
        files = make_files(name, job, parent=self)
        container = make_container(
            f"{name}-run",
            job,
            role="job",
            parent=self,
            extra_volumes=files.mounts,
            needs=files.ready,
            one_shot=True,
            timeout_s=60.0,
            redeploy=args.step.number,
        )
        done = success_of(container, f"rotation of {args.owner}", job.secret_files.values()).apply(lambda _: True)
        self.password = pulumi.Output.secret(pulumi.Output.all(password, done).apply(lambda known: str(known[0])))
        self.register_outputs({"role": self.role})


def role_of(owner: str, generation: int) -> str:
    """Return the login role of a generation: two take turns after the owner itself."""
    return owner if generation == 0 else f"{owner[:_LONGEST_ROLE]}_{1 if generation % 2 else 2}"


def make_seed(name: str, *, parent: pulumi.Resource | None, protect: bool) -> pulumi.Output[str]:
    """Register the secret from which the later values of a credential come."""
    seed = random.RandomPassword(
        name,
        random.RandomPasswordArgs(length=_SEED_LENGTH, special=False),
        opts=pulumi.ResourceOptions(parent=parent, protect=protect or None),
    )
    return pulumi.Output.secret(seed.result)


def value_of(seed: pulumi.Output[str], purpose: str, length: int) -> pulumi.Output[str]:
    """Return the value for a purpose, in hexadecimal digits; at most 128 characters."""
    return pulumi.Output.secret(
        seed.apply(lambda known: hmac.new(known.encode(), purpose.encode(), hashlib.sha512).hexdigest()[:length])
    )
