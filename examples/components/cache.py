"""Redis as a queue that loses nothing, and as a cache that may forget."""

import pulumi

from components import Cache, CacheArgs, Network, NetworkArgs

backend = Network("backend", NetworkArgs(internal=True))
queue = Cache("queue", CacheArgs(image="redis:7-alpine", networks=[backend.attach("queue")]))
pages = Cache(
    "pages",
    CacheArgs(
        image="redis:7-alpine",
        networks=[backend.attach("pages")],
        memory_mib=512,
        eviction="allkeys-lru",
        persistent=False,
    ),
)
pulumi.export("queue", queue.url)  # secret, like everything that holds its password
