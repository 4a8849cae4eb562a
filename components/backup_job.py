"""Backups of a platform: a container that holds the schedule and does the work, and what it needs to read everything.

In the order of their needs: for each database a role that may read and not write, made by a container that runs once;
for each user whose volumes are backed up a reader, without a network, that hands them out on a Unix socket; the
scheduler. None of them holds Docker's socket or a capability, but the pauser the socket, which is there only where a
volume's services are paused while it is archived. What a set is: docs/adr/0011-backup-sets.md; pauses: 0018.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

import pulumi
import pulumi_docker as docker
import pulumi_random as random

from components import labels
from components.args import Dependency, HealthCheck, VolumeMount, WorkloadArgs
from components.backup_args import BackupJobArgs, DatabaseToBackUp, VolumeToBackUp
from components.backup_config import FOLDER, LOG_ROLE, PAUSER, PORT, ROLE, SECRETS, SOCKETS, configuration
from components.backup_pauser import make_pauser
from components.container import make_container
from components.probes import script
from components.server_job import ServerJob, ServerJobArgs, run_at_server
from components.volume import data_volume
from components.workload import make_files

_LENGTH: Final = 32
_PASSPHRASE_LENGTH: Final = 40
_HEALTH: Final = ("CMD", "slipway-backup", "health")


class BackupJob(pulumi.ComponentResource):
    """Backup sets by a schedule, each restored to prove it."""

    passphrase: pulumi.Output[str]
    """With what sets are encrypted (secret): who loses it and the host has lost them."""
    volume_name: pulumi.Output[str] | None
    """Name of the volume of the local destination on the host."""
    container: docker.Container
    """The scheduler."""

    def __init__(self, name: str, args: BackupJobArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slipway:index:BackupJob", name, {}, opts)
        if args.local is None and not args.s3:
            raise ValueError(f"BackupJob {name}: a destination is needed")
        self.passphrase = self._passphrase(name, args)
        secrets: dict[str, pulumi.Input[str]] = {f"{SECRETS}/backup-passphrase": self.passphrase}
        ready: list[Dependency] = [cache.server for cache in args.caches]
        for database in args.databases:
            logins, made = self._role(name, args, database)
            secrets |= {f"{SECRETS}/{login}-{database.name}": password for login, password in logins.items()}
            ready.append(made)
        for outside in args.outside:
            secrets[f"{SECRETS}/database-{outside.name}"] = outside.password
        ready += [vectors.server for vectors in args.vector_stores]
        ready += [server for models in args.model_servers for server in models.servers]
        for vectors in args.vector_stores:
            secrets[f"{SECRETS}/vectors-{vectors.name}"] = vectors.api_key
        for cache in args.caches:
            secrets[f"{SECRETS}/cache-{cache.name}"] = cache.password
        for place in args.s3:
            secrets[f"{SECRETS}/s3-{place.name}-access-key"] = place.access_key
            secrets[f"{SECRETS}/s3-{place.name}-secret-key"] = place.secret_key
        if args.webhook is not None:
            secrets[f"{SECRETS}/backup-webhook"] = args.webhook
        mounts = [VolumeMount(volume_name=self._work(name, args).name, path="/work")]
        self.volume_name = None
        if args.local is not None:
            self.volume_name = data_volume(
                f"{name}-data",
                parent=self,
                volume_name=args.volume_name,
                protect=args.protect,
                volume_labels=args.labels,
            ).name
            mounts.append(VolumeMount(volume_name=self.volume_name, path="/backups"))
        shared, answering = self._volumes(name, args)
        mounts += shared
        ready += answering
        workload = WorkloadArgs(
            image=args.image,
            user=args.user,
            secret_files=secrets,
            files={
                f"{FOLDER}/config.json": configuration(args),
                **{f"{FOLDER}/{place.name}-ca.pem": place.ca_bundle for place in args.s3 if place.ca_bundle},
                **{f"{FOLDER}/{item.name}-database-ca.pem": item.ca_bundle for item in args.outside if item.ca_bundle},
            },
            files_image=args.files_image,
            files_key=args.files_key,
            health=HealthCheck(test=_HEALTH, interval_s=10.0, timeout_s=10.0, start_period_s=30.0, wait_s=180.0),
            networks=args.networks,
            needs=ready,
            memory_mib=args.memory_mib,
            cpus=args.cpus,
            volumes=mounts,
            tmpfs=args.tmpfs,
            stop_signal="SIGTERM",
            stop_grace_s=30.0,
            container_name=args.container_name,
            labels=args.labels,
        )
        files = make_files(name, workload, parent=self)
        self.container = make_container(
            f"{name}-server",
            workload,
            role="server",
            parent=self,
            extra_volumes=files.mounts,
            needs=files.ready,
            extra_labels={labels.REPLICA: "0", **({labels.METRICS: f":{PORT}/metrics"} if args.metrics else {})},
        )
        self.register_outputs({"volume_name": self.volume_name})

    def _passphrase(self, name: str, args: BackupJobArgs) -> pulumi.Output[str]:
        if args.passphrase is not None:
            return pulumi.Output.secret(args.passphrase)
        made = random.RandomPassword(
            f"{name}-passphrase",
            random.RandomPasswordArgs(length=_PASSPHRASE_LENGTH, special=False),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect or None),
        )
        return pulumi.Output.secret(made.result)

    def _work(self, name: str, args: BackupJobArgs) -> docker.Volume:
        """Register the volume in which sets are made: what is in it can be made again, so it goes with the platform."""
        return docker.Volume(
            f"{name}-work",
            docker.VolumeArgs(name=args.work_volume_name, labels=_scratch_labels(args.labels)),
            opts=pulumi.ResourceOptions(
                parent=self, ignore_changes=["labels"], delete_before_replace=args.work_volume_name is not None
            ),
        )

    def _volumes(self, name: str, args: BackupJobArgs) -> tuple[list[VolumeMount], list[Dependency]]:
        """Register who hands out volumes and who holds what writes them; return the mounts, and what to wait for."""
        if not args.volumes:
            return [], []
        sockets = self._scratch(f"{name}-sockets", args)
        mounts, ready = [VolumeMount(volume_name=sockets, path=SOCKETS)], self._readers(name, args, sockets)
        if any(volume.pause for volume in args.volumes):
            place = self._scratch(f"{name}-pauser-socket", args)
            # Read-only: a socket can be asked all the same, and what the pauser notes there is its own.
            mounts.append(VolumeMount(volume_name=place, path=PAUSER, read_only=True))
            ready.append(make_pauser(f"{name}-pauser", args, place, parent=self))
        return mounts, ready

    def _scratch(self, name: str, args: BackupJobArgs) -> pulumi.Output[str]:
        """Register a volume by which two containers meet; return its name on the host."""
        return docker.Volume(
            name,
            docker.VolumeArgs(labels=_scratch_labels(args.labels)),
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["labels"], delete_before_replace=False),
        ).name

    def _role(
        self, name: str, args: BackupJobArgs, database: DatabaseToBackUp
    ) -> tuple[dict[str, pulumi.Output[str]], pulumi.Output[pulumi.Resource]]:
        """Register the roles of a database; return their passwords, and what to wait for."""
        logins = {"database": self._password(f"{name}-{database.name}-password")}
        scripts, roles = [script("postgres-as-owner.sh"), script("postgres-backup-role.sh")], {"ROLE": ROLE}
        secrets = {"owner": database.password, "role": logins["database"]}
        if args.point_in_time is not None:
            logins["log"] = self._password(f"{name}-{database.name}-log-password")
            scripts.append(script("postgres-log-role.sh"))
            roles["LOG_ROLE"] = LOG_ROLE
            secrets["log"] = logins["log"]
        where = ServerJobArgs(
            server=database.server,
            image=args.image,
            user=args.user,
            networks=args.networks,
            files_image=args.files_image,
            files_key=args.files_key,
            labels=args.labels,
        )
        job = ServerJob(
            text="\n".join(scripts),
            env={
                "PGHOST": database.host,
                "PGPORT": str(database.port),
                "PGDATABASE": database.database,
                "PGUSER": database.role,
                "PGCONNECT_TIMEOUT": "10",
                **roles,
            },
            secrets=secrets,
            what=f"role {ROLE} of {database.name}",
        )
        done = run_at_server(f"{name}-{database.name}-role", where, job, parent=self)
        return logins, done

    def _password(self, name: str) -> pulumi.Output[str]:
        made = random.RandomPassword(
            name,
            random.RandomPasswordArgs(length=_LENGTH, special=False),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return pulumi.Output.secret(made.result)

    def _readers(self, name: str, args: BackupJobArgs, sockets: pulumi.Output[str]) -> list[Dependency]:
        """Register a reader for each user whose volumes are backed up."""
        of_user: dict[str, list[VolumeToBackUp]] = defaultdict(list)
        for volume in args.volumes:
            of_user[volume.user].append(volume)
        return [
            make_container(
                f"{name}-reader-{user.replace(':', '-')}",
                WorkloadArgs(
                    image=args.image,
                    user=user,
                    command=["read-volumes", SOCKETS],
                    volumes=[
                        *(
                            VolumeMount(volume_name=volume.volume_name, path=f"/data/{volume.name}", read_only=True)
                            for volume in volumes
                        ),
                        VolumeMount(volume_name=sockets, path=SOCKETS),
                    ],
                    health=HealthCheck(test=["CMD", "test", "-S", f"{SOCKETS}/{volumes[-1].name}.sock"]),
                    memory_mib=64,
                    cpus=0.5,
                    tmpfs={"/tmp": 1},  # noqa: S108 - inside the container
                    stop_signal="SIGTERM",
                    labels=args.labels,
                ),
                role="reader",
                parent=self,
                extra_labels={labels.REPLICA: str(number)},
            )
            for number, (user, volumes) in enumerate(sorted(of_user.items()), 1)
        ]


def _scratch_labels(part_labels: Mapping[str, str]) -> list[docker.VolumeLabelArgs]:
    """Label a volume as one that holds no data: what keeps data is found by its kind."""
    marked = {**part_labels, labels.KIND: "scratch"}
    return [docker.VolumeLabelArgs(label=key, value=value) for key, value in sorted(marked.items())]
