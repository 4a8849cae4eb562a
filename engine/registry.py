"""The providers of a run: which package has one, each configured as its provider resource says, and those resources."""

# ruff: noqa: ARG002, PLR0917 - the contract's signatures

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.errors import UnsupportedFeature
from engine.provider import (
    UNKNOWN,
    CheckResult,
    CreateResult,
    DiffResult,
    Properties,
    PropertyDiff,
    Provider,
    ProviderError,
    ReadResult,
    Unknown,
)
from engine.urn import is_provider_type, make_reference, package_of, split_reference
from engine.values import UNKNOWN_TEXT, contains, plain

if TYPE_CHECKING:
    from engine.state import Entry

ProviderSource = Provider | Callable[[], Provider]
"""A provider, or something that makes a fresh one for each configuration."""

INTERNAL = "__internal"


class Registry:
    """Hands out the provider of a resource, configured from the provider resource that it refers to."""

    def __init__(self, sources: Mapping[str, ProviderSource]) -> None:
        self._sources = dict(sources)
        self._loaded: dict[str, tuple[Provider, bool]] = {}
        self._entries: dict[str, Entry] = {}
        self._types: dict[str, frozenset[str]] = {}
        self._lock = threading.RLock()
        self.resources = ProviderResources()

    def remember(self, entry: Entry) -> None:
        """Know a provider resource of the state, in case that something refers to it."""
        self._entries[make_reference(entry.urn, entry.id)] = entry

    def load(self, entry: Entry) -> None:
        """Take a provider resource into use, with its present inputs."""
        reference = make_reference(entry.urn, entry.id)
        with self._lock:
            self._entries[reference] = entry
            self._loaded[reference] = self._configured(entry)

    def require_type(self, type_: str) -> None:
        """Raise UnsupportedFeature unless some provider manages the type."""
        package = package_of(type_)
        if package not in self._sources:
            raise UnsupportedFeature(f"The package {package!r} (for {type_})")
        if is_provider_type(type_):
            return
        with self._lock:
            if package not in self._types:
                self._types[package] = self._make(package).types()
        if type_ not in self._types[package]:
            raise UnsupportedFeature(f"The resource type {type_}")

    def get(self, reference: str) -> tuple[Provider, bool]:
        """The provider behind a reference, and whether its whole configuration is known. Raises ProviderError."""
        with self._lock:
            found = self._loaded.get(reference)
            if found is None:
                entry = self._entries.get(reference)
                if entry is None:
                    raise ProviderError(f"unknown provider {reference}")
                found = self._loaded[reference] = self._configured(entry)
            return found

    def of(self, entry: Entry) -> tuple[Provider, bool]:
        """The provider that manages an entry, and whether its configuration is known."""
        if entry.is_provider:
            return self.resources, True
        return self.get(entry.provider)

    def alias(self, reference: str, old_urn: str) -> None:
        """Let a provider resource be found under the URN that it had before."""
        with self._lock:
            _, resource_id = split_reference(reference)
            if (old := make_reference(old_urn, resource_id)) in self._entries:
                self._loaded[old] = self.get(reference)

    def cancel(self) -> None:
        """Ask every provider in use to give up waiting."""
        with self._lock:
            loaded = list(self._loaded.values())
        for provider, _ in loaded:
            provider.cancel()

    def _make(self, package: str) -> Provider:
        source = self._sources.get(package)
        if source is None:
            raise UnsupportedFeature(f"The package {package!r}")
        return source() if callable(source) else source

    def _configured(self, entry: Entry) -> tuple[Provider, bool]:
        config = {key: value for key, value in entry.inputs.items() if key not in {INTERNAL, "version"}}
        provider = self._make(package_of(entry.type))
        if contains(config, Unknown):
            return provider, False
        try:
            provider.configure(plain(config))
        except ProviderError:
            raise
        except Exception as error:
            raise ProviderError(f"{entry.urn} can't be configured: {error}") from error
        return provider, True


def provider_inputs(properties: Properties, version: str, url: str) -> Properties:
    """The inputs of a provider resource: its configuration, and in Pulumi's own places which plugin it is."""
    if not version and not url:
        return properties
    internal = {**(properties.get(INTERNAL) or {}), **({"pluginDownloadURL": url} if url else {})}
    return {**properties, INTERNAL: internal, **({"version": version} if version else {})}


class ProviderResources:
    """The provider of provider resources: they exist only in the state."""

    package = "pulumi"

    def types(self) -> frozenset[str]:
        """None of its own: provider types are made from the packages' names."""
        return frozenset()

    def configure(self, config: Mapping[str, Any]) -> None:
        """Nothing to configure."""

    def check(self, type_: str, name: str, old_inputs: Properties | None, new_inputs: Properties) -> CheckResult:
        """Any configuration will do; the provider itself judges it when it is configured."""
        return CheckResult(new_inputs)

    def diff(
        self,
        type_: str,
        resource_id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        ignore_changes: Sequence[str] = (),
    ) -> DiffResult:
        """A change of configuration is an update of the provider alone: what it manages stays where it is."""
        names = sorted(key for key in {*old_inputs, *new_inputs} if old_inputs.get(key) != new_inputs.get(key))
        found: dict[str, PropertyDiff] = {}
        for name in names:
            kind = "add" if name not in old_inputs else "delete" if name not in new_inputs else "update"
            found[name] = PropertyDiff(kind, input_diff=True)
        return DiffResult(bool(names), tuple(names), detailed=found)

    def create(
        self, type_: str, name: str, inputs: Properties, *, preview: bool, timeout: float | None = None
    ) -> CreateResult:
        """Only an id, which stays for ever."""
        return CreateResult(UNKNOWN_TEXT if preview else str(uuid.uuid4()), _outputs(inputs))

    def update(
        self,
        type_: str,
        resource_id: str,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        *,
        preview: bool,
        timeout: float | None = None,
    ) -> Properties:
        """The outputs are the configuration."""
        return _outputs(new_inputs)

    def read(self, type_: str, resource_id: str, inputs: Properties, outputs: Properties) -> ReadResult:
        """There is nothing to look at."""
        return ReadResult(resource_id, inputs, outputs)

    def delete(
        self, type_: str, resource_id: str, inputs: Properties, outputs: Properties, timeout: float | None = None
    ) -> None:
        """There is nothing to remove."""

    def invoke(self, token: str, args: Properties) -> Properties:
        """There are no functions."""
        raise ProviderError(f"unknown function {token}")

    def secret_inputs(self, type_: str) -> frozenset[str]:
        """Those that the program marks."""
        return frozenset()

    def secret_outputs(self, type_: str) -> frozenset[str]:
        """Those whose inputs are secret."""
        return frozenset()

    def cancel(self) -> None:
        """Nothing ever waits."""


def _outputs(inputs: Properties) -> Properties:
    return {key: value for key, value in inputs.items() if key != INTERNAL and value is not UNKNOWN}
