"""Rendering: a world of its own each time, answers that look like a provider's, and errors that reach the test."""

from __future__ import annotations

import asyncio
import functools
import re
import warnings
from typing import Any

import pulumi
import pulumi_docker as docker
import pulumi_random as random
import pytest

from testing import UNKNOWN, DuplicateUrnError, UnknownInvokeError, render


class Group(pulumi.ComponentResource):
    """A component with a child, and one in it."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None, *, deep: bool = False) -> None:
        super().__init__("test:index:Group", name, {}, opts)
        self.volume = docker.Volume(f"{name}-data", opts=pulumi.ResourceOptions(parent=self))
        if deep:
            Group(f"{name}-inner", pulumi.ResourceOptions(parent=self))
        self.register_outputs({"volume": self.volume.name})


def _container(name: str = "web", **inputs: Any) -> docker.Container:
    return docker.Container(name, docker.ContainerArgs(image="nginx", **inputs))


def test_urns_hold_the_types_of_all_ancestors() -> None:
    """As the engine writes them, not only the parent's as the SDK's own mocks do."""
    graph = render(lambda: Group("outer", deep=True), stack="dev", project="shop")
    assert graph["outer-inner-data"].urn == (
        "urn:pulumi:dev::shop::test:index:Group$test:index:Group$docker:index/volume:Volume::outer-inner-data"
    )
    assert graph["outer"].urn == "urn:pulumi:dev::shop::test:index:Group::outer"


def test_what_a_provider_computes_is_there() -> None:
    """Autonames, ids, digests, exit codes and passwords, all different and the same in every run."""
    seen: dict[str, Any] = {}

    def program() -> None:
        volume = docker.Volume("data")
        network = docker.Network("edge")
        image = docker.RemoteImage("image", name="redis:7")
        password = random.RandomPassword("password", length=20)
        job = _container("job", attach=True, logs=True)
        for key, value in {
            "volume": volume.name,
            "volume_id": volume.id,
            "network": network.id,
            "image": image.image_id,
            "password": password.result,
            "exit_code": job.exit_code,
            "logs": job.container_logs,
            "container": job.name,
        }.items():
            value.apply(functools.partial(seen.__setitem__, key))

    render(program)
    first = dict(seen)
    seen.clear()
    render(program)
    assert seen == first
    assert re.fullmatch(r"data-[0-9a-f]{7}", first["volume"])
    assert first["volume_id"] == first["volume"]
    assert re.fullmatch(r"[0-9a-f]{64}", first["network"])
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", first["image"])
    assert re.fullmatch(r"[A-Za-z0-9]{20}", first["password"])
    assert (first["exit_code"], first["logs"]) == (0, "")
    assert re.fullmatch(r"job-[0-9a-f]{7}", first["container"])


def test_a_preview_knows_names_but_not_ids() -> None:
    """As the real one: what only exists after creation is unknown, and its dependents say so."""

    def program() -> None:
        network = docker.Network("edge")
        volume = docker.Volume("data")
        _container(
            networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=network.id)],
            volumes=[docker.ContainerVolumeArgs(volume_name=volume.name, container_path="/data")],
        )

    web = render(program, preview=True)["web"]
    assert web.inputs["networksAdvanced"] == [{"name": UNKNOWN}]
    assert web.inputs["volumes"][0]["volumeName"].startswith("data-")
    assert web.id == ""


def test_options_and_dependencies_are_kept() -> None:
    """What the SDK's mocks lose."""

    def program() -> None:
        first = _container("first")
        docker.Container(
            "second",
            docker.ContainerArgs(image=first.name),
            opts=pulumi.ResourceOptions(
                protect=True,
                retain_on_delete=True,
                delete_before_replace=False,
                ignore_changes=["image"],
                replace_on_changes=["labels", "#initerror"],
                additional_secret_outputs=["containerLogs"],
                custom_timeouts=pulumi.CustomTimeouts(create="90s"),
                aliases=[pulumi.Alias(name="old")],
                depends_on=[docker.Volume("data")],
            ),
        )

    second = render(program)["second"]
    options = second.options
    assert (options.protect, options.retain_on_delete, options.delete_before_replace) == (True, True, False)
    assert options.ignore_changes == ("image",)
    assert options.replace_on_changes == ("labels", "#initerror")
    assert options.additional_secret_outputs == ("containerLogs",)
    assert options.custom_timeouts == {"create": "90s"}
    assert options.aliases == ("old",)
    assert {urn.rpartition("::")[2] for urn in second.dependencies} == {"first", "data"}
    assert {urn.rpartition("::")[2] for urn in second.property_dependencies["image"]} == {"first"}
    assert render(_container)["web"].options.delete_before_replace is None


def test_secrets_are_marked_where_the_program_and_the_provider_say_so() -> None:
    """Inputs by path; outputs also by option, and by the input of the same name."""

    def program() -> None:
        password = random.RandomPassword("password", length=20)
        _container(
            envs=["A=1", pulumi.Output.concat("B=", password.result)],
            uploads=[docker.ContainerUploadArgs(file="/x", content=pulumi.Output.secret("s"))],
        )

    graph = render(program)
    web = graph["web"]
    assert web.secret_paths == {"envs[1]", "uploads[0].content"}
    assert web.is_secret("envs[1]")
    assert not web.is_secret("envs[0]")
    assert web.inputs["uploads"][0]["content"] == "s"
    assert {"envs", "uploads"} <= web.secret_outputs
    assert "result" in graph["password"].secret_outputs


def test_two_resources_of_one_urn_are_refused() -> None:
    """The engine refuses them too, later."""

    def program() -> None:
        docker.Volume("data")
        docker.Volume("data")

    with pytest.raises(DuplicateUrnError, match="Duplicate resource URN"):
        render(program)


def test_unknown_provider_functions_are_refused() -> None:
    """An empty answer would let a test pass for the wrong reason."""

    def program() -> None:
        docker.get_network_output(name="edge")

    with pytest.raises(UnknownInvokeError, match=r"docker:index/getNetwork:getNetwork.*invokes="):
        render(program)


def test_answers_of_the_test() -> None:
    """Functions by token, outputs by name or type, as maps or made from the resource."""
    seen: list[Any] = []

    def program() -> None:
        docker.get_network_output(name="edge").driver.apply(seen.append)
        _container("job", attach=True).exit_code.apply(seen.append)
        _container("web").name.apply(seen.append)

    render(
        program,
        invokes={"docker:index/getNetwork:getNetwork": lambda arguments: {"driver": f"for {arguments['name']}"}},
        outputs={
            "docker:index/container:Container": lambda resource: {"name": f"the-{resource.name}", "exitCode": 0},
            "job": {"exitCode": 3},
        },
    )
    assert sorted(seen, key=str) == [3, "for edge", "the-web"]


def test_an_error_in_the_program_reaches_the_test() -> None:
    """In itself and in an apply."""

    def boom(_: object) -> None:
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        render(lambda: boom(None))
    with pytest.raises(ValueError, match="boom"):
        render(lambda: _container().name.apply(boom) and None)


def test_an_output_in_a_text_is_an_error() -> None:
    """It would otherwise become ``<pulumi.output.Output object at 0x…>``."""
    with pytest.raises(Exception, match="Calling __str__ on an Output"):
        render(lambda: _container(hostname=f"{docker.Volume('data').name}-host"))


def test_configuration_and_names_of_stack_and_project() -> None:
    """As the program reads them."""
    seen: dict[str, Any] = {}

    def program() -> None:
        config = pulumi.Config("shop")
        seen.update(
            stack=pulumi.get_stack(),
            project=pulumi.get_project(),
            size=config.require_int("size"),
            preview=pulumi.runtime.is_dry_run(),
        )
        pulumi.export("key", config.require_secret("key"))

    graph = render(
        program, stack="prod", project="shop", config={"shop:size": "3"}, secrets={"shop:key": "canary-1"}, preview=True
    )
    assert seen == {"stack": "prod", "project": "shop", "size": 3, "preview": True}
    assert graph.exports == {"key": "canary-1"}
    assert graph.secret_exports == {"key"}
    assert graph.secrets == {"canary-1"}


def test_renders_leave_nothing_behind() -> None:
    """No configuration, no root resource, no loop, no warning, in whatever order and number."""

    def program() -> None:
        pulumi.export("value", pulumi.Config().get("value"))
        docker.Volume("data")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert render(program, config={"test:value": "1"}).exports == {"value": "1"}
        for _ in range(20):
            assert render(program).exports == {}
            with pytest.raises(ZeroDivisionError):
                render(lambda: 1 // 0)
    assert pulumi.runtime.get_root_resource() is None
    assert not pulumi.runtime.is_dry_run()


def test_a_coroutine_is_a_program_too() -> None:
    """As in ``pulumi.run``."""

    async def program() -> None:
        await asyncio.sleep(0)
        docker.Volume("data")

    assert "data" in render(program)


def test_inside_an_event_loop_it_says_so() -> None:
    """Instead of a loop within a loop."""

    async def test() -> None:
        render(_container)

    with pytest.raises(RuntimeError, match="outside of any other"):
        asyncio.run(test())


def test_messages_are_kept() -> None:
    """Warnings and infos, not the SDK's own debugging."""

    def program() -> None:
        pulumi.log.warn("be careful", docker.Volume("data"))
        pulumi.log.info("well")

    assert {(log.severity, log.message) for log in render(program).logs} == {
        ("warning", "be careful"),
        ("info", "well"),
    }


def test_looking_up_an_existing_resource() -> None:
    """``get`` is read, not created."""

    def program() -> None:
        docker.Volume.get("found", "company-data")

    found = render(program)["found"]
    assert found.read is True
    assert found.id == "company-data"
