"""OberaConnect, line by line."""

from __future__ import annotations

from typing import Final

from tests.systems.look.combine import every, having
from tests.systems.look.files import file, mounts, volume
from tests.systems.look.health import all_probed, probed, waits_healthy
from tests.systems.look.images import built, image
from tests.systems.look.limits import all_limited, memory, total_memory
from tests.systems.look.networks import network, on
from tests.systems.look.parts import aliased, copies, exists, inputs, named, only_with, parts_are, scalable, warned
from tests.systems.look.ports import listens, published, publishes, unpublished
from tests.systems.look.rights import hardened
from tests.systems.look.routes import nginx_has, no_route, routed
from tests.systems.look.secrets import secret_file, secret_variable
from tests.systems.look.settings import command, env, without
from tests.systems.look.view import Check
from tests.systems.rows import Probe, Row, by_command, graph, running

_E2E: Final = "tests/e2e/test_systems.py"
_CLI: Final = "tests/cli/test_short_commands.py"
_LOOKING: Final = "tests/cli/test_looking.py"
_BACKUP: Final = "tests/e2e/test_backup.py"
_PYTHON: Final = ("data-processing", "rag-engine", "engineering-api", "call-flow", "agents")
_NINE: Final = ("postgres", "qdrant", *_PYTHON, "gateway", "n8n")
_ALL: Final = ("local-llm", "chat", "ssl", "scan")
_SECRETS: Final = "/run/secrets"


def _python(name: str) -> Check:
    return every(built(name, f"apps/oberaconnect/{name}"), listens(name, 8080))


def _route(path: str, part: str, seconds: int, probe: Probe) -> Row:
    return running(f"`gateway.routes`, `{path}`", probe, check=routed(path, part, f"proxy_read_timeout {seconds}s"))


TITLE: Final = "OberaConnect"
DOCUMENT: Final = "Docker Architecture"
INTRO: Final = """\
Nine services, and four more by profile: `slipway profiles on local-llm chat --stack S`, then `slipway up --stack S`. The
sources of the five Python services and of the scanner stand in `apps/oberaconnect` of your project, a folder and a
Dockerfile each. Dev and prod are the same stack, but that prod protects its data.

Before the first `up`: `anthropic_api_key` (`slipway config set --stack S --secret NAME`); with profile `azure` the three
of Azure; with profile `ssl` your host name and address under `profiles.ssl` in the blueprint. The other secrets are
generated, and each service gets its own."""

ROWS: Final[dict[str, Row]] = {
    "OBE-01": graph(
        "`services`, `databases.postgres`, `gateway`; nginx-ssl is the gateway itself (OBE-61), so twelve containers, and what makes backups",
        every(
            parts_are(*_NINE, "backups"),
            having(["local-llm", "chat", "scan"], parts_are(*_NINE, "backups", "ollama", "open-webui", "kali-nmap")),
        ),
    ),
    "OBE-02": graph(
        "`profiles` of a part, and of the blueprint",
        having(["local-llm", "chat"], exists("ollama", "open-webui", "agents")),
    ),
    "OBE-03": graph(
        "no profile; nine and what makes backups, 4.6 GiB of limits",
        every(parts_are(*_NINE, "backups"), total_memory(3900, 4800)),
    ),
    "OBE-04": graph(
        "`services.ollama`: 8 GiB", every(only_with("local-llm", "ollama"), having("local-llm", memory("ollama", 8192)))
    ),
    "OBE-05": graph(
        "`services.open-webui`: 512 MiB",
        every(only_with("chat", "open-webui"), having("chat", memory("open-webui", 512))),
    ),
    "OBE-06": graph(
        "`profiles.ssl`: the gateway itself ends HTTPS, and a small container renews its certificates: one nginx less",
        every(only_with("ssl", "gateway-certificates"), having("ssl", nginx_has("listen 8443 ssl"))),
    ),
    "OBE-07": graph(
        "`services.kali-nmap`: 1 GiB", every(only_with("scan", "kali-nmap"), having("scan", memory("kali-nmap", 1024)))
    ),
    "OBE-08": by_command(
        "slipway profiles on local-llm chat",
        f"{_CLI}::test_profiles_are_switched",
        "`slipway profiles` lists what they add",
    ),
    "OBE-09": graph("`services.ollama.image`, pinned", having("local-llm", image("ollama", "ollama/ollama:0.9.6"))),
    "OBE-10": graph(
        "`services.ollama.publish`. A service, not `model_servers.ollama`: that refuses a port that is open to all and a "
        "route without a key (OBE-48), since Ollama lets whoever reaches it delete models; the document wants both. "
        "docs/models.md has the guarded form",
        having("local-llm", published("ollama", ("0.0.0.0", 11434, 11434))),
    ),
    "OBE-11": graph(
        "`volumes.ollama-models`", having("local-llm", mounts("ollama", "/root/.ollama", "oberaconnect_ollama_models"))
    ),
    "OBE-12": graph("`services.ollama.gpus: all`", having("local-llm", inputs("ollama", gpus="all"))),
    "OBE-13": by_command("slipway profiles on local-llm", f"{_CLI}::test_profiles_are_switched", "then `slipway up`"),
    "OBE-14": by_command("slipway shell ollama -- ollama pull llama3.2", "tests/operate/test_shell.py"),
    "OBE-15": running(
        "`services.ollama`",
        Probe(
            "/api/ollama/api/generate", "ollama", 11434, "/api/generate", body={"model": "llama3.2", "prompt": "Hello"}
        ),
    ),
    "OBE-16": graph("the catalogue's, by digest", image("postgres", "postgres:16-alpine@sha256:")),
    "OBE-17": graph("`databases.postgres.publish`", published("postgres", ("127.0.0.1", 5432, 5432))),
    "OBE-18": graph(
        "made with the database", mounts("postgres", "/var/lib/postgresql/data", "oberaconnect_postgres_data")
    ),
    "OBE-19": graph(
        "`databases.postgres`",
        every(env("postgres", POSTGRES_USER="obera", POSTGRES_DB="oberaconnect"), named("postgres", "postgres")),
    ),
    "OBE-20": by_command(
        "slipway shell postgres -- pg_dump -U obera oberaconnect > backup.sql", "tests/operate/test_shell.py"
    ),
    "OBE-21": by_command("slipway psql < backup.sql", f"{_CLI}::test_psql_is_logged_in_as_the_owner"),
    "OBE-22": graph(
        "`services.qdrant.image`, pinned. A service with volumes, not `vector_stores.qdrant`: `slipway restore` brings "
        "volumes back (OBE-85, OBE-86), and Qdrant's snapshots not yet",
        image("qdrant", "qdrant/qdrant:v1."),
    ),
    "OBE-23": graph("`services.qdrant.publish`", published("qdrant", ("0.0.0.0", 6333, 6333), ("0.0.0.0", 6334, 6334))),
    "OBE-24": graph(
        "`services.qdrant.volumes`, at the image's folders",
        every(
            mounts("qdrant", "/qdrant/storage", "oberaconnect_qdrant_storage"),
            mounts("qdrant", "/qdrant/snapshots", "oberaconnect_qdrant_snapshots"),
        ),
    ),
    "OBE-25": by_command(
        "slipway shell rag-engine -- curl http://qdrant:6333/collections",
        "tests/operate/test_shell.py",
        "with the header api-key, see OBE-100",
    ),
    "OBE-26": running(
        "`services.qdrant.health`; over HTTP at /healthz, see OBE-101",
        Probe("/api/qdrant/healthz", "qdrant", 6333, "/healthz"),
        check=probed("qdrant", "6333"),
    ),
    "OBE-27": graph(
        "`services.*.build`: their Dockerfiles are the application's own", every(*(_python(name) for name in _PYTHON))
    ),
    "OBE-28": running(
        "`x-python.command`",
        test=f"{_E2E}::test_every_system_comes_up",
        check=every(*(command(name, "gunicorn", "--workers", "4") for name in _PYTHON)),
    ),
    "OBE-29": graph("`x-python.health`", every(*(probed(name, "8080", "/health") for name in _PYTHON))),
    "OBE-30": graph("the default user, 10001; the name appuser is the image's", hardened(*_PYTHON)),
    **{
        key: graph(f"`services.{name}`; on 8080, see OBE-92", _python(name))
        for key, name in zip(("OBE-31", "OBE-32", "OBE-33", "OBE-34", "OBE-35"), _PYTHON, strict=True)
    },
    "OBE-36": running(
        "`gateway.routes`",
        Probe(
            "/api/data/ingest", "data-processing", 8080, "/ingest", body={"source": "sharepoint", "path": "/Documents"}
        ),
    ),
    "OBE-37": running(
        "`gateway.routes`", Probe("/api/rag/query", "rag-engine", 8080, "/query", body={"query": "VLANs", "top_k": 5})
    ),
    "OBE-38": running(
        "`gateway.routes`",
        Probe(
            "/api/callflow/generate", "call-flow", 8080, "/generate", body={"customer": "Acme Corp", "extensions": []}
        ),
    ),
    "OBE-39": running(
        "`gateway.routes`, the prefix removed",
        *(
            Probe(f"/api/{path}/health", name, 8080, "/health")
            for path, name in zip(("data", "rag", "engineering", "callflow", "agents"), _PYTHON, strict=True)
        ),
    ),
    "OBE-40": graph(
        "the catalogue's, unprivileged, by digest", image("gateway", "nginxinc/nginx-unprivileged:1.27-alpine@sha256:")
    ),
    "OBE-41": graph("`gateway.publish`", published("gateway", ("0.0.0.0", 8080, 8080))),
    "OBE-42": graph(
        "Slipway writes nginx.conf from `gateway.routes`, into a volume",
        every(mounts("gateway", "/etc/nginx/conf.d"), routed("/api/rag/", "rag-engine")),
    ),
    "OBE-43": _route("/api/data/", "data-processing", 3600, Probe("/api/data/x", "data-processing", 8080, "/x")),
    "OBE-44": _route("/api/rag/", "rag-engine", 120, Probe("/api/rag/x", "rag-engine", 8080, "/x")),
    "OBE-45": _route(
        "/api/engineering/", "engineering-api", 1800, Probe("/api/engineering/x", "engineering-api", 8080, "/x")
    ),
    "OBE-46": _route("/api/callflow/", "call-flow", 300, Probe("/api/callflow/x", "call-flow", 8080, "/x")),
    "OBE-47": _route("/api/agents/", "agents", 7200, Probe("/api/agents/x", "agents", 8080, "/x")),
    "OBE-48": running(
        "`gateway.routes`, with profile `local-llm`",
        Probe("/api/ollama/api/tags", "ollama", 11434, "/api/tags"),
        check=having("local-llm", routed("/api/ollama/", "ollama", "proxy_read_timeout 600s")),
    ),
    "OBE-49": running(
        "`gateway.routes`; 60 s, the default",
        Probe("/api/qdrant/collections", "qdrant", 6333, "/collections"),
        check=routed("/api/qdrant/", "qdrant"),
    ),
    "OBE-50": running(
        "`gateway.routes`, a fixed answer",
        Probe("/api/services", holds=["rag-engine", "/api/rag/"]),
        check=routed("/api/services", "rag-engine"),
    ),
    "OBE-51": running("`gateway.health_path`", Probe("/health", holds=["ok"]), check=nginx_has("location = /health")),
    "OBE-52": graph("`services.n8n.image`, pinned", image("n8n", "docker.n8n.io/n8nio/n8n:1.")),
    "OBE-53": graph("`services.n8n.publish`", published("n8n", ("0.0.0.0", 5678, 5678))),
    "OBE-54": graph("`volumes.n8n-data`", mounts("n8n", "/home/node/.n8n", "oberaconnect_n8n_data")),
    "OBE-55": graph(
        "`services.n8n.env`; the password is generated. n8n 1 reads neither: its owner is who sets it up in the browser first",
        every(
            env("n8n", N8N_BASIC_AUTH_USER="obera"),
            secret_file("n8n", "N8N_BASIC_AUTH_PASSWORD_FILE", f"{_SECRETS}/N8N_BASIC_AUTH_PASSWORD"),
        ),
    ),
    "OBE-56": graph(
        "`services.open-webui.image`, pinned: main moves",
        having("chat", image("open-webui", "ghcr.io/open-webui/open-webui:v0.")),
    ),
    "OBE-57": graph("`services.open-webui.publish`", having("chat", published("open-webui", ("0.0.0.0", 3000, 8080)))),
    "OBE-58": graph(
        "`volumes.open-webui-data`",
        having("chat", mounts("open-webui", "/app/backend/data", "oberaconnect_open_webui_data")),
    ),
    "OBE-59": by_command("slipway profiles on chat", f"{_CLI}::test_profiles_are_switched", "then `slipway up`"),
    "OBE-60": running(
        "`services.open-webui.env`; the connection to an MCP gateway is set in its own pages",
        test=f"{_E2E}::test_every_system_comes_up",
        check=having("chat", env("open-webui", OLLAMA_BASE_URL="http://ollama:11434")),
    ),
    "OBE-61": running(
        "`profiles.ssl`: the gateway ends HTTPS",
        test="tests/e2e/test_acme.py",
        check=having("ssl", nginx_has("listen 8443 ssl", "acme-challenge")),
    ),
    "OBE-62": graph(
        "`profiles.ssl.gateway`",
        having("ssl", publishes("gateway", ("0.0.0.0", 443), ("0.0.0.0", 80), ("0.0.0.0", 8080))),
    ),
    "OBE-63": graph(
        "one volume with account, certificates, keys and the webroot of challenges",
        having("ssl", mounts("gateway", "/var/lib/acme")),
    ),
    "OBE-64": by_command("slipway profiles on ssl", f"{_CLI}::test_profiles_are_switched", "then `slipway up`"),
    "OBE-65": graph("`services.kali-nmap.build`", having("scan", built("kali-nmap", "apps/oberaconnect/kali-nmap"))),
    "OBE-66": graph(
        "`services.kali-nmap.host_network`, by name and with its reason; each preview and `up` warns",
        having("scan", every(inputs("kali-nmap", networkMode="host"), warned("kali-nmap"))),
    ),
    "OBE-67": graph(
        "`services.kali-nmap.privileged`, by name and with its reason; each preview and `up` warns",
        having("scan", every(inputs("kali-nmap", privileged=True), warned("kali-nmap"))),
    ),
    "OBE-68": by_command(
        "slipway scan kali-nmap -- nmap -sV 192.168.1.0/24",
        f"{_CLI}::test_scan_runs_a_command_in_a_scanner",
        "after `slipway profiles on scan`, `slipway up`",
    ),
    "OBE-69": graph(
        "`networks.oberaconnect-network`",
        every(
            network("oberaconnect-network", internal=False, host_name="oberaconnect-network"),
            *(on(name, "oberaconnect-network") for name in _NINE),
        ),
    ),
    "OBE-70": running(
        "parts find each other by name",
        test=f"{_E2E}::test_parts_resolve_each_other",
        check=every(aliased("rag-engine", "rag-engine"), env("agents", RAG_ENGINE_URL="http://rag-engine:8080")),
    ),
    "OBE-71": graph(
        "`publish` of these, and of no others",
        every(
            unpublished(*_PYTHON), publishes("gateway", ("0.0.0.0", 8080)), publishes("postgres", ("127.0.0.1", 5432))
        ),
    ),
    "OBE-72": graph(
        "named as Compose names them: oberaconnect_<key>",
        every(
            *(
                volume(f"oberaconnect_{name}")
                for name in (
                    "postgres_data",
                    "qdrant_storage",
                    "qdrant_snapshots",
                    "n8n_data",
                    "ollama_models",
                    "open_webui_data",
                )
            )
        ),
    ),
    "OBE-73": graph(
        "generated: nothing has to be set", secret_file("postgres", "POSTGRES_PASSWORD_FILE", f"{_SECRETS}/password")
    ),
    "OBE-74": graph(
        "`secrets.qdrant_api_key`, generated: a variable for Qdrant, which reads no file, files for the services",
        every(
            secret_variable("qdrant", "QDRANT__SERVICE__API_KEY"),
            *(secret_file(name, "QDRANT_API_KEY_FILE", f"{_SECRETS}/QDRANT_API_KEY") for name in _PYTHON),
        ),
    ),
    "OBE-75": graph(
        "`x-python.secrets`",
        every(*(secret_file(name, "ANTHROPIC_API_KEY_FILE", f"{_SECRETS}/anthropic_api_key") for name in _PYTHON)),
    ),
    "OBE-76": graph(
        "`profiles.azure`",
        every(
            without("agents", "AZURE_TENANT_ID"),
            having(
                "azure",
                every(
                    *(
                        secret_file(name, f"AZURE_{key}_FILE", f"{_SECRETS}/AZURE_{key}")
                        for name in _PYTHON
                        for key in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")
                    )
                ),
            ),
        ),
    ),
    "OBE-77": graph(
        "`services.n8n.env`, both generated. n8n 1.70 encrypted with a key of its own instead of the file's; 1.123 reads it",
        every(
            secret_file("n8n", "N8N_ENCRYPTION_KEY_FILE", f"{_SECRETS}/N8N_ENCRYPTION_KEY"),
            secret_file("n8n", "N8N_BASIC_AUTH_PASSWORD_FILE", f"{_SECRETS}/N8N_BASIC_AUTH_PASSWORD"),
        ),
    ),
    "OBE-78": graph("every part, those of profiles too", having(["local-llm", "chat", "scan"], all_probed())),
    "OBE-79": by_command("slipway status", _LOOKING),
    "OBE-80": by_command("slipway scale rag-engine=3", "tests/cli/test_operations.py", "the gateway names all three"),
    "OBE-81": by_command("slipway logs gateway --tail 100 --timestamps", _LOOKING),
    "OBE-82": by_command(
        "slipway up",
        f"{_E2E}::test_every_system_comes_up",
        "another tag in the blueprint; `slipway images` for Slipway's own",
    ),
    "OBE-83": by_command(
        "slipway destroy --volumes", "tests/cli/test_destroy.py", "`docker image prune -a` for images"
    ),
    "OBE-84": by_command("slipway data", "tests/cli/test_data.py"),
    "OBE-85": by_command("slipway backup", _BACKUP, "`backups`: every store in one set"),
    "OBE-86": by_command("slipway backup", _BACKUP, "nothing has to be stopped"),
    "OBE-87": by_command("slipway config", _LOOKING, "every problem at once, exit code 2"),
    "OBE-88": by_command(
        "slipway doctor",
        "tests/operate/test_ports.py",
        "names who has the port; `up` does too, before anything is changed",
    ),
    "OBE-89": graph("`memory` of any part; there is always one", all_limited()),
    "OBE-90": by_command("slipway shell ollama -- nvidia-smi", "tests/operate/test_shell.py"),
    "OBE-91": running(
        "settled: `gpus: all` asks Docker for them; no default runtime is needed",
        test="tests/engine/providers/test_container_config.py",
    ),
    "OBE-92": graph(
        "settled: 8080 for each, as routes and DNS have it; none is published",
        every(*(listens(name, 8080) for name in _PYTHON), unpublished(*_PYTHON)),
    ),
    "OBE-93": graph(
        "settled: all but ollama-models, which are pulled again",
        having(
            "chat",
            file(
                "backups",
                "/etc/slipway-backup/config.json",
                "qdrant-storage",
                "qdrant-snapshots",
                "n8n-data",
                "open-webui-data",
            ),
        ),
    ),
    "OBE-94": graph(
        "settled: the volumes carry the prefix on the host",
        every(volume("oberaconnect_qdrant_storage"), volume("oberaconnect_postgres_data")),
    ),
    "OBE-95": graph(
        "settled: kali-nmap is on the host's network alone",
        having(
            "scan",
            every(inputs("kali-nmap", networkMode="host", networksAdvanced=None), on("agents", "oberaconnect-network")),
        ),
    ),
    "OBE-96": graph(
        "settled: thirteen with kali-nmap; nginx-ssl is the gateway's own work",
        having(["local-llm", "chat", "scan"], parts_are(*_NINE, "backups", "ollama", "open-webui", "kali-nmap")),
    ),
    "OBE-97": graph(
        "settled: the route comes and goes with the profile",
        every(no_route("/api/ollama/"), having("local-llm", routed("/api/ollama/", "ollama"))),
    ),
    "OBE-98": graph(
        "settled: not part of the stack; open-webui starts without it",
        having("chat", every(without("open-webui", "OPENAI_API_BASE_URL"), parts_are(*_NINE, "backups", "open-webui"))),
    ),
    "OBE-99": graph(
        "settled: `profiles.ssl` says ports, volume and image: the gateway's own",
        having(
            "ssl",
            every(
                publishes("gateway", ("0.0.0.0", 443)),
                mounts("gateway", "/var/lib/acme"),
                image("gateway", "nginxinc/nginx-unprivileged:"),
            ),
        ),
    ),
    "OBE-100": graph(
        "settled: the key is needed; services have it, and people send the header api-key",
        secret_variable("qdrant", "QDRANT__SERVICE__API_KEY"),
    ),
    "OBE-101": graph("settled: its port is asked inside; over HTTP /healthz and /readyz", probed("qdrant", "6333")),
    "OBE-102": graph(
        "settled: the five Python services scale; what has a fixed name or a port of the host is refused with more than one replica",
        every(scalable(*_PYTHON), named("gateway", "gateway")),
    ),
    "OBE-103": graph(
        "settled: a name in the blueprint; the password is generated", env("n8n", N8N_BASIC_AUTH_USER="obera")
    ),
    "OBE-104": graph(
        "settled: one stack, dev and prod differ in protection alone; probes, limits and restarts as in the blueprint",
        every(
            all_probed(),
            all_limited(),
            waits_healthy("rag-engine", "qdrant", "postgres"),
            waits_healthy("gateway", *_PYTHON),
            copies("rag-engine", 1),
        ),
    ),
}

COMMANDS: Final = (
    ("docker compose --profile local-llm up -d", "slipway profiles on local-llm, then slipway up"),
    ("docker compose --profile local-llm --profile chat config --services", "slipway profiles"),
    ("docker exec ollama ollama pull llama3.2", "slipway shell ollama -- ollama pull llama3.2"),
    ("docker exec -it postgres psql -U obera -d oberaconnect", "slipway psql"),
    (
        "docker exec postgres pg_dump -U obera oberaconnect > backup.sql",
        "slipway shell postgres -- pg_dump -U obera oberaconnect > backup.sql",
    ),
    ("cat backup.sql | docker exec -i postgres psql …", "slipway psql < backup.sql"),
    ("docker exec -it kali-nmap nmap -sV 192.168.1.0/24", "slipway scan kali-nmap -- nmap -sV 192.168.1.0/24"),
    ("docker compose ps", "slipway status"),
    ("docker compose up -d --scale rag-engine=3", "slipway scale rag-engine=3"),
    ("docker compose logs -f rag-engine", "slipway logs rag-engine --follow"),
    ("docker compose logs -t gateway", "slipway logs gateway --timestamps"),
    ("docker compose pull && docker compose up -d", "slipway up, with another tag in the blueprint"),
    ("docker compose down -v", "slipway destroy --volumes"),
    ("docker volume ls | grep oberaconnect", "slipway data"),
    ("docker compose config --quiet", "slipway config"),
    ("lsof -i :8080", "slipway doctor"),
    ("docker stats --no-stream", "the same, or slipway status"),
)
