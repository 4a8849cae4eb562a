"""The property by property difference: readable, complete, and silent about what nobody wrote."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from review.plan import Change, read_digest
from tests.review.builders import CONTAINER, HIDDEN, NETWORK, UNKNOWN, VOLUME, Inputs, digest, labels, step, urn

ENVELOPE = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "hunter2"}


def change_of(found: dict[str, Any], *others: dict[str, Any]) -> Change:
    """Return the change that a step means, among other steps."""
    plan = read_digest(digest(found, *others))
    return next(change for change in plan.changes if change.urn == found["urn"])


def lines(found: dict[str, Any], *others: dict[str, Any]) -> list[tuple[str, str | None, str | None]]:
    """Return label, old and new text of every property that differs."""
    return [(item.label, item.old, item.new) for item in change_of(found, *others).properties]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            {"envs": ["A=1", "B=2"]},
            {"envs": ["B=3", "C=a=b"]},
            [("env A", "1", None), ("env B", "2", "3"), ("env C", None, "a=b")],
        ),
        ({"envs": ["A=1", "B=2"]}, {"envs": ["B=2", "A=1"]}, []),
        ({"memory": 128.0}, {"memory": 256.0}, [("memory", "128", "256")]),
        ({"init": True}, {"init": False}, [("init", "true", "false")]),
        ({"command": ["sh", "-c", "a b"]}, {"command": ["true"]}, [("command", "sh -c 'a b'", "true")]),
        ({"dns": ["1.1.1.1"]}, {"dns": []}, [("dns", "1.1.1.1", "(none)")]),
        (
            {"ports": [{"internal": 80, "external": 8080, "ip": "127.0.0.1"}]},
            {"ports": [{"internal": 81, "external": 8080, "ip": "127.0.0.1"}]},
            [("port 127.0.0.1:8080/tcp", "to 80 of the container", "to 81 of the container")],
        ),
        (
            {"volumes": [{"containerPath": "/data", "volumeName": "data"}]},
            {"volumes": [{"containerPath": "/data", "volumeName": "data", "readOnly": True}]},
            [("volume /data", "data", "data (read-only)")],
        ),
        (
            {"mounts": [{"target": "/x", "source": "a", "type": "volume"}]},
            {"mounts": [{"target": "/x", "source": "b", "type": "volume"}]},
            [("volume /x", "a", "b")],
        ),
        (
            {"labels": [{"label": "a", "value": "1"}, {"label": "b", "value": "2"}]},
            {"labels": [{"label": "b", "value": "2"}, {"label": "a", "value": "3"}]},
            [("labels.a", "1", "3")],
        ),
        (
            {"hosts": [{"host": "h", "ip": "10.0.0.1"}]},
            {"hosts": [{"host": "h", "ip": "10.0.0.2"}]},
            [("host h", "10.0.0.1", "10.0.0.2")],
        ),
        (
            {"ulimits": [{"name": "nofile", "soft": 1, "hard": 2}]},
            {"ulimits": [{"name": "nofile", "soft": 3, "hard": 4}]},
            [("ulimit nofile", "1:2", "3:4")],
        ),
        (
            {"healthcheck": {"interval": "1s"}},
            {"healthcheck": {"interval": "2s"}},
            [("healthcheck.interval", "1s", "2s")],
        ),
        (
            {"logOpts": {"max-size": "1m"}},
            {"logOpts": None},
            [("logOpts.max-size", "1m", None), ("logOpts", None, "null")],
        ),
        ({"envs": ["A=1", "A=2"]}, {"envs": ["A=1", "A=3"]}, [("env A #2", "2", "3")]),
        ({"other": [{"name": "x", "v": 1}]}, {"other": [{"name": "x", "v": 2}]}, [("other[x].v", "1", "2")]),
    ],
)
def test_properties_read_as_people_write_them(
    old: Inputs, new: Inputs, expected: list[tuple[str, str | None, str | None]]
) -> None:
    """Whatever the provider's shape and order."""
    assert lines(step("update", CONTAINER, "c", old=old, new=new)) == expected


def test_networks_and_volumes_have_names_not_ids() -> None:
    """An id of 64 digits tells a reader nothing."""
    network = urn(NETWORK, "backend-network")
    old = {"networksAdvanced": [{"name": "a" * 64, "aliases": ["api"]}]}
    new = {"networksAdvanced": [{"name": "a" * 64, "aliases": ["api", "api-0"]}]}
    uses = {"networksAdvanced": [network]}
    assert lines(step("update", CONTAINER, "c", old=old, new=new, uses=uses)) == [
        ("network backend-network", "as api", "as api, api-0")
    ]
    volumes = {"volumes": [urn(VOLUME, "data"), urn(VOLUME, "files")]}
    old = {"volumes": [{"containerPath": "/f", "volumeName": "files-0123abc"}]}
    new = {"volumes": [{"containerPath": "/f", "volumeName": UNKNOWN}]}
    found = step(
        "replace", CONTAINER, "c", old=old, new=new, uses=volumes, detailed={"volumes[0].volumeName": "update-replace"}
    )
    assert lines(found) == [("volume /f", "files", "files (new)")]


def test_two_replaced_networks_keep_their_places() -> None:
    """The new ids are not known yet, so neither are the names; the places are."""
    steps = [
        step("replace", NETWORK, name, old={}, new={"internal": True}, was={"id": name[0] * 64})
        for name in ("alpha", "beta")
    ]
    old = {"networksAdvanced": [{"name": "a" * 64, "aliases": ["x"]}, {"name": "b" * 64, "aliases": ["x"]}]}
    new = {"networksAdvanced": [{"name": UNKNOWN, "aliases": ["x"]}, {"name": UNKNOWN, "aliases": ["x"]}]}
    found = step(
        "replace",
        CONTAINER,
        "c",
        old=old,
        new=new,
        uses={"networksAdvanced": [urn(NETWORK, "alpha"), urn(NETWORK, "beta")]},
        detailed={"networksAdvanced": "update-replace"},
    )
    assert lines(found, *steps) == [
        ("network alpha", "as x", "as x (new)"),
        ("network beta", "as x", "as x (new)"),
    ]


def test_a_generated_name_is_noise_and_a_given_one_is_not() -> None:
    """The provider lists what it made up among its defaults."""
    made_up = {"__defaults": ["name"], "name": "c-0123abc"}
    assert lines(step("replace", CONTAINER, "c", old=made_up, new={**made_up, "name": "c-9876fed"})) == []
    assert lines(step("replace", CONTAINER, "c", old=made_up, new={"name": "fixed"})) == [("name", None, "fixed")]


def test_the_specification_hash_is_told_only_when_nothing_else_is() -> None:
    """It differs whenever anything does."""
    old = {"labels": labels(spec="aaa"), "memory": 1}
    assert lines(step("replace", CONTAINER, "c", old=old, new={**old, "labels": labels(spec="bbb"), "memory": 2})) == [
        ("memory", "1", "2")
    ]
    assert lines(step("replace", CONTAINER, "c", old=old, new={**old, "labels": labels(spec="bbb")})) == [
        ("labels.slipway.spec", "aaa", "bbb")
    ]


def test_a_swap_limit_is_told_only_when_there_is_swap() -> None:
    """Equal limits mean none."""
    old, new = {"memory": 1, "memorySwap": 1}, {"memory": 2, "memorySwap": 2}
    assert lines(step("update", CONTAINER, "c", old=old, new=new)) == [("memory", "1", "2")]
    assert lines(step("create", CONTAINER, "c", new={"memory": 1, "memorySwap": 3}))[1:] == [("memorySwap", None, "3")]


def test_a_configuration_file_whose_name_is_a_hash_is_compared_with_its_predecessor() -> None:
    """Otherwise the whole file would read as new."""
    old = {"uploads": [{"file": "/etc/1.conf", "content": "a\nb\n"}]}
    new = {"uploads": [{"file": "/etc/2.conf", "content": "a\nc\n"}]}
    assert lines(step("replace", CONTAINER, "c", old=old, new=new)) == [("file /etc/1.conf", "a\nb\n", "a\nc\n")]


def test_swarm_configuration_is_read_from_base64() -> None:
    """As a person wrote it."""
    old, new = ({"data": base64.b64encode(text).decode()} for text in (b"plain", b"other"))
    assert lines(step("replace", "docker:index/serviceConfig:ServiceConfig", "conf", old=old, new=new)) == [
        ("data", "plain", "other")
    ]
    binary = {"data": base64.b64encode(b"\xff\xfe").decode()}
    assert lines(step("create", "docker:index/serviceConfig:ServiceConfig", "conf", new=binary)) == [
        ("data", None, "//4=")
    ]


@pytest.mark.parametrize("detailed", [{"envs[1]": "update-replace"}, {"envs": "update-replace"}])
def test_what_forces_a_replacement_is_marked(detailed: dict[str, str]) -> None:
    """Whether the engine names the element or the list."""
    found = step(
        "replace",
        CONTAINER,
        "c",
        old={"memory": 1, "envs": ["A=1", "B=2"]},
        new={"memory": 2, "envs": ["A=1", "B=3"]},
        detailed=detailed,
    )
    assert {item.label: item.forces for item in change_of(found).properties} == {"memory": False, "env B": True}


@pytest.mark.parametrize("hidden", [HIDDEN, ENVELOPE], ids=["text", "envelope"])
def test_a_secret_that_changes_is_named_and_one_that_stays_is_not(hidden: Any) -> None:
    """Both look alike; the engine's detailed diff decides, else its reasons."""
    side = {"uploads": hidden}
    assert lines(
        step("replace", CONTAINER, "c", old=side, new=side, detailed={"uploads[0].content": "update-replace"})
    ) == [("uploads", HIDDEN, HIDDEN)]
    assert lines(step("replace", CONTAINER, "c", old=side, new=side, diffReasons=["uploads"])) == [
        ("uploads", HIDDEN, HIDDEN)
    ]
    assert lines(step("replace", CONTAINER, "c", old=side, new=side, detailed={"image": "update-replace"})) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"envs": ["A=hunter2"]}, {"envs": HIDDEN}),
        ({"envs": HIDDEN}, {"envs": ["A=hunter2"]}),
        ({"envs": ["A=hunter2"]}, {"envs": [HIDDEN]}),
        ({"envs": ["A=hunter2", "B=1"]}, {"envs": ["B=1", HIDDEN]}),
        ({"keepers": {"a": "hunter2"}}, {"keepers": {"a": HIDDEN}}),
        ({"keepers": {"a": "hunter2"}}, {"keepers": HIDDEN}),
        ({"command": ["a", "hunter2"]}, {"command": ["a", ENVELOPE]}),
        ({"uploads": [{"file": "/a", "content": "hunter2"}]}, {"uploads": [{"file": "/a", "content": HIDDEN}]}),
    ],
)
def test_what_became_a_secret_is_not_shown_as_it_was(old: Inputs, new: Inputs) -> None:
    """Nor the other way round."""
    kinds = dict.fromkeys(["envs", "keepers", "command", "uploads"], "update-replace")
    for before, after in ((old, new), (new, old)):
        found = lines(step("replace", CONTAINER, "c", old=before, new=after, detailed=kinds))
        assert found
        assert "hunter2" not in str(found)


def test_an_input_that_is_an_additional_secret_output_is_secret() -> None:
    """Docker's Secret marks its data so."""
    found = step(
        "create",
        "docker:index/secret:Secret",
        "s",
        new={"data": "aHVudGVyMg=="},
        becomes={"additionalSecretOutputs": ["data"]},
    )
    assert lines(found) == [("data", None, HIDDEN)]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("API_KEY=hunter2", "[hidden]"),
        ("DB_PASSWORD=hunter2", "[hidden]"),
        ("GITHUB_TOKEN=hunter2", "[hidden]"),
        ("PASSWORD_FILE=/run/secrets/password", "/run/secrets/password"),
        ("TOKEN_PATH=relative/path", "relative/path"),
        ("URL=postgresql://main:hunter2@main:5432/main", "postgresql://main:[hidden]@main:5432/main"),
        ("URL=redis://:hunter2@queue:6379", "redis://:[hidden]@queue:6379"),
        ("URL=http://main:5432/main", "http://main:5432/main"),
        ("ARGS=--password=hunter2 --fast", "--password=[hidden] --fast"),
        ("MONKEY=1", "1"),
        ("TOKENIZER=bpe", "bpe"),
    ],
)
def test_an_unmarked_credential_is_hidden_by_its_name(value: str, shown: str) -> None:
    """A mistake in a description must not become a leak in a public comment."""
    ((_, _, text),) = lines(step("create", CONTAINER, "c", new={"envs": [value]}))
    assert text == shown


def test_a_hidden_credential_that_changes_says_so() -> None:
    """The two texts are alike."""
    found = step("update", CONTAINER, "c", old={"envs": ["API_KEY=a"]}, new={"envs": ["API_KEY=b"]})
    assert lines(found) == [("env API_KEY", "[hidden]", "[hidden] (new)")]


def test_an_unknown_element_takes_the_name_at_its_place() -> None:
    """A variable made from something that does not exist yet arrives without even its name."""
    old, new = {"envs": ["A=1", "B=2"]}, {"envs": ["A=1", UNKNOWN]}
    found = step("replace", CONTAINER, "c", old=old, new=new, detailed={"envs[1]": "update-replace"})
    assert lines(found) == [("env B", "2", "(known after deployment)")]


@pytest.mark.parametrize(
    ("entries", "count"),
    [
        ([{"op": "replace"}, {"op": "create-replacement"}, {"op": "delete-replaced"}], 1),
        ([{"op": "delete-replaced"}], 1),
        ([{"op": "refresh"}, {"op": "same"}, {"op": "read"}, {"op": "something-new"}], 0),
    ],
)
def test_a_replacement_is_counted_once(entries: list[dict[str, str]], count: int) -> None:
    """However many steps the engine shows of it; what an earlier run left behind is one deletion."""
    plan = read_digest(digest(*(step(entry["op"], CONTAINER, "c", old={}, new={}) for entry in entries)))
    assert len(plan.changes) == count


@pytest.mark.parametrize(
    "broken", [{}, {"steps": None}, {"steps": [None, 7, {}, {"op": "create"}, {"op": "create", "urn": "x"}]}]
)
def test_a_strange_document_is_still_read(broken: dict[str, Any]) -> None:
    """A failed preview may hold next to nothing."""
    assert len(read_digest(broken).changes) <= 2


def test_parts_come_from_labels_else_from_the_components() -> None:
    """Secrets and passwords have no labels."""
    database = "slipway:index:Database"
    files = "slipway:index:SecretFiles"
    password = step(
        "create",
        "random:index/randomPassword:RandomPassword",
        "main-password",
        around=[database],
        parent=urn(database, "main"),
        new={},
    )
    key = step(
        "create",
        "random:index/randomPassword:RandomPassword",
        "main-secrets-key",
        around=[database, files],
        parent=urn(files, "main-secrets", database),
        new={},
    )
    alone = step("create", CONTAINER, "alone", parent=urn("pulumi:pulumi:Stack", "slipway-dev"), new={})
    assert (change_of(password).part.name, change_of(password).part.kind) == ("main", "database")
    assert (change_of(key).part.name, change_of(key).part.kind) == ("main", "database")
    assert (change_of(alone).part.name, change_of(alone).part.kind) == ("", "")
