"""Runs a Pulumi program against the recording monitor, each time in a world of its own."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from google.protobuf import empty_pb2
from pulumi.runtime import stack as pulumi_stack
from pulumi.runtime.config import set_all_config
from pulumi.runtime.proto import engine_pb2
from pulumi.runtime.settings import SETTINGS, Settings, configure, set_root_resource

from testing.graph import Graph, Log, build_graph
from testing.monitor import Answers, RecordingMonitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_P = ParamSpec("_P")
_T = TypeVar("_T")
_STRICT_OUTPUTS: Final = "PULUMI_ERROR_OUTPUT_STRING"
"""Pulumi's switch that makes an Output in an f-string an error instead of a wrong text."""


def render(
    program: Callable[[], Any],
    *,
    stack: str = "test",
    project: str = "test",
    config: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    preview: bool = False,
    outputs: Mapping[str, Any] | None = None,
    invokes: Mapping[str, Any] | None = None,
) -> Graph:
    """Run a program, or anything that makes resources, and return the graph that it registered.

    No engine, no Docker, no plug-in; a few milliseconds. An Output in an f-string is an error here.

    Args:
        program: Called without arguments; may be a coroutine function. A component's constructor in a lambda will do.
        stack: The stack's name.
        project: The project's name.
        config: Configuration by full key, such as ``{"slipway:blueprint": "starter"}``; objects as JSON.
        secrets: Secret configuration, likewise; :attr:`Graph.leaks` looks for its values.
        preview: Whether the program sees a preview: what only exists after creation is unknown.
        outputs: Outputs to answer instead of the made-up ones, by logical name or type token: a map, or a function from
            the :class:`Resource` to one. ``{"migrate-run": {"exitCode": 3, "containerLogs": "no such table"}}``
        invokes: Results of provider functions by token: a map, or a function from the arguments to one.

    Raises:
        RuntimeError: It was called inside an event loop, such as from another program that is being rendered.
        Exception: Whatever the program raised, in itself, in an ``apply`` or while a resource was registered.
    """
    if asyncio._get_running_loop() is not None:  # noqa: SLF001 - the only way to ask without an error
        raise RuntimeError("render() runs an event loop of its own: call it outside of any other")
    monitor = RecordingMonitor(
        project=project, stack=stack, preview=preview, answers=Answers(outputs or {}, invokes or {})
    )
    engine = _Engine()
    context = contextvars.copy_context()
    with _environment(_STRICT_OUTPUTS, "1"), asyncio.Runner() as runner:
        loop = runner.get_loop()
        loop.set_default_executor(_AtOnce())
        # The first error is raised; the others follow from it.
        loop.set_exception_handler(lambda _loop, _context: None)
        runner.run(_run(program, monitor, engine, {**(config or {})}, {**(secrets or {})}), context=context)
    return build_graph(
        monitor.recorded.values(),
        project=project,
        stack=stack,
        preview=preview,
        logs=engine.logs,
        config_secrets=(secrets or {}).values(),
    )


async def _run(
    program: Callable[[], Any],
    monitor: RecordingMonitor,
    engine: _Engine,
    config: dict[str, str],
    secrets: dict[str, str],
) -> None:
    set_root_resource(None)  # type: ignore[arg-type] # a program that ran before in this context left its stack here
    set_all_config({**config, **secrets}, list(secrets))
    configure(
        Settings(
            project=monitor.project,
            stack=monitor.stack,
            monitor=monitor,
            engine=engine,
            dry_run=monitor.preview,
            organization="organization",
            root_directory=os.getcwd(),  # noqa: PTH109 - Pulumi wants text
        )
    )
    await pulumi_stack.run_in_stack(lambda: _call(program))


async def _call(program: Callable[[], Any]) -> None:
    """Call the program; what it returns matters only if it has to be awaited."""
    result = program()
    if inspect.iscoroutine(result):
        await result
    # The SDK waits for one output after another among all, which is quadratic; all at once leaves it nothing to do.
    while pending := [output for output in SETTINGS.outputs if not output.done()]:
        done, _ = await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)
        if any(output.exception() for output in done):
            return  # the SDK raises it


class _AtOnce(ThreadPoolExecutor):
    """Runs every call at once in the caller's thread: no threads to wait for, and the same order every time."""

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Call ``fn`` now."""
        future: Future[_T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - whoever waits for the future gets it
            future.set_exception(error)
        return future


class _Engine:
    """The other half of an engine: keeps what the program logs."""

    def __init__(self) -> None:
        self.logs: list[Log] = []

    def Log(self, request: engine_pb2.LogRequest) -> empty_pb2.Empty:  # noqa: N802 - the name of the wire's method
        severity = engine_pb2.LogSeverity.Name(request.severity).lower()
        if severity != "debug":
            self.logs.append(Log(severity, request.message, request.urn))
        return empty_pb2.Empty()

    def RequirePulumiVersion(  # noqa: N802 - the name of the wire's method
        self, _request: engine_pb2.RequirePulumiVersionRequest
    ) -> engine_pb2.RequirePulumiVersionResponse:
        return engine_pb2.RequirePulumiVersionResponse()


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
