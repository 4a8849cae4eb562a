"""Workers that get half a minute to finish the job in hand."""

from components import Cache, CacheArgs, HealthCheck, Network, Workers, WorkersArgs, command_probe

backend = Network("backend")
queue = Cache("queue", CacheArgs(image="redis:7-alpine", networks=[backend.attach("queue")]))
Workers(
    "runner",
    WorkersArgs(
        image="example/worker:1.4",
        replicas=4,
        networks=[backend.attach("runner")],
        secret_files={"/run/secrets/redis_url": queue.url},
        health=HealthCheck(test=command_probe(["worker", "ping"])),
        stop_grace_s=30,
        needs=[queue.container],
    ),
)
