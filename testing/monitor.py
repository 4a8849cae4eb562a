"""The monitor that records: Pulumi's SDK talks to it as to an engine, and nothing happens.

Beyond the SDK's own mocks it keeps parents, options and dependencies, gives URNs with all ancestors, refuses a URN that
is used twice, fills in what providers compute, and marks outputs secret where the options or equal-named inputs are.
It does not run transforms or hooks, and knows no provider's checks.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from google.protobuf import empty_pb2
from pulumi.runtime.mocks import MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.proto import resource_pb2

from engine.urn import STACK_TYPE, make_urn
from engine.values import annotate, decode_struct, encode_struct, mark_secret, plain
from testing.computed import Computed, computed
from testing.resource import Resource, from_request, secret_paths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi.runtime.mocks import MockCallArgs


class UnknownInvokeError(Exception):
    """The program called a provider function for which the test gave no answer."""


class DuplicateUrnError(Exception):
    """Two resources have the same type, name and parent type, which the engine refuses."""


class _NoMocks(Mocks):
    """Never asked: the recording monitor answers everything itself."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        raise NotImplementedError(args.typ)

    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise NotImplementedError(args.token)


@dataclass
class Answers:
    """What a test wants to be answered instead of the defaults."""

    outputs: Mapping[str, Any] = field(default_factory=dict)
    """Outputs by logical name or type token: a map, or a function from the :class:`Resource` to one."""
    invokes: Mapping[str, Any] = field(default_factory=dict)
    """Results of provider functions by token: a map, or a function from the arguments to one."""

    def for_resource(self, resource: Resource) -> dict[str, Any]:
        """Return the outputs that the test gave for a resource; those for its name win."""
        given: dict[str, Any] = {}
        for key in (resource.type, resource.name):
            answer = self.outputs.get(key, {})
            given |= answer(resource) if callable(answer) else answer
        return given


class RecordingMonitor(MockMonitor):
    """Records every registration as a :class:`Resource`."""

    def __init__(self, *, project: str, stack: str, preview: bool, answers: Answers) -> None:
        super().__init__(_NoMocks())
        self.recorded: dict[str, Resource] = {}
        """Resources by URN, in the order of their registration."""
        self.project = project
        self.stack = stack
        self.preview = preview
        self._answers = answers

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """Return the URN, with the types of all ancestors as the engine writes it."""
        return make_urn(self.stack, self.project, parent, type_, name)

    def RegisterResource(  # noqa: N802 - the name of the wire's method
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        """Record a registration and answer what the provider would."""
        urn = self.make_urn(request.parent, request.type, request.name)
        if urn in self.recorded:
            raise DuplicateUrnError(f"Duplicate resource URN '{urn}'; try giving it a unique name")
        resource = from_request(request, urn)
        if not resource.custom or request.type == STACK_TYPE:
            self.recorded[urn] = resource
            return resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)
        answer, outputs = self._outputs(resource, decode_struct(request.object))
        physical_id = "" if self.preview else answer.id
        self.recorded[urn] = replace(
            resource, id=physical_id, outputs=plain(outputs), secret_outputs=frozenset(secret_paths(outputs))
        )
        return resource_pb2.RegisterResourceResponse(urn=urn, id=physical_id, object=encode_struct(outputs))

    def RegisterResourceOutputs(  # noqa: N802 - the name of the wire's method
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        """Record what a component (or the stack) gives out."""
        outputs = decode_struct(request.outputs)
        self.recorded[request.urn] = replace(
            self.recorded[request.urn], outputs=plain(outputs), secret_outputs=frozenset(secret_paths(outputs))
        )
        return empty_pb2.Empty()

    def ReadResource(  # noqa: N802 - the name of the wire's method
        self, request: resource_pb2.ReadResourceRequest
    ) -> resource_pb2.ReadResourceResponse:
        """Record that an existing resource was looked up, and answer as if it were there."""
        urn = self.make_urn(request.parent, request.type, request.name)
        inputs = decode_struct(request.properties)
        resource = Resource(
            type=request.type,
            name=request.name,
            urn=urn,
            parent=request.parent,
            custom=True,
            inputs=plain(inputs),
            secret_paths=frozenset(secret_paths(inputs)),
            dependencies=frozenset(request.dependencies),
            id=request.id,
            read=True,
        )
        _, outputs = self._outputs(resource, inputs)
        self.recorded[urn] = replace(resource, outputs=plain(outputs), secret_outputs=frozenset(secret_paths(outputs)))
        return resource_pb2.ReadResourceResponse(urn=urn, properties=encode_struct(outputs))

    def Invoke(  # noqa: N802 - the name of the wire's method
        self, request: resource_pb2.ResourceInvokeRequest
    ) -> resource_pb2.ResourceInvokeResponse:
        """Answer a provider function from what the test gave.

        Raises:
            UnknownInvokeError: The test gave no answer for it.
        """
        arguments = plain(decode_struct(request.args))
        if request.tok == "pulumi:pulumi:getResource":
            known = self.recorded[arguments["urn"]]
            state = {"urn": known.urn, "id": known.id, "state": dict(known.outputs)}
            return self._result(state)
        if request.tok not in self._answers.invokes:
            raise UnknownInvokeError(
                f"the program called {request.tok} with {sorted(arguments)}; "
                f"give its result: render(..., invokes={{{request.tok!r}: {{...}}}})"
            )
        answer = self._answers.invokes[request.tok]
        return self._result(answer(arguments) if callable(answer) else answer)

    def _outputs(self, resource: Resource, inputs: dict[str, Any]) -> tuple[Computed, dict[str, Any]]:
        """Return the outputs as an engine would: inputs, what the provider computes, secrets marked again."""
        answer = computed(resource.type, resource.name, resource.urn, resource.inputs)
        given = self._answers.for_resource(resource)
        late = given if self.preview else {**answer.late, **given}
        if "id" in late:
            answer = replace(answer, id=str(late["id"]))
        outputs = annotate({**inputs, **answer.early, **late}, inputs)
        outputs = mark_secret(outputs, resource.options.additional_secret_outputs)
        return answer, outputs

    @staticmethod
    def _result(result: Mapping[str, Any]) -> resource_pb2.ResourceInvokeResponse:
        return resource_pb2.ResourceInvokeResponse(**{"return": encode_struct(dict(result))})
