"""The checks across fields, one theme a module; each a small pure function from a description to findings.

None stops at the first error, none does I/O (the secrets' values come through the source's lookup), none prints a
secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from settings.checks import (
    backups,
    database_tls,
    gateway,
    hardening,
    images,
    jobs,
    kernel,
    models,
    monitoring,
    mounts,
    names,
    needs,
    networks,
    ports,
    references,
    replicas,
    resources,
    routes,
    secrets,
    stack_keys,
    stores,
    strategies,
    tls,
    workloads,
)
from settings.description import Description
from settings.problems import Finding
from settings.profiles import unknown_profiles

Check: TypeAlias = Callable[[Description], Iterable[Finding]]

PROFILE_CHECKS: Final[tuple[Check, ...]] = (
    lambda description: unknown_profiles(
        description.everything, description.source.profiles, description.profile_layers
    ),
    *stack_keys.CHECKS,
)
"""Checks of what the stack says rather than of a part."""
CHECKS: Final[tuple[Check, ...]] = (
    *names.CHECKS,
    *references.CHECKS,
    *needs.CHECKS,
    *networks.CHECKS,
    *ports.CHECKS,
    *replicas.CHECKS,
    *gateway.CHECKS,
    *routes.CHECKS,
    *strategies.CHECKS,
    *tls.CHECKS,
    *backups.CHECKS,
    *resources.CHECKS,
    *hardening.CHECKS,
    *kernel.CHECKS,
    *models.CHECKS,
    *mounts.CHECKS,
    *images.CHECKS,
    *jobs.CHECKS,
    *stores.CHECKS,
    *database_tls.CHECKS,
    *monitoring.CHECKS,
    *secrets.CHECKS,
    *workloads.CHECKS,
)
"""Checks of the parts and of what they have to do with each other."""
