"""What is on disk: checkpoints and their invariants, atomic writes, settings files, secrets, URNs, property paths."""

from __future__ import annotations

import gzip
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from engine import InvalidProject, StateDamaged, UnsupportedFeature, WrongPassphrase
from engine.backend import Backend
from engine.checkpoint import magic, verify
from engine.crypto import Crypter
from engine.goal import seconds
from engine.paths import covers, parse_path, reset_path
from engine.project import load_project
from engine.settings_file import with_salt, with_value
from engine.state import Entry, timestamp
from engine.urn import make_urn, name_of, qualified_type, split_reference, type_of
from engine.values import UNKNOWN_TEXT, Secret, decode_wire, encode_wire
from tests.engine.conftest import SALT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.conftest import Harness


class TestUrns:
    def test_types_accumulate_below_components(self) -> None:
        stack = make_urn("dev", "p", "", "pulumi:pulumi:Stack", "p-dev")
        outer = make_urn("dev", "p", stack, "a:b:C", "outer")
        inner = make_urn("dev", "p", outer, "d:e:F", "inner")
        leaf = make_urn("dev", "p", inner, "docker:index/volume:Volume", "a::b")
        assert outer == "urn:pulumi:dev::p::a:b:C::outer"
        assert leaf == "urn:pulumi:dev::p::a:b:C$d:e:F$docker:index/volume:Volume::a::b"
        assert (name_of(leaf), type_of(leaf)) == ("a::b", "docker:index/volume:Volume")
        assert qualified_type(inner) == "a:b:C$d:e:F"

    def test_a_reference_splits_at_the_last_colons(self) -> None:
        assert split_reference("urn:pulumi:a::b::c::d::e") == ("urn:pulumi:a::b::c::d", "e")


class TestPaths:
    @pytest.mark.parametrize(
        ("text", "path"),
        [
            ("a", ("a",)),
            ("a.b[0].c", ("a", "b", 0, "c")),
            ('a["x.y"].z', ("a", "x.y", "z")),
            ('["quoted \\" here"]', ('quoted " here',)),
            ("a[*].b", ("a", "*", "b")),
            ("*", ("*",)),
            ("#initerror", ("#initerror",)),
        ],
    )
    def test_parsing(self, text: str, path: tuple[str | int, ...]) -> None:
        assert parse_path(text) == path

    @pytest.mark.parametrize("text", [".a", "a[", 'a["b', "a[x]"])
    def test_what_is_no_path(self, text: str) -> None:
        with pytest.raises(Exception, match="is not a property path"):
            parse_path(text)

    @pytest.mark.parametrize(
        ("outer", "inner", "expected"),
        [
            ("a", "a.b", True),
            ("a.b", "a", False),
            ("*", "a[0]", True),
            ("a[*].c", "a[3].c.d", True),
            ("a[1]", "a[2]", False),
        ],
    )
    def test_covering(self, outer: str, inner: str, expected: bool) -> None:
        assert covers(parse_path(outer), parse_path(inner)) is expected

    @pytest.mark.parametrize(
        ("path", "old", "new", "result", "done"),
        [
            ("a", {"a": 1}, {"a": 2}, {"a": 1}, True),
            ("a", {}, {"a": 2}, {}, True),
            ("a", {"a": 1}, {}, {"a": 1}, True),
            ("a.b", {"a": {"b": 1}}, {"a": {"b": 2, "c": 3}}, {"a": {"b": 1, "c": 3}}, True),
            ("a.b", {"a": {"b": 1}}, {}, {}, False),
            ("a[0]", {"a": [1]}, {"a": [2, 3]}, {"a": [1, 3]}, True),
            ("a[1]", {"a": [1]}, {"a": [2, 3]}, {"a": [2, 3]}, False),
            ("a[9]", {"a": [1]}, {"a": [2]}, {"a": [2]}, True),
            ("a[*]", {"a": [1, 2]}, {"a": [3, 4]}, {"a": [1, 2]}, True),
            ("a[*].b", {"a": [{"b": 1}]}, {"a": [{"b": 2, "c": 3}]}, {"a": [{"b": 1, "c": 3}]}, True),
            ("*", {"a": 1}, {"b": 2}, {"a": 1}, True),
            ("a.b", {"a": Secret({"b": 1})}, {"a": {"b": 2}}, {"a": {"b": Secret(1)}}, True),
            ("a.b", {"a": {"b": 1}}, {"a": Secret({"b": 2})}, {"a": Secret({"b": 1})}, True),
        ],
    )
    def test_resetting(self, path: str, old: Any, new: Any, result: Any, done: bool) -> None:
        assert reset_path(parse_path(path), old, new) is done
        assert new == result


class TestValues:
    @pytest.mark.parametrize("value", [None, True, 0, -3, 1.5, "", "x", [], {}, [1, {"a": None}], Secret([1, "x"])])
    def test_the_wire_gives_back_what_it_got(self, value: Any) -> None:
        result = decode_wire(encode_wire(value))
        assert result == value
        assert type(result) is type(value)

    def test_unknowns_are_a_constant(self) -> None:
        assert encode_wire(decode_wire(encode_wire(UNKNOWN_TEXT))).string_value == UNKNOWN_TEXT

    def test_a_secret_does_not_show_itself(self) -> None:
        assert "x1y2z3" not in repr([Secret("x1y2z3")])

    def test_durations(self) -> None:
        assert [seconds(text) for text in ("90s", "1h30m", "1.5m", "250ms", "10us")] == [90, 5400, 90, 0.25, 0.00001]

    def test_times_of_the_state(self) -> None:
        assert timestamp("1970-01-01T00:00:01.500000001Z") == 1.5
        assert timestamp("2026-11-20T22:11:53Z") == 1795212713
        assert timestamp("") is None
        assert timestamp("yesterday") is None


class TestCrypto:
    def test_the_cli_s_salt_opens_with_its_passphrase_only(self) -> None:
        crypter = Crypter("x", SALT)
        assert crypter.decrypt(crypter.encrypt("wörd")) == "wörd"
        with pytest.raises(WrongPassphrase):
            Crypter("", SALT)

    def test_a_ciphertext_of_the_cli(self) -> None:
        """Of the recording ``containers/00-create``: the uploads of the carrier."""
        text = (
            "v1:Lf77VvsfKMfAhg19:QUcocO5zHxVC+Qrkyphr105I7IeYiGy2mEagKKU0NrbnNdDsOenowvroUtBCQWFkNErSLwDQNVWtMSVvGA9FdfWSrB"
            "8h0lB390ItOp1TGe9R2ZfSrFZCAe5s+EhIwBoOfocyzDj387v9GZ/Q5+eCMnoyQZHBuXN7LtfGJ8BmOf9yML3DIFATvUO11qBJJKkdXZs8bseu"
            "pch7y3/qlipMLeqDh1nd4imUVYn1wvDwtbQUY9YPECFQ"
        )
        uploads = json.loads(Crypter("x", SALT).decrypt(text))
        assert [upload["file"] for upload in uploads] == ["/files/password", "/files/plain.conf"]

    def test_the_same_text_at_the_same_place_keeps_its_ciphertext(self) -> None:
        crypter = Crypter("x", SALT)
        first = crypter.encrypt("a", ("urn", "inputs"))
        assert crypter.encrypt("a", ("urn", "inputs")) == first
        assert crypter.encrypt("a", ("urn", "outputs")) != first
        assert crypter.encrypt("b", ("urn", "inputs")) != first

    @pytest.mark.parametrize("text", ["", "v1:x", "v2:AAAA:AAAA", "v1:AAAAAAAAAAAAAAAA:AAAA", "v1:!!:!!"])
    def test_what_is_no_ciphertext(self, text: str) -> None:
        with pytest.raises(StateDamaged):
            Crypter("x", SALT).decrypt(text)


class TestIntegrity:
    STACK = Entry("urn:pulumi:d::p::pulumi:pulumi:Stack::p-d", "pulumi:pulumi:Stack", custom=False)
    PROVIDER = Entry("urn:pulumi:d::p::pulumi:providers:f::default", "pulumi:providers:f", custom=True, id="1")

    def thing(self, name: str, **values: Any) -> Entry:
        reference = f"{self.PROVIDER.urn}::1"
        given = {"id": name, "provider": reference, "parent": self.STACK.urn, **values}
        return Entry(f"urn:pulumi:d::p::f:i:T::{name}", "f:i:T", custom=True, **given)

    def test_a_sound_state(self) -> None:
        verify([self.STACK, self.PROVIDER, self.thing("a"), self.thing("a", delete=True), self.thing("a", delete=True)])

    @pytest.mark.parametrize(
        ("entries", "text"),
        [
            (lambda self: [self.STACK, self.thing("a")], "unknown provider"),
            (lambda self: [self.PROVIDER, self.thing("a"), self.STACK], "comes after it"),
            (lambda self: [self.PROVIDER, self.thing("a")], "is missing"),
            (lambda self: [self.STACK, self.PROVIDER, self.thing("a"), self.thing("a")], "stands twice"),
            (lambda self: [self.STACK, self.PROVIDER, self.thing("a", dependencies=["urn:x"])], "is missing"),
            (lambda self: [self.STACK, self.PROVIDER, self.thing("a", deleted_with="urn:x")], "is missing"),
            (
                lambda self: [self.STACK, self.PROVIDER, self.thing("a", property_dependencies={"v": ["u"]})],
                "is missing",
            ),
            (lambda self: [Entry(self.STACK.urn, self.STACK.type, custom=False, id="1")], "has an id"),
            (lambda _self: [Entry("", "t", custom=False)], "no URN"),
        ],
    )
    def test_what_is_refused(self, entries: Any, text: str) -> None:
        with pytest.raises(StateDamaged, match=text):
            verify(entries(self))

    def edit(self, harness: Harness, change: Any) -> None:
        path = harness.stack._backend.checkpoint
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))

    @pytest.mark.parametrize(
        ("change", "error", "text"),
        [
            (lambda d: d["checkpoint"]["latest"]["manifest"].update(version="v9"), StateDamaged, "magic"),
            (lambda d: d["checkpoint"]["latest"]["resources"].reverse(), StateDamaged, "unknown provider|after it"),
            (
                lambda d: d["checkpoint"]["latest"]["metadata"].update(integrity_error={"error": "bad"}),
                StateDamaged,
                "bad",
            ),
            (lambda d: d.update(version=5), UnsupportedFeature, "version 5"),
            (lambda d: d.update(version=4, features=["hooks"]), UnsupportedFeature, "hooks"),
            (
                lambda d: d["checkpoint"]["latest"]["secrets_providers"].update(type="cloud"),
                UnsupportedFeature,
                "secrets provider cloud",
            ),
            (
                lambda d: d["checkpoint"]["latest"]["resources"][0].update(viewOf="urn:x"),
                UnsupportedFeature,
                "viewOf",
            ),
        ],
    )
    def test_a_file_that_is_damaged_or_too_new(
        self, harness: Harness, change: Any, error: type[Exception], text: str
    ) -> None:
        harness.up('Thing("a")')
        self.edit(harness, change)
        with pytest.raises(error, match=text):
            harness.stack.preview()

    def test_half_a_file(self, harness: Harness) -> None:
        path = harness.stack._backend.checkpoint
        path.write_bytes(path.read_bytes()[:20])
        with pytest.raises(StateDamaged, match=r"dev\.json\.bak is the one before"):
            harness.stack.preview()

    def test_keys_that_the_engine_does_not_know_stay(self, harness: Harness) -> None:
        harness.up('Thing("a")')

        def change(document: dict[str, Any]) -> None:
            latest = document["checkpoint"]["latest"]
            latest["futureKey"] = {"x": 1}
            latest["resources"][2]["futureOption"] = True

        self.edit(harness, change)
        harness.up('Thing("a")\nThing("b")')
        latest = harness.stack.export()["deployment"]
        assert latest["futureKey"] == {"x": 1}


class TestWrites:
    def test_the_file_before_stays_as_bak(self, harness: Harness) -> None:
        harness.up('Thing("a")')
        path = harness.stack._backend.checkpoint
        before = path.read_bytes()
        harness.stack._backend.keep_previous(path)
        harness.stack._backend.write(path, b"new")
        assert path.with_name("dev.json.bak").read_bytes() == before
        assert path.read_bytes() == b"new"

    def test_content_is_synced_before_it_takes_the_name(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        order: list[str] = []
        monkeypatch.setattr("os.fsync", lambda _fd: order.append("sync"))
        backend = Backend(tmp_path, "p", "s")
        replace = type(tmp_path).replace

        def noted(self: Path, target: Path) -> Path:
            order.append("rename")
            return replace(self, target)

        monkeypatch.setattr(type(tmp_path), "replace", noted)
        backend.write(tmp_path / "file", b"x")
        assert order == ["sync", "rename", "sync"]

    def test_the_manifest(self, harness: Harness) -> None:
        harness.up("")
        manifest = harness.stack.export()["deployment"]["manifest"]
        assert manifest["magic"] == hashlib.sha256(manifest["version"].encode()).hexdigest() == magic("v3.260.0")

    def test_a_compressed_checkpoint_is_read_and_gives_way(self, harness: Harness) -> None:
        harness.up('Thing("a")')
        path = harness.stack._backend.checkpoint
        path.with_name("dev.json.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
        assert harness.up().summary == {"same": 2}
        assert path.exists()
        assert not path.with_name("dev.json.gz").exists()

    def test_the_old_layout_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / ".pulumi" / "stacks").mkdir(parents=True)
        (tmp_path / ".pulumi" / "stacks" / "dev.json").write_text("{}")
        with pytest.raises(UnsupportedFeature, match="old layout"):
            Backend(tmp_path, "p", "dev").prepare()

    def test_other_backends_are_refused(self) -> None:
        with pytest.raises(UnsupportedFeature, match="The backend s3://"):
            Backend("s3://bucket", "p", "dev")

    @pytest.mark.parametrize("name", ["", "a b", "ü", "x" * 101])
    def test_stack_names(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(InvalidProject, match="stack name"):
            Backend(tmp_path, "p", name)


class TestSettingsFile:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("", "config:\n  p:k: v\n"),
            ("a: 1", "a: 1\nconfig:\n  p:k: v\n"),
            ("config:\n", "config:\n  p:k: v\n"),
            ("config: {}\n", "config:\n  p:k: v\n"),
            ("config: {p:a: 1}\n", "config:\n  p:a: 1\n  p:k: v\n"),
            ("config:\n    p:a: 1 # one\n# end\n", "config:\n    p:a: 1 # one\n    p:k: v\n# end\n"),
            ("config:\n  p:k: old # why\nz: 1\n", "config:\n  p:k: v # why\nz: 1\n"),
            ("config:\n  p:k:\n    a: 1\n    b: [2]\n  p:z: 1\n", "config:\n  p:k: v\n  p:z: 1\n"),
            ("config:\n  p:k: |\n    a\n    b\n  p:z: 1\n", "config:\n  p:k: v\n  p:z: 1\n"),
            ("config:\n  p:k: 'it''s'\n", "config:\n  p:k: v\n"),
        ],
    )
    def test_one_value_changes_and_nothing_else(self, before: str, after: str) -> None:
        assert with_value(before, "p:k", "v") == after

    @pytest.mark.parametrize(
        "value", ["1", "true", "a: b", "# x", "", "ü", "'", {"a": [1, None]}, {"secure": "v1:x:y"}, 3]
    )
    def test_any_value_comes_back(self, value: Any) -> None:
        text = with_value("config:\n  p:a: 1\n", "p:k", value)
        assert yaml.safe_load(text)["config"]["p:k"] == value

    def test_the_salt_goes_first(self) -> None:
        assert with_salt("# note\nconfig: {}\n", "v1:a:v1:b:c") == "encryptionsalt: v1:a:v1:b:c\n# note\nconfig: {}\n"
        assert with_salt("---\na: 1\n", "v1:a:v1:b:c") == "---\nencryptionsalt: v1:a:v1:b:c\na: 1\n"

    def test_what_can_not_be_edited_safely_is_left_alone(self) -> None:
        with pytest.raises(InvalidProject, match="by hand"):
            with_value("config: &x\n  p:a: 1\nother: *x\n", "p:k", "v")


class TestConfiguration:
    def test_values_as_the_program_reads_them(self, harness: Harness) -> None:
        harness.stack.settings_file.write_text(
            f"encryptionsalt: {SALT}\n"
            "config:\n"
            "  test:text: hello\n  test:number: 010\n  test:yes: true\n  other:host: h\n"
            "  test:object: {b: 1, a: [x, 1.5]}\n"
        )
        harness.stack.set_config("deep", {"open": 1})
        result = harness.preview(
            """
            c = pulumi.Config()
            pulumi.export("all", [c.require("text"), c.require("number"), c.get_bool("yes")])
            pulumi.export("object", c.require_object("object"))
            pulumi.export("other", pulumi.Config("other").require("host"))
            pulumi.export("deep", c.require_object("deep"))
            """
        )
        assert result.outputs == {
            "all": ["hello", "010", True],
            "object": {"b": 1, "a": ["x", 1.5]},
            "other": "h",
            "deep": {"open": 1},
        }

    def test_defaults_of_the_project_and_values_given_for_one_run(self, harness: Harness) -> None:
        (harness.project / "Pulumi.yaml").write_text(
            "name: test\nruntime: python\nconfig:\n  a: {type: integer, default: 1}\n  b: plain\n  c: {default: 3}\n"
        )
        harness.stack = harness.open(config={"c": "4"})
        result = harness.preview('c = pulumi.Config()\npulumi.export("x", [c.get(k) for k in ("a", "b", "c")])')
        assert result.outputs == {"x": ["1", "plain", "4"]}
        assert result.digest["config"] == {"test:a": "1", "test:b": "plain", "test:c": "4"}

    def test_a_secret_inside_an_object(self, harness: Harness) -> None:
        sealed = Crypter("x", SALT).encrypt("hidden-word")
        harness.stack.set_config("o", {"user": "u", "password": {"secure": sealed}})
        result = harness.preview('o = pulumi.Config().require_object("o")\nassert o["password"] == "hidden-word"')
        assert result.digest["config"] == {"test:o": "[secret]"}

    @pytest.mark.parametrize(
        ("text", "what"),
        [
            ("name: test\nruntime: nodejs\n", "runtime 'nodejs'"),
            ("name: test\nruntime: python\npackages: {x: y}\n", "the key 'packages'"),
            ("name: test\nruntime: python\nplugins: {providers: [{name: x, path: y}]}\n", "the key 'plugins'"),
        ],
    )
    def test_projects_for_the_cli(self, tmp_path: Path, text: str, what: str) -> None:
        (tmp_path / "Pulumi.yaml").write_text(text)
        with pytest.raises(UnsupportedFeature, match=what):
            load_project(tmp_path)

    @pytest.mark.parametrize("text", [None, "", "- a\n", "runtime: python\n", "a: [\n"])
    def test_projects_that_are_none(self, tmp_path: Path, text: str | None) -> None:
        if text is not None:
            (tmp_path / "Pulumi.yaml").write_text(text)
        with pytest.raises(InvalidProject) as error:
            load_project(tmp_path)
        assert error.value.exit_code == 2
