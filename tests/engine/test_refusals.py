"""What only the CLI can do is refused by name, with the command that gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine import UnsupportedFeature

if TYPE_CHECKING:
    from tests.engine.conftest import Harness

BEHIND = ["needs the Pulumi CLI: make pulumi"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("program", "what"),
        [
            ('pulumi.CustomResource("aws:s3/bucket:Bucket", "b", {})', "The package 'aws'"),
            ('pulumi.CustomResource("fake:index:Other", "b", {})', "The resource type fake:index:Other"),
            ('pulumi.ProviderResource("aws", "p", {})', "The package 'aws'"),
            ('pulumi.ComponentResource("fake:index:Remote", "r", {}, None, True)', "The remote component"),
            ('pulumi.runtime.invoke("aws:index:f", {})', "The package 'aws'"),
            (
                'Thing("a", {"value": pulumi.AssetArchive({"x": pulumi.StringAsset("y")})})',
                "An archive as a resource's property",
            ),
        ],
    )
    def test_the_engine_refuses(self, harness: Harness, program: str, what: str) -> None:
        for operation in ("preview", "up"):
            (error,) = harness.run(operation, program).errors
            assert isinstance(error, UnsupportedFeature)
            assert what in str(error)
            assert "make pulumi" in str(error)

    @pytest.mark.parametrize(
        "program",
        [
            "pulumi.runtime.register_stack_transform(lambda args: None)",
            "pulumi.runtime.register_resource_transform(lambda args: None)",
            "Thing('a', None, Opts(transforms=[lambda args: None]))",
            "Thing('a', None, Opts(hooks=pulumi.ResourceHookBinding(before_create=[lambda args: None])))",
        ],
    )
    def test_the_sdk_refuses_what_the_monitor_does_not_announce(self, harness: Harness, program: str) -> None:
        result = harness.run("preview", program)
        assert "does not support" in str(result.errors[0])

    def test_settings(self, harness: Harness) -> None:
        harness.stack.set_config("pulumi:autonaming", {"mode": "verbatim"})
        with pytest.raises(UnsupportedFeature, match="pulumi:autonaming"):
            harness.run("preview", "")
        text = harness.stack.settings_file.read_text()
        harness.stack.settings_file.write_text(f"secretsprovider: awskms://x\n{text}")
        with pytest.raises(UnsupportedFeature, match="awskms"):
            harness.stack.outputs()

    def test_an_asset_is_hashed(self, harness: Harness) -> None:
        harness.up('g = Group("g", {"asset": pulumi.StringAsset("text")})')
        asset = harness.entry("g")["inputs"]["asset"]
        assert asset["text"] == "text"
        assert asset["hash"] == "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1"
