"""What parts are told: variables, commands, parameters of stores."""

from __future__ import annotations

import itertools

from tests.systems.look.view import Check, View


def env(part: str, **values: str) -> Check:
    """Variables with these values, in plain text."""

    def look(view: View) -> None:
        found = view.container(part).environment()
        for name, value in values.items():
            assert found.get(name) == value, (name, found.get(name))

    return look


def command(part: str, *words: str) -> Check:
    """Its command holds these words in this order, one after the other."""

    def look(view: View) -> None:
        found = [str(item) for item in view.container(part).inputs["command"]]
        size = len(words)
        assert any(found[at : at + size] == list(words) for at in range(len(found) - size + 1)), found

    return look


def setting(store: str, **settings: str) -> Check:
    """Parameters of PostgreSQL, or directives of Redis, with these values."""

    def look(view: View) -> None:
        words = [str(item) for item in view.container(store).inputs["command"]]
        for key, value in settings.items():
            name = key.replace("_", "-")
            pairs = [(f"--{name}", value) == pair for pair in itertools.pairwise(words)]
            assert f"{key}={value}" in words or any(pairs), words

    return look


def without(part: str, *names: str) -> Check:
    """It has no variable of these names, nor a file that one names."""

    def look(view: View) -> None:
        found = view.container(part).environment()
        for name in names:
            assert name not in found
            assert f"{name}_FILE" not in found

    return look
