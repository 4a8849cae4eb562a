"""OctoCode, line by line."""

from __future__ import annotations

from typing import Final

from tests.systems.look.combine import each, every, having
from tests.systems.look.files import file, mounts
from tests.systems.look.health import all_probed, waits_healthy
from tests.systems.look.images import built, image
from tests.systems.look.limits import all_limited, limit, memory
from tests.systems.look.networks import network, on
from tests.systems.look.operated import alerted, blue_green, dashboards, reaches, scraped
from tests.systems.look.parts import aliased, copies, exists, inputs, job, named, only_in, parts_are
from tests.systems.look.ports import listens, published, publishes, unpublished
from tests.systems.look.rights import hardened, user
from tests.systems.look.routes import balanced, nginx_has, routed
from tests.systems.look.secrets import secret_at, secret_file, secret_variable
from tests.systems.look.settings import command, env, setting, without
from tests.systems.rows import Probe, Row, by_command, graph, running

_E2E: Final = "tests/e2e/test_systems.py"
_CLI: Final = "tests/cli/test_short_commands.py"
_LOOKING: Final = "tests/cli/test_looking.py"
_BACKUP: Final = "tests/e2e/test_backup.py"
_RESTORE: Final = "tests/e2e/test_restore.py"
_RESTORED: Final = "tests/cli/test_restore.py"
_BESIDE: Final = "tests/images/test_restore_beside.py"
_MONITORING: Final = "tests/e2e/test_monitoring.py"
_RULES: Final = "tests/e2e/test_alert_rules.py"

TITLE: Final = "OctoCode"
DOCUMENT: Final = "OctoCode Docker Container Architecture"
INTRO: Final = """\
A Next.js application, PostgreSQL and Redis; in dev pgAdmin and MailHog, in prod nginx, workers, backups and monitoring.
The application's sources, with their multi-stage Dockerfile, stand in `apps/octocode` of your project.

Parts of a platform are DNS labels, which have no underscore: `oc_app` is the part `oc-app`, and in dev answers to
`oc_app` on its networks too. In prod a release is blue-green: give `services.oc-app.build.tag` another value for each
version, `slipway up --stack prod`, `slipway switch --stack prod oc-app`. The application tells its metrics at
`/api/metrics`. Before the first `up`: `nextauth_secret` and `anthropic_api_key`, in prod also `tls_certificate` and
`tls_key` (`slipway config set --stack S --secret NAME`); `slipway check-env` says which are missing."""

_SECRET: Final = "/run/secrets"

ROWS: Final[dict[str, Row]] = {
    "OCT-01": graph("`services.oc-app`", exists("oc-app")),
    "OCT-02": graph(
        "`services.oc-app.build`",
        every(
            each(
                built("oc-app", "apps/octocode", target="development"),
                built("oc-app", "apps/octocode", target="production"),
            )
        ),
    ),
    "OCT-03": graph(
        "the Dockerfile is the application's own; of its stages the blueprint names the two that are deployed",
        each(
            built("oc-app", "apps/octocode", target="development"),
            built("oc-app", "apps/octocode", target="production"),
        ),
    ),
    "OCT-04": graph(
        "`environments.dev.services.oc-app.build.target`", built("oc-app", "apps/octocode", target="development")
    ),
    "OCT-05": graph("`x-build`, `target: production`", built("oc-app", "apps/octocode", target="production")),
    "OCT-06": graph(
        "`services.oc-app.port`; 3001 is published in dev and routed in prod",
        every(listens("oc-app", 3000), each(publishes("oc-app", ("127.0.0.1", 3001)), routed("/socket.io/", "oc-app"))),
    ),
    "OCT-07": graph(
        "`environments.dev.services.oc-app.publish`, on 127.0.0.1", publishes("oc-app", ("127.0.0.1", 9229))
    ),
    "OCT-08": running(
        "`environments.dev.services.oc-app.publish`",
        test=f"{_E2E}::test_every_system_comes_up",
        check=publishes("oc-app", ("127.0.0.1", 3000)),
    ),
    "OCT-09": running(
        "`environments.dev.services.oc-app.binds`",
        test=f"{_E2E}::test_sources_are_mounted",
        check=command("oc-app", "npm", "run", "dev"),
    ),
    "OCT-10": graph(
        "`environments.dev.services.oc-app.binds` and `.volumes`",
        every(mounts("oc-app", "/app"), mounts("oc-app", "/app/node_modules"), mounts("oc-app", "/app/.next")),
    ),
    "OCT-11": graph("`services.oc-app.user`; the name octodev is the image's", user("oc-app", 1001)),
    "OCT-12": graph(
        "every image has a tag of one version or a digest; others are refused",
        every(image("oc-database", "postgres:16-alpine@sha256:"), image("oc-redis", "redis:7-alpine@sha256:")),
    ),
    "OCT-13": graph("`databases.oc-database`", exists("oc-database")),
    "OCT-14": graph("the catalogue's, by digest", image("oc-database", "postgres:16-alpine")),
    "OCT-15": graph("`databases.oc-database`", listens("oc-database", 5432)),
    "OCT-16": graph(
        "`environments.dev.databases.oc-database.settings`: parameters instead of a file",
        setting("oc-database", log_statement="all"),
    ),
    "OCT-17": graph(
        "`environments.prod.databases.oc-database.settings`", setting("oc-database", shared_buffers="512MB")
    ),
    "OCT-18": running(
        "`databases.oc-database.tls`: encrypted connections alone, which is more than the document's *accepts*; a role that "
        "owns one database, on an internal network",
        check=every(
            setting("oc-database", ssl="on", hba_file="/run/secrets/pg_hba.conf"),
            secret_at("oc-database", "/run/secrets/server.key", "/run/secrets/pg_hba.conf"),
            on("oc-database", "backend"),
        ),
        test="tests/e2e/test_database_tls.py",
    ),
    "OCT-19": running("`environments.prod.backups`", test=_BACKUP, check=exists("backups")),
    "OCT-20": graph("`caches.oc-redis`", exists("oc-redis")),
    "OCT-21": graph("the catalogue's, by digest", image("oc-redis", "redis:7-alpine")),
    "OCT-22": graph("`caches.oc-redis`", listens("oc-redis", 6379)),
    "OCT-23": graph("`environments.dev.caches.oc-redis.publish`", published("oc-redis", ("127.0.0.1", 6379, 6379))),
    "OCT-24": graph(
        "`caches.oc-redis.persistence: aof`; clustering is a feature of the program that one server does not use",
        every(setting("oc-redis", appendonly="yes"), mounts("oc-redis", "/data")),
    ),
    "OCT-25": running(
        "generated password; in prod on `backend` alone",
        test=f"{_E2E}::test_psql_and_redis_cli",
        check=each(None, on("oc-redis", "backend")),
    ),
    "OCT-26": graph("`environments.dev.caches.oc-redis`: keys instead of a file", memory("oc-redis", 256)),
    "OCT-27": graph(
        "`environments.prod.caches.oc-redis`",
        every(memory("oc-redis", 512), setting("oc-redis", maxmemory_policy="noeviction")),
    ),
    "OCT-28": graph("`environments.prod.gateway`", only_in("prod", "gateway")),
    "OCT-29": graph(
        "the catalogue's, unprivileged, by digest", image("gateway", "nginxinc/nginx-unprivileged:1.27-alpine@sha256:")
    ),
    "OCT-30": graph(
        "`gateway.publish`, `gateway.tls.publish`", published("gateway", ("0.0.0.0", 80, 8080), ("0.0.0.0", 443, 8443))
    ),
    "OCT-31": running("`gateway.tls`", Probe("/", "oc-app", 3000, tls=True)),
    "OCT-32": graph(
        "the secrets `tls_certificate` and `tls_key`, given to nginx as files: a key is no file of a repository",
        nginx_has("ssl_certificate ", "ssl_certificate_key "),
    ),
    "OCT-33": running(
        "`gateway.routes[1].cache`: files with a hash in their name come from the image and are kept by browsers for a "
        "year; `gateway.compress`",
        Probe("/_next/static/x.js", "oc-app", 3000, headers=["cache-control"]),
        test="tests/e2e/test_gateway_routes.py",
    ),
    "OCT-34": graph("`gateway.routes[0]`; Slipway writes nginx.conf", every(balanced("oc-app"), routed("/", "oc-app"))),
    "OCT-35": running(
        "`gateway.routes[0].rate`; the gateway's security headers",
        Probe("/", "oc-app", 3000, headers=["x-content-type-options", "x-frame-options"]),
        test="tests/e2e/test_gateway_routes.py",
        check=nginx_has("limit_req "),
    ),
    "OCT-36": graph("`environments.prod.workers.oc-worker`", only_in("prod", "oc-worker")),
    "OCT-37": graph("`workers.oc-worker.replicas: 2`", copies("oc-worker", 2)),
    "OCT-38": graph(
        "`workers.oc-worker.env`, `.command`, `.memory`",
        every(
            env("oc-worker", WORKER_CONCURRENCY="5"),
            command("oc-worker", "node", "dist/worker.js"),
            without("oc-worker", "NEXTAUTH_SECRET"),
        ),
    ),
    "OCT-39": graph("`environments.prod.backups`", only_in("prod", "backups")),
    "OCT-40": graph(
        "`backups.schedule`", file("backups", "/etc/slipway-backup/config.json", '"schedule": "0 2 * * *"')
    ),
    "OCT-41": running("custom format, SQL and roles, from one snapshot", test=_BACKUP),
    "OCT-42": running("zstd, and encrypted", test=_BACKUP),
    "OCT-43": graph(
        "`profiles.s3.backups`",
        having("s3", file("backups", "/etc/slipway-backup/config.json", '"kind": "s3"', "your-backup-bucket")),
    ),
    "OCT-44": running(
        "`backups.keep`", test=_BACKUP, check=file("backups", "/etc/slipway-backup/config.json", '"days": 30')
    ),
    "OCT-45": running(
        "each is fetched back, restored into a server of its own and compared to the last row", test=_BACKUP
    ),
    "OCT-46": running("`backups.webhook`", test=_BACKUP, check=secret_at("backups", "/run/secrets/backup-webhook")),
    "OCT-47": graph(
        "settled: the image `backup` has a tested program instead of scripts", image("backups", "slipway-backup:16")
    ),
    "OCT-48": by_command("slipway backup --stack prod", _BACKUP),
    "OCT-49": by_command("slipway backup list --stack prod", _BACKUP),
    "OCT-50": by_command(
        "slipway restore --stack prod --file backup-file.sql.gz --only oc-database",
        f"{_RESTORE}::test_dumps_of_other_tools_come_back_and_damaged_ones_are_refused",
        "settled: a command instead of a script; without `--file` the newest verified backup",
    ),
    "OCT-51": running(
        "`slipway restore`; left out by `--no-safety` alone",
        test=f"{_RESTORED}::test_what_is_live_is_backed_up_before_it_is_replaced",
    ),
    "OCT-52": running(
        "custom, tar or SQL, plain, gzip or zstd: by content, not by name",
        test=f"{_RESTORE}::test_dumps_of_other_tools_come_back_and_damaged_ones_are_refused",
    ),
    "OCT-53": running(
        "tables, rows, hashes and sequences are compared with the manifest before anything takes the live one's place; a "
        "foreign dump has no manifest: it is first restored into a server of its own",
        test=f"{_BESIDE}::test_what_differs_is_removed_and_never_takes_a_place",
    ),
    "OCT-54": running(
        "ANALYZE, before it takes the live one's place",
        test=f"{_BESIDE}::test_what_was_restored_is_compared_and_then_analyzed",
    ),
    "OCT-55": graph(
        "`environments.prod.monitoring`: a part for each program",
        every(
            only_in("prod", "prometheus", "grafana", "alertmanager"),
            dashboards("overview", "services", "databases", "caches", "agents", "host"),
        ),
    ),
    "OCT-56": running(
        "`monitoring.publish`, on 127.0.0.1 alone: it has no login",
        test=f"{_MONITORING}::test_all_targets_answer",
        check=published("prometheus", ("127.0.0.1", 9090, 9090)),
    ),
    "OCT-57": graph(
        "settled: Slipway writes prometheus.yml from the parts that there are, into a volume",
        every(
            mounts("prometheus", "/etc/slipway"), file("prometheus", "/etc/slipway/prometheus.yml", "scrape_configs")
        ),
    ),
    "OCT-58": graph(
        "settled: Slipway's own, with the limits of `monitoring.alerts`", alerted("application", "ServiceDown")
    ),
    "OCT-59": running(
        "`environments.prod.services.oc-app.metrics`: the document has no path; `/api/metrics`, which the application must "
        "serve, and the gateway does not",
        Probe("/api/metrics", status=404),
        test=f"{_MONITORING}::test_all_targets_answer",
        check=scraped("oc-app-blue", "oc-app-blue", 3000, "/api/metrics"),
    ),
    "OCT-60": running(
        "`oc-database-exporter`, with a role of its own",
        test=f"{_MONITORING}::test_all_targets_answer",
        check=every(
            exists("oc-database-exporter"),
            scraped("oc-database", "oc-database-exporter", 9187),
            reaches("oc-database-exporter", "oc-database"),
        ),
    ),
    "OCT-61": running(
        "`oc-redis-exporter`",
        test=f"{_MONITORING}::test_all_targets_answer",
        check=every(
            exists("oc-redis-exporter"),
            scraped("oc-redis", "oc-redis-exporter", 9121),
            reaches("oc-redis-exporter", "oc-redis"),
        ),
    ),
    "OCT-62": running(
        "`host-exporter`; the network's by `containers-exporter`",
        test=f"{_MONITORING}::test_queries_of_dashboards_name_metrics_that_there_are",
        check=every(
            exists("host-exporter"),
            scraped("host", "host-exporter", 9100),
            scraped("host", "containers-exporter", 9200),
            dashboards("host"),
        ),
    ),
    "OCT-63": running(
        "`containers-exporter`, without Docker's socket",
        test=f"{_MONITORING}::test_what_containers_use_agrees_with_docker",
        check=every(exists("containers-exporter"), scraped("host", "containers-exporter", 9200)),
    ),
    "OCT-64": running(
        "rules ServiceDown, ServiceErrors, ServiceSlow, MetricsDown, MetricsMissing",
        test=f"{_RULES}::test_each_alert_fires_for_its_fault_and_for_nothing_near_it",
        check=alerted("application", "ServiceDown", "ServiceErrors", "ServiceSlow", "MetricsDown", "MetricsMissing"),
    ),
    "OCT-65": running(
        "rules Container…, Host…, Database…, Cache… of the group infrastructure; DiskShort",
        test=f"{_RULES}::test_each_alert_fires_for_its_fault_and_for_nothing_near_it",
        check=every(
            alerted(
                "infrastructure",
                "ContainerDown",
                "ContainerRestarts",
                "ContainerCpuHigh",
                "ContainerMemoryHigh",
                "HostCpuHigh",
                "HostMemoryHigh",
                "DatabaseDown",
                "DatabaseConnections",
                "CacheDown",
                "CacheMemoryHigh",
            ),
            alerted("disk", "DiskShort"),
        ),
    ),
    "OCT-66": running(
        "rules QueueOld, QueueDeep, JobsFail; TokensShort, RateLimited: of what the application says at `/api/metrics` "
        "under the names in docs/monitoring.md",
        test=f"{_RULES}::test_each_alert_fires_for_its_fault_and_for_nothing_near_it",
        check=alerted("agents", "QueueOld", "QueueDeep", "JobsFail", "TokensShort", "RateLimited"),
    ),
    "OCT-67": running(
        "rules AccessRefused, UnexpectedRestart; CertificateExpires, BackupMissing. What processes do in containers is "
        "Falco's (OCT-73), in its log",
        test=f"{_RULES}::test_each_alert_fires_for_its_fault_and_for_nothing_near_it",
        check=every(
            alerted("security", "AccessRefused", "UnexpectedRestart", "CertificateExpires"),
            alerted("backups", "BackupMissing"),
        ),
    ),
    "OCT-68": graph(
        "`environments.dev.services.oc-pgadmin`",
        every(only_in("dev", "oc-pgadmin"), published("oc-pgadmin", ("127.0.0.1", 5050, 80))),
    ),
    "OCT-69": running(
        "`oc-pgadmin.env`: the document's, on 127.0.0.1 alone",
        test=f"{_E2E}::test_pgadmin_reaches_the_database",
        check=env("oc-pgadmin", PGADMIN_DEFAULT_EMAIL="admin@octocode.dev", PGADMIN_DEFAULT_PASSWORD="admin"),
    ),
    "OCT-70": running(
        "`oc-pgadmin.files`",
        test=f"{_E2E}::test_pgadmin_reaches_the_database",
        check=file("oc-pgadmin", "/pgadmin4/servers.json", "oc_database", "octocode"),
    ),
    "OCT-71": running(
        "`environments.dev.services.oc-mailhog`; the application sends to oc-mailhog:1025",
        test=f"{_E2E}::test_mail_is_caught",
        check=every(
            only_in("dev", "oc-mailhog"),
            published("oc-mailhog", ("127.0.0.1", 8025, 8025)),
            env("oc-app", SMTP_HOST="oc-mailhog", SMTP_PORT="1025"),
        ),
    ),
    "OCT-72": graph(
        "`jobs.scan-images`, `.scan-dockerfile`, `.scan-secrets`: Trivy, by profile `scan`, run by `slipway scan`",
        every(
            job("scan-images", manual=True, profile="scan"),
            having("scan", image("scan-images", "aquasec/trivy:")),
            having("scan", env("scan-images", TRIVY_IGNOREFILE="/src/.trivyignore")),
        ),
    ),
    "OCT-73": graph(
        "`services.falco`, profile `security`",
        having(
            "security",
            every(image("falco", "falcosecurity/falco:"), file("falco", "/etc/falco/falco_rules.local.yaml", "rule:")),
        ),
    ),
    "OCT-74": graph(
        "profiles `scan` and `security`, off unless asked for",
        every(
            each(parts_are("oc-app", "oc-database", "oc-redis", "oc-pgadmin", "oc-mailhog"), exists("oc-worker")),
            having("security", exists("falco")),
        ),
    ),
    "OCT-75": graph(
        "every part; what a program can't bear is given up by name, with its reason",
        each(
            hardened("oc-database", "oc-redis", "oc-mailhog"),
            hardened("oc-app", "oc-worker", "oc-database", "oc-redis", "gateway"),
        ),
    ),
    "OCT-76": graph("`read_only`, the default", hardened()),
    "OCT-77": graph(
        "`networks.backend` is internal, databases are on it alone; `edge` leads out",
        every(network("backend", internal=True), network("edge", internal=False), on("oc-database", "backend")),
    ),
    "OCT-78": graph(
        "`secrets`: encrypted in the stack's file, files in the container, never in `docker inspect`",
        every(secret_file("oc-app", "NEXTAUTH_SECRET_FILE", f"{_SECRET}/nextauth_secret"), without("oc-app", "SECRET")),
    ),
    "OCT-79": graph(
        "settled: no folder of plain files: `slipway config set --secret NAME < ./secrets/NAME`",
        secret_file("oc-app", "ANTHROPIC_API_KEY_FILE", f"{_SECRET}/anthropic_api_key"),
    ),
    "OCT-80": graph(
        "the password is generated; the file is called password",
        secret_file("oc-database", "POSTGRES_PASSWORD_FILE", f"{_SECRET}/password"),
    ),
    "OCT-81": graph(
        "`environments.prod.services.oc-app.secrets`",
        secret_file("oc-app", "NEXTAUTH_SECRET_FILE", f"{_SECRET}/nextauth_secret"),
    ),
    "OCT-82": graph(
        "`environments.prod.services.oc-app.secrets`",
        secret_file("oc-app", "ANTHROPIC_API_KEY_FILE", f"{_SECRET}/anthropic_api_key"),
    ),
    "OCT-83": graph(
        "`profiles.s3.secrets.aws_access_key`, a file of the container that makes backups",
        having("s3", secret_at("backups", "/run/secrets/s3-s3-access-key")),
    ),
    "OCT-84": graph(
        "`services.oc-app.env`", each(env("oc-app", NODE_ENV="development"), env("oc-app", NODE_ENV="production"))
    ),
    "OCT-85": graph(
        "`${databases.oc-database.url}`: a variable in dev, a file in prod",
        each(
            secret_variable("oc-app", "DATABASE_URL"),
            secret_file("oc-app", "DATABASE_URL_FILE", f"{_SECRET}/DATABASE_URL"),
        ),
    ),
    "OCT-86": graph(
        "`services.oc-app.env.NEXTAUTH_URL`",
        each(env("oc-app", NEXTAUTH_URL="http://localhost:3000"), env("oc-app", NEXTAUTH_URL="https://localhost")),
    ),
    "OCT-87": graph(
        "`services.oc-app.secrets`",
        each(
            secret_variable("oc-app", "NEXTAUTH_SECRET"),
            secret_file("oc-app", "NEXTAUTH_SECRET_FILE", f"{_SECRET}/nextauth_secret"),
        ),
    ),
    "OCT-88": graph(
        "`x-app-env`; the container answers to oc_database",
        every(
            env("oc-app", POSTGRES_HOST="oc_database", POSTGRES_DB="octocode", POSTGRES_USER="octocode"),
            named("oc-database", "oc_database"),
        ),
    ),
    "OCT-89": graph(
        "generated; `x-app-env`",
        each(
            secret_variable("oc-app", "POSTGRES_PASSWORD"),
            secret_file("oc-app", "POSTGRES_PASSWORD_FILE", f"{_SECRET}/POSTGRES_PASSWORD"),
        ),
    ),
    "OCT-90": graph(
        "`${caches.oc-redis.url}`, with its password",
        each(secret_variable("oc-app", "REDIS_URL"), secret_file("oc-app", "REDIS_URL_FILE", f"{_SECRET}/REDIS_URL")),
    ),
    "OCT-91": graph(
        "`services.oc-app.secrets`",
        each(
            secret_variable("oc-app", "ANTHROPIC_API_KEY"),
            secret_file("oc-app", "ANTHROPIC_API_KEY_FILE", f"{_SECRET}/anthropic_api_key"),
        ),
    ),
    "OCT-92": graph(
        "`environments.prod.databases.oc-database.settings`", setting("oc-database", max_connections="200")
    ),
    "OCT-93": graph(
        "`profiles.s3.backups.destinations.s3.bucket`",
        having("s3", file("backups", "/etc/slipway-backup/config.json", "your-backup-bucket")),
    ),
    "OCT-94": graph(
        "`secrets.notification_webhook`: whoever knows the address can write there",
        secret_at("backups", "/run/secrets/backup-webhook"),
    ),
    "OCT-95": graph(
        "`backups.schedule`", file("backups", "/etc/slipway-backup/config.json", '"schedule": "0 2 * * *"')
    ),
    "OCT-96": graph("`backups.keep.days`", file("backups", "/etc/slipway-backup/config.json", '"days": 30')),
    "OCT-97": graph(
        "`services.oc-app.replicas`, `workers.oc-worker.replicas`: two each",
        every(copies("oc-app", 2), copies("oc-worker", 2)),
    ),
    "OCT-98": by_command("slipway scale --stack prod oc-app=3", "tests/cli/test_operations.py"),
    "OCT-99": graph("`environments.dev.services.oc-app`: 4 GiB, two CPUs", limit("oc-app", 2, 4096, 1)),
    "OCT-100": graph("`environments.prod`: every part", all_limited()),
    "OCT-101": graph("`environments`; `slipway` alone means the stack dev", only_in("dev", "oc-pgadmin")),
    "OCT-102": by_command("slipway up --blueprint octocode", f"{_E2E}::test_every_system_comes_up"),
    "OCT-103": by_command(
        "slipway up", f"{_E2E}::test_every_system_comes_up", "images are built where they are missing or changed"
    ),
    "OCT-104": by_command(
        "slipway restart oc-app", "tests/cli/test_operations.py", "up, destroy, restart, logs --follow"
    ),
    "OCT-105": by_command(
        "slipway run seed",
        f"{_E2E}::test_jobs_run_when_asked",
        "`jobs.migrate` at each deployment; `slipway run migrate`, `migrate-reset`, `seed`",
    ),
    "OCT-106": by_command(
        "slipway shell oc-app -- npm run lint",
        "tests/operate/test_shell.py",
        "lint, test, typecheck are the application's scripts",
    ),
    "OCT-107": by_command(
        "slipway psql", f"{_CLI}::test_psql_is_logged_in_as_the_owner", "shell oc-app, psql, redis-cli"
    ),
    "OCT-108": by_command("slipway shell oc-app -- COMMAND", "tests/operate/test_shell.py"),
    "OCT-109": by_command(
        "slipway shell oc-app -- npm run dev:debug", "tests/operate/test_shell.py", "9229 is published in dev"
    ),
    "OCT-110": by_command(
        "slipway scan",
        f"{_CLI}::test_scan_runs_the_jobs_of_the_profile",
        "`slipway profiles on scan security`, then `slipway up`",
    ),
    "OCT-111": by_command(
        "slipway scan scan-secrets", f"{_CLI}::test_scan_runs_the_jobs_of_the_profile", "or scan-dockerfile"
    ),
    "OCT-112": by_command("slipway logs oc-database", _LOOKING, "all parts without a name; `--stack prod`"),
    "OCT-113": running("`slipway logs`: all parts, merged by time, with the request id of the gateway", test=_LOOKING),
    "OCT-114": by_command("slipway status", _LOOKING),
    "OCT-115": by_command("slipway check-env --stack prod", f"{_CLI}::test_check_env_names_what_is_missing"),
    "OCT-116": by_command(
        "slipway preview --stack prod",
        "tests/review/test_workflows.py",
        "docs/pull-requests.md: scan, build and deploy in CI",
    ),
    "OCT-117": by_command(
        "slipway up --stack prod --yes", "tests/review/test_workflows.py", "the workflows in .github"
    ),
    "OCT-118": by_command("slipway up --stack prod", f"{_E2E}::test_every_system_comes_up"),
    "OCT-119": Row(
        "`environments.prod.services.oc-app.release`: another `build.tag`, `slipway up`, a look at the new set by the host "
        "name next.localhost, `slipway switch`; workers are rolled",
        check=blue_green("oc-app", "next.localhost"),
        command="slipway switch --stack prod oc-app",
        test="tests/e2e/test_strategies.py::test_blue_green_switches_at_once_and_back",
    ),
    "OCT-120": by_command("slipway destroy --volumes", "tests/cli/test_destroy.py", "and `docker builder prune`"),
    "OCT-121": by_command(
        "slipway shell oc-app -- ls -ln /app",
        "tests/images/test_hardened_e2e.py",
        "volumes are given to the container's user before it starts: nothing is to be repaired",
    ),
    "OCT-122": graph("`environments.dev.services.oc-app.container_name`", named("oc-app", "oc_app_dev")),
    "OCT-123": running(
        "`settings.shared_preload_libraries`, `init`",
        test=f"{_E2E}::test_pg_stat_statements_is_loaded",
        check=setting("oc-database", shared_preload_libraries="pg_stat_statements"),
    ),
    "OCT-124": graph("settled: the service's name and its password", aliased("oc-redis", "oc-redis", "oc_redis")),
    "OCT-125": graph(
        "settled: a file, DATABASE_URL_FILE; so is the one with Redis's password",
        every(secret_file("oc-app", "DATABASE_URL_FILE", f"{_SECRET}/DATABASE_URL"), without("oc-app", "PASSWORD")),
    ),
    "OCT-126": graph(
        "settled: both halves of the key are secrets",
        having("s3", secret_at("backups", "/run/secrets/s3-s3-access-key", "/run/secrets/s3-s3-secret-key")),
    ),
    "OCT-127": graph(
        "settled: one part a program; Grafana on 127.0.0.1:3000, alerts to the webhook of OCT-94, an exporter for each of "
        "the four",
        every(
            published("prometheus", ("127.0.0.1", 9090, 9090)),
            published("grafana", ("127.0.0.1", 3000, 3000)),
            secret_at("alertmanager", "/run/secrets/alertmanager.yml"),
            exists("oc-database-exporter", "oc-redis-exporter", "host-exporter", "containers-exporter"),
        ),
    ),
    "OCT-128": graph(
        "settled: five stages, of which two are deployed",
        each(
            built("oc-app", "apps/octocode", target="development"),
            built("oc-app", "apps/octocode", target="production"),
        ),
    ),
    "OCT-129": graph(
        "settled: no script, no folder of the host: backups stand in a volume, secrets and certificates are encrypted in the stack's file",
        mounts("backups", "/backups"),
    ),
    "OCT-130": graph(
        "settled: mean_exec_time; the extension is loaded",
        setting("oc-database", shared_preload_libraries="pg_stat_statements"),
    ),
    "OCT-131": graph(
        "settled: the part is oc-app (and oc_app by name), its container oc_app_dev",
        every(named("oc-app", "oc_app_dev"), aliased("oc-app", "oc-app", "oc_app")),
    ),
    "OCT-132": graph(
        "settled: the command is the blueprint's to say; npm, since the Dockerfile installs it",
        each(command("oc-app", "npm", "run", "dev"), command("oc-worker", "node")),
    ),
    "OCT-133": graph(
        "settled: prod publishes 80 and 443 alone", every(unpublished("oc-app"), publishes("gateway", ("0.0.0.0", 443)))
    ),
    "OCT-134": graph(
        "settled: networks edge and backend, health checks for all that answers, two replicas, the limits of the "
        "blueprint, SMTP on 1025; the worker's health is that its process runs",
        every(
            each(all_probed(), all_probed("oc-worker")),
            waits_healthy("oc-app", "oc-database", "oc-redis"),
            inputs("oc-app", restart="unless-stopped"),
        ),
    ),
}

COMMANDS: Final = (
    ("make quick-start, make dev", "slipway up --blueprint octocode"),
    ("make dev-build, make prod-build", "slipway up: what changed is built"),
    ("make dev-stop", "slipway destroy"),
    ("make dev-restart", "slipway restart oc-app"),
    ("make dev-logs, make logs", "slipway logs --follow"),
    ("make logs-app, make logs-db", "slipway logs oc-app"),
    ("make migrate", "slipway run migrate"),
    ("make migrate-reset", "slipway run migrate-reset"),
    ("make seed", "slipway run seed"),
    ("make lint, test, typecheck", "slipway shell oc-app -- npm run lint"),
    ("make dev-shell", "slipway shell oc-app"),
    ("make dev-db-shell", "slipway psql"),
    ("make dev-redis-shell", "slipway redis-cli"),
    ("make security", "slipway scan"),
    ("make security-scan-dockerfile", "slipway scan scan-dockerfile"),
    ("make security-scan-secrets", "slipway scan scan-secrets"),
    ("make security-start", "slipway profiles on security, then slipway up"),
    ("make check-env", "slipway check-env --stack prod"),
    ("make status", "slipway status"),
    ("make prod", "slipway up --stack prod"),
    ("make prod-scale REPLICAS=3", "slipway scale --stack prod oc-app=3"),
    ("make prod-logs", "slipway logs --stack prod --follow"),
    ("make backup", "slipway backup --stack prod"),
    ("make restore BACKUP=file", "slipway restore --stack prod --file FILE --only oc-database"),
    ("make clean-dev", "slipway destroy --volumes"),
)
