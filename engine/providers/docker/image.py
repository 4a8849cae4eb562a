"""``docker:index/image:Image``: an image that is built, the one native (not bridged) type of the Docker provider.

Every change is a rebuild in place, judged by the inputs alone, which the state keeps under ``__inputs``; the digest of
the build context is one of them. Reading and deleting do nothing, as in the real provider. Pushing is the CLI's.
"""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.provider import (
    UNKNOWN,
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    Properties,
    PropertyDiff,
    ReadResult,
)
from engine.providers.docker.build_context import BuildContext
from engine.providers.docker.image_build import BuildOrder, build_image
from engine.providers.values import wholly_known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.providers.docker.daemon import Daemon
    from engine.providers.handler import Limit

IMAGE_TYPE = "docker:index/image:Image"
STORED_INPUTS = "__inputs"
_INPUTS = ("imageName", "registry", "build", "skipPush", "buildOnPreview")
_BUILD = (
    *("context", "dockerfile", "cacheFrom", "args", "target", "builderVersion", "platform", "addHosts", "network"),
    "contextDigest",
)
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


def check_image(inputs: Properties) -> CheckResult:
    """Fill in the defaults of an image, its context's digest among them, and refuse what can't be built here."""
    checked = {key: value for key, value in inputs.items() if value is not None}
    preview = checked.get("buildOnPreview")
    checked["buildOnPreview"] = preview if isinstance(preview, bool) else False
    build = checked.get("build", {})
    failures = [CheckFailure(key, "is no input of Image") for key in checked.keys() - set(_INPUTS)]
    if "imageName" not in checked:
        failures.append(CheckFailure("imageName", "is required"))
    if checked.get("skipPush") is not True and checked.get("skipPush") is not UNKNOWN:
        failures.append(
            CheckFailure("skipPush", "the embedded engine does not push: set skip_push=True, or use the Pulumi CLI")
        )
    if isinstance(build, dict):
        checked["build"], problems = _checked_build(build)
        failures += problems
    elif build is not UNKNOWN:
        failures.append(CheckFailure("build", "must be an object"))
    return CheckResult(checked, tuple(failures))


def _checked_build(given: Mapping[str, Any]) -> tuple[Properties, list[CheckFailure]]:
    build = {key: value for key, value in given.items() if value is not None}
    failures = [CheckFailure(f"build.{key}", "is no input of Image") for key in build.keys() - set(_BUILD)]
    build.setdefault("context", ".")
    if build["context"] is UNKNOWN or build.get("dockerfile") is UNKNOWN:
        return build, failures
    build.setdefault("dockerfile", (Path(build["context"]) / "Dockerfile").as_posix())
    if build.get("builderVersion") not in {None, UNKNOWN, "BuilderV1", "BuilderBuildKit"}:
        failures.append(CheckFailure("build.builderVersion", "must be BuilderV1 or BuilderBuildKit"))
    if not Path(build["dockerfile"]).exists():
        failures.append(CheckFailure("build.dockerfile", _no_dockerfile(build)))
    elif not Path(build["context"]).is_dir():
        failures.append(CheckFailure("build.context", f"there is no folder {build['context']!r}"))
    else:
        build["contextDigest"] = BuildContext(build["context"], build["dockerfile"]).digest()
    machine = platform.machine().lower()
    build.setdefault("platform", f"linux/{_ARCHITECTURES.get(machine, machine)}")
    return build, failures


def _no_dockerfile(build: Mapping[str, Any]) -> str:
    inside = Path(build["context"]) / build["dockerfile"]
    hint = f"; did you mean {inside.as_posix()!r}?" if inside.exists() else ""
    return f"there is no file {build['dockerfile']!r} (paths are relative to the program, not to the context){hint}"


def diff_image(outputs: Properties, inputs: Properties) -> DiffResult:
    """Compare the stored inputs with the new ones, key by key; new registry credentials alone are no change."""
    stored = outputs.get(STORED_INPUTS)
    old = stored if isinstance(stored, dict) else {}
    detailed = {}
    for key in sorted(old.keys() | inputs.keys()):
        before, after = old.get(key), inputs.get(key)
        if before is None or after is None:
            if before is not after:
                detailed[key] = PropertyDiff("add" if before is None else "delete")
        elif before != after and not (key == "registry" and _same_server(before, after)):
            detailed[key] = PropertyDiff("update")
    return DiffResult(changes=bool(detailed), changed_keys=tuple(detailed), detailed=detailed)


def _same_server(before: Any, after: Any) -> bool:
    if not isinstance(before, dict) or not isinstance(after, dict):
        return False
    servers = before.get("server"), after.get("server")
    return None in servers or servers[0] == servers[1]


def make_image(daemon: Daemon, inputs: Properties, limit: Limit, *, preview: bool) -> CreateResult:
    """Build the image; in a preview only if the program wants that and everything for it is known."""
    if preview and not (inputs["buildOnPreview"] is True and wholly_known(inputs)):
        return CreateResult("", dict(inputs))
    build = inputs["build"]
    context = BuildContext(build["context"], build["dockerfile"])
    order = BuildOrder(
        name=inputs["imageName"],
        context=context,
        args={key: str(value) for key, value in (build.get("args") or {}).items() if value is not UNKNOWN},
        target=build.get("target") or "",
        platform=build.get("platform") or "",
        network=build.get("network") or "",
        extra_hosts=tuple(build.get("addHosts") or ()),
        cache_from=tuple((build.get("cacheFrom") or {}).get("images") or ()),
        classic=build.get("builderVersion") == "BuilderV1",
    )
    image_id = build_image(daemon, order, limit)
    outputs = {
        "baseImageName": order.name,
        "context": build["context"],
        "dockerfile": context.relative_dockerfile,
        "imageName": order.name,
        "platform": order.platform,
        "registryServer": (inputs.get("registry") or {}).get("server", ""),
        "repoDigest": image_id,
    }
    return CreateResult(order.name, outputs | {STORED_INPUTS: dict(inputs)})


def read_image(resource_id: str, inputs: Properties, outputs: Properties) -> ReadResult:
    """Return what is stored: the real provider does not look."""
    return ReadResult(resource_id, inputs, outputs)
