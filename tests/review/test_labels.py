"""The label names that the review room may not import are those that the components write."""

from __future__ import annotations

from components import labels
from review import parts


def test_labels_are_those_of_the_components() -> None:
    """One name, two rooms."""
    written = (labels.PART, labels.KIND, labels.ROLE, labels.SPEC, labels.CONTENT, labels.TRAFFIC)
    assert written == (
        parts.LABEL_PART,
        parts.LABEL_KIND,
        parts.LABEL_ROLE,
        parts.LABEL_SPEC,
        parts.LABEL_CONTENT,
        parts.LABEL_TRAFFIC,
    )
