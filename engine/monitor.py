"""The SDK's resource monitor, in this process: what the CLI serves over gRPC, the program here calls as an object."""

# ruff: noqa: N802 - the methods' names are gRPC's

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, resource_pb2

from engine.console import outside_program
from engine.deployment import Deployment, Stopped
from engine.differ import same_values
from engine.errors import EngineError, OperationFailed, UnsupportedFeature
from engine.executor import Executor
from engine.goal import Goal, read_goal, source_position
from engine.planner import Planner
from engine.provider import Properties, ProviderError
from engine.registry import provider_inputs
from engine.steps import Op, Step
from engine.urn import PROVIDER_TYPE_PREFIX, STACK_TYPE, is_provider_type, make_reference, package_of, type_of
from engine.values import UNKNOWN_TEXT, Secret, decode_struct, encode_struct

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_FEATURES: Final = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
)
_SEVERITIES: Final = {engine_pb2.INFO: "info", engine_pb2.WARNING: "warning", engine_pb2.ERROR: "error"}


class MonitorError(grpc.RpcError):  # type: ignore[misc] # grpc ships no types
    """What the SDK expects of a failed call."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(details)
        self._code = code
        self._details = details

    def code(self) -> grpc.StatusCode:
        """The gRPC status."""
        return self._code

    def details(self) -> str:
        """The message."""
        return self._details


class Monitor:
    """Serves one run of the program; every method may be called from any thread."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self.planner = Planner(deployment)
        self.executor = Executor(deployment, self.planner.deleted)
        self.stack_outputs: Properties | None = None
        """What the program exported; held back until it is known how the program ended."""
        self._goals: dict[str, Goal] = {}
        self._component_providers: dict[str, dict[str, str]] = {}
        self._registered: dict[str, Step] = {}
        self._defaults: dict[tuple[str, str, str], str] = {}
        self._defaults_lock = threading.Lock()

    def GetDeploymentInfo(self, _request: empty_pb2.Empty) -> resource_pb2.DeploymentInfo:
        """What this monitor can do."""
        return resource_pb2.DeploymentInfo(organization="organization", supportedFeatures=_FEATURES)

    def SupportsFeature(self, request: resource_pb2.SupportsFeatureRequest) -> resource_pb2.SupportsFeatureResponse:
        """The same, one feature at a time, as older SDKs ask."""
        known = {"secrets", "resourceReferences", "aliasSpecs", "deletedWith", "replaceWith"}
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in known)

    def SignalAndWaitForShutdown(self, _request: empty_pb2.Empty) -> empty_pb2.Empty:
        """The program has registered everything; nothing here needs it to stay."""
        return empty_pb2.Empty()

    def RegisterPackage(self, request: resource_pb2.RegisterPackageRequest) -> NoReturn:
        """Parameterized packages are the CLI's."""
        self._guard(lambda: _unsupported(f"The parameterized package {request.name!r}"))
        raise AssertionError

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> resource_pb2.RegisterResourceResponse:
        """Bring one resource to the state that the program wants, and answer with what it is then."""
        return self._guard(lambda: self._register_resource(request))

    def _register_resource(
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        self._inherit(request)
        provider = ""
        if request.custom and not is_provider_type(request.type):
            given = request.provider or self._component_providers.get(request.parent, {}).get(
                package_of(request.type), ""
            )
            package = package_of(request.type)
            self._deployment.registry.require_type(request.type)
            provider = given or self._default_provider(package, request.version, request.pluginDownloadURL)
        goal = read_goal(request, provider, self._deployment.directory)
        if is_provider_type(request.type):
            inputs = provider_inputs(goal.properties, request.version, request.pluginDownloadURL)
            goal = replace(goal, properties=inputs)
        step = self.register(goal)
        entry = step.new or step.entry
        self._goals[entry.urn] = goal
        if not request.custom:
            inherited = self._component_providers.get(request.parent, {})
            self._component_providers[entry.urn] = {**inherited, **request.providers}
        outputs = encode_struct(entry.outputs) if entry.custom else None
        known_id = "" if entry.id == UNKNOWN_TEXT and not entry.is_provider else entry.id
        return resource_pb2.RegisterResourceResponse(urn=entry.urn, id=known_id, object=outputs)

    def _inherit(self, request: resource_pb2.RegisterResourceRequest) -> None:
        parent = self._goals.get(request.parent)
        if parent is None:
            return
        request.deletedWith = request.deletedWith or parent.deleted_with
        if not request.HasField("protect") and parent.protect is not None:
            request.protect = parent.protect
        if not request.HasField("retainOnDelete") and parent.retain_on_delete is not None:
            request.retainOnDelete = parent.retain_on_delete

    def register(self, goal: Goal) -> Step:
        """Plan and carry out one resource; the last step that gave it its state."""
        deployment = self._deployment
        deployment.events.hide_values(goal.properties)
        with deployment.lock:
            deployment.check_running()
            registration = self.planner.begin(goal)
            imports = self.planner.plan_import(registration)
        if imports:
            self.executor.run(imports)
            self.planner.after_import(registration)
        with deployment.lock:
            deployment.check_running()
            steps = self.planner.plan(registration)
        self.executor.run(steps)
        final = next((step for step in reversed([*imports, *steps]) if step.op is not Op.REPLACE), None)
        if final is None:
            raise AssertionError(f"no step for {registration.urn}")
        self._registered[registration.urn] = final
        return final

    def _default_provider(self, package: str, version: str, url: str) -> str:
        with self._defaults_lock:
            key = (package, version, url)
            if key not in self._defaults:
                name = "default"
                if version:
                    name += "_" + version.replace(".", "_").replace("-", "_").replace("+", "_")
                if url:
                    name += "_" + "".join(c if c.isalnum() else "_" for c in url)
                properties = provider_inputs(self._package_config(package), version, url)
                entry = self.register(
                    Goal(f"{PROVIDER_TYPE_PREFIX}{package}", name, custom=True, properties=properties)
                ).entry
                self._defaults[key] = make_reference(entry.urn, entry.id)
            return self._defaults[key]

    def _package_config(self, package: str) -> Properties:
        prefix = f"{package}:"
        return {
            key.removeprefix(prefix): Secret(value.text) if value.secret else value.text
            for key, value in self._deployment.config.items()
            if key.startswith(prefix) and package != self._deployment.project
        }

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> empty_pb2.Empty:
        """The outputs of a component; those of the stack are held back."""
        return self._guard(lambda: self._register_outputs(request))

    def _register_outputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> empty_pb2.Empty:
        outputs = decode_struct(request.outputs, self._deployment.directory)
        if type_of(request.urn) == STACK_TYPE:
            self.stack_outputs = outputs
        else:
            self._deployment.check_running()
            self.set_outputs(request.urn, outputs)
        return empty_pb2.Empty()

    def set_outputs(self, urn: str, outputs: Properties) -> None:
        """Exchange a component's outputs for these."""
        step = self._registered.get(urn)
        if step is None or step.new is None:
            raise OperationFailed(f"outputs were registered for {urn}, which is not being registered")
        if step.old is None or not same_values(step.old.outputs, outputs) or step.new.outputs != outputs:
            with self._deployment.snapshot.changing():
                step.new.outputs = outputs
        self._deployment.events.step("resOutputsEvent", step)

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> resource_pb2.ReadResourceResponse:
        """``.get()``: a resource that exists and is not managed here."""
        return self._guard(lambda: self._read_resource(request))

    def _read_resource(self, request: resource_pb2.ReadResourceRequest) -> resource_pb2.ReadResourceResponse:
        if request.packageRef:
            _unsupported(f"The parameterized package of {request.type} {request.name!r}")
        self._deployment.registry.require_type(request.type)
        package = package_of(request.type)
        provider = request.provider or self._default_provider(package, request.version, request.pluginDownloadURL)
        directory = self._deployment.directory
        goal = Goal(
            type=request.type,
            name=request.name,
            custom=True,
            parent=request.parent,
            properties=decode_struct(request.properties, directory),
            dependencies=sorted(set(request.dependencies)),
            provider=provider,
            additional_secret_outputs=list(request.additionalSecretOutputs),
            source_position=source_position(request.sourcePosition, directory),
        )
        with self._deployment.lock:
            self._deployment.check_running()
            steps = self.planner.plan_read(goal, request.id)
        self.executor.run(steps)
        entry = steps[0].entry
        return resource_pb2.ReadResourceResponse(urn=entry.urn, properties=encode_struct(entry.outputs))

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeResponse:
        """Run a provider's function, in a preview too."""
        return self._guard(lambda: self._invoke(request))

    def _invoke(self, request: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeResponse:
        self._deployment.check_running()
        args = decode_struct(request.args, self._deployment.directory)
        if request.tok == "pulumi:pulumi:getResource":
            return _response(self._get_resource(str(args["urn"])))
        package = package_of(request.tok)
        self._deployment.registry.require_type(f"{PROVIDER_TYPE_PREFIX}{package}")
        reference = request.provider or self._default_provider(package, request.version, request.pluginDownloadURL)
        provider, known = self._deployment.registry.get(reference)
        if not known:
            return _response({})
        try:
            return _response(
                provider.invoke(request.tok, {key: value for key, value in args.items() if value is not None})
            )
        except ProviderError as error:
            # The program may catch this one: nothing was asked for that the deployment can't do without.
            raise MonitorError(grpc.StatusCode.UNKNOWN, f"{request.tok}: {error}") from error

    def _get_resource(self, urn: str) -> Properties:
        entry = self._deployment.news.get(urn)
        if entry is None:
            raise OperationFailed(f"unknown resource {urn}")
        return {"urn": entry.urn, "id": entry.id, "state": entry.outputs}

    def Call(self, request: Any) -> NoReturn:
        """Methods of remote components are the CLI's."""
        self._guard(lambda: _unsupported(f"The method {request.tok}"))
        raise AssertionError

    def RegisterStackTransform(self, _request: Any) -> NoReturn:
        """Transforms are the CLI's."""
        self._guard(lambda: _unsupported("A transform"))
        raise AssertionError

    RegisterStackInvokeTransform = RegisterResourceHook = RegisterErrorHook = RegisterStackTransform

    def _guard(self, action: Callable[[], T]) -> T:
        """Run a request; whatever fails stops the deployment and reaches the program as a gRPC error."""
        with outside_program():
            try:
                return action()
            except MonitorError:
                raise
            except Stopped as error:
                raise MonitorError(grpc.StatusCode.UNAVAILABLE, "the deployment has stopped") from error
            except (EngineError, ProviderError) as error:
                failure = error if isinstance(error, EngineError) else OperationFailed(str(error))
                self._deployment.fail(failure)
                raise MonitorError(grpc.StatusCode.UNAVAILABLE, str(failure)) from error
            except Exception as error:
                self._deployment.fail(EngineError(f"the engine failed: {type(error).__name__}: {error}"))
                raise MonitorError(grpc.StatusCode.INTERNAL, str(error)) from error


class EngineLog:
    """The SDK's engine service: messages of the program to the user."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def Log(self, request: engine_pb2.LogRequest) -> empty_pb2.Empty:
        """Show a message; debug messages are not for people."""
        severity = _SEVERITIES.get(request.severity)
        if severity is not None:
            with outside_program():
                self._deployment.events.diagnostic(severity, request.message, request.urn, ephemeral=request.ephemeral)
        return empty_pb2.Empty()

    def RequirePulumiVersion(self, _request: Any) -> NoReturn:
        """Only the CLI has a version to require."""
        raise MonitorError(grpc.StatusCode.UNIMPLEMENTED, "require_pulumi_version needs the Pulumi CLI: make pulumi")


def _unsupported(feature: str) -> NoReturn:
    raise UnsupportedFeature(feature)


def _response(values: Properties) -> resource_pb2.ResourceInvokeResponse:
    response = resource_pb2.ResourceInvokeResponse()
    getattr(response, "return").CopyFrom(encode_struct(values))
    return response
