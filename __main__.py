"""The Pulumi program: load the description, compose the components, export what the platform is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pulumi

from components.composition import compose
from settings import SettingsError, StackSource, load_catalogue, load_platform, release_of

ROOT = Path(__file__).resolve().parent


async def main() -> dict[str, Any]:
    """Register the stack's resources and return what it exports."""
    config = pulumi.Config("slipway")
    source = StackSource(
        root=ROOT,
        project=pulumi.get_project(),
        stack=pulumi.get_stack(),
        blueprint=config.get("blueprint") or "starter",
        environment=config.get("environment"),
        overrides=config.get_object("overrides") or {},
        profiles=config.get_object("profiles") or [],
        rotations=config.get_object("rotations") or {},
        versions=config.get_object("versions") or {},
        secret_lookup=config.get,
        release=release_of(os.environ),
    )
    try:
        loaded = load_platform(source)
    except SettingsError as error:
        raise pulumi.RunError(str(error)) from None
    composition = compose(loaded, load_catalogue(ROOT), config.require_secret)
    await composition.registered()
    return dict(composition.exports)


pulumi.run(main)
