"""What parts may not do."""

from __future__ import annotations

from collections.abc import Sequence

from tests.systems.look.view import Check, View


def hardened(*parts: str, writable: Sequence[str] = ()) -> Check:
    """No root, no capabilities, no new privileges, a read-only root but where that is given up by name."""

    def look(view: View) -> None:
        for part in parts or sorted(view.parts()):
            inputs = view.container(part).inputs
            assert int(str(inputs["user"]).split(":")[0]) > 0, part
            assert inputs["capabilities"]["drops"] == ["ALL"], part
            assert inputs["securityOpts"] == ["no-new-privileges:true"], part
            assert inputs["readOnly"] is (part not in writable), part
        assert view.parts(), "nothing is there"

    return look


def user(part: str, uid: int) -> Check:
    """The numeric user that it runs as."""

    def look(view: View) -> None:
        assert str(view.container(part).inputs["user"]).split(":")[0] == str(uid)

    return look
