"""A migration that must succeed before the service starts."""

from components import Database, DatabaseArgs, Job, JobArgs, Network, Service, ServiceArgs

backend = Network("backend")
database = Database("main", DatabaseArgs(image="postgres:16-alpine", networks=[backend.attach("main")]))
migrate = Job(
    "migrate",
    JobArgs(
        image="example/api:1.4",
        command=["migrate"],
        networks=[backend.attach("migrate")],
        secret_files={"/run/secrets/database_url": database.url},
        needs=[database.container],
        timeout_s=300,
    ),
)
Service("api", ServiceArgs(image="example/api:1.4", networks=[backend.attach("api")], needs=[migrate.succeeded]))
