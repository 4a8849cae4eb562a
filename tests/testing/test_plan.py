"""The plan as text: the whole of a small one."""

from __future__ import annotations

import pulumi
import pulumi_docker as docker
import pulumi_random as random

from testing import render


class Web(pulumi.ComponentResource):
    """Two replicas and what they use."""

    def __init__(self, name: str) -> None:
        super().__init__("shop:index:Web", name, {})
        child = pulumi.ResourceOptions(parent=self, delete_before_replace=False)
        network = docker.Network(f"{name}-network", opts=child)
        password = random.RandomPassword(
            f"{name}-password",
            random.RandomPasswordArgs(length=20),
            pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True),
        )
        for index in range(2):
            docker.Container(
                f"{name}-{index}",
                docker.ContainerArgs(
                    image="app",
                    command=["sh", "-c", "set -eu\nexec app\n"],
                    envs=["A=1", pulumi.Output.concat("PASSWORD=", password.result)],
                    labels=[docker.ContainerLabelArgs(label="replica", value=str(index))],
                    networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=network.id)],
                    uploads=[docker.ContainerUploadArgs(file="/etc/app.toml", content="a = 1\nb = 2\n")],
                ),
                child,
            )
        self.register_outputs({})


PLAN = """\
shop/dev: 4 resources in 1 components

+ web  shop:index:Web
  + web-0  docker:index/container:Container
      command: [sh, -c, <2 lines, 1ac5cd1>]
      envs: [A=1, [secret]]
      image: app
      labels: {replica: 0}
      networksAdvanced: [{name: <web-network.id>}]
      uploads:
        -
          content: |
            a = 1
            b = 2
          file: /etc/app.toml
      options: create first
      after: web-network, web-password
  + web-1  docker:index/container:Container  (as web-0, but)
      labels: {replica: 1}
  + web-network  docker:index/network:Network
      options: create first
  + web-password  random:index/randomPassword:RandomPassword
      length: 20
      options: protect, retain on delete, secret outputs bcryptHash result

exports
  password: [secret]
  platform: shop
"""


def _program() -> None:
    Web("web")
    pulumi.export("password", pulumi.Output.secret("x"))
    pulumi.export("platform", "shop")


def test_plan() -> None:
    """Components by name, children under them, secrets by name, made-up values by origin."""
    assert render(_program, stack="dev", project="shop").plan() == PLAN


def test_a_preview_says_what_it_can_not_know() -> None:
    """And that it is one."""
    plan = render(_program, stack="dev", project="shop", preview=True).plan()
    assert plan.startswith("preview of shop/dev: ")
    assert "networksAdvanced: [{name: <unknown>}]" in plan
