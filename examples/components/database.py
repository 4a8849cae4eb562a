"""PostgreSQL on an internal network; the program that uses it reads its address from a file."""

from components import Database, DatabaseArgs, Network, NetworkArgs, Service, ServiceArgs

backend = Network("backend", NetworkArgs(internal=True))
database = Database("main", DatabaseArgs(image="postgres:16-alpine", networks=[backend.attach("main")]))
Service(
    "api",
    ServiceArgs(
        image="example/api:1.4",
        networks=[backend.attach("api")],
        secret_files={"/run/secrets/database_url": database.url},
        env={"DATABASE_URL_FILE": "/run/secrets/database_url"},
        needs=[database.container],
    ),
)
