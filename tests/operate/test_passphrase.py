"""The passphrase: Pulumi's own order, and one generated only where nothing is encrypted yet."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from operate.passphrase import PassphraseError, ensure_passphrase, find_passphrase

if TYPE_CHECKING:
    from pathlib import Path


def test_the_variable_goes_first_even_if_empty(tmp_path: Path) -> None:
    """An empty passphrase is a valid one to Pulumi."""
    found = find_passphrase(tmp_path, {"PULUMI_CONFIG_PASSPHRASE": "", "PULUMI_CONFIG_PASSPHRASE_FILE": "/nowhere"})
    assert found is not None
    assert (found.value, found.source, found.file) == ("", "PULUMI_CONFIG_PASSPHRASE", None)


def test_a_named_file_goes_before_the_projects_own(tmp_path: Path) -> None:
    """Spaces around it do not count, as Pulumi reads it."""
    _write_own(tmp_path, "own")
    (tmp_path / "named").write_text("  named \n")
    found = find_passphrase(tmp_path, {"PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "named")})
    assert found is not None
    assert (found.value, found.file) == ("named", tmp_path / "named")


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    """Falling back to another passphrase would only fail later, and less clearly."""
    with pytest.raises(PassphraseError, match=r"can't read PULUMI_CONFIG_PASSPHRASE_FILE: /no/such: No such file"):
        find_passphrase(tmp_path, {"PULUMI_CONFIG_PASSPHRASE_FILE": "/no/such"})


def test_nothing_holds_one(tmp_path: Path) -> None:
    """A fresh clone has none."""
    assert find_passphrase(tmp_path, {}) is None


def test_it_is_generated_once_for_its_owner_alone(tmp_path: Path) -> None:
    """32 random bytes, mode 0600; the second call finds the first one's."""
    first = ensure_passphrase(tmp_path, {}, encrypted=False, stack="dev")
    second = ensure_passphrase(tmp_path, {}, encrypted=True, stack="dev")
    file = tmp_path / ".state" / "passphrase"
    assert (first.generated, second.generated) == (True, False)
    assert first.value == second.value
    assert len(bytes.fromhex(first.value)) == 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_none_is_generated_for_what_is_encrypted_already(tmp_path: Path) -> None:
    """A new one could never open it."""
    with pytest.raises(PassphraseError) as caught:
        ensure_passphrase(tmp_path, {}, encrypted=True, stack="prod")
    assert str(caught.value) == (
        "the secrets of stack prod are encrypted with a passphrase that is not on this machine\n"
        "  fix: put it into .state/passphrase (mode 0600), or set PULUMI_CONFIG_PASSPHRASE or "
        "PULUMI_CONFIG_PASSPHRASE_FILE"
    )
    assert not (tmp_path / ".state").exists()


def test_its_value_does_not_show_in_a_representation(tmp_path: Path) -> None:
    """A traceback or a debugger must not print it."""
    assert "hunter2" not in repr(find_passphrase(tmp_path, {"PULUMI_CONFIG_PASSPHRASE": "hunter2"}))


def _write_own(root: Path, value: str) -> None:
    (root / ".state").mkdir()
    (root / ".state" / "passphrase").write_text(value)
