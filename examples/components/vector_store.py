"""A vector store, and a service that gets its key as a file."""

import pulumi

from components import Network, NetworkArgs, Service, ServiceArgs, VectorStore, VectorStoreArgs

backend = Network("backend", NetworkArgs(internal=True))
documents = VectorStore(
    "documents", VectorStoreArgs(image="qdrant/qdrant:v1.15.1", networks=[backend.attach("documents")])
)
api = Service(
    "api",
    ServiceArgs(
        image="example/api:1.4",
        networks=[backend.attach("api")],
        env={"QDRANT_URL": documents.url, "QDRANT_API_KEY_FILE": "/run/secrets/qdrant"},
        secret_files={"/run/secrets/qdrant": documents.api_key},
        needs=[documents.container],
    ),
)
pulumi.export("documents", documents.url)
