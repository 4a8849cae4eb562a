"""Reusable components, each a ``ComponentResource``: usable by themselves in any Pulumi program."""

from components.args import (
    BindMount,
    HealthCheck,
    LogRotation,
    NetworkAttachment,
    PublishedPort,
    VolumeMount,
    WorkloadArgs,
)
from components.backup_args import (
    BackupJobArgs,
    CacheToBackUp,
    DatabaseToBackUp,
    ModelsToBackUp,
    OutsideToBackUp,
    PointInTime,
    S3Destination,
    VectorsToBackUp,
    VolumeToBackUp,
)
from components.backup_job import BackupJob
from components.cache import Cache, CacheArgs
from components.certificates import Certificates, CertificatesArgs
from components.database import Database, DatabaseArgs
from components.database_tls import DatabaseTls
from components.files import SecretFiles, SecretFilesArgs
from components.gateway import Gateway, GatewayArgs
from components.images import ImageBuild, Images, ImagesArgs
from components.job import Job, JobArgs
from components.model_server import ModelArgs, ModelServer, ModelServerArgs
from components.monitoring import Monitoring, MonitoringArgs
from components.network import Network, NetworkArgs
from components.nginx import Backend, GatewayRoute, Server
from components.probes import command_probe, http_probe, tcp_probe
from components.replicas import Service, ServiceArgs, Workers, WorkersArgs
from components.vector_store import VectorStore, VectorStoreArgs

__all__ = [
    "Backend",
    "BackupJob",
    "BackupJobArgs",
    "BindMount",
    "Cache",
    "CacheArgs",
    "CacheToBackUp",
    "Certificates",
    "CertificatesArgs",
    "Database",
    "DatabaseArgs",
    "DatabaseTls",
    "DatabaseToBackUp",
    "Gateway",
    "GatewayArgs",
    "GatewayRoute",
    "HealthCheck",
    "ImageBuild",
    "Images",
    "ImagesArgs",
    "Job",
    "JobArgs",
    "LogRotation",
    "ModelArgs",
    "ModelServer",
    "ModelServerArgs",
    "ModelsToBackUp",
    "Monitoring",
    "MonitoringArgs",
    "Network",
    "NetworkArgs",
    "NetworkAttachment",
    "OutsideToBackUp",
    "PointInTime",
    "PublishedPort",
    "S3Destination",
    "SecretFiles",
    "SecretFilesArgs",
    "Server",
    "Service",
    "ServiceArgs",
    "VectorStore",
    "VectorStoreArgs",
    "VectorsToBackUp",
    "VolumeMount",
    "VolumeToBackUp",
    "Workers",
    "WorkersArgs",
    "WorkloadArgs",
    "command_probe",
    "http_probe",
    "tcp_probe",
]
