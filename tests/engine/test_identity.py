"""Who a resource is: aliases, imports, resources that are only read, and providers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.provider import ProviderError
from tests.engine.conftest import PREFIX
from tests.engine.fake_world import FakeProvider

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tests.engine.conftest import Harness

THING = f"{PREFIX}fake:index:Thing::"


class TestAliases:
    def rename(self, harness: Harness, before: str, after: str) -> None:
        harness.up(before)
        harness.world.changes()
        names = harness.world.names()
        result = harness.up(after)
        assert harness.steps() == [], harness.steps()
        assert not result.has_changes
        assert harness.world.changes() == []
        assert harness.world.names() == names
        harness.up()
        assert harness.steps() == []

    def test_a_new_name_keeps_the_resource_and_rewrites_references(self, harness: Harness) -> None:
        self.rename(
            harness,
            'a = Thing("a")\nThing("b", {"value": a.computed})',
            'a = Thing("n", None, Opts(aliases=[pulumi.Alias(name="a")]))\nThing("b", {"value": a.computed})',
        )
        assert harness.entry("b")["dependencies"] == [f"{THING}n"]
        assert "aliases" not in harness.entry("n")

    def test_a_whole_urn(self, harness: Harness) -> None:
        self.rename(harness, 'Thing("a")', f'Thing("n", None, Opts(aliases=["{THING}a"]))')

    def test_into_a_component_and_out_again(self, harness: Harness) -> None:
        inside = 'g = Group("g")\nThing("a", None, Opts(parent=g, aliases=[pulumi.Alias(parent=None)]))'
        harness.up('g = Group("g")\nThing("a")')
        harness.up(inside)
        assert harness.steps() == []
        assert harness.entry("a")["urn"] == f"{PREFIX}test:index:Group$fake:index:Thing::a"

    def test_children_follow_a_renamed_parent_and_its_prefix(self, harness: Harness) -> None:
        self.rename(
            harness,
            'g = Group("old")\nThing("old-a", None, Opts(parent=g))\nThing("b", None, Opts(parent=g))',
            """
            g = Group("new", None, Opts(aliases=[pulumi.Alias(name="old")]))
            Thing("new-a", None, Opts(parent=g))
            Thing("b", None, Opts(parent=g))
            """,
        )
        assert {entry["urn"].rsplit("::", 1)[-1] for entry in harness.state()} >= {"new", "new-a", "b"}

    def test_another_type_of_the_parent(self, harness: Harness) -> None:
        self.rename(
            harness,
            'g = Group("g")\nThing("a", None, Opts(parent=g))',
            """
            g = Group("g", None, Opts(aliases=[pulumi.Alias(type_="test:index:Group")]), type_="test:index:Team")
            Thing("a", None, Opts(parent=g))
            """,
        )
        assert harness.entry("a")["urn"] == f"{PREFIX}test:index:Team$fake:index:Thing::a"

    def test_the_childs_own_alias_and_the_parents_multiply(self, harness: Harness) -> None:
        self.rename(
            harness,
            'g = Group("old")\nThing("x", None, Opts(parent=g))',
            """
            g = Group("new", None, Opts(aliases=[pulumi.Alias(name="old")]))
            Thing("y", None, Opts(parent=g, aliases=[pulumi.Alias(name="x")]))
            """,
        )

    def test_two_claims_are_an_error(self, harness: Harness) -> None:
        harness.up('Thing("a")')
        alias = "Opts(aliases=[pulumi.Alias(name='a')])"
        result = harness.run("up", f'x = Thing("x", None, {alias})\nThing("y", {{"value": x.computed}}, {alias})')
        assert "which another resource of this run is already" in str(result.errors[0])
        assert harness.world.names() == ["a"]

    def test_an_update_of_a_renamed_resource(self, harness: Harness) -> None:
        harness.up('Thing("a", {"value": 1})')
        harness.up('Thing("n", {"value": 2}, Opts(aliases=[pulumi.Alias(name="a")]))')
        assert harness.steps() == ["update n"]
        assert len(harness.state()) == 3

    def test_a_replacement_of_a_renamed_resource(self, harness: Harness) -> None:
        harness.up('Thing("a", {"kind": "x"})')
        harness.up('Thing("n", {"kind": "y"}, Opts(aliases=[pulumi.Alias(name="a")]))')
        assert len(harness.state()) == 3
        assert len(harness.world.names()) == 1


class TestImport:
    def stray(self, harness: Harness, **values: object) -> str:
        outputs = {"name": "stray", "id": "stray", "computed": "c", **values}
        with harness.world.things() as things:
            things["stray"] = {"logical": "stray", "outputs": outputs, "created": 0.0}
        return "stray"

    def test_equal_inputs_take_nothing_more(self, harness: Harness) -> None:
        self.stray(harness, value=1)
        program = 'Thing("a", {"name": "stray", "value": 1}, Opts(import_="stray"))'
        assert harness.preview(program).summary == {"create": 1, "import": 1}
        result = harness.up(program)
        assert harness.steps() == ["import a"]
        assert result.summary == {"create": 1, "import": 1}
        assert harness.entry("a")["id"] == harness.entry("a")["importID"] == "stray"
        assert harness.world.changes() == []
        harness.up()
        assert harness.steps() == []
        harness.up('Thing("a", {"name": "stray", "value": 1})')
        assert harness.steps() == []

    def test_other_inputs_are_then_updated(self, harness: Harness) -> None:
        self.stray(harness, value=1)
        harness.up('Thing("a", {"name": "stray", "value": 2}, Opts(import_="stray"))')
        assert harness.steps() == ["import a", "update a"]
        assert harness.entry("a")["outputs"]["value"] == 2
        assert len(harness.state()) == 3

    def test_a_replacement_is_refused(self, harness: Harness) -> None:
        self.stray(harness, kind="x")
        result = harness.run("up", 'Thing("a", {"name": "stray", "kind": "y"}, Opts(import_="stray"))')
        assert "may not be replaced" in str(result.errors[0])

    def test_nothing_there_is_an_error(self, harness: Harness) -> None:
        result = harness.run("up", 'Thing("a", {"name": "none"}, Opts(import_="none"))')
        assert "resource 'none' does not exist" in str(result.errors[0])

    def test_importing_over_a_managed_resource_replaces_it(self, harness: Harness) -> None:
        harness.up('Thing("a", {"value": 1})')
        self.stray(harness, value=1)
        harness.up('Thing("a", {"name": "stray", "value": 1}, Opts(import_="stray"))')
        assert harness.steps() == ["import-replacement a", "replace a", "delete-replaced a"]
        assert harness.entry("a")["id"] == "stray"
        assert harness.world.names() == ["stray"]


class TestGet:
    PROGRAM = 'a = Thing("a", None, Opts(id="stray"))\npulumi.export("c", a.computed)'

    def test_it_is_read_recorded_and_never_deleted(self, harness: Harness) -> None:
        TestImport().stray(harness)
        assert harness.preview(self.PROGRAM).outputs == {"c": "c"}
        result = harness.up(self.PROGRAM)
        assert result.outputs == {"c": "c"}
        assert harness.steps() == ["read a"]
        assert result.summary == {"create": 1}
        assert harness.entry("a")["external"] is True
        result = harness.up()
        assert not result.has_changes
        harness.up("")
        assert harness.steps() == ["discard a"]
        assert harness.world.names() == ["stray"]

    def test_taking_it_over_creates_another(self, harness: Harness) -> None:
        TestImport().stray(harness)
        harness.up(self.PROGRAM)
        harness.up('Thing("a")')
        assert harness.steps() == ["create-replacement a", "replace a", "discard-replaced a"]
        assert harness.world.names() == ["a", "stray"]

    def test_reading_what_was_managed_lets_the_old_one_go(self, harness: Harness) -> None:
        harness.up('Thing("a")')
        TestImport().stray(harness)
        harness.up(self.PROGRAM)
        assert harness.steps() == ["read-replacement a", "replace a", "delete-replaced a"]
        assert harness.world.names() == ["stray"]


class TestProviders:
    PROGRAM = """
    p = FakePackage("p", {"host": HOST})
    Thing("a", {"value": 1}, Opts(provider=p))
    """

    def given(self, host: str) -> str:
        return self.PROGRAM.replace("HOST", host)

    def test_an_explicit_one_is_a_resource(self, harness: Harness) -> None:
        harness.up(self.given('"one"'))
        assert harness.steps() == ["create p", "create a"]
        provider = harness.entry("p")
        assert provider["inputs"] == {"host": "one"}
        assert provider["outputs"] == {"host": "one"}
        assert harness.entry("a")["provider"] == f"{provider['urn']}::{provider['id']}"
        assert harness.provider.config == {"host": "one"}

    def test_another_configuration_updates_the_provider_only(self, harness: Harness) -> None:
        harness.up(self.given('"one"'))
        before = harness.entry("p")["id"]
        harness.up(self.given('"two"'))
        assert harness.steps() == ["update p"]
        assert harness.entry("p")["id"] == before
        assert harness.provider.config == {"host": "two"}

    def test_moving_between_providers_changes_nothing_in_the_world(self, harness: Harness) -> None:
        harness.up('Thing("a", {"value": 1})')
        harness.up(self.given('"one"'))
        assert harness.steps() == ["create p"]
        assert harness.entry("a")["provider"].startswith(harness.entry("p")["urn"])
        assert [entry["urn"] for entry in harness.state() if entry["urn"].endswith("::default")] == []

    def test_each_configuration_has_a_provider_of_its_own(self, harness: Harness) -> None:
        made: list[FakeProvider] = []

        class Recording(FakeProvider):
            def configure(self, config: Mapping[str, Any]) -> None:
                super().configure(config)
                made.append(self)

        harness.stack = harness.open(providers={"fake": lambda: Recording(harness.world)})
        program = self.given('"one"')
        harness.up(f"{program}Thing('b')")
        assert [provider.config for provider in made] == [{"host": "one"}, {}] or [
            provider.config for provider in made
        ] == [{}, {"host": "one"}]

    def test_configuration_of_the_stack_goes_into_the_default_provider(self, harness: Harness) -> None:
        harness.stack.set_config("fake:host", "from-config")
        harness.up('Thing("a")')
        assert harness.entry("default")["inputs"] == {"host": "from-config"}
        assert harness.provider.config == {"host": "from-config"}

    def test_versions_have_default_providers_of_their_own(self, harness: Harness) -> None:
        harness.up('Thing("a", None, Opts(version="1.2.3"))')
        assert harness.entry("default_1_2_3")["inputs"] == {"__internal": {}, "version": "1.2.3"}
        harness.up('Thing("a", None, Opts(version="1.3.0-beta.1"))')
        assert harness.steps() == []
        assert harness.entry("a")["provider"].startswith(harness.entry("default_1_3_0_beta_1")["urn"])

    def test_a_default_provider_is_not_counted_and_not_shown(self, harness: Harness) -> None:
        result = harness.up('Thing("a")')
        assert result.summary == {"create": 2}
        assert not any("pulumi:providers" in str(event.to_dict()["sequence"]) for event in harness.events)
        assert "create default" not in harness.steps()

    def test_an_unknown_configuration_in_a_preview(self, harness: Harness) -> None:
        program = """
        n = Thing("n")
        p = FakePackage("p", {"host": n.computed})
        a = Thing("a", {"value": 1}, Opts(provider=p))
        pulumi.export("value", a.value)
        """
        assert not harness.preview(program).failed
        harness.up(program)
        assert harness.provider.config == {"host": harness.entry("n")["outputs"]["computed"]}
        result = harness.preview(program.replace('Thing("n")', 'Thing("n", {"kind": "x"})'))
        assert "update a" in harness.steps()
        assert "not known yet" in str(result.diagnostics)

    def test_a_configuration_that_fails(self, harness: Harness) -> None:
        result = harness.run("up", 'p = FakePackage("p", {"broken": "yes"})\nThing("a", None, Opts(provider=p))')
        assert "this configuration is broken" in str(result.errors[0])


class TestFunctions:
    def test_an_invoke(self, harness: Harness) -> None:
        program = 'r = pulumi.runtime.invoke("fake:index:echo", {"text": "hi"})\npulumi.export("r", r.value["echo"])'
        assert harness.preview(program).outputs == {"r": "hi"}
        assert harness.up(program).outputs == {"r": "hi"}

    def test_one_that_fails_may_be_caught(self, harness: Harness) -> None:
        program = """
        try:
            pulumi.runtime.invoke("fake:index:none", {})
        except Exception as error:
            pulumi.export("r", str(error))
        """
        assert "unknown function" in harness.up(program).outputs["r"]

    def test_other_stacks_of_the_backend(self, harness: Harness) -> None:
        harness.up('pulumi.export("plain", 1)\npulumi.export("hidden", Output.secret("canary"))')
        other = harness.open()
        other = type(other)(
            harness.project, "other", backend=harness.folder, passphrase="x", providers={"fake": harness.provider}
        )
        (harness.project / "Pulumi.other.yaml").write_text((harness.project / "Pulumi.dev.yaml").read_text())
        other.init()
        harness.write(
            """
            ref = pulumi.StackReference("organization/test/dev")
            pulumi.export("plain", ref.get_output("plain"))
            pulumi.export("hidden", ref.get_output("hidden"))
            """
        )
        result = other.up()
        assert not result.failed, result.errors
        assert result.outputs == {"plain": 1, "hidden": "[secret]"}
        assert other.outputs(show_secrets=True) == {"plain": 1, "hidden": "canary"}
        assert "canary" not in other._backend.checkpoint.read_text()


def test_the_provider_error_type_is_public() -> None:
    """Providers outside of the engine raise it."""
    assert issubclass(ProviderError, Exception)
