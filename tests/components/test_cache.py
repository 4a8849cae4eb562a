"""Cache: Redis as a queue that loses nothing, or as a cache that forgets."""

from __future__ import annotations

from dataclasses import replace

from components import Cache, CacheArgs
from testing import Graph, render

ARGS = CacheArgs(image="redis:7")


def _cache(args: CacheArgs = ARGS) -> Graph:
    return render(lambda: Cache("queue", args))


def _flags(graph: Graph) -> dict[str, str]:
    words = graph["queue-server"].inputs["command"][1:]  # the first one is the folder of the data
    return dict(zip(words[::2], words[1::2], strict=True))


def test_children() -> None:
    """A password, files, a volume, a server; without persistence no volume."""
    names = {"queue-password", "queue-secrets", "queue-data", "queue-server"}
    assert {child.name for child in _cache().children("queue")} == names
    assert {child.name for child in _cache(replace(ARGS, persistent=False)).children("queue")} == names - {"queue-data"}


def test_a_queue_is_the_default() -> None:
    """It refuses writes when full rather than losing an entry, keeps an append-only file, and leaves memory to save."""
    assert _flags(_cache()) == {
        "--appendonly": "yes",
        "--dir": "/data",
        "--maxmemory": "192mb",
        "--maxmemory-policy": "noeviction",
    }


def test_a_cache_forgets_and_keeps_nothing() -> None:
    """Its folder is in memory then, and nothing of it is protected."""
    graph = _cache(replace(ARGS, persistent=False, eviction="allkeys-lru", max_memory_mib=100))
    assert _flags(graph)["--appendonly"] == "no"
    assert _flags(graph)["--maxmemory-policy"] == "allkeys-lru"
    assert _flags(graph)["--maxmemory"] == "100mb"
    assert "/data" in graph["queue-server"].inputs["tmpfs"]
    assert not any(resource.options.protect for resource in graph)


def test_the_password_is_in_files_alone() -> None:
    """Not in an argument, where the list of processes shows it, and not in the environment."""
    graph = _cache()
    server = graph["queue-server"]
    assert "envs" not in server.inputs
    assert server.inputs["command"][0] == "/data"
    files = {item["file"]: item["content"] for item in graph["queue-secrets-carrier"].inputs["uploads"]}
    password = graph["queue-password"].outputs["result"]
    assert [name for name, text in files.items() if password in text] == ["/run/secrets/password"]
    assert graph.leaks() == ()


def test_data_is_protected_and_kept() -> None:
    """As a database's."""
    data = _cache()["queue-data"]
    assert (data.options.protect, data.options.retain_on_delete) == (True, True)
    assert set(data.options.ignore_changes) == {"labels", "driverOpts"}


def test_the_server_is_replaced_delete_first() -> None:
    """Two servers must not write one append-only file."""
    assert _cache()["queue-server"].options.delete_before_replace is True


def test_own_directives_win() -> None:
    """``settings`` are the last word."""
    graph = _cache(replace(ARGS, settings={"maxmemory-policy": "volatile-ttl", "timeout": "300"}))
    assert _flags(graph)["--maxmemory-policy"] == "volatile-ttl"
    assert _flags(graph)["--timeout"] == "300"


def test_clients_get_a_secret_url() -> None:
    """Redis' form: no user, a password."""
    graph = _cache(replace(ARGS, host="redis"))
    password = graph["queue-password"].outputs["result"]
    assert graph["queue"].outputs == {"host": "redis", "port": 6379, "url": f"redis://:{password}@redis:6379/0"}
    assert graph["queue"].secret_outputs == {"url"}


def test_the_server_is_the_same_at_every_step_of_a_rotation() -> None:
    """A rotation must not restart it: neither its inputs nor its files change, and nothing comes before the first."""
    before = _cache()
    assert "queue-rotation-run" not in before
    for step in (1, 2, 3):
        after = _cache(replace(ARGS, rotation=step))
        assert after["queue-server"].inputs == before["queue-server"].inputs
        assert after["queue-secrets-carrier"].inputs == before["queue-secrets-carrier"].inputs


def test_each_step_of_a_rotation_runs_once_with_the_passwords_that_may_be_valid() -> None:
    """The first, the one before and the next: whichever the server knows by now lets it in."""
    one, two = (_cache(replace(ARGS, rotation=step)) for step in (2, 3))
    assert one["queue-rotation-run"].depends_on("queue-server")
    assert "STEP=close" in one["queue-rotation-run"].inputs["envs"]
    assert "STEP=open" in two["queue-rotation-run"].inputs["envs"]
    secrets = [
        {
            item["file"].rsplit("/", 1)[1]: item["content"]
            for item in graph["queue-rotation-secrets-carrier"].inputs["uploads"]
        }
        for graph in (one, two)
    ]
    assert secrets[0]["first"] == secrets[0]["before"] == secrets[1]["first"]
    assert secrets[1]["before"] == secrets[0]["next"] != secrets[1]["next"]
    assert two["queue-rotation-seed"].options.protect is True
    assert f":{secrets[1]['next']}@" in two["queue"].outputs["url"]
    assert two.leaks() == ()
