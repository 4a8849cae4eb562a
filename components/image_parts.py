"""Which images a platform's containers run, as the resources that bring or build them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.images import ImageBuild, Images, ImagesArgs
from settings.monitoring import watchers
from settings.parts import built_image, stores, workloads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from settings.catalogue import Catalogue
    from settings.load import Loaded


def make_images(loaded: Loaded, catalogue: Catalogue) -> Images:
    """Register every image that the platform names, and those that it builds."""
    kept, apart = _versions(loaded)
    return Images(
        "images",
        ImagesArgs(
            references=[reference for reference in _references(loaded, catalogue) if reference],
            kept=kept,
            apart=apart,
            builds={
                built_image(loaded.project, loaded.described_name(name), workload.build): ImageBuild(
                    context=workload.build.context,
                    dockerfile=workload.build.dockerfile,
                    target=workload.build.target,
                    args=workload.build.args,
                )
                for _, name, workload in workloads(loaded.platform)
                if workload.build
            },
        ),
    )


def _references(loaded: Loaded, catalogue: Catalogue) -> Iterator[str | None]:
    platform = loaded.platform
    yield from (store.image for _, _, store in stores(platform))
    yield from (server.keeper_image for server in platform.model_servers.values())
    yield from (workload.image for _, _, workload in workloads(platform))
    if platform.gateway is not None:
        yield platform.gateway.image
        if platform.gateway.tls is not None and platform.gateway.tls.acme is not None:
            yield platform.gateway.tls.acme.image
    if platform.backups is not None:
        yield platform.backups.image
    yield from (watcher.image for _, watcher in watchers(platform))
    carrier = catalogue.find("carrier", platform.images.family)
    yield carrier.reference if carrier else None


def _versions(loaded: Loaded) -> tuple[frozenset[str], frozenset[str]]:
    """Return the images that keep their resources while two versions of a service run, and those that are set apart."""
    kept: set[str] = set()
    apart: set[str] = set()
    services = loaded.platform.services
    for versions in loaded.versions.values():
        pair = [str(services[name].image) for name in versions.slots if name in services]
        kept |= set(pair[:1])
        apart |= set(pair) if versions.blue_green else set(pair) - set(pair[:1])
    return frozenset(kept), frozenset(apart)
