"""Credentials that can be changed while they are in use, and values that are generated anew.

Every value after the first comes from a seed that nothing but the state holds, and a number: the same number always
gives the same value, so that a stack that is destroyed and deployed again has its credentials again. One value tells
nothing of another.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_random as random

from components.probes import script
from components.server_job import ServerJob, ServerJobArgs, run_at_server

PASSWORD_LENGTH: Final = 32
"""Of what is generated for a login."""
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

    @property
    def word(self) -> str:
        """What the scripts call it."""
        return "open" if self.is_open else "close"


@dataclass(frozen=True, kw_only=True)
class RotationArgs(ServerJobArgs):
    """What every rotated credential is told of its server."""

    step: Step
    """Where the rotation stands; its generation is at least 1."""
    host: str
    """Name of the server."""
    protect: bool = True
    """Whether deleting the seed is refused."""


@dataclass(frozen=True, kw_only=True)
class LoginArgs(RotationArgs):
    """Arguments of :class:`Login`; the image has ``psql``."""

    owner: str
    """The role that owns the database; rotated ones act as it."""
    owner_password: pulumi.Input[str]
    """Its own password, the first one."""
    database: str
    """Name of the database."""


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
        password = value_of(seed, f"login {generation}", PASSWORD_LENGTH)
        job = ServerJob(
            text=script("postgres-rotate.sh"),
            env={
                "PGHOST": args.host,
                "PGDATABASE": args.database,
                "PGCONNECT_TIMEOUT": "10",
                "OWNER": args.owner,
                "ADMIN": admin,
                "NEXT": self.role,
                "OTHER": role_of(args.owner, generation + 1),
                "STEP": args.step.word,
            },
            secrets={
                "owner": args.owner_password,
                "admin": value_of(seed, "admin", PASSWORD_LENGTH),
                "next": password,
            },
            what=f"rotation of {args.owner}",
            redeploy=args.step.number,
        )
        self.password = told(password, run_at_server(f"{name}-run", args, job, parent=self, files=name))
        self.register_outputs({"role": self.role})


def told(password: pulumi.Output[str], done: pulumi.Output[pulumi.Resource]) -> pulumi.Output[str]:
    """Promise a password (secret) once its server knows it."""
    known = done.apply(lambda _: True)
    return pulumi.Output.secret(pulumi.Output.all(password, known).apply(lambda both: str(both[0])))


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
