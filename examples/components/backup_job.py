"""A database that is backed up each night to a volume of its host, and each backup restored to prove it."""

from components import BackupJob, BackupJobArgs, Database, DatabaseArgs, DatabaseToBackUp, Network, NetworkArgs

backend = Network("backend", NetworkArgs(internal=True))
main = Database("main", DatabaseArgs(image="example/postgres:15", networks=[backend.attach("main")]))
stored = DatabaseToBackUp(
    name="main", host=main.host, database="main", role=main.role, password=main.password, server=main.container
)
backups = BackupJob(
    "backups",
    BackupJobArgs(
        image="example/slipway-backup:15",
        project="shop",
        stack="prod",
        platform="shop",
        databases=[stored],
        checkpoint=False,
        schedule="0 2 * * *",
        keep={"days": 30, "monthly": 12},
        networks=[backend.attach("backups")],
    ),
)
