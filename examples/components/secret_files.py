"""Two secrets as files for a container of your own."""

import pulumi
import pulumi_docker as docker

from components import SecretFiles, SecretFilesArgs

token = pulumi.Config().require_secret("token")
files = SecretFiles("bot-secrets", SecretFilesArgs(files={"/run/secrets/token": token}, image="busybox:1.36"))
volumes = [
    docker.ContainerVolumeArgs(volume_name=mount.volume_name, container_path=mount.path, read_only=True)
    for mount in files.mounts
]
docker.Container(
    "bot",
    docker.ContainerArgs(image="example/bot:1.4", envs=["TOKEN_FILE=/run/secrets/token"], volumes=volumes),
    pulumi.ResourceOptions(depends_on=files.ready, delete_before_replace=True),
)
