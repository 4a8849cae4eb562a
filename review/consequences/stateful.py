"""What happens to data, credentials and networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from review.consequences.model import NETWORK, SECRET, VOLUME, Notice, Quoted, Severity, Text
from review.parts import LABEL_CONTENT, labels
from review.plan import Change, Op, Plan

if TYPE_CHECKING:
    from collections.abc import Iterator

_CREDENTIALS: Final = frozenset(
    {
        "random:index/randomPassword:RandomPassword",
        "random:index/randomBytes:RandomBytes",
        "tls:index/privateKey:PrivateKey",
    }
)


def stateful_notices(plan: Plan) -> list[Notice]:
    """Return notices about what can't be brought back by deploying again, and about protection."""
    found = [notice for change in plan.of(Op.REPLACE, Op.DELETE) for notice in _notices(change)]
    found += [
        Notice(
            Severity.CAUTION,
            (Quoted(change.name), " loses its protection: from then on a change can delete it."),
        )
        for change in plan.unprotected
    ]
    return found


def is_data_volume(change: Change) -> bool:
    """Whether a volume holds data: everything but volumes whose files Slipway writes from the description."""
    if change.type != VOLUME:
        return False
    if change.retained or change.protected:
        return True
    described = LABEL_CONTENT in labels(change.old) or LABEL_CONTENT in labels(change.new)
    return not (described or change.part.within("SecretFiles") or change.part.within("Gateway"))


def is_credential(change: Change) -> bool:
    """Whether a resource is a generated credential; the key that only hashes files is none."""
    return change.type in _CREDENTIALS and not change.part.within("SecretFiles")


def _notices(change: Change) -> Iterator[Notice]:
    verb = "deleted" if change.op is Op.DELETE else "replaced"
    if change.blocked:
        yield Notice(
            Severity.BLOCKED,
            (
                Quoted(change.name),
                f" would be {verb}, but is protected: this deployment will be refused. ",
                "To let it go, deploy once without the protection.",
            ),
        )
        return
    if is_data_volume(change):
        yield _volume(change)
    elif is_credential(change):
        yield _credential(change)
    elif change.type == SECRET:
        yield Notice(
            Severity.CAUTION, ("Secret ", Quoted(change.name), f" is {verb}; services that read it are rolled.")
        )
    elif change.type == NETWORK:
        yield Notice(
            Severity.CAUTION,
            ("Network ", Quoted(change.name), f" is {verb}; every container on it is replaced with it."),
        )


def _volume(change: Change) -> Notice:
    name: Text = ("Data volume ", Quoted(change.name))
    if change.op is Op.DELETE:
        if change.retained:
            return Notice(Severity.CAUTION, (*name, " leaves the stack; its data stays on the host."))
        return Notice(Severity.DANGER, (*name, " is deleted **with all its data**."))
    if not change.retained:
        return Notice(Severity.DANGER, (*name, " is replaced by an empty one: **its data is deleted**."))
    if change.old.get("name") is not None and change.old.get("name") == change.new.get("name"):
        return Notice(
            Severity.CAUTION, (*name, " is registered anew under its fixed name, with the data that it holds.")
        )
    return Notice(
        Severity.DANGER,
        (*name, " is replaced by an **empty** one. The old data stays on the host, but nothing uses it any more."),
    )


def _credential(change: Change) -> Notice:
    if change.op is Op.DELETE:
        return Notice(
            Severity.CAUTION, ("Credential ", Quoted(change.name), " is deleted; its value is gone for good.")
        )
    return Notice(
        Severity.DANGER,
        (
            "Credential ",
            Quoted(change.name),
            " gets a new value. What remembers the old one, such as a database on its data volume, ",
            "does not follow by itself.",
        ),
    )
