"""A volume that holds data: it outlives its container, and the platform."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_docker as docker


def data_volume(
    name: str,
    *,
    parent: pulumi.Resource | None,
    volume_name: str | None,
    protect: bool,
    volume_labels: Mapping[str, str],
    driver: str = "local",
    driver_opts: Mapping[str, str] | None = None,
) -> docker.Volume:
    """Register a data volume.

    Relabelling a volume would delete it and its data, so labels and options count only when it is made. It stays on the
    host when the platform is destroyed (``slipway destroy --volumes`` removes it), and a volume that already has the
    fixed name is taken over with its data.
    """
    return docker.Volume(
        name,
        docker.VolumeArgs(
            name=volume_name,
            driver=driver,
            driver_opts=dict(driver_opts) if driver_opts else None,
            labels=[docker.VolumeLabelArgs(label=key, value=value) for key, value in sorted(volume_labels.items())],
        ),
        opts=pulumi.ResourceOptions(
            parent=parent,
            protect=protect or None,
            retain_on_delete=True,
            ignore_changes=["labels", "driverOpts"],
            delete_before_replace=volume_name is not None,
        ),
    )
