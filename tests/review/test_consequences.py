"""Each consequence on its own: what a plan must be, and must not be, for it to be told."""

from __future__ import annotations

from typing import Any

import pytest

from review.consequences import How, Notice, Quoted, Severity, assess
from review.markdown import render_digest
from review.plan import read_digest
from tests.review.builders import (
    CONTAINER,
    EVERYWHERE,
    NETWORK,
    PASSWORD,
    SECRET,
    SERVICE,
    VOLUME,
    Inputs,
    digest,
    labels,
    step,
)

FILES = "slipway:index:SecretFiles"
SERVED: dict[str, Any] = {"wait": True, "labels": labels(part="api", kind="service", role="replica")}


def plain(notice: Notice) -> str:
    """Return a notice as a sentence."""
    return "".join(piece.text if isinstance(piece, Quoted) else piece for piece in notice.text)


def notices(*steps: dict[str, Any]) -> list[tuple[Severity, str]]:
    """Return what a plan of these steps warns of."""
    return [(notice.severity, plain(notice)) for notice in assess(read_digest(digest(*steps))).notices]


KEPT = {"retainOnDelete": True}
GUARDED = {"retainOnDelete": True, "protect": True}


@pytest.mark.parametrize(
    ("found", "severity", "says"),
    [
        pytest.param(
            step("delete", VOLUME, "data", old={}), Severity.DANGER, "is deleted **with all its data**", id="deleted"
        ),
        pytest.param(
            step("delete", VOLUME, "data", old={}, was=KEPT), Severity.CAUTION, "its data stays on the host", id="left"
        ),
        pytest.param(
            step("replace", VOLUME, "data", old={}, new={"driver": "nfs"}),
            Severity.DANGER,
            "replaced by an empty one: **its data is deleted**",
            id="replaced",
        ),
        pytest.param(
            step("replace", VOLUME, "data", old={}, new={"driver": "nfs"}, was=KEPT),
            Severity.DANGER,
            "replaced by an **empty** one. The old data stays on the host",
            id="replaced-and-left",
        ),
        pytest.param(
            step("replace", VOLUME, "data", old={"name": "pg"}, new={"name": "pg", "driver": "nfs"}, was=KEPT),
            Severity.CAUTION,
            "registered anew under its fixed name",
            id="same-name",
        ),
        pytest.param(
            step("delete", VOLUME, "data", old={}, was=GUARDED),
            Severity.BLOCKED,
            "will be refused",
            id="deleted-protected",
        ),
        pytest.param(
            step("replace", VOLUME, "data", old={}, new={"driver": "nfs"}, was=GUARDED, becomes=GUARDED),
            Severity.BLOCKED,
            "`data` would be replaced, but is protected".replace("`", ""),
            id="replaced-protected",
        ),
        pytest.param(
            step("same", VOLUME, "data", old={}, new={}, was=GUARDED, becomes=KEPT),
            Severity.CAUTION,
            "loses its protection",
            id="unprotected",
        ),
        pytest.param(
            step("replace", PASSWORD, "main-password", old={"length": 8}, new={"length": 9}),
            Severity.DANGER,
            "gets a new value",
            id="credential-replaced",
        ),
        pytest.param(
            step("delete", PASSWORD, "main-password", old={}),
            Severity.CAUTION,
            "gone for good",
            id="credential-deleted",
        ),
        pytest.param(
            step("replace", SECRET, "token", old={}, new={}),
            Severity.CAUTION,
            "services that read it",
            id="swarm-secret",
        ),
        pytest.param(
            step("replace", NETWORK, "backend", old={}, new={}), Severity.CAUTION, "every container on it", id="network"
        ),
    ],
)
def test_what_cannot_be_undone_is_told(found: dict[str, Any], severity: Severity, says: str) -> None:
    """One step, one notice, with its severity."""
    ((told, text),) = notices(found)
    assert told is severity
    assert says in text


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(step("create", VOLUME, "data", new={}), id="new-volume"),
        pytest.param(step("update", VOLUME, "data", old={}, new={}), id="updated-volume"),
        pytest.param(step("replace", VOLUME, "api-files", around=[FILES], old={}, new={}), id="files"),
        pytest.param(
            step("delete", VOLUME, "gateway-config", around=["slipway:index:Gateway"], old={}), id="gateway-config"
        ),
        pytest.param(step("delete", VOLUME, "x", old={"labels": labels(content="ab")}), id="content-hash"),
        pytest.param(step("replace", PASSWORD, "api-files-key", around=[FILES], old={}, new={}), id="hashing-key"),
        pytest.param(step("same", VOLUME, "data", old={}, new={}, was=KEPT, becomes=GUARDED), id="newly-protected"),
    ],
)
def test_what_can_be_made_again_is_not_told(found: dict[str, Any]) -> None:
    """A warning that is always there is never read."""
    assert notices(found) == []


def test_the_gravest_stands_first_and_data_before_doors() -> None:
    """Refused, then lost, then the rest in the order data, interruptions, doors."""
    found = notices(
        step("create", CONTAINER, "c", new={"privileged": True}),
        step("replace", CONTAINER, "d", old={}, new={}, order="delete-first"),
        step("delete", VOLUME, "kept", old={}, was=KEPT),
        step("delete", VOLUME, "lost", old={}),
        step("delete", VOLUME, "guarded", old={}, was=GUARDED),
    )
    assert [text.removeprefix("Data volume ").split()[0] for _, text in found] == ["guarded", "lost", "kept", "d", "c"]


@pytest.mark.parametrize(
    ("op", "order", "old", "new", "expected"),
    [
        ("create", "", None, SERVED, (How.START, "none")),
        ("delete", "", SERVED, None, (How.STOP, "not available afterwards, unless it has other replicas")),
        ("update", "", SERVED, SERVED, (How.IN_PLACE, "none")),
        ("replace", "start-first", SERVED, SERVED, (How.RELEASE, "none")),
        (
            "replace",
            "start-first",
            {},
            {},
            (How.RELEASE, "possible: without a health check the old one may stop before the new one answers"),
        ),
        (
            "replace",
            "delete-first",
            {"destroyGraceSeconds": 60},
            {"wait": True, "waitTimeout": 180},
            (How.INTERRUPT, "yes: up to 60 s to stop, then until it is healthy (at most 180 s)"),
        ),
        ("replace", "delete-first", {}, {}, (How.INTERRUPT, "yes: a moment to stop, then until it runs")),
        (
            "replace",
            "",
            {},
            {"wait": True},
            (How.UNKNOWN, "perhaps: a moment to stop, then until it is healthy (at most 60 s)"),
        ),
        ("create", "", None, {"mustRun": False}, (How.RUN, "none")),
        ("replace", "start-first", {"mustRun": False}, {"mustRun": False}, (How.RUN, "none")),
    ],
)
def test_what_happens_to_a_container(
    op: str, order: str, old: Inputs | None, new: Inputs | None, expected: tuple[How, str]
) -> None:
    """By operation, order, health check and grace."""
    (restart,) = assess(read_digest(digest(step(op, CONTAINER, "api-0", old=old, new=new, order=order)))).restarts
    assert (restart.how, restart.interruption) == expected


@pytest.mark.parametrize("kind", ["gateway", "database", "cache"])
def test_an_interruption_says_who_suffers(kind: str) -> None:
    """The gateway's callers, a store's clients."""
    inputs = {"labels": labels(part="it", kind=kind, role="server")}
    (restart,) = assess(
        read_digest(digest(step("replace", CONTAINER, "it-server", old=inputs, new=inputs, order="delete-first")))
    ).restarts
    assert restart.interruption.endswith("meanwhile")


@pytest.mark.parametrize(
    ("op", "inputs"),
    [("create", {"start": False}), ("create", {"labels": labels(role="carrier")}), ("delete", {"mustRun": False})],
)
def test_what_never_serves_is_no_traffic(op: str, inputs: Inputs) -> None:
    """Carriers, and jobs that are over."""
    old, new = (None, inputs) if op == "create" else (inputs, None)
    assert assess(read_digest(digest(step(op, CONTAINER, "x", old=old, new=new)))).restarts == ()


def test_replicas_are_one_row() -> None:
    """Ten replicas are ten times the same news."""
    steps = [step("replace", CONTAINER, f"api-{n}", old=SERVED, new=SERVED, order="start-first") for n in range(10)]
    (restart,) = assess(read_digest(digest(*steps))).restarts
    assert (restart.part, restart.kind, len(restart.containers)) == ("api", "service", 10)
    assert restart.containers[-1] == "api-9"


def _reload(*shares: str) -> Inputs:
    return {"mustRun": False, "labels": labels(role="reload", **{f"traffic.{name}": text for name, text in [shares]})}


_NONE: Inputs = {"mustRun": False, "labels": labels(role="reload")}


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (_NONE, _reload("api", "90 % api, 10 % api-canary"), "`api`: one version → `90 % api, 10 % api-canary`"),
        (_reload("api", "75 % api, 25 % api-canary"), _NONE, "`api`: `75 % api, 25 % api-canary` → one version"),
        (_reload("api", "1"), _reload("api", "1"), None),
        (_reload("a", "`x`|<b>"), _NONE, "`a`: `` `x`|<b> `` → one version"),
    ],
)
def test_a_comment_says_who_gets_the_requests_of_two_versions(old: Inputs, new: Inputs, line: str | None) -> None:
    """What a canary and a switch do to traffic, from the labels of the gateway's reload."""
    found = digest(step("replace", CONTAINER, "gateway-reload", old=old, new=new, order="start-first"))
    comment = render_digest(found, stack="dev", engine="embedded")
    lines = [item.removeprefix("- Requests to ") for item in comment.splitlines() if item.startswith("- Requests to ")]
    assert lines == ([line] if line else [])


@pytest.mark.parametrize(
    ("order", "interruption"),
    [("start-first", "none"), ("stop-first", "possible: Swarm stops a task before it starts the next")],
)
def test_swarm_rolls_a_service(order: str, interruption: str) -> None:
    """As its update configuration says."""
    inputs = {"updateConfig": {"order": order}, "taskSpec": {"containerSpec": {"image": "a"}}}
    (restart,) = assess(read_digest(digest(step("update", SERVICE, "web", old=inputs, new=inputs)))).restarts
    assert (restart.how, restart.interruption) == (How.ROLL, interruption)


def port(external: int, ip: str | None = None, protocol: str = "tcp") -> dict[str, Any]:
    """Return a published port."""
    found = {"internal": 80, "external": external, "protocol": protocol}
    return found if ip is None else {**found, "ip": ip}


@pytest.mark.parametrize(
    ("old", "new", "opened", "closed", "warned"),
    [
        ([], [port(8080, "127.0.0.1")], ["127.0.0.1:8080/tcp"], [], False),
        ([], [port(80)], ["0.0.0.0:80/tcp"], [], True),
        ([], [port(53, "::1", "udp")], ["[::1]:53/udp"], [], False),
        ([port(80, "127.0.0.1")], [port(80, EVERYWHERE)], ["0.0.0.0:80/tcp"], ["127.0.0.1:80/tcp"], True),
        ([port(80, "127.0.0.1")], [port(80, "127.0.0.1")], [], [], False),
        ([port(80)], [], [], ["0.0.0.0:80/tcp"], False),
    ],
)
def test_ports_that_open_and_close(
    old: list[Inputs], new: list[Inputs], opened: list[str], closed: list[str], warned: bool
) -> None:
    """A door to other machines is a warning, one on the loopback address is not."""
    found = step("replace", CONTAINER, "web", old={"ports": old}, new={"ports": new}, order="delete-first")
    consequences = assess(read_digest(digest(found)))
    assert [str(binding) for binding in consequences.access.opened] == opened
    assert [str(binding) for binding in consequences.access.closed] == closed
    assert any("Reachable from other machines" in plain(notice) for notice in consequences.notices) is warned


def test_a_port_that_moves_to_another_container_neither_opens_nor_closes() -> None:
    """Seen from outside nothing changed."""
    consequences = assess(
        read_digest(
            digest(
                step("delete", CONTAINER, "old", old={"ports": [port(80)]}),
                step("create", CONTAINER, "new", new={"ports": [port(80)]}),
            )
        )
    )
    assert consequences.access.opened == consequences.access.closed == ()


def test_a_successor_cannot_start_first_on_a_port_that_is_held() -> None:
    """Docker would say that it is already allocated, in the middle of the deployment."""
    ports = {"ports": [port(80, "127.0.0.1")]}
    ((severity, text),) = notices(step("replace", CONTAINER, "web", old=ports, new=ports, order="start-first"))
    assert severity is Severity.BLOCKED
    assert "still holds 127.0.0.1:80/tcp" in text


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"privileged": True}, "runs **privileged**"),
        ({"networkMode": "host"}, "shares the host's network"),
        ({"pidMode": "host"}, "shares the host's processes"),
        ({"volumes": [{"hostPath": "/var/run/docker.sock", "containerPath": "/x"}]}, "root on the host"),
        ({"volumes": [{"hostPath": "/etc", "containerPath": "/x"}]}, "sees the host's /etc"),
        ({"mounts": [{"type": "bind", "source": "/etc", "target": "/x"}]}, "sees the host's /etc"),
        ({"capabilities": {"adds": ["CAP_NET_ADMIN"]}}, "has the capability CAP_NET_ADMIN"),
        ({"devices": [{"hostPath": "/dev/kvm"}]}, "uses the host's device /dev/kvm"),
        ({"user": "0:0"}, "runs as root"),
        ({"user": "root"}, "runs as root"),
    ],
)
def test_power_over_the_host_is_told_when_it_is_new(inputs: Inputs, says: str) -> None:
    """And not again with every later change."""
    ((severity, text),) = notices(step("create", CONTAINER, "c", new=inputs))
    assert severity is Severity.CAUTION
    assert says in text
    assert notices(step("update", CONTAINER, "c", old=inputs, new={**inputs, "memory": 1})) == []


def test_memory_before_after_and_meanwhile() -> None:
    """Old and new replicas run side by side; a job's and a carrier's memory come and go."""
    consequences = assess(
        read_digest(
            digest(
                step("replace", CONTAINER, "first", old={"memory": 100}, new={"memory": 200}, order="start-first"),
                step("replace", CONTAINER, "gap", old={"memory": 50}, new={"memory": 50}, order="delete-first"),
                step("delete", CONTAINER, "gone", old={"memory": 30}),
                step("create", CONTAINER, "free", new={"image": "a"}),
                step("create", CONTAINER, "job", new={"memory": 999, "mustRun": False}),
                step("create", CONTAINER, "carrier", new={"memory": 999, "start": False}),
            )
        )
    )
    memory = consequences.memory
    assert memory is not None
    assert (memory.before_mib, memory.after_mib, memory.peak_mib) == (180, 250, 380)
    assert memory.unlimited == ("free",)


def test_memory_of_a_swarm_service_counts_its_replicas() -> None:
    """64 MiB, two replicas, then three."""

    def inputs(replicas: int) -> dict[str, Any]:
        return {
            "mode": {"replicated": {"replicas": replicas}},
            "taskSpec": {"resources": {"limits": {"memoryBytes": 64 * 1024 * 1024}}},
        }

    memory = assess(read_digest(digest(step("update", SERVICE, "web", old=inputs(2), new=inputs(3))))).memory
    assert memory is not None
    assert (memory.before_mib, memory.after_mib) == (128, 192)


def test_images_name_who_gets_them() -> None:
    """One line for all replicas; a create has no old image."""
    consequences = assess(
        read_digest(
            digest(
                *(
                    step(
                        "replace",
                        CONTAINER,
                        f"api-{n}",
                        old={"image": "app:1"},
                        new={"image": "app:2"},
                        order="start-first",
                    )
                    for n in (0, 1)
                ),
                step("create", CONTAINER, "new", new={"image": "app:2"}),
            )
        )
    )
    (image,) = consequences.images
    assert (image.old, image.new, image.containers) == ("app:1", "app:2", ("api-0", "api-1"))
