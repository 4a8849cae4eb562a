"""The keeper itself: what is there, what is missing, what comes next."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from models.config import Config, Model, full_name
from models.ollama import Ollama, OllamaError

LOOK_S: Final = 5.0
"""Seconds between two looks at the servers."""
_FIRST_RETRY_S: Final = 5.0
_LAST_RETRY_S: Final = 300.0
_STEP: Final = 0.1
"""Share of a download after which another line is written."""


class Phase(StrEnum):
    """Where a model is on its way."""

    MISSING = "missing"
    FETCHING = "fetching"
    FAILED = "failed"
    PRESENT = "present"


@dataclass
class State:
    """What is known of a model."""

    model: Model
    phase: Phase = Phase.MISSING
    progress: float = 0.0
    """Share of its bytes that are here, from 0 to 1, while it is fetched."""
    error: str = ""
    """Why it could not be had, the last time."""
    size: int = 0
    """Its bytes on disk."""
    failures: int = 0
    retry_at: float = 0.0
    made: bool = False
    """Whether this keeper has made it as it is described now."""


class Keeper:
    """Brings servers to what is described, and keeps them there."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.servers = [Ollama(url) for url in config.servers]
        self.states = {model.name: State(model) for model in config.models}
        self.loaded: dict[str, list[dict[str, Any]]] = {}
        self.lock = threading.Lock()

    def fetch(self) -> bool:
        """Fetch and warm everything once; return whether all of it is there."""
        self.look()
        for state in self.states.values():
            self._bring(state)
            if state.phase is not Phase.PRESENT:
                return False
        self.look()
        self.warm()
        return self.is_ready()

    def keep(self, stop: threading.Event) -> None:
        """Do that for ever; what failed is tried again, ever more seldom."""
        while not stop.is_set():
            try:
                self.look()
                for state in self.states.values():
                    if time.monotonic() >= state.retry_at:
                        self._bring(state)
                self.warm()
            except OllamaError as error:
                say(str(error))
            stop.wait(LOOK_S)

    def look(self) -> None:
        """Ask the servers what they have."""
        there = self.servers[0].models()
        loaded = {}
        for server in self.servers:
            try:
                loaded[server.url] = server.loaded()
            except OllamaError:
                continue  # a replica that is away now is not one that has nothing loaded
        with self.lock:
            self.loaded = loaded
            for state in self.states.values():
                name = full_name(state.model.name)
                state.size = there.get(name, 0)
                if name not in there and state.phase is Phase.PRESENT:
                    state.phase, state.made = Phase.MISSING, False
                elif name in there and (state.made or not state.model.is_made):
                    state.phase = Phase.PRESENT

    def warm(self) -> None:
        """Load what shall be in memory and is not."""
        for state in self.states.values():
            if not state.model.warm or state.phase is not Phase.PRESENT:
                continue
            for server in self.servers:
                if server.url in self.loaded and not self._stays(server.url, state.model.name):
                    try:
                        server.load(state.model.name)
                        self.loaded[server.url] = server.loaded()
                        say(f"{state.model.name}: loaded on {server.url}")
                    except OllamaError as error:
                        state.error = f"can't be loaded: {error}"
                        say(f"{state.model.name}: {state.error}")

    def is_ready(self) -> bool:
        """Whether all models are there, and those that shall be in memory are."""
        with self.lock:
            return len(self.loaded) == len(self.servers) and all(
                state.phase is Phase.PRESENT
                and (not state.model.warm or all(self._stays(url, state.model.name) for url in self.loaded))
                for state in self.states.values()
            )

    def status(self) -> dict[str, Any]:
        """Return all of it as data."""
        ready = self.is_ready()
        with self.lock:
            return {
                "ready": ready,
                "models": [
                    {
                        "name": state.model.name,
                        "state": state.phase.value,
                        "progress": round(state.progress, 3),
                        "size": state.size,
                        "error": state.error,
                        "loaded": [url for url in self.loaded if self._stays(url, state.model.name)],
                    }
                    for state in self.states.values()
                ],
            }

    def _stays(self, url: str, name: str) -> bool:
        return any(item.get("name") == full_name(name) for item in self.loaded.get(url, ()))

    def _bring(self, state: State) -> None:
        """Fetch a model, if it is not there as it is described."""
        model = state.model
        if state.phase is Phase.PRESENT:
            return
        with self.lock:
            state.phase, state.progress = Phase.FETCHING, 0.0
        try:
            self._get(state)
        except OllamaError as error:
            wait = min(_LAST_RETRY_S, _FIRST_RETRY_S * 2**state.failures)
            with self.lock:
                state.phase, state.error = Phase.FAILED, str(error)
                state.failures += 1
                state.retry_at = time.monotonic() + wait
            say(f"{model.name}: failed: {error}")
        else:
            with self.lock:
                state.phase, state.progress, state.error, state.failures, state.made = Phase.PRESENT, 1.0, "", 0, True
            say(f"{model.name}: there")

    def _get(self, state: State) -> None:
        model, server = state.model, self.servers[0]
        if model.is_made:
            say(f"{model.name}: creating it from {model.base or model.file.name if model.file else model.base}")
            for event in server.create(model):
                self._progress(state, event)
            return
        source = model.pull or model.name
        say(f"{model.name}: pulling {source}")
        for event in server.pull(source):
            self._progress(state, event)
        if full_name(source) != full_name(model.name):
            server.copy(source, model.name)

    def _progress(self, state: State, event: dict[str, Any]) -> None:
        total, done = event.get("total") or 0, event.get("completed") or 0
        share = done / total if total else 0.0
        if total and (share >= state.progress + _STEP or share < state.progress):
            with self.lock:
                state.progress = share
            say(f"{state.model.name}: {event.get('status', '')} {share:.0%} of {total / 2**20:,.0f} MiB")


def say(text: str) -> None:
    """Write a line of progress."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
