"""agentic-orchestrator, line by line."""

from __future__ import annotations

from typing import Final

from tests.systems.look.combine import each, every, having
from tests.systems.look.files import mounts, volume
from tests.systems.look.health import all_probed, probed, waits_healthy
from tests.systems.look.images import built, image
from tests.systems.look.limits import all_limited, limit
from tests.systems.look.networks import network, on
from tests.systems.look.parts import aliased, copies, exists, named, only_in, parts_are, scalable
from tests.systems.look.ports import listens, published, publishes, unpublished
from tests.systems.look.rights import hardened
from tests.systems.look.routes import nginx_has, routed
from tests.systems.look.secrets import secret_file
from tests.systems.look.settings import env, setting, without
from tests.systems.look.view import Check
from tests.systems.rows import Probe, Row, by_command, graph, running

_E2E: Final = "tests/e2e/test_systems.py"
_CLI: Final = "tests/cli/test_short_commands.py"
_LOOKING: Final = "tests/cli/test_looking.py"
_OPERATIONS: Final = "tests/cli/test_operations.py"
_BACKUP: Final = "tests/e2e/test_backup.py"
_SERVICES: Final = ("orchestrator", "workflow-runner", "http-worker", "hitl-worker", "agent-runner", "fanout")
_PASSWORD: Final = "/run/secrets/DB_PASSWORD"


def _made(service: str) -> Check:
    return built(service, "apps/orchestrator", f"docker/{service}.Dockerfile")


def _internal(service: str, port: int) -> Row:
    return graph(f"`services.{service}.port`", every(listens(service, port), unpublished(service)))


TITLE: Final = "agentic-orchestrator"
DOCUMENT: Final = "Docker Deployment Guide"
INTRO: Final = """\
Control plane, workers and a websocket fan-out in Go and Python over PostgreSQL and Redis. `dev` is PostgreSQL and Redis
alone, published on 127.0.0.1: the services run on the host, as the document has it. `prod` is everything, with nginx.
The sources stand in `apps/orchestrator` of your project, a Dockerfile a service in its folder `docker`.

A database outside (RDS) is the profile `rds`: `slipway profiles on rds --stack prod`, write its host under
`profiles.rds` in the blueprint, and `slipway config set --stack prod --secret db_password`."""

ROWS: Final[dict[str, Row]] = {
    "ORC-01": graph(
        "`databases`, `caches`, `services`; nginx beside them (line 381), and what makes backups",
        parts_are("postgres", "redis", *_SERVICES, "gateway", "backups"),
    ),
    "ORC-02": graph(
        "PostgreSQL, Redis and nginx: Alpine; those that are built: as their Dockerfile says",
        every(
            image("postgres", "postgres:15-alpine"),
            image("redis", "redis:7-alpine"),
            image("gateway", "nginxinc/nginx-unprivileged:1.27-alpine"),
            _made("orchestrator"),
        ),
    ),
    "ORC-03": graph(
        "`databases.postgres.image`; a machine without a registry writes `slipway/postgres`",
        image("postgres", "postgres:15-alpine"),
    ),
    "ORC-04": graph("the catalogue's, by digest", image("redis", "redis:7-alpine@sha256:")),
    "ORC-05": graph("`services.orchestrator.build`", _made("orchestrator")),
    "ORC-06": graph("`services.workflow-runner.build`", _made("workflow-runner")),
    "ORC-07": graph("`services.http-worker.build`", _made("http-worker")),
    "ORC-08": graph("`services.hitl-worker.build`", _made("hitl-worker")),
    "ORC-09": graph("`services.agent-runner.build`", _made("agent-runner")),
    "ORC-10": graph("`services.fanout.build`", _made("fanout")),
    "ORC-11": by_command(
        "slipway up --stack prod",
        f"{_E2E}::test_every_system_comes_up",
        "flags of the Dockerfiles, which are the application's own",
    ),
    "ORC-12": running(
        "of the Dockerfiles, which are the application's own; the platform adds nothing to an image",
        test="tests/components/test_images.py",
    ),
    "ORC-13": graph("`build`: each service has a Dockerfile of its own", every(*(_made(name) for name in _SERVICES))),
    "ORC-14": graph("the default of every part", hardened("postgres", "redis", *_SERVICES, "gateway")),
    "ORC-15": graph("`databases.postgres`", listens("postgres", 5432)),
    "ORC-16": graph(
        "dev: `databases.postgres.publish`, on 127.0.0.1; prod: not published",
        each(published("postgres", ("127.0.0.1", 5432, 5432)), unpublished("postgres")),
    ),
    "ORC-17": graph("`caches.redis`", listens("redis", 6379)),
    "ORC-18": graph(
        "dev: `caches.redis.publish`, on 127.0.0.1; prod: not published",
        each(published("redis", ("127.0.0.1", 6379, 6379)), unpublished("redis")),
    ),
    "ORC-19": graph("`services.orchestrator.publish`", published("orchestrator", ("0.0.0.0", 8081, 8081))),
    "ORC-20": graph("`services.fanout.publish`", published("fanout", ("0.0.0.0", 8085, 8085))),
    "ORC-21": _internal("workflow-runner", 8082),
    "ORC-22": _internal("http-worker", 8083),
    "ORC-23": _internal("hitl-worker", 8084),
    "ORC-24": _internal("agent-runner", 8086),
    "ORC-25": graph(
        "made with the database", mounts("postgres", "/var/lib/postgresql/data", "orchestrator_postgres_data")
    ),
    "ORC-26": graph("made with the cache", mounts("redis", "/data", "orchestrator_redis_data")),
    "ORC-27": graph("`caches.redis.persistence: aof`", setting("redis", appendonly="yes")),
    "ORC-28": graph(
        "`volume_name` of both", every(volume("orchestrator_postgres_data"), volume("orchestrator_redis_data"))
    ),
    "ORC-29": graph("every database", probed("postgres", "pg_isready", "orchestrator")),
    "ORC-30": graph("every cache", probed("redis", "redis-cli", "ping")),
    "ORC-31": graph("`services.orchestrator.health`", probed("orchestrator", "8081", "/health")),
    "ORC-32": graph("`services.fanout.health`", probed("fanout", "8085", "/health")),
    "ORC-33": graph(
        "`x-service.health`: `/health` on each one's port",
        every(
            all_probed(),
            probed("workflow-runner", "8082"),
            probed("http-worker", "8083"),
            probed("hitl-worker", "8084"),
            probed("agent-runner", "8086"),
        ),
    ),
    "ORC-34": graph(
        "`${databases.postgres.…}`, `${caches.redis.url}`", waits_healthy("orchestrator", "postgres", "redis")
    ),
    "ORC-35": graph(
        "`${caches.redis.url}`, `${services.orchestrator.url}`",
        waits_healthy("workflow-runner", "redis", "orchestrator"),
    ),
    "ORC-36": graph("`${caches.redis.url}`", waits_healthy("http-worker", "redis")),
    "ORC-37": graph("`${caches.redis.url}`", waits_healthy("hitl-worker", "redis")),
    "ORC-38": graph("`${caches.redis.url}`", waits_healthy("agent-runner", "redis")),
    "ORC-39": graph("`${caches.redis.url}`", waits_healthy("fanout", "redis")),
    "ORC-40": graph(
        "`services.agent-runner.secrets`: a file, OPENAI_API_KEY_FILE names it; no other service has it",
        every(
            secret_file("agent-runner", "OPENAI_API_KEY_FILE", "/run/secrets/openai_api_key"),
            without("http-worker", "OPENAI_API_KEY"),
        ),
    ),
    "ORC-41": graph(
        "`databases.postgres.user`, `.database`; DB_* of the orchestrator",
        each(
            env("postgres", POSTGRES_USER="orchestrator", POSTGRES_DB="orchestrator"),
            env("orchestrator", DB_USER="orchestrator", DB_NAME="orchestrator"),
        ),
    ),
    "ORC-42": graph(
        "generated; DB_PASSWORD_FILE names its file",
        each(
            secret_file("postgres", "POSTGRES_PASSWORD_FILE", "/run/secrets/password"),
            secret_file("orchestrator", "DB_PASSWORD_FILE", _PASSWORD),
        ),
    ),
    "ORC-43": graph(
        "`services.http-worker.replicas`: `slipway scale http-worker=5` writes it", copies("http-worker", 2)
    ),
    "ORC-44": graph("`services.agent-runner.replicas`", copies("agent-runner", 2)),
    "ORC-45": graph(
        "`x-env.LOG_LEVEL`; in dev it is of the host's services, which read it themselves",
        each(exists("postgres"), every(*(env(name, LOG_LEVEL="info") for name in _SERVICES))),
    ),
    "ORC-46": graph(
        "`services.orchestrator.env`",
        every(env("orchestrator", DB_HOST="postgres", DB_PORT="5432", DB_USER="orchestrator", DB_NAME="orchestrator")),
    ),
    "ORC-47": graph(
        "`profiles.rds.databases.postgres.external`",
        having(
            "rds",
            every(
                env("orchestrator", DB_HOST="your-rds-endpoint.amazonaws.com", DB_PORT="5432"),
                secret_file("orchestrator", "DB_PASSWORD_FILE", _PASSWORD),
            ),
        ),
    ),
    "ORC-48": graph(
        "settled: the blueprint, and the stack's differences and secrets in Pulumi.<stack>.yaml, instead of two .env files",
        each(
            exists("postgres", "redis"),
            secret_file("agent-runner", "OPENAI_API_KEY_FILE", "/run/secrets/openai_api_key"),
        ),
    ),
    "ORC-49": graph(
        "`networks.orchestrator-net.name`",
        every(
            network("orchestrator-net", internal=False, host_name="orchestrator-net"),
            *(on(name, "orchestrator-net") for name in ("postgres", "redis", *_SERVICES, "gateway")),
        ),
    ),
    "ORC-50": running(
        "every part answers to its name",
        Probe("/", "orchestrator", 8081),
        test=f"{_E2E}::test_parts_resolve_each_other",
        check=every(*(aliased(name, name) for name in ("postgres", "redis", *_SERVICES))),
    ),
    "ORC-51": graph("`databases.postgres`", limit("postgres", 2, 2048, 1)),
    "ORC-52": graph("`caches.redis`", limit("redis", 2, 2048, 1)),
    "ORC-53": graph("`services.orchestrator`", limit("orchestrator", 2, 1024, 1)),
    "ORC-54": graph("`services.workflow-runner`", limit("workflow-runner", 2, 1024, 1)),
    "ORC-55": graph("`services.http-worker`", limit("http-worker", 1, 512, 2)),
    "ORC-56": graph("`services.hitl-worker`", limit("hitl-worker", 1, 512, 1)),
    "ORC-57": graph("`services.agent-runner`", limit("agent-runner", 2, 2048, 2)),
    "ORC-58": graph("`services.fanout`", limit("fanout", 2, 1024, 1)),
    "ORC-59": graph(
        "`memory` of any part; `slipway:overrides` in the stack's file raises it for one stack", all_limited()
    ),
    "ORC-60": graph("`services.http-worker.replicas`", copies("http-worker", 2)),
    "ORC-61": graph("`services.agent-runner.replicas`", copies("agent-runner", 2)),
    "ORC-62": graph(
        "no fixed name and no port of the host", scalable("workflow-runner", "http-worker", "agent-runner")
    ),
    "ORC-63": by_command("slipway scale http-worker=5 agent-runner=3", _OPERATIONS),
    "ORC-64": graph(
        "`environments.dev`: `services: null`; what makes backups stands beside them",
        parts_are("postgres", "redis", "backups"),
    ),
    "ORC-65": by_command(
        "slipway up --blueprint orchestrator",
        f"{_E2E}::test_every_system_comes_up",
        "then `make start-orchestrator` of the application, on the host: both stores are on 127.0.0.1",
    ),
    "ORC-66": by_command("slipway up --stack prod", f"{_E2E}::test_every_system_comes_up"),
    "ORC-67": by_command(
        "slipway up --stack prod",
        f"{_E2E}::test_every_system_comes_up",
        "images are built where they changed; `docker builder prune` empties the cache",
    ),
    "ORC-68": by_command(
        "slipway up --stack dev",
        f"{_E2E}::test_every_system_comes_up",
        "the parts that a stack has are its environment's and its profiles', not a command's",
    ),
    "ORC-69": by_command(
        "slipway destroy --volumes",
        "tests/cli/test_destroy.py",
        "data stay without --volumes; `docker image prune -a` for images",
    ),
    "ORC-70": by_command("slipway restart orchestrator", _OPERATIONS),
    "ORC-71": by_command("slipway status", _LOOKING),
    "ORC-72": graph("`services.orchestrator.container_name`", named("orchestrator", "orchestrator-api")),
    "ORC-73": by_command("slipway logs agent-runner --tail 100", _LOOKING, "and --follow"),
    "ORC-74": by_command("slipway status", _LOOKING, "or `docker stats orchestrator-api`"),
    "ORC-75": by_command(
        'slipway psql -- -c "SELECT COUNT(*) FROM runs;"', f"{_CLI}::test_psql_is_logged_in_as_the_owner"
    ),
    "ORC-76": by_command("slipway redis-cli -- INFO memory", f"{_CLI}::test_redis_cli_knows_the_password"),
    "ORC-77": by_command("slipway shell orchestrator", "tests/operate/test_shell.py"),
    "ORC-78": by_command(
        "slipway backup", _BACKUP, "`backups`: a consistent dump that was restored, instead of a copy of live files"
    ),
    "ORC-79": by_command("slipway backup", _BACKUP, "the same command: a snapshot as a replica gets it"),
    "ORC-80": graph(
        "generated by Slipway (by profile `rds`: the secret `db_password`) and given as a file",
        secret_file("orchestrator", "DB_PASSWORD_FILE", _PASSWORD),
    ),
    "ORC-81": graph(
        "`secrets.openai_api_key`; settled: given to the agent-runner, see ORC-89",
        secret_file("agent-runner", "OPENAI_API_KEY_FILE", "/run/secrets/openai_api_key"),
    ),
    "ORC-82": graph(
        "`gateway`", every(image("gateway", "nginxinc/nginx-unprivileged:1.27-alpine"), only_in("prod", "gateway"))
    ),
    "ORC-83": graph("`environments.prod.gateway`", published("gateway", ("0.0.0.0", 80, 8080), ("0.0.0.0", 443, 8443))),
    "ORC-84": graph(
        "Slipway writes nginx.conf, into a volume; the certificate is a secret",
        every(mounts("gateway", "/etc/nginx/conf.d"), nginx_has("ssl_certificate ")),
    ),
    "ORC-85": graph("`gateway.tls.certificates`", nginx_has("listen 8443 ssl", "ssl_certificate_key ")),
    "ORC-86": graph(
        "health checks, limits, numeric users and variables are said for every part",
        every(all_probed(), all_limited(), hardened(*_SERVICES)),
    ),
    "ORC-87": running("`environments.prod`", test=f"{_E2E}::test_every_system_comes_up", check=all_limited()),
    "ORC-88": graph(
        "settled: the table's limits; they sum to 17 cores and 12.5 GB with replicas",
        every(limit("http-worker", 1, 512, 2), limit("agent-runner", 2, 2048, 2)),
    ),
    "ORC-89": graph(
        "settled: the service that needs it has it, the orchestrator has not",
        every(
            secret_file("agent-runner", "OPENAI_API_KEY_FILE", "/run/secrets/openai_api_key"),
            without("orchestrator", "OPENAI_API_KEY"),
        ),
    ),
    "ORC-90": graph(
        "settled: the number is the service's `replicas`; container_name: orchestrator-api",
        every(copies("agent-runner", 2), named("orchestrator", "orchestrator-api")),
    ),
    "ORC-91": graph(
        "settled: it stays, unless the profile `rds` puts another in its place",
        every(exists("postgres"), having("rds", parts_are("redis", *_SERVICES, "gateway", "backups"))),
    ),
    "ORC-92": graph(
        "settled: one blueprint with environments; the number of replicas stands in it and in the stack's file alone",
        every(only_in("prod", "orchestrator"), copies("http-worker", 2)),
    ),
    "ORC-93": graph(
        "settled: published in dev alone, on 127.0.0.1",
        each(publishes("postgres", ("127.0.0.1", 5432)), unpublished("postgres", "redis")),
    ),
    "ORC-94": graph(
        "settled: encrypted in the stack's file, given as files that <NAME>_FILE names; no swarm is needed",
        secret_file("agent-runner", "OPENAI_API_KEY_FILE", "/run/secrets/openai_api_key"),
    ),
    "ORC-95": graph(
        "settled: probes every 5 s; stores are healthy before services start; `/` leads to the orchestrator, `/ws` to the fan-out",
        every(
            probed("postgres", "pg_isready", interval="5s"),
            mounts("redis", "/data"),
            each(None, every(routed("/", "orchestrator"), routed("/ws", "fanout", "Upgrade"))),
        ),
    ),
}

COMMANDS: Final = (
    ("cp .env.docker .env", "slipway config set --secret openai_api_key"),
    ("docker-compose build", "slipway up: what changed is built"),
    ("docker-compose up -d", "slipway up --stack prod --blueprint orchestrator"),
    ("docker-compose -f docker-compose.dev.yml up -d", "slipway up --blueprint orchestrator"),
    ("docker-compose ps, docker inspect", "slipway status"),
    ("docker-compose logs -f", "slipway logs --follow"),
    ("docker-compose logs --tail=100 agent-runner", "slipway logs agent-runner --tail 100"),
    ("docker-compose down", "slipway destroy"),
    ("docker-compose down -v", "slipway destroy --volumes"),
    ("docker-compose restart orchestrator", "slipway restart orchestrator"),
    ("docker-compose up -d --scale http-worker=5", "slipway scale http-worker=5"),
    ("docker-compose exec orchestrator sh", "slipway shell orchestrator"),
    ("docker-compose exec postgres psql -U orchestrator", "slipway psql"),
    ("docker-compose exec postgres pg_isready -U orchestrator", "slipway shell postgres -- pg_isready"),
    ("docker-compose exec redis redis-cli INFO memory", "slipway redis-cli -- INFO memory"),
    ("docker-compose exec redis redis-cli MONITOR", "slipway redis-cli -- MONITOR"),
    ("docker-compose exec orchestrator env | grep DB_", "slipway shell orchestrator -- printenv"),
    ("docker stats", "the same, or slipway status"),
)
