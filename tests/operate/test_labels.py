"""The names of labels stand in two rooms; they must be the same."""

from __future__ import annotations

import components.labels
import operate.labels


def test_operate_and_components_name_the_same_labels() -> None:
    """What one room writes, the other finds."""
    names = ("PROJECT", "STACK", "PART", "ROLE", "REPLICA", "SLOT", "CONTENT", "KIND")
    assert {name: getattr(operate.labels, name) for name in names} == {
        name: getattr(components.labels, name) for name in names
    }


def test_filter_names_project_and_stack() -> None:
    """A stack of another project is none of ours."""
    assert operate.labels.filters("shop", "dev") == {"label": ["slipway.project=shop", "slipway.stack=dev"]}
