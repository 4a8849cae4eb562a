"""Orient, line by line."""

from __future__ import annotations

from typing import Final

from tests.systems.look.combine import each, every
from tests.systems.look.files import mounts
from tests.systems.look.health import probed, waits_healthy
from tests.systems.look.images import image
from tests.systems.look.limits import memory
from tests.systems.look.parts import inputs, named, parts_are
from tests.systems.look.ports import listens, published, unpublished
from tests.systems.look.rights import hardened
from tests.systems.look.routes import routed
from tests.systems.look.secrets import secret_variable
from tests.systems.look.settings import env
from tests.systems.rows import Probe, Row, by_command, graph, running

_APP, _CODE = "app.orient.bot", "code.orient.bot"
_FIVE: Final = ("gateway", "opencode", "bot-whatsapp", "dashboard", "postgres")
_LOGS: Final = "tests/cli/test_looking.py"
_E2E: Final = "tests/e2e/test_systems.py"

TITLE: Final = "Orient"
DOCUMENT: Final = "Production Containers Reference"
INTRO: Final = """\
Five containers: nginx (the gateway), the OpenCode runtime, the WhatsApp bot, the dashboard and PostgreSQL. The document
is a production reference; `dev` is the same five with less memory, on `127.0.0.1:8080`, without HTTPS.

Parts are named as in the document's short form (`slipway logs opencode`), and their containers as in the long one
(`docker logs orienter-opencode`). Before `slipway up --stack prod`: `anthropic_api_key` and `whatsapp_api_token`
(`slipway config set --stack prod --secret NAME`), and the tag of the release that you run in place of `1.0.0`."""

ROWS: Final[dict[str, Row]] = {
    "ORI-01": graph(
        "`databases.postgres`, `services.*`, `gateway`, each with `container_name`; in prod the renewer of certificates "
        "(`gateway-certificates`) stands beside the five",
        every(
            each(parts_are(*_FIVE), parts_are(*_FIVE, "gateway-certificates")),
            named("gateway", "orienter-nginx"),
            named("opencode", "orienter-opencode"),
            named("bot-whatsapp", "orienter-bot-whatsapp"),
            named("dashboard", "orienter-dashboard"),
            named("postgres", "orienter-postgres"),
        ),
    ),
    "ORI-02": graph(
        "`gateway`: nginx on Alpine, the unprivileged build, since it runs without root",
        image("gateway", "nginxinc/nginx-unprivileged:1.27-alpine"),
    ),
    "ORI-03": graph(
        "`services.opencode.image`; pinned, since a tag that moves is refused",
        image("opencode", "ghcr.io/orient-core/orient/opencode:"),
    ),
    "ORI-04": graph("`services.bot-whatsapp.image`", image("bot-whatsapp", "ghcr.io/orient-core/orient/whatsapp-bot:")),
    "ORI-05": graph("`services.dashboard.image`", image("dashboard", "ghcr.io/orient-core/orient/dashboard:")),
    "ORI-06": graph(
        "`databases.postgres`: the catalogue's, by digest", image("postgres", "postgres:16-alpine@sha256:")
    ),
    "ORI-07": running(
        "`gateway`",
        Probe("/", "dashboard", 4098, host=_APP),
        Probe("/", "opencode", 4099, host=_CODE),
        test="tests/e2e/test_tls.py",
    ),
    "ORI-08": running("`services.opencode`", Probe("/session", "opencode", 4099, host=_CODE)),
    "ORI-09": running(
        "`services.bot-whatsapp`",
        Probe("/qr", "bot-whatsapp", 4097, host=_APP),
        Probe("/webhook", "bot-whatsapp", 4097, host=_APP, body={"message": "hello"}),
    ),
    "ORI-10": running("`services.dashboard`", Probe("/api/users", "dashboard", 4098, host=_APP)),
    "ORI-11": running("`databases.postgres`, and its data volume", test=f"{_E2E}::test_psql_and_redis_cli"),
    "ORI-12": graph(
        "`environments.prod.gateway.publish` and `.tls.publish`; dev is on 127.0.0.1:8080",
        each(
            published("gateway", ("127.0.0.1", 8080, 8080)),
            published("gateway", ("0.0.0.0", 80, 8080), ("0.0.0.0", 443, 8443)),
        ),
    ),
    "ORI-13": graph("`services.opencode.port`", every(listens("opencode", 4099), unpublished("opencode"))),
    "ORI-14": graph("`gateway.routes[3].port`", routed("/oauth/callback", "opencode", host=_APP)),
    "ORI-15": graph("`services.bot-whatsapp.port`", every(listens("bot-whatsapp", 4097), unpublished("bot-whatsapp"))),
    "ORI-16": graph("`services.dashboard.port`", every(listens("dashboard", 4098), unpublished("dashboard"))),
    "ORI-17": graph("`databases.postgres`: no `publish`", every(listens("postgres", 5432), unpublished("postgres"))),
    "ORI-18": running("`gateway.routes[0]`", Probe("/", "dashboard", 4098, host=_APP)),
    "ORI-19": running("`gateway.routes[1]`", Probe("/qr", "bot-whatsapp", 4097, host=_APP)),
    "ORI-20": running("`gateway.routes[4]`", Probe("/", "opencode", 4099, host=_CODE)),
    "ORI-21": running("`gateway.routes[3]`", Probe("/oauth/callback?code=1", "opencode", 8765, host=_APP)),
    "ORI-22": running(
        "`environments.prod.gateway.tls`",
        Probe("/", "dashboard", 4098, host=_APP, tls=True),
        Probe("/", "opencode", 4099, host=_CODE, tls=True),
    ),
    "ORI-23": running("`gateway.tls.acme`: renewed by itself, nginx reloads", test="tests/e2e/test_acme.py"),
    "ORI-24": running(
        "`gateway.routes[].timeout`: 504 when a backend is too slow, 502 when it is down",
        test="tests/e2e/test_gateway_routes.py",
    ),
    "ORI-25": graph("`services.opencode.health`", probed("opencode", "4099", "/global/health")),
    "ORI-26": graph("`services.bot-whatsapp.health`", probed("bot-whatsapp", "4097", "/health")),
    "ORI-27": graph("`services.dashboard.health`", probed("dashboard", "4098", "/api/health")),
    "ORI-28": graph("every database: `pg_isready`", probed("postgres", "pg_isready", "aibot")),
    "ORI-29": running("every part has a health check", test=f"{_E2E}::test_every_system_comes_up"),
    "ORI-30": graph("a route implies it", waits_healthy("gateway", "opencode")),
    "ORI-31": graph("a route implies it", waits_healthy("gateway", "dashboard")),
    "ORI-32": graph("a route implies it, healthy too: it has a check", waits_healthy("gateway", "bot-whatsapp")),
    "ORI-33": graph("`${databases.postgres.url}` implies it", waits_healthy("bot-whatsapp", "postgres")),
    "ORI-34": graph(
        "made with the database: `<project>-<stack>-postgres-data`", mounts("postgres", "/var/lib/postgresql/data")
    ),
    "ORI-35": graph(
        "`databases.postgres.user`; the password is generated, encrypted in the state, and a file in the container",
        env("postgres", POSTGRES_USER="aibot", POSTGRES_PASSWORD_FILE="/run/secrets/password"),
    ),
    "ORI-36": graph(
        "`services.dashboard.env`, by name in `secret_env`, since the image reads variables and no files",
        secret_variable("dashboard", "DATABASE_URL"),
    ),
    "ORI-37": graph(
        "`databases.postgres.user`, `.database`", env("postgres", POSTGRES_USER="aibot", POSTGRES_DB="whatsapp_bot")
    ),
    "ORI-38": graph("`services.opencode.secrets`", secret_variable("opencode", "ANTHROPIC_API_KEY")),
    "ORI-39": graph(
        "`secrets.jwt_secret`, generated once and given to dashboard and bot",
        every(secret_variable("dashboard", "JWT_SECRET"), secret_variable("bot-whatsapp", "JWT_SECRET")),
    ),
    "ORI-40": graph("`secrets.whatsapp_api_token`", secret_variable("bot-whatsapp", "WHATSAPP_API_TOKEN")),
    "ORI-41": graph("`environments.prod.services.opencode.memory`", memory("opencode", 4096)),
    "ORI-42": graph("`environments.prod.services.dashboard.memory`", memory("dashboard", 1024)),
    "ORI-43": graph("`environments.prod.services.bot-whatsapp.memory`", memory("bot-whatsapp", 1024)),
    "ORI-44": graph("`environments.prod.databases.postgres.memory`", memory("postgres", 512)),
    "ORI-45": graph("`gateway.memory`", memory("gateway", 128)),
    "ORI-46": by_command("slipway logs opencode --tail 100", _LOGS, "json-file logs, which `docker logs` reads too"),
    "ORI-47": by_command(
        "slipway shell gateway -- nginx -t -c /etc/nginx/conf.d/live.conf",
        "tests/operate/test_shell.py",
        "each deployment tests a configuration before it serves",
    ),
    "ORI-48": by_command(
        "slipway status", "tests/cli/test_looking.py", "or `docker stats orienter-opencode --no-stream`"
    ),
    "ORI-49": by_command("slipway shell dashboard -- printenv DATABASE_URL", "tests/operate/test_shell.py"),
    "ORI-50": by_command(
        'slipway psql -- -c "SELECT COUNT(*) FROM messages;"',
        f"{_E2E}::test_psql_and_redis_cli",
        "the table is the bot's own, made by its migrations",
    ),
    "ORI-51": by_command("slipway shell postgres -- pg_isready", "tests/operate/test_shell.py"),
    "ORI-52": by_command("slipway status", "tests/cli/test_looking.py", "or `docker ps`, by the same names"),
    "ORI-53": graph(
        "settled: the edge is there, since `DATABASE_URL` refers to the database",
        waits_healthy("dashboard", "postgres"),
    ),
    "ORI-54": graph(
        "settled: `gateway.routes[2]`, `/webhook` of app.orient.bot", routed("/webhook", "bot-whatsapp", host=_APP)
    ),
    "ORI-55": graph(
        "settled by the route, which is exact: the callback reaches opencode; what the dashboard handles is below `/`",
        every(routed("/oauth/callback", "opencode", host=_APP), routed("/", "dashboard", host=_APP)),
    ),
    "ORI-56": graph("settled: not published; nginx reaches it", unpublished("opencode")),
    "ORI-57": graph(
        "settled: every container has a check, and every edge waits for it",
        every(
            waits_healthy("gateway", "bot-whatsapp"),
            probed("gateway", "/.slipway/health"),
            probed("postgres", "pg_isready"),
        ),
    ),
    "ORI-58": graph(
        "settled: dev has the same parts; networks `edge` and `backend` (internal); a volume for the WhatsApp session, "
        "without which each release would have to be paired again; containers restart unless stopped",
        every(
            mounts("bot-whatsapp", "/app/session"),
            inputs("dashboard", restart="unless-stopped"),
            hardened("opencode", "bot-whatsapp", "dashboard", "postgres", "gateway"),
        ),
    ),
}

COMMANDS: Final = (
    ("docker logs orienter-nginx --tail 50", "slipway logs gateway --tail 50"),
    ("docker exec orienter-nginx nginx -t", "slipway shell gateway -- nginx -t -c /etc/nginx/conf.d/live.conf"),
    ("docker stats orienter-opencode --no-stream", "the same, or slipway status"),
    ("docker logs orienter-bot-whatsapp 2>&1 | grep -i error", "slipway logs bot-whatsapp --all | grep -i error"),
    ("docker exec orienter-dashboard env | grep DATABASE_URL", "slipway shell dashboard -- printenv DATABASE_URL"),
    ('docker exec orienter-postgres psql -U aibot -d whatsapp_bot -c "…"', 'slipway psql -- -c "…"'),
    ("docker exec orienter-postgres pg_isready", "slipway shell postgres -- pg_isready"),
    ("docker ps --format …", "slipway status"),
)
