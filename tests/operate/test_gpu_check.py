"""GPUs: a machine without is refused with every setting that wants some; nothing falls back to the CPU."""

from __future__ import annotations

from typing import Any

import pytest

from operate.docker_host import Machine
from operate.gpu_check import NoGpus, check_gpus, wanted_gpus
from settings.model import Platform

WITHOUT = Machine({"Runtimes": {"runc": {}}})
WITH = Machine({"Runtimes": {"runc": {}, "nvidia": {}}})


def platform(**parts: Any) -> Platform:
    return Platform.model_validate({"name": "app", **parts})


ASKING = {
    "workers": {"trainer": {"image": "a/b:1", "gpus": "all"}},
    "model_servers": {"llm": {"gpus": ["device=0", "none"], "replicas": 2}, "cpu": {}},
}


def test_what_asks() -> None:
    """The CPU asks for nothing, be it said or not."""
    assert wanted_gpus(platform(**ASKING)) == {"workers.trainer.gpus": "all", "model_servers.llm.gpus": "device=0"}
    assert wanted_gpus(platform(model_servers={"llm": {"gpus": "none"}})) == {}


def test_a_machine_without_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all of them, and with how to say that the CPU is meant."""
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(NoGpus) as caught:
        check_gpus(platform(**ASKING), WITHOUT, local=True)
    assert str(caught.value) == (
        "GPUs are asked for, and Docker's machine has none to give, so nothing was changed:\n"
        "  workers.trainer.gpus: all\n"
        "  model_servers.llm.gpus: device=0\n"
        "  fix: install the NVIDIA Container Toolkit and restart Docker; or run on the CPU, which has to be said:"
        " gpus: none, for instance under slipway:overrides"
    )


@pytest.mark.parametrize("info", [{"Runtimes": {"nvidia": {}}}, {"DiscoveredDevices": [{"ID": "nvidia.com/gpu=0"}]}])
def test_a_machine_with_some_is_not(info: dict[str, Any]) -> None:
    """By its runtime, or by the devices that a newer Docker lists."""
    check_gpus(platform(**ASKING), Machine(info), local=False)


def test_the_hook_alone_is_enough_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker finds it on its path, and says nothing of it; of another machine's path nobody knows."""
    monkeypatch.setattr("shutil.which", lambda program: f"/usr/bin/{program}")
    check_gpus(platform(**ASKING), WITHOUT, local=True)
    with pytest.raises(NoGpus):
        check_gpus(platform(**ASKING), WITHOUT, local=False)


def test_nobody_asks() -> None:
    """Then it does not matter."""
    check_gpus(platform(), WITHOUT, local=True)
    check_gpus(platform(**ASKING), WITH, local=True)
