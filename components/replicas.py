"""Containers of one kind, several times: Service (others talk to it) and Workers (they take work from a queue)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from components import labels
from components.args import WorkloadArgs
from components.container import make_container
from components.workload import make_files


@dataclass(frozen=True, kw_only=True)
class WorkersArgs(WorkloadArgs):
    """Arguments of :class:`Workers`."""

    replicas: int = 1
    """How many containers."""


@dataclass(frozen=True, kw_only=True)
class ServiceArgs(WorkersArgs):
    """Arguments of :class:`Service`."""

    port: int | None = None
    """Port that it listens on."""


class Replicas(pulumi.ComponentResource):
    """What :class:`Service` and :class:`Workers` share; not for use by itself."""

    container_names: pulumi.Output[Sequence[str]]
    """Docker's names of the containers, one a replica; new with each release."""
    containers: Sequence[docker.Container]
    """The replicas' containers, to depend on."""

    def _make(self, name: str, args: WorkersArgs) -> None:
        files = make_files(name, args, parent=self)
        self.containers = tuple(
            make_container(
                f"{name}-{index}",
                args,
                role="replica",
                parent=self,
                extra_volumes=files.mounts,
                extra_labels={labels.REPLICA: str(index)},
                needs=files.ready,
            )
            for index in range(args.replicas)
        )
        self.container_names = pulumi.Output.all(*[container.name for container in self.containers]).apply(list)


class Service(Replicas):
    """A workload that others talk to: its replicas start before the old ones stop."""

    port: int | None
    """Port that it listens on."""

    def __init__(self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slipway:index:Service", name, {}, opts)
        self.port = args.port
        self._make(name, args)
        self.register_outputs({"container_names": self.container_names, "port": self.port})


class Workers(Replicas):
    """A workload that takes its work from a queue: on its stop signal each finishes the job in hand."""

    def __init__(self, name: str, args: WorkersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slipway:index:Workers", name, {}, opts)
        self._make(name, args)
        self.register_outputs({"container_names": self.container_names})
