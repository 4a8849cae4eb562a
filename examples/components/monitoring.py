"""Prometheus for a service with metrics and for the host, and alerts that a webhook is told of."""

import pulumi

from components import Monitoring, MonitoringArgs, Network, NetworkArgs, Service, ServiceArgs
from components.exporters import Running
from components.monitoring import ServerArgs
from components.prometheus import Notify, Scrape, Watched

backend = Network("backend", NetworkArgs(internal=True))
api = Service("api", ServiceArgs(image="example/api:1.4", port=8000, networks=[backend.attach("api")]))
monitoring = Monitoring(
    "monitoring",
    MonitoringArgs(
        prometheus=ServerArgs(image="prom/prometheus:v2.53.0", networks=[backend.attach()]),
        alertmanager=ServerArgs(image="prom/alertmanager:v0.27.0", networks=[backend.attach()], memory_mib=64),
        receivers={"ops": Notify(way="webhook")},
        receiver_secrets={"ops": pulumi.Config().require_secret("token")},
        exporters_image="registry.example.org/slipway/exporters:1",
        workloads=[Scrape(part="api", host="api", port=8000, replicas=True)],
        host=[backend.attach()],
        watched=Watched(host=True, alertmanager=True, workloads=["api"]),
    ),
)
monitoring.watch([Running(part="api", kind="service", replica=0, container=api.containers[0])])
