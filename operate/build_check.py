"""Whether the folders that images are built from are there, asked before anything is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operate.errors import OperateError

if TYPE_CHECKING:
    from pathlib import Path

    from settings import Platform


class NothingToBuild(OperateError):  # noqa: N818 - named as what it reports
    """A build's folder or Dockerfile is not there."""

    exit_code = 2


def check_builds(platform: Platform, root: Path) -> None:
    """Look for every ``build``'s folder and Dockerfile.

    Raises:
        NothingToBuild: Some are missing; all are named.
    """
    missing = []
    for section in ("services", "workers", "jobs"):
        for name, workload in getattr(platform, section).items():
            if workload.build is None:
                continue
            folder = root / workload.build.context
            place = f"{section}.{name}.build"
            if not folder.is_dir():
                missing.append(f"{place}.context: there is no folder {workload.build.context}")
            elif not (folder / workload.build.dockerfile).is_file():
                file, context = workload.build.dockerfile, workload.build.context
                missing.append(f"{place}.dockerfile: there is no {file} in {context}")
    if missing:
        lines = "\n".join(f"  {line}" for line in missing)
        raise NothingToBuild(
            f"images can't be built, so nothing was changed:\n{lines}\n  fix: paths are relative to {root}"
        )
