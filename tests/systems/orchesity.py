"""Orchesity IDE OSS, line by line."""

from __future__ import annotations

from typing import Final

from tests.systems.look.combine import each, every
from tests.systems.look.files import file, mounts, source_at, volume
from tests.systems.look.health import all_probed, probed, restarts, waits_healthy
from tests.systems.look.images import built, image
from tests.systems.look.limits import limit, rotated, tmpfs
from tests.systems.look.networks import network, on
from tests.systems.look.operated import blue_green, dashboards, reaches, rolled, scraped
from tests.systems.look.parts import aliased, copies, exists, inputs, named, parts_are
from tests.systems.look.ports import listens, published, publishes, unpublished
from tests.systems.look.rights import hardened
from tests.systems.look.routes import balanced, nginx_has, routed
from tests.systems.look.secrets import secret_at, secret_file, secret_variable
from tests.systems.look.settings import command, env, setting
from tests.systems.look.view import Check
from tests.systems.rows import Probe, Row, by_command, graph, running

_E2E: Final = "tests/e2e/test_systems.py"
_CLI: Final = "tests/cli/test_short_commands.py"
_LOOKING: Final = "tests/cli/test_looking.py"
_OPERATIONS: Final = "tests/cli/test_operations.py"
_SHELL: Final = "tests/operate/test_shell.py"
_BACKUP: Final = "tests/e2e/test_backup.py"
_MONITORING: Final = "tests/e2e/test_monitoring.py"
_STRATEGIES: Final = "tests/e2e/test_strategies.py"
_API: Final = "orchesity-api"
_KEYS: Final = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GROK_API_KEY")
_BUILT: Final[Check] = each(
    built(_API, "apps/orchesity", "Dockerfile.dev"), built(_API, "apps/orchesity", "Dockerfile.prod")
)

TITLE: Final = "Orchesity IDE OSS"
DOCUMENT: Final = "Docker Documentation"
INTRO: Final = """\
A FastAPI service, PostgreSQL and Redis. `dev` publishes the service on port 8000 with hot reload; `prod` is the
document's scaling variant: three replicas behind nginx, on 80, 443 and 8000. The sources stand in `apps/orchesity` of your
project, with `Dockerfile.dev` and `Dockerfile.prod`. In prod a release is blue-green: give `services.orchesity-api.build.tag`
another value for each version, `slipway up --stack prod`, `slipway switch --stack prod orchesity-api`.

Before the first `up`: the four providers' keys, in prod also `secret_key`, `tls_certificate` and `tls_key`
(`slipway config set --stack S --secret NAME`). The folder of logs on the host belongs to the service's user:
`install -d -o 10001 -g 10001 /srv/orchesity/logs`."""

ROWS: Final[dict[str, Row]] = {
    "ORY-01": graph(
        "`services.orchesity-api`, `databases.postgres`, `caches.redis`; what makes backups stands beside them",
        each(parts_are(_API, "postgres", "redis", "backups"), exists(_API, "postgres", "redis")),
    ),
    "ORY-02": graph("`services.orchesity-api.build`", _BUILT),
    "ORY-03": graph(
        "`databases.postgres.image`; a machine without a registry writes `slipway/postgres`",
        image("postgres", "postgres:15-alpine"),
    ),
    "ORY-04": graph("the catalogue's, by digest", image("redis", "redis:7-alpine@sha256:")),
    "ORY-05": graph(
        "the Dockerfile is the application's own; the health check needs the curl that it installs",
        every(_BUILT, probed(_API, "curl")),
    ),
    "ORY-06": graph("`environments.dev.services.orchesity-api.build`", built(_API, "apps/orchesity", "Dockerfile.dev")),
    "ORY-07": graph(
        "`environments.prod.services.orchesity-api.build`", built(_API, "apps/orchesity", "Dockerfile.prod")
    ),
    "ORY-08": graph(
        "`services.orchesity-api.command`",
        command(_API, "uvicorn", "src.main:app", "--host", "0.0.0.0", "--port", "8000"),
    ),
    "ORY-09": graph("`environments.dev.services.orchesity-api.command`", command(_API, "--port", "8000", "--reload")),
    "ORY-10": graph(
        "dev: `services.orchesity-api.publish`; prod: `gateway.publish`, since three replicas can't share a port",
        each(published(_API, ("0.0.0.0", 8000, 8000)), publishes("gateway", ("0.0.0.0", 8000))),
    ),
    "ORY-11": graph("`databases.postgres`: no `publish`", every(listens("postgres", 5432), unpublished("postgres"))),
    "ORY-12": graph("`caches.redis`: no `publish`", every(listens("redis", 6379), unpublished("redis"))),
    "ORY-13": running("`services.orchesity-api`", Probe("/api/llm/orchestrate", _API, 8000, body={"prompt": "hello"})),
    "ORY-14": graph(
        "`services.orchesity-api.secrets`, as variables: the application reads no files", secret_variable(_API, *_KEYS)
    ),
    "ORY-15": graph(
        "`services.orchesity-api.env`; the password is generated instead of secure_password",
        secret_variable(_API, "DATABASE_URL"),
    ),
    "ORY-16": graph("`services.orchesity-api.env`", env(_API, DATABASE_ECHO="false")),
    "ORY-17": graph(
        "`services.orchesity-api.env`; the address holds Redis's password too",
        every(env(_API, REDIS_DB="0"), secret_variable(_API, "REDIS_URL")),
    ),
    "ORY-18": graph("`services.orchesity-api.env`", env(_API, CACHE_EXPIRE_SECONDS="3600")),
    "ORY-19": graph(
        "`services.orchesity-api.env`: what both environments differ from, see ORY-20, ORY-21",
        each(env(_API, DEBUG="true", LOG_LEVEL="DEBUG"), env(_API, DEBUG="false", LOG_LEVEL="WARNING")),
    ),
    "ORY-20": graph("`environments.dev.services.orchesity-api.env`", env(_API, DEBUG="true", LOG_LEVEL="DEBUG")),
    "ORY-21": graph("`environments.prod.services.orchesity-api.env`", env(_API, DEBUG="false", LOG_LEVEL="WARNING")),
    "ORY-22": graph("`services.orchesity-api.env`", env(_API, DWA_ROUTING_STRATEGY="load_balanced")),
    "ORY-23": graph("`environments.prod.secrets.secret_key`", secret_variable(_API, "SECRET_KEY")),
    "ORY-24": graph(
        "`services.orchesity-api.env`",
        env(_API, DB_POOL_SIZE="20", DB_MAX_OVERFLOW="0", DB_POOL_TIMEOUT="30", DB_POOL_RECYCLE="3600"),
    ),
    "ORY-25": graph("`services.orchesity-api.env`", env(_API, REDIS_POOL_SIZE="10", REDIS_MAX_CONNECTIONS="20")),
    "ORY-26": graph("`services.orchesity-api.env`", env(_API, WORKER_CONNECTIONS="1000", KEEPALIVE_TIMEOUT="65")),
    "ORY-27": graph(
        "`services.orchesity-api.env`", env(_API, HEALTH_CHECK_INTERVAL="30", METRICS_COLLECTION_INTERVAL="60")
    ),
    "ORY-28": graph(
        "`databases.postgres`", env("postgres", POSTGRES_DB="orchesity_db", POSTGRES_USER="orchesity_user")
    ),
    "ORY-29": graph(
        "a password file is used; the password is generated",
        secret_file("postgres", "POSTGRES_PASSWORD_FILE", "/run/secrets/password"),
    ),
    "ORY-30": graph(
        "`services.orchesity-api.health`",
        probed(
            _API,
            "curl",
            "-f",
            "http://localhost:8000/api/health",
            interval="30s",
            timeout="10s",
            retries=3,
            startPeriod="40s",
        ),
    ),
    "ORY-31": graph(
        "the image's own is not used: the platform's stands in its place, with the same words",
        probed(_API, "curl", "-f", "http://localhost:8000/api/health", interval="30s", startPeriod="40s"),
    ),
    "ORY-32": graph(
        "`databases.postgres.health_interval`",
        probed(
            "postgres", "pg_isready", "-U", "orchesity_user", "orchesity_db", interval="10s", timeout="5s", retries=5
        ),
    ),
    "ORY-33": graph(
        "`caches.redis.health_interval`", probed("redis", "redis-cli", "ping", interval="10s", timeout="5s", retries=5)
    ),
    "ORY-34": graph("every part", each(all_probed(), probed(_API, "curl"))),
    "ORY-35": running(
        "the application's answer; here its stand-in's, which says that it is one",
        Probe("/api/health", _API, 8000, holds=["status", "healthy"]),
    ),
    "ORY-36": graph("`${databases.postgres.password}`", waits_healthy(_API, "postgres")),
    "ORY-37": graph("`${caches.redis.url}`", waits_healthy(_API, "redis")),
    "ORY-38": graph("the default", restarts("unless-stopped", _API, "postgres", "redis")),
    "ORY-39": graph(
        "`services.orchesity-api.binds`: ./logs in dev, /srv/orchesity/logs in prod, whose Docker may be another machine's",
        each(source_at(_API, "/app/logs", "/logs"), source_at(_API, "/app/logs", "/srv/orchesity/logs")),
    ),
    "ORY-40": graph(
        "made with the database", mounts("postgres", "/var/lib/postgresql/data", "orchesity_ide-oss_postgres_data")
    ),
    "ORY-41": graph("`databases.postgres.init`", mounts("postgres", "/docker-entrypoint-initdb.d")),
    "ORY-42": graph("made with the cache", mounts("redis", "/data", "orchesity_ide-oss_redis_data")),
    "ORY-43": graph(
        "`environments.dev.services.orchesity-api.binds`; __pycache__ is a memory folder",
        every(source_at(_API, "/app", "/apps/orchesity"), tmpfs(_API, "/app/__pycache__", 16)),
    ),
    "ORY-44": graph(
        "`databases.postgres.volume_name`; `slipway data` lists volumes", volume("orchesity_ide-oss_postgres_data")
    ),
    "ORY-45": graph(
        "`caches.redis`", setting("redis", appendonly="yes", maxmemory="256mb", maxmemory_policy="allkeys-lru")
    ),
    "ORY-46": graph(
        "`networks.default`; prod has frontend and backend in its place (ORY-48)",
        each(
            network("default", internal=False, host_name="orchesity_ide-oss_default"), network("backend", internal=True)
        ),
    ),
    "ORY-47": running(
        "parts find each other by name",
        test=f"{_E2E}::test_parts_resolve_each_other",
        check=every(aliased("postgres", "postgres"), aliased("redis", "redis")),
    ),
    "ORY-48": graph(
        "`environments.prod.networks`", every(network("frontend", internal=False), network("backend", internal=True))
    ),
    "ORY-49": graph(
        "`environments.prod.services.orchesity-api.networks`",
        every(on(_API, "frontend", "backend"), on("postgres", "backend")),
    ),
    "ORY-50": graph("`environments.prod.services.orchesity-api.replicas`", copies(_API, 3)),
    "ORY-51": graph("`environments.prod.services.orchesity-api`", limit(_API, 1, 1024, 3)),
    "ORY-52": graph(
        "`memory_reservation`; Docker reserves CPUs in a swarm alone: `cpu_shares: 512` is half a core's weight where they are short",
        inputs(_API, memoryReservation=512, cpuShares=512),
    ),
    "ORY-53": by_command("slipway up --blueprint orchesity", f"{_E2E}::test_every_system_comes_up"),
    "ORY-54": by_command("slipway up --stack prod", f"{_E2E}::test_every_system_comes_up"),
    "ORY-55": graph(
        "settled: three replicas, none with a port of the host; nginx balances over them, see ORY-93",
        every(copies(_API, 3), unpublished(_API), balanced(_API)),
    ),
    "ORY-56": graph(
        "`environments.prod.gateway`",
        every(
            image("gateway", "nginxinc/nginx-unprivileged:1.27-alpine"),
            publishes("gateway", ("0.0.0.0", 80)),
            waits_healthy("gateway", _API),
        ),
    ),
    "ORY-57": graph("Slipway writes it, into a volume", mounts("gateway", "/etc/nginx/conf.d")),
    "ORY-58": running(
        "`gateway.routes[0]`", Probe("/", _API, 8000, tls=False), check=every(balanced(_API), routed("/", _API))
    ),
    "ORY-59": running(
        "every route",
        Probe("/headers", _API, 8000, holds=["x-real-ip", "localhost"]),
        check=routed("/", _API, "Host $host", "X-Real-IP $remote_addr"),
    ),
    "ORY-60": graph("`services.orchesity-api.logs`", rotated(_API, "100m", 5)),
    "ORY-61": by_command("slipway logs orchesity-api --tail 100 --timestamps", _LOOKING),
    "ORY-62": running(
        "`binds`; PostgreSQL's and Redis's by `slipway logs`",
        test=_LOOKING,
        check=each(mounts(_API, "/app/logs"), mounts(_API, "/app/logs")),
    ),
    "ORY-63": graph("the default user, 10001; the image's folder belongs to its app", hardened(_API)),
    "ORY-64": graph("`read_only`, the default, and `tmpfs`", every(hardened(_API), tmpfs(_API, "/tmp", 100))),
    "ORY-65": by_command(
        "slipway scan", f"{_CLI}::test_scan_runs_the_jobs_of_the_profile", "`jobs.scan-sources`, profile `scan`"
    ),
    "ORY-66": graph(
        "the password is generated; its file is called password, POSTGRES_PASSWORD_FILE names it",
        secret_file("postgres", "POSTGRES_PASSWORD_FILE", "/run/secrets/password"),
    ),
    "ORY-67": by_command("slipway status", _LOOKING),
    "ORY-68": by_command("slipway psql", f"{_CLI}::test_psql_is_logged_in_as_the_owner", "and redis-cli"),
    "ORY-69": by_command("slipway shell orchesity-api -- python -c '…'", _SHELL),
    "ORY-70": by_command("slipway shell orchesity-api", _SHELL),
    "ORY-71": graph(
        "`container_name` in dev; in prod the API's three replicas have generated names: `slipway shell orchesity-api --replica 0`",
        every(
            named("postgres", "orchesity-postgres-1"),
            named("redis", "orchesity-redis-1"),
            each(named(_API, "orchesity-api-1"), copies(_API, 3)),
        ),
    ),
    "ORY-72": by_command(
        "slipway destroy --volumes",
        "tests/cli/test_destroy.py",
        "then up; `docker stats` and `docker system prune` stay Docker's",
    ),
    "ORY-73": running("`services.orchesity-api.metrics`", Probe("/metrics", _API, 8000)),
    "ORY-74": running(
        "the application's", Probe("/api/llm/dwa/stats", _API, 8000), Probe("/api/db/cache/stats", _API, 8000)
    ),
    "ORY-75": graph(
        "settled: `environments.prod.monitoring`, on 127.0.0.1 alone, since it has no login; Slipway writes prometheus.yml, "
        "into a volume at /etc/slipway",
        every(
            image("prometheus", "prom/prometheus:v2.53.0@sha256:"),
            published("prometheus", ("127.0.0.1", 9090, 9090)),
            file("prometheus", "/etc/slipway/prometheus.yml", "scrape_configs"),
        ),
    ),
    "ORY-76": graph(
        "settled: `monitoring.grafana`, on 127.0.0.1 alone: `ssh -L`, or a route, for others",
        every(
            image("grafana", "grafana/grafana:11.6.0@sha256:"),
            published("grafana", ("127.0.0.1", 3000, 3000)),
            mounts("grafana", "/var/lib/grafana", "orchesity_ide-oss_grafana_data"),
        ),
    ),
    "ORY-77": graph(
        "settled: GF_SECURITY_ADMIN_PASSWORD__FILE, a generated one instead of admin",
        every(
            env("grafana", GF_SECURITY_ADMIN_PASSWORD__FILE="/run/secrets/password"),
            secret_at("grafana", "/run/secrets/password"),
        ),
    ),
    "ORY-78": by_command("slipway backup", _BACKUP, "`backups`: restored and compared before it counts"),
    "ORY-79": by_command(
        "slipway restore --file backup.sql --only postgres",
        "tests/e2e/test_restore.py::test_dumps_of_other_tools_come_back_and_damaged_ones_are_refused",
        "beside the live one, which it replaces when it is whole; `slipway psql < backup.sql` writes into the live one",
    ),
    "ORY-80": by_command(
        "slipway up --stack prod", _BACKUP, "`backups.before_deploy`: where data are protected, before a store changes"
    ),
    "ORY-81": by_command("slipway up --stack prod", _BACKUP, "the same backup holds Redis"),
    "ORY-82": by_command(
        "slipway rollback",
        "tests/e2e/test_rollback.py",
        "each release keeps its images: nothing has to be committed before",
    ),
    "ORY-83": graph(
        "settled: a volume of the host, encrypted, instead of a folder of the project", mounts("backups", "/backups")
    ),
    "ORY-84": Row(
        "`environments.prod.services.orchesity-api.release`: another `build.tag`, `slipway up`, a look at the new set by the "
        "host name next.localhost, `slipway switch`; settled: the old set stays up, for the way back, until the next release "
        "takes its place",
        check=blue_green(_API, "next.localhost"),
        command="slipway switch --stack prod orchesity-api",
        test=f"{_STRATEGIES}::test_blue_green_switches_at_once_and_back",
    ),
    "ORY-85": Row(
        "`release: rolling` in place of blue_green, and no route to the other version, under `slipway:overrides`: what has "
        "changed is replaced, new replicas healthy before old ones stop, without a dropped request",
        check=rolled(_API),
        command="slipway up --stack prod",
        test="tests/e2e/test_changes.py::test_a_change_to_the_app_replaces_only_the_app_and_fails_no_request",
    ),
    "ORY-86": running("`environments.prod.gateway.tls`", Probe("/", _API, 8000, tls=True)),
    "ORY-87": running(
        "`backups`; docs/backups.md says what to do when the machine is gone", test=_BACKUP, check=exists("backups")
    ),
    "ORY-88": running(
        "`gateway`; scaling is a decision of the operator's: `slipway scale`",
        Probe("/", _API, 8000),
        test=_OPERATIONS,
        check=balanced(_API),
    ),
    "ORY-89": running(
        "`monitoring.grafana`: six dashboards, of what there is",
        test=f"{_MONITORING}::test_queries_of_dashboards_name_metrics_that_there_are",
        check=dashboards("overview", "services", "databases", "caches", "agents", "host"),
    ),
    "ORY-90": running(
        "secrets are asked for before anything runs; log rotation, health checks, hardening",
        test="tests/settings/test_checks_secrets.py",
        check=every(rotated(_API, "100m", 5), probed(_API, "curl"), hardened(_API)),
    ),
    "ORY-91": by_command(
        "slipway config --stack prod",
        "tests/cli/test_looking.py",
        "the blueprint, Pulumi.<stack>.yaml, and the Dockerfiles",
    ),
    "ORY-92": graph(
        "settled: one generated password, in both",
        every(
            secret_variable(_API, "DATABASE_URL"),
            secret_file("postgres", "POSTGRES_PASSWORD_FILE", "/run/secrets/password"),
        ),
    ),
    "ORY-93": graph(
        "settled: the gateway has the port, and balances",
        every(unpublished(_API), publishes("gateway", ("0.0.0.0", 8000))),
    ),
    "ORY-94": graph(
        "settled: as the document writes each",
        every(volume("orchesity_ide-oss_postgres_data"), named("postgres", "orchesity-postgres-1")),
    ),
    "ORY-95": graph(
        "settled: redis on backend, nginx on frontend", every(on("redis", "backend"), on("gateway", "frontend"))
    ),
    "ORY-96": graph(
        "settled: four keys; how many providers are active is the application's to say", secret_variable(_API, *_KEYS)
    ),
    "ORY-97": graph(
        "settled: named volumes",
        every(volume("orchesity_ide-oss_postgres_data"), volume("orchesity_ide-oss_redis_data")),
    ),
    "ORY-98": graph("settled: one place, the volume of the backups", mounts("backups", "/backups")),
    "ORY-99": graph(
        "settled: the health check needs curl alone; others find names without nslookup", probed(_API, "curl")
    ),
    "ORY-100": graph(
        "settled: the extension is loaded; its column is mean_exec_time",
        setting("postgres", shared_preload_libraries="pg_stat_statements"),
    ),
    "ORY-101": graph(
        "settled: 443 too, with certificates as secrets; 80 goes on without a redirect",
        every(publishes("gateway", ("0.0.0.0", 80), ("0.0.0.0", 443)), nginx_has("ssl_certificate ", "listen 8080")),
    ),
    "ORY-102": graph("settled: nginx has one", probed("gateway", "/.slipway/health")),
    "ORY-103": graph(
        "settled: a data volume each, which outlive the platform; Prometheus is on frontend and backend",
        every(
            mounts("grafana", "/var/lib/grafana", "orchesity_ide-oss_grafana_data"),
            volume("orchesity_ide-oss_grafana_data"),
            mounts("prometheus", "/prometheus", "orchesity_ide-oss_prometheus_data"),
            scraped("orchesity-api-blue", "orchesity-api-blue", 8000),
            reaches("prometheus", _API),
        ),
    ),
    "ORY-104": graph(
        "settled: no swarm: secrets come encrypted from the stack's file, as files; the port is the gateway's, so that no two releases want it",
        every(
            secret_file("postgres", "POSTGRES_PASSWORD_FILE", "/run/secrets/password"),
            publishes("gateway", ("0.0.0.0", 8000)),
        ),
    ),
    "ORY-105": graph("settled: it waits for both", waits_healthy(_API, "postgres", "redis")),
}

COMMANDS: Final = (
    ("docker-compose up -d", "slipway up --stack prod --blueprint orchesity"),
    ("docker-compose -f docker-compose.dev.yml up", "slipway up --blueprint orchesity"),
    ("docker-compose ps", "slipway status"),
    ("docker-compose logs -f orchesity-api", "slipway logs orchesity-api --follow"),
    ("docker exec -it orchesity-postgres-1 psql …", "slipway psql"),
    ("docker exec -it orchesity-redis-1 redis-cli", "slipway redis-cli"),
    ("docker exec orchesity-api-1 pip list", "slipway shell orchesity-api -- pip list"),
    ("docker-compose up -d --no-deps orchesity-api", "slipway up: only what changed is replaced"),
    (
        "docker-compose -f docker-compose.blue.yml up -d, … -f docker-compose.green.yml down",
        "slipway up --stack prod, then slipway switch --stack prod orchesity-api",
    ),
    ("docker exec -i orchesity-postgres-1 psql … < backup.sql", "slipway restore --file backup.sql --only postgres"),
    ("docker-compose down -v && docker-compose up -d", "slipway destroy --volumes, then slipway up"),
    ("docker scan orchesity-api:latest", "slipway scan"),
    ("docker commit …", "slipway rollback"),
    ("docker volume ls, docker volume inspect", "slipway data"),
)
