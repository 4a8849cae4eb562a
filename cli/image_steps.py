"""The images of a deployment: which family this machine uses, and building what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operate.images import Remedy, build_images, detect_family, missing_images, recorded_family
from operate.platform_view import catalogue_roles

if TYPE_CHECKING:
    import docker

    from cli.console import Console
    from cli.workplace import Workplace
    from settings import Loaded


def decide_family(work: Workplace, loaded: Loaded, client: docker.DockerClient, console: Console) -> bool:
    """Find out once which family of images this machine uses, unless the description says so.

    Returns:
        Whether that is news, so that the description must be loaded again.
    """
    said = loaded.origins.get("images.family")
    if (said is not None and said.layer != "default") or recorded_family(work.state_folder) is not None:
        return False
    decision = detect_family(client, work.state_folder, work.root / "images")
    console.step(f"images: family {decision.family} ({decision.why}); noted in .state/machine.yaml")
    return True


def provide_images(work: Workplace, loaded: Loaded, client: docker.DockerClient, console: Console) -> None:
    """Build the images of this platform that are Slipway's own and missing; the engine pulls the others.

    Raises:
        ImageBuildError: One could not be built.
    """
    folder = work.root / "images"
    roles = catalogue_roles(loaded)
    if not roles:
        return
    missing = missing_images(str(loaded.platform.images.family), roles, client, folder)
    to_build = [image.name for image in missing if image.remedy is Remedy.BUILD]
    if not to_build:
        return
    console.step(f"images: building {', '.join(to_build)} (once; a minute or two)")
    build_images(to_build, lambda line: console.step(f"  {line}"), client, folder)
