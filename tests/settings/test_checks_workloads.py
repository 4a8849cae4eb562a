"""Resources, hardening, mounts, images, and fields that must fit each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from settings import Loaded, Problem
from settings.model import Relaxation

Refused = Callable[..., Problem]
Accepted = Callable[..., Loaded]
REASON = "the image can't do without it"


def runner(**fields: Any) -> dict[str, Any]:
    return {"workers": {"runner": fields}}


class TestResources:
    def test_memory_beyond_the_host_is_refused_with_a_table(self, refused: Refused) -> None:
        patch = {"host": {"memory": "2GiB"}, "services": {"api": {"replicas": 3, "memory": "600MiB"}}}
        problem = refused(patch)
        assert problem.path == "host.memory"
        assert problem.message == (
            "the memory limits add up to 3976MiB, 1928MiB more than the host's 2GiB:\n"
            "  services.api      3 x   600MiB =  1800MiB\n"
            "  databases.main    1 x   512MiB =   512MiB\n"
            "  caches.queue      1 x   512MiB =   512MiB\n"
            "  workers.runner    1 x   512MiB =   512MiB\n"
            "  jobs.migrate      1 x   512MiB =   512MiB\n"
            "  gateway           1 x   128MiB =   128MiB"
        )

    def test_a_long_table_is_cut(self, refused: Refused) -> None:
        workers = {f"w{number}": {"image": "a:1", "memory": "1GiB"} for number in range(20)}
        message = refused({"host": {"memory": "2GiB"}, "workers": workers}).message
        assert [line.split()[0] for line in message.splitlines()[1:]] == [f"workers.w{n}" for n in range(8)] + ["18"]
        assert message.splitlines()[-1].endswith("more                    = 14976MiB")

    def test_memory_that_fits_is_accepted(self, accepted: Accepted) -> None:
        accepted({"host": {"memory": "2688MiB"}})

    def test_only_the_biggest_job_counts(self, accepted: Accepted) -> None:
        accepted({"host": {"memory": "2688MiB"}, "jobs": {"seed": {"image": "a:1", "memory": "256MiB"}}})

    @pytest.mark.parametrize("part", [runner(cpus=9), {"databases": {"main": {"cpus": 9}}}, {"gateway": {"cpus": 9}}])
    def test_no_container_has_more_cpus_than_the_host(self, refused: Refused, part: dict[str, Any]) -> None:
        problem = refused({"host": {"cpus": 8}} | part)
        assert (problem.message, problem.allowed) == ("9 CPUs are more than the host's 8", "0.1 to 8")

    def test_a_reservation_is_below_the_limit(self, refused: Refused, accepted: Accepted) -> None:
        problem = refused(runner(memory="512MiB", memory_reservation="1GiB"))
        assert problem.message == "1GiB is more than the limit of 512MiB"
        accepted(runner(memory="512MiB", memory_reservation="512MiB"))

    def test_a_memory_folder_fits_into_the_memory(self, refused: Refused) -> None:
        problem = refused(runner(memory="64MiB", tmpfs={"/cache": "128MiB"}))
        assert (problem.path, problem.message) == (
            'workers.runner.tmpfs["/cache"]',
            "128MiB is more than the container's memory, 64MiB",
        )

    def test_a_caches_data_leaves_room(self, refused: Refused, accepted: Accepted) -> None:
        problem = refused({"caches": {"queue": {"memory": "256MiB", "max_memory": "256MiB"}}})
        assert problem.message == (
            "256MiB for data leaves nothing of 256MiB for Redis itself, which the kernel would kill"
        )
        accepted({"caches": {"queue": {"memory": "256MiB", "max_memory": "200MiB"}}})


class TestKernel:
    @pytest.mark.parametrize("limit", [{"soft": 20, "hard": 10}, {"soft": -1, "hard": 10}])
    def test_a_soft_limit_is_below_the_hard_one(self, refused: Refused, limit: dict[str, int]) -> None:
        assert refused(runner(ulimits={"nofile": limit})).message == (
            f"the soft limit {limit['soft']} is above the hard one, 10"
        )

    def test_a_limit_exists(self, refused: Refused) -> None:
        problem = refused(runner(ulimits={"nofiles": 1024}))
        assert (problem.path, problem.message) == ("workers.runner.ulimits.nofiles", "there is no limit 'nofiles'")
        assert problem.nearest == "nofile"

    def test_the_number_of_processes_has_its_own_key(self, refused: Refused) -> None:
        problem = refused(runner(ulimits={"nproc": 64}))
        assert (problem.message, problem.fix) == (
            "the number of processes is set by processes",
            "write processes: 64",
        )

    def test_a_signal_exists(self, refused: Refused, accepted: Accepted) -> None:
        problem = refused(runner(stop_signal="SIGTRM"))
        assert (problem.message, problem.nearest) == ("there is no signal SIGTRM", "SIGTERM")
        accepted(runner(stop_signal="SIGQUIT"))

    @pytest.mark.parametrize(("name", "nearest"), [("CAP_NET_RAW", "NET_RAW"), ("NETADMIN", "NET_ADMIN")])
    def test_a_capability_exists(self, refused: Refused, name: str, nearest: str) -> None:
        problem = refused(runner(capabilities=[name], relax={"capabilities": REASON}))
        assert (problem.path, problem.message) == ("workers.runner.capabilities[0]", f"there is no capability {name}")
        assert problem.nearest == nearest

    def test_a_kernel_parameter_is_the_containers_own(self, refused: Refused, accepted: Accepted) -> None:
        problem = refused(runner(sysctls={"vm.max_map_count": 262144}))
        assert problem.message == "vm.max_map_count is one of the whole host, not of a container"
        assert problem.fix == "set it on the host"
        accepted(runner(sysctls={"net.core.somaxconn": 1024, "kernel.shmmax": 1}))

    def test_the_hosts_network_has_the_hosts_parameters(self, refused: Refused) -> None:
        host = {"host_network": True, "relax": {"host_network": REASON}}
        problem = refused(runner(**host, sysctls={"net.core.somaxconn": 1024}))
        assert problem.message == "with host_network, a parameter of the network is the host's"


class TestStores:
    @pytest.mark.parametrize(
        ("setting", "owner"),
        [("maxmemory", "max_memory"), ("maxmemory-policy", "eviction"), ("appendonly", "persistence")],
    )
    def test_a_setting_has_one_owner(self, refused: Refused, setting: str, owner: str) -> None:
        problem = refused({"caches": {"queue": {"settings": {setting: "x"}}}})
        assert (problem.path, problem.message) == (f"caches.queue.settings.{setting}", f"{setting} is set by {owner}")
        assert problem.fix == f"write {owner}: … on queue itself"

    @pytest.mark.parametrize(
        ("section", "name", "setting"),
        [("caches", "queue", "requirepass"), ("databases", "main", "listen_addresses"), ("databases", "main", "port")],
    )
    def test_some_settings_are_slipways(self, refused: Refused, section: str, name: str, setting: str) -> None:
        problem = refused({section: {name: {"settings": {setting: "x"}}}})
        assert (problem.message, problem.fix) == (f"{setting} is Slipway's to decide", "remove it")

    def test_other_settings_are_accepted(self, accepted: Accepted) -> None:
        accepted(
            {
                "caches": {"queue": {"settings": {"maxclients": 2000}}},
                "databases": {"main": {"settings": {"max_connections": 200}}},
            }
        )


class TestHardening:
    @pytest.mark.parametrize(
        ("fields", "relaxation", "message"),
        [
            ({"read_only": False}, "read_only", "a writable root filesystem needs a reason"),
            ({"user": "0"}, "user", "running as root, or as whatever the image says, needs a reason"),
            ({"user": "0:1000"}, "user", "running as root, or as whatever the image says, needs a reason"),
            ({"user": "image"}, "user", "running as root, or as whatever the image says, needs a reason"),
            ({"capabilities": ["NET_RAW"]}, "capabilities", "each capability that is kept needs a reason"),
            (
                {"no_new_privileges": False},
                "no_new_privileges",
                "allowing setuid programs to gain privileges needs a reason",
            ),
            ({"host_network": True}, "host_network", "the host's own network needs a reason"),
            ({"privileged": True}, "privileged", "every right on the host needs a reason"),
            (
                {"binds": [{"source": "/var/run/docker.sock", "path": "/var/run/docker.sock"}]},
                "binds",
                "/var/run/docker.sock gives power over the host, which needs a reason",
            ),
        ],
    )
    def test_a_relaxation_needs_its_reason(
        self, refused: Refused, accepted: Accepted, fields: dict[str, Any], relaxation: str, message: str
    ) -> None:
        problem = refused(runner(**fields))
        assert problem.path == f"workers.runner.{next(iter(fields))}"
        assert problem.message == message
        assert problem.fix == f"write the reason: relax: {{{relaxation}: …}}"
        accepted(runner(**fields, relax={relaxation: REASON}))

    def test_a_service_needs_a_health_check(self, refused: Refused, accepted: Accepted) -> None:
        problem = refused({"services": {"api": {"health": None}}})
        assert problem.path == "services.api"
        assert problem.message == "a service needs a health check, or a reason why it has none"
        assert problem.fix == "add health: {path: /health}, or write the reason: relax: {health: …}"
        accepted({"services": {"api": {"health": None, "relax": {"health": REASON}}}})

    @pytest.mark.parametrize("relaxation", list(Relaxation))
    def test_a_reason_needs_its_relaxation(self, refused: Refused, relaxation: Relaxation) -> None:
        problem = refused(runner(relax={relaxation.value: REASON}))
        assert problem.path == f"workers.runner.relax.{relaxation.value}"
        assert problem.message == f"a reason stands here, but {relaxation.value} relaxes nothing"
        assert problem.fix == "remove the reason"

    @pytest.mark.parametrize(
        "source",
        [
            "/",
            "//",
            "/etc",
            "/etc/passwd",
            "/etc/../etc",
            "/proc",
            "/sys",
            "/dev",
            "/root/.ssh",
            "/var/lib/docker/volumes",
            "/run/docker.sock",
            "/srv/docker.sock",
            "/usr/bin",
            "/var",
            "/home",
            "/boot",
            "/lib/modules",
        ],
    )
    def test_a_bind_mount_with_power_over_the_host(self, refused: Refused, source: str) -> None:
        problem = refused(runner(binds=[{"source": source, "path": "/x"}]))
        assert problem.message == f"{source} gives power over the host, which needs a reason"

    @pytest.mark.parametrize(
        "source", ["/srv/app", "/opt/app/data", "/home/user/vault", "/mnt/c/My Vault", "/etcetera"]
    )
    def test_other_bind_mounts_are_accepted(self, accepted: Accepted, source: str) -> None:
        accepted(runner(binds=[{"source": source, "path": "/x"}]))


class TestMounts:
    def test_a_volume_is_declared(self, refused: Refused) -> None:
        problem = refused({"volumes": {"uploads": {}}} | runner(volumes=["upload:/data"]))
        assert (problem.path, problem.message) == ("workers.runner.volumes[0]", "there is no volume 'upload'")
        assert (problem.allowed, problem.nearest) == ("uploads", "uploads")
        assert problem.fix == "add under volumes: upload: {}"

    def test_a_declared_volume_may_be_unused(self, accepted: Accepted) -> None:
        accepted({"volumes": {"uploads": {}}})

    @pytest.mark.parametrize("source", ["data", "../data", "~/data"])
    def test_a_bind_mounts_source_is_absolute(self, refused: Refused, source: str) -> None:
        problem = refused(runner(binds=[{"source": source, "path": "/data"}]))
        assert (problem.path, problem.message) == ("workers.runner.binds[0].source", f"'{source}' is not absolute")
        assert problem.fix == "for a file of the project use files; for data use volumes"

    def test_a_folder_of_the_project_is_one_of_this_machine(self, accepted: Accepted, project: Any) -> None:
        platform = accepted(runner(binds=[{"source": "./src", "path": "/app"}])).platform
        assert platform.workers["runner"].binds[0].source == f"{project.root}/src"

    def test_a_folder_of_the_project_is_not_on_another_host(self, refused: Refused, project: Any) -> None:
        project.write("Pulumi.dev.yaml", "config: {docker:host: ssh://ops@host}\n")
        problem = refused(runner(binds=[{"source": ".", "path": "/app"}]))
        assert problem.message == "'.' is a folder of this machine, and the stack's Docker is ssh://ops@host"

    def test_a_bind_mounts_source_has_no_colon(self, refused: Refused) -> None:
        problem = refused(runner(binds=[{"source": "/srv/a:b", "path": "/data"}]))
        assert problem.message == "a colon can't stand in a bind mount's source"

    @pytest.mark.parametrize(
        ("fields", "place", "owner"),
        [
            ({"volumes": ["d:/x", "e:/x"]}, "volumes[1]", "volumes[0]"),
            ({"volumes": ["d:/x", "e:/x/"]}, "volumes[1]", "volumes[0]"),
            ({"volumes": ["d:/x"], "binds": [{"source": "/srv", "path": "/x"}]}, "binds[0]", "volumes[0]"),
            ({"volumes": ["d:/tmp"]}, 'tmpfs["/tmp"]', "volumes[0]"),
            ({"volumes": ["d:/x"], "files": {"/x": "y"}}, 'files["/x"]', "volumes[0]"),
            (
                {"files": {"/run/secrets/token": "y"}, "secrets": ["token"]},
                "secrets[0]",
                'files["/run/secrets/token"]',
            ),
            (
                {"env": {"A": "${secrets.token}"}, "secrets": [{"name": "token", "file": "/run/secrets/A"}]},
                "secrets[0]",
                "env.A",
            ),
        ],
    )
    def test_a_place_is_used_once(self, refused: Refused, fields: dict[str, Any], place: str, owner: str) -> None:
        patch = {"volumes": {"d": {}, "e": {}}, "secrets": {"token": {"source": "generated"}}}
        problem = refused(patch | runner(**fields))
        assert problem.path == f"workers.runner.{place}"
        assert problem.message.endswith(f"is already taken by workers.runner.{owner}")

    @pytest.mark.parametrize("field", [{"volume_name": "x"}, {"protect": True}])
    def test_a_cache_that_keeps_nothing_has_no_volume(self, refused: Refused, field: dict[str, Any]) -> None:
        problem = refused({"caches": {"queue": {"persistence": "none", **field}}})
        assert problem.message == "has no effect: with persistence: none the cache keeps no data"


class TestImages:
    def test_a_workload_has_an_image(self, refused: Refused) -> None:
        problem = refused(runner(image=None))
        assert (problem.path, problem.message) == ("workers.runner", "has no image")
        assert problem.fix == "add image: name:tag, or build: {context: …}"

    def test_a_workload_has_one_image(self, refused: Refused) -> None:
        problem = refused(runner(build={"context": "."}))
        assert (problem.path, problem.message) == ("workers.runner.build", "both image and build are given")

    def test_a_build_is_accepted(self, accepted: Accepted) -> None:
        assert accepted(runner(image=None, build={})).platform.workers["runner"].image is None

    @pytest.mark.parametrize(
        ("image", "what"),
        [
            ("postgres", "has no tag, which means latest"),
            ("localhost:5000/app", "has no tag, which means latest"),
            ("app:latest", "the tag 'latest' moves"),
            ("ghcr.io/acme/app:main", "the tag 'main' moves"),
        ],
    )
    def test_an_image_is_pinned(self, refused: Refused, image: str, what: str) -> None:
        problem = refused(runner(image=image))
        assert problem.message == f"'{image}' is not pinned: {what}"
        assert problem.fix == "pin a tag or a digest: name:1.2.3 or name@sha256:…"

    @pytest.mark.parametrize(
        "patch",
        [
            {"databases": {"main": {"image": "postgres:latest"}}},
            {"caches": {"queue": {"image": "redis"}}},
            {"gateway": {"image": "nginx"}},
            {"images": {"references": {"nginx": "nginx"}}},
        ],
    )
    def test_every_image_is_pinned(self, refused: Refused, patch: dict[str, Any]) -> None:
        assert "is not pinned" in refused(patch).message

    @pytest.mark.parametrize("image", ["Acme/App:1.0", "app:", "a b:1", "app:1.0@sha256:abc", "http://x/app:1"])
    def test_an_image_is_a_reference(self, refused: Refused, image: str) -> None:
        assert refused(runner(image=image)).message == "is no image reference"

    @pytest.mark.parametrize(
        "image",
        ["app:1.0", "localhost:5000/a/b:1", f"ghcr.io/acme/app@sha256:{'a' * 64}", f"app:1@sha256:{'a' * 64}", "a_b:1"],
    )
    def test_pinned_images_are_accepted(self, accepted: Accepted, image: str) -> None:
        assert accepted(runner(image=image)).platform.workers["runner"].image == image

    def test_a_role_is_in_the_catalogue(self, refused: Refused) -> None:
        problem = refused(runner(image="slipway/sampel"))
        assert problem.message == "the catalogue (images/lock.yaml) has no image for 'sampel'"
        assert problem.nearest == "slipway/sample"
        assert problem.allowed == "slipway/nginx, slipway/postgres, slipway/redis, slipway/sample"

    def test_a_role_has_an_image_of_the_family(self, project: Any, refused: Refused) -> None:
        lock = "images: {redis: {a: 'r:1', b: 'r:2'}, postgres: {debian: 'p:1'}, nginx: {debian: 'n:1'}}"
        project.write("images/lock.yaml", lock)
        problem = refused()
        assert problem.message == "the catalogue has no image of family 'official' for 'redis'"
        assert (problem.path, problem.allowed) == ("caches.queue", "families of redis: a, b")

    def test_an_own_reference_takes_the_catalogues_place(self, accepted: Accepted) -> None:
        loaded = accepted({"images": {"references": {"redis": "acme/redis:7"}}})
        assert loaded.platform.caches["queue"].image == "acme/redis:7"

    def test_an_own_reference_has_a_role(self, refused: Refused) -> None:
        problem = refused({"images": {"references": {"postgre": "acme/pg:16"}}})
        assert (problem.message, problem.nearest) == ("there is no role 'postgre'", "postgres")

    def test_the_image_is_of_the_version_that_is_asked_for(self, refused: Refused, accepted: Accepted) -> None:
        problem = refused({"databases": {"main": {"version": 15}}})
        assert problem.message == ("version 15 is asked for, but the catalogue's postgres of family 'official' is 16")
        accepted({"databases": {"main": {"version": 16}}})
        accepted({"databases": {"main": {"version": 15}}, "images": {"family": "debian"}})
        accepted({"databases": {"main": {"version": 14, "image": "postgres:14.2"}}})


class TestFieldsThatMustFit:
    def test_an_http_probe_has_a_port(self, refused: Refused, accepted: Accepted) -> None:
        problem = refused(runner(health={"path": "/health"}))
        assert (problem.path, problem.message) == ("workers.runner.health", "path needs a port to ask")
        loaded = accepted(runner(health={"path": "/health", "port": 9000}))
        assert loaded.platform.services["api"].health is not None
        assert loaded.platform.services["api"].health.port == 8000

    def test_the_port_of_a_probe_is_asked(self, refused: Refused) -> None:
        problem = refused(runner(health={"tcp": 80, "port": 80}))
        assert (problem.path, problem.message) == ("workers.runner.health.port", "has no effect without path")

    def test_a_deployment_waits_for_the_first_probe(self, refused: Refused) -> None:
        problem = refused(runner(health={"tcp": 80, "interval": "2m"}))
        assert problem.message == "60s is not longer than the interval of 120s: no probe would be made"

    def test_restarts_are_counted_on_failure_alone(self, refused: Refused, accepted: Accepted) -> None:
        problem = refused(runner(max_restarts=3))
        assert problem.message == "has no effect with restart: unless-stopped"
        assert accepted(runner(restart="on-failure")).platform.workers["runner"].max_restarts == 5

    def test_an_extra_host_is_an_address(self, refused: Refused, accepted: Accepted) -> None:
        problem = refused(runner(extra_hosts={"db.local": "db"}))
        assert problem.message == "'db' is no IPv4 address"
        accepted(runner(extra_hosts={"db.local": "192.0.2.7", "host.docker.internal": "host-gateway"}))

    def test_privileged_holds_every_capability(self, refused: Refused) -> None:
        relax = {"privileged": REASON, "capabilities": REASON}
        problem = refused(runner(privileged=True, capabilities=["NET_RAW"], relax=relax))
        assert problem.message == "has no effect with privileged: true"
