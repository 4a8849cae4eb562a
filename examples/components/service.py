"""Three replicas of an API: the new ones are healthy before the old ones stop."""

import pulumi

from components import HealthCheck, Network, Service, ServiceArgs, http_probe

backend = Network("backend")
api = Service(
    "api",
    ServiceArgs(
        image="example/api:1.4",
        port=8000,
        replicas=3,
        memory_mib=256,
        cpus=0.5,
        networks=[backend.attach("api")],
        health=HealthCheck(test=http_probe(8000, "/health"), interval_s=2),
    ),
)
pulumi.export("containers", api.container_names)
