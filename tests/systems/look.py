"""What a requirement can ask of a rendered platform. Each check fails where the part that it is about is not there.

A check is a function of a :class:`View`: the graph of one system in one environment. It proves what is asked of Docker,
not that Docker and the image do it: for that there is ``make systems``.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from testing import Graph, Resource, render_stack

ROOT: Final = Path(__file__).resolve().parents[2]
ENVIRONMENTS: Final = ("dev", "prod")
_SUFFIXES: Final = ("-0", "-server", "-run", "-blue-0")
_NANO: Final = 1_000_000_000


@functools.cache
def graph_of(system: str, environment: str, profiles: tuple[str, ...] = ()) -> Graph:
    """Return the graph of a system, rendered once."""
    config: dict[str, Any] = {
        "blueprint": system,
        "environment": environment,
        "profiles": list(profiles),
        "overrides": {"images": {"family": "official"}},  # or it would be what this machine found out
    }
    return render_stack(environment, root=ROOT, config=config)


@dataclass(frozen=True)
class View:
    """One system in one environment."""

    system: str
    environment: str
    graph: Graph
    profiles: tuple[str, ...] = ()

    def having(self, *profiles: str) -> View:
        """Return the same with profiles switched on."""
        return View(self.system, self.environment, graph_of(self.system, self.environment, profiles), profiles)

    def container(self, part: str) -> Resource:
        """Return the first container of a part."""
        for suffix in _SUFFIXES:
            if f"{part}{suffix}" in self.graph:
                return self.graph.find(f"{part}{suffix}", "Container")
        raise LookupError(f"{self.system} has no part '{part}' in {self.environment}")

    def carriers(self, part: str, what: str) -> list[Resource]:
        """Return the containers that carry a part's ``files`` or ``secrets``; of a service with two sets, the first's."""
        component = self.container(part).name.rpartition("-")[0]
        return [item for item in self.graph.of_type("Container") if item.name.startswith(f"{component}-{what}")]

    def parts(self) -> set[str]:
        """Return the names of everything that runs all the time."""
        serving = ("replica", "server")
        found = [item.labels() for item in self.graph.of_type("Container")]
        return {labels["slipway.part"] for labels in found if labels.get("slipway.role") in serving}

    def replicas(self, part: str) -> list[Resource]:
        """Return every container of a part that serves."""
        found = [
            item
            for item in self.graph.of_type("Container")
            if item.labels().get("slipway.part") == part and item.labels().get("slipway.role") in {"replica", "server"}
        ]
        if not found:
            raise LookupError(f"{self.system} has no part '{part}' in {self.environment}")
        return found

    def image(self, part: str) -> Resource:
        """Return the image that a part's container is made of."""
        urns = self.container(part).property_dependencies["image"]
        return next(item for item in self.graph if item.urn in urns)

    def networks(self, part: str) -> set[str]:
        """Return the networks of a part by the names that the description gives them."""
        joined = {item["name"] for item in self.container(part).inputs.get("networksAdvanced") or ()}
        known = {item.id: item.name.removesuffix("-network") for item in self.graph.of_type("Network") if item.custom}
        return {known[item] for item in joined}

    @property
    def nginx(self) -> str:
        """Text of the gateway's nginx.conf."""
        return str(self.graph.find("gateway", "Gateway").outputs["config"])

    def location(self, path: str, host: str | None = None) -> str:
        """Return the block of a path in nginx.conf."""
        for block in self.nginx.split("\n  server {"):
            if host is not None and f"server_name {host};" not in block:
                continue
            for start in (f"location {path} {{", f"location = {path} {{"):
                found = block.partition(start)[2].partition("\n    }")[0]
                if "proxy_pass" in found or "default_type" in found:
                    return found
        raise LookupError(f"nginx.conf has no location {path}")


Check = Callable[[View], None]


def every(*checks: Check) -> Check:
    """All of several."""

    def look(view: View) -> None:
        for check in checks:
            check(view)

    return look


def each(dev: Check | None = None, prod: Check | None = None) -> Check:
    """Another check in each environment; where there is none, the other one's system must at least be there."""

    def look(view: View) -> None:
        check = dev if view.environment == "dev" else prod
        assert view.parts(), "nothing is there"
        if check is not None:
            check(view)

    return look


def having(profiles: Sequence[str] | str, check: Check) -> Check:
    """Look at the system with profiles switched on."""
    names = [profiles] if isinstance(profiles, str) else profiles
    return lambda view: check(view.having(*names))


def parts_are(*names: str) -> Check:
    """These parts run all the time, and no others."""

    def look(view: View) -> None:
        assert view.parts() == set(names)

    return look


def exists(*parts: str) -> Check:
    """These parts are there."""

    def look(view: View) -> None:
        for part in parts:
            view.container(part)

    return look


def only_in(environment: str, *parts: str) -> Check:
    """These parts are there in one environment, and not in the other."""

    def look(view: View) -> None:
        here = View(view.system, environment, graph_of(view.system, environment))
        other = next(name for name in ENVIRONMENTS if name != environment)
        for part in parts:
            here.container(part)
            assert part not in View(view.system, other, graph_of(view.system, other)).parts(), other
        view.container(parts[0]) if view.environment == environment else None
        assert view.parts(), "nothing is there"

    return look


def only_with(profile: str, *parts: str) -> Check:
    """A profile adds exactly these parts."""

    def look(view: View) -> None:
        assert view.parts(), "nothing is there"
        assert view.having(profile).parts() - view.parts() == set(parts)

    return look


def named(part: str, name: str) -> Check:
    """Its container has a fixed name."""

    def look(view: View) -> None:
        assert view.container(part).inputs.get("name") == name

    return look


def image(part: str, start: str) -> Check:
    """It is made of an image whose reference starts so, pinned by more than a moving tag."""

    def look(view: View) -> None:
        reference = str(view.image(part).inputs["name"])
        assert reference.startswith(start), reference
        tag = reference.rpartition("/")[2].partition("@")[0].partition(":")[2]
        assert tag not in {"", "latest", "main"}, reference

    return look


def built(part: str, context: str, dockerfile: str = "Dockerfile", target: str | None = None) -> Check:
    """Its image is built from a folder, to a stage."""

    def look(view: View) -> None:
        build = view.image(part).inputs["build"]
        assert build["context"] == context
        assert build["dockerfile"].endswith(dockerfile), build
        assert build.get("target") == target

    return look


def unpublished(*parts: str) -> Check:
    """No port of the host leads to them."""

    def look(view: View) -> None:
        for part in parts:
            for container in view.replicas(part):
                assert not container.inputs.get("ports"), part

    return look


def published(part: str, *ports: tuple[str, int, int]) -> Check:
    """Exactly these ports of the host (address, host port, container port) lead to it."""

    def look(view: View) -> None:
        found = {(item["ip"], item["external"], item["internal"]) for item in view.container(part).inputs["ports"]}
        assert found == set(ports)

    return look


def publishes(part: str, *ports: tuple[str, int]) -> Check:
    """These ports of the host (address, host port) lead to it, perhaps among others."""

    def look(view: View) -> None:
        found = {(item["ip"], item["external"]) for item in view.container(part).inputs.get("ports") or ()}
        assert set(ports) <= found

    return look


def listens(part: str, port: int) -> Check:
    """A port inside its container, by which its health is asked or others reach it."""

    def look(view: View) -> None:
        container = view.container(part)
        asked = " ".join(str(word) for word in container.inputs["healthcheck"]["tests"])
        known = {"pg_isready": 5432, "redis-cli": 6379}
        ports = {number for word, number in known.items() if word in asked}
        named = [item for item in view.graph if item.custom and f"{part}:{port}" in str(item.inputs)]
        led = "Gateway" in {item.type.rpartition(":")[2] for item in view.graph} and f"{container.name}" in view.nginx
        assert (
            str(port) in asked.replace("/", " ").replace(":", " ").split()
            or port in ports
            or named
            or (led and f":{port}" in view.nginx)
        ), asked

    return look


def probed(part: str, *words: str, **timing: Any) -> Check:
    """Its health check holds these words, with these timings (``interval="10s"``)."""

    def look(view: View) -> None:
        check = view.container(part).inputs["healthcheck"]
        tests = [str(item) for item in check["tests"]]
        for word in words:
            assert word in tests or any(word in item for item in tests), tests
        for key, value in timing.items():
            assert check[key] == value, check

    return look


def all_probed(*without: str) -> Check:
    """Everything that runs has a health check, but those named."""

    def look(view: View) -> None:
        assert view.parts(), "nothing is there"
        for part in view.parts():
            for container in view.replicas(part):
                has = container.inputs["healthcheck"]["tests"] != ["NONE"]
                assert has is (part not in without), part

    return look


def waits_healthy(part: str, *others: str) -> Check:
    """It is made after these, each of which is made only when it is healthy."""

    def look(view: View) -> None:
        container = view.container(part)
        for other in others:
            needed = view.container(other)
            assert container.depends_on(needed), other
            assert needed.inputs.get("wait") is True, f"{other} is not waited for until it is healthy"

    return look


def memory(part: str, mib: int) -> Check:
    """Its memory limit, swap included."""

    def look(view: View) -> None:
        inputs = view.container(part).inputs
        assert (inputs["memory"], inputs["memorySwap"]) == (mib, mib)

    return look


def limit(part: str, cpus: float, mib: int, replicas: int) -> Check:
    """CPU limit, memory limit and number of containers."""

    def look(view: View) -> None:
        found = view.replicas(part)
        assert len(found) == replicas
        for container in found:
            assert int(float(container.inputs["cpus"]) * _NANO) == int(cpus * _NANO)
            assert container.inputs["memory"] == mib

    return look


def all_limited() -> Check:
    """Everything that runs has a memory and a CPU limit."""

    def look(view: View) -> None:
        assert view.parts(), "nothing is there"
        for part in view.parts():
            for container in view.replicas(part):
                assert container.inputs["memory"] > 0
                assert float(container.inputs["cpus"]) > 0

    return look


def total_memory(least: int, most: int) -> Check:
    """What the memory limits of all that runs add up to, in MiB."""

    def look(view: View) -> None:
        total = sum(item.inputs["memory"] for part in view.parts() for item in view.replicas(part))
        assert least <= total <= most, total

    return look


def copies(part: str, number: int) -> Check:
    """How many containers it has."""

    def look(view: View) -> None:
        assert len(view.replicas(part)) == number

    return look


def scalable(*parts: str) -> Check:
    """Nothing of them exists only once: no fixed name, no port of the host."""

    def look(view: View) -> None:
        for part in parts:
            inputs = view.container(part).inputs
            assert not inputs.get("name"), part
            assert not inputs.get("ports"), part

    return look


def mounts(part: str, path: str, volume: str | None = None, *, source: str | None = None) -> Check:
    """A volume (of this name on the host), or a folder of the host, stands at a path."""

    def look(view: View) -> None:
        found = [item for item in view.container(part).inputs["volumes"] if item["containerPath"] == path]
        assert found, path
        if volume is not None:
            assert found[0]["volumeName"] == volume
        if source is not None:
            assert found[0]["hostPath"] == source

    return look


def source_at(part: str, path: str, source: str) -> Check:
    """A folder of the host, or of the project, stands at a path."""

    def look(view: View) -> None:
        found = [item for item in view.container(part).inputs["volumes"] if item["containerPath"] == path]
        assert [item["hostPath"].removeprefix(ROOT.as_posix()) for item in found] == [source]

    return look


def file(part: str, path: str, *words: str) -> Check:
    """A file of the blueprint stands there, with these words in it."""

    def look(view: View) -> None:
        (carrier,) = view.carriers(part, "files")
        content = {item["file"]: item.get("content", "") for item in carrier.inputs["uploads"]}
        for word in words:
            assert word in content[path], content[path]

    return look


def env(part: str, **values: str) -> Check:
    """Variables with these values, in plain text."""

    def look(view: View) -> None:
        found = view.container(part).environment()
        for name, value in values.items():
            assert found.get(name) == value, (name, found.get(name))

    return look


def secret_variable(part: str, *names: str) -> Check:
    """Variables that hold a secret, known to the engine as one."""

    def look(view: View) -> None:
        container = view.container(part)
        for name in names:
            at = [index for index, item in enumerate(container.inputs["envs"]) if str(item).startswith(f"{name}=")]
            assert at, name
            assert container.is_secret(f"envs[{at[0]}]"), f"{name} is not secret"

    return look


def secret_file(part: str, variable: str, path: str) -> Check:
    """A variable ``<NAME>_FILE`` names a file of the secrets' volume; the value is nowhere else."""

    def look(view: View) -> None:
        container = view.container(part)
        assert container.environment().get(variable) == path
        folders = {item["containerPath"] for item in container.inputs["volumes"] if item.get("readOnly")}
        assert any(path.startswith(f"{folder}/") for folder in folders), folders
        files = {item["file"] for carrier in view.carriers(part, "secrets") for item in carrier.inputs["uploads"]}
        assert path in files

    return look


def secret_at(part: str, *paths: str) -> Check:
    """Files of its secrets' volume, which only it can read."""

    def look(view: View) -> None:
        folders = {item["containerPath"] for item in view.container(part).inputs["volumes"] if item.get("readOnly")}
        files = {item["file"] for carrier in view.carriers(part, "secrets") for item in carrier.inputs["uploads"]}
        for path in paths:
            assert path in files
            assert path.rpartition("/")[0] in folders

    return look


def without(part: str, *names: str) -> Check:
    """It has no variable of these names, nor a file that one names."""

    def look(view: View) -> None:
        found = view.container(part).environment()
        for name in names:
            assert name not in found
            assert f"{name}_FILE" not in found

    return look


def command(part: str, *words: str) -> Check:
    """Its command holds these words in this order, one after the other."""

    def look(view: View) -> None:
        found = [str(item) for item in view.container(part).inputs["command"]]
        size = len(words)
        assert any(found[at : at + size] == list(words) for at in range(len(found) - size + 1)), found

    return look


def setting(store: str, **settings: str) -> Check:
    """Parameters of PostgreSQL, or directives of Redis, with these values."""

    def look(view: View) -> None:
        words = [str(item) for item in view.container(store).inputs["command"]]
        for key, value in settings.items():
            name = key.replace("_", "-")
            pairs = [(f"--{name}", value) == pair for pair in itertools.pairwise(words)]
            assert f"{key}={value}" in words or any(pairs), words

    return look


def on(part: str, *networks: str) -> Check:
    """It is on exactly these networks."""

    def look(view: View) -> None:
        assert view.networks(part) == set(networks)

    return look


def network(name: str, *, internal: bool, host_name: str | None = None) -> Check:
    """A network, whether it is internal, and its name on the host."""

    def look(view: View) -> None:
        inputs = view.graph.find(f"{name}-network", "Network").inputs
        assert bool(inputs.get("internal")) is internal
        assert inputs["driver"] == "bridge"
        if host_name is not None:
            assert inputs["name"] == host_name

    return look


def volume(name: str) -> Check:
    """A volume of this name on the host."""

    def look(view: View) -> None:
        found = {item.inputs.get("name") for item in view.graph.of_type("Volume") if item.custom}
        assert name in found, found

    return look


def rotated(part: str, size: str, files: int) -> Check:
    """Its log is Docker's json-file, rotated at a size."""

    def look(view: View) -> None:
        inputs = view.container(part).inputs
        assert inputs["logDriver"] == "json-file"
        assert inputs["logOpts"] == {"max-size": size, "max-file": str(files)}

    return look


def tmpfs(part: str, path: str, mib: int) -> Check:
    """A memory folder of a size, on a read-only root."""

    def look(view: View) -> None:
        inputs = view.container(part).inputs
        assert f"size={mib}m" in inputs["tmpfs"][path]

    return look


def restarts(policy: str, *parts: str) -> Check:
    """What Docker does when they end."""

    def look(view: View) -> None:
        for part in parts:
            assert view.container(part).inputs["restart"] == policy, part

    return look


def hardened(*parts: str, writable: Sequence[str] = ()) -> Check:
    """No root, no capabilities, no new privileges, a read-only root but where that is given up by name."""

    def look(view: View) -> None:
        for part in parts or sorted(view.parts()):
            inputs = view.container(part).inputs
            assert int(str(inputs["user"]).split(":")[0]) > 0, part
            assert inputs["capabilities"]["drops"] == ["ALL"], part
            assert inputs["securityOpts"] == ["no-new-privileges:true"], part
            assert inputs["readOnly"] is (part not in writable), part
        assert view.parts(), "nothing is there"

    return look


def user(part: str, uid: int) -> Check:
    """The numeric user that it runs as."""

    def look(view: View) -> None:
        assert str(view.container(part).inputs["user"]).split(":")[0] == str(uid)

    return look


def routed(path: str, part: str, *words: str, host: str | None = None) -> Check:
    """The gateway leads a path to a part, with these directives."""

    def look(view: View) -> None:
        block = view.location(path, host)
        assert part in block, block
        for word in words:
            assert word in block, block

    return look


def no_route(path: str) -> Check:
    """The gateway has no such path."""

    def look(view: View) -> None:
        assert f"location {path} " not in view.nginx

    return look


def balanced(part: str) -> Check:
    """The gateway names every replica."""

    def look(view: View) -> None:
        for container in view.replicas(part):
            name = container.outputs.get("name") or container.name
            assert f"server {name}:" in view.nginx, view.nginx

    return look


def nginx_has(*words: str) -> Check:
    """nginx.conf holds these words."""

    def look(view: View) -> None:
        for word in words:
            assert word in view.nginx, word

    return look


def aliased(part: str, *names: str) -> Check:
    """Others reach it by these names."""

    def look(view: View) -> None:
        joined = view.container(part).inputs["networksAdvanced"]
        found = {alias for item in joined for alias in item["aliases"]}
        assert set(names) <= found | {view.container(part).inputs.get("name")}, found

    return look


def job(name: str, *, manual: bool, profile: str | None = None) -> Check:
    """A job, and whether it runs by itself."""

    def look(view: View) -> None:
        seen = view.having(profile) if profile else view
        assert seen.container(name).inputs.get("start", True) is not manual

    return look


def warned(part: str) -> Check:
    """Preview and deployment say what power over the host it has."""

    def look(view: View) -> None:
        view.container(part)
        assert [log for log in view.graph.logs if log.severity == "warning" and log.message.startswith(f"{part} has ")]

    return look


def inputs(part: str, **values: Any) -> Check:
    """Inputs of its container."""

    def look(view: View) -> None:
        found: Mapping[str, Any] = view.container(part).inputs
        for name, value in values.items():
            assert found.get(name) == value, (name, found.get(name))

    return look
