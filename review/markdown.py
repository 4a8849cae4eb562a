"""A plan as one comment on a pull request.

What must be read stands first: a line that says it all, then what can't be undone, what is interrupted, what opens;
then errors; then every change, with the property by property difference folded away. A comment that would be too long
loses details first, those of creations before those of replacements; the summary and the gravest warnings stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from review.comment import Comment, Size
from review.consequences import assess
from review.difference import difference_lines
from review.escaping import code, fenced, length
from review.groups import ORDER, Group, groups_of
from review.plan import Diagnostic, Plan, read_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LIMIT: Final = 65_000
"""Most characters of a comment; GitHub takes 65,536."""

_SIZES: Final = (
    Size(items=100, text=200, lines=40),
    Size(items=40, text=120, lines=20),
    Size(items=12, text=80, lines=6),
    Size(items=3, text=40, lines=2),
)
"""From generous to tiny; the last fits whatever the plan holds."""
_DETAIL_LINES: Final = (400, 60, 12)
_DETAIL_WIDTH: Final = 300
_SMALLEST_DETAIL: Final = 40
_FOLD: Final = "<details><summary>Property by property</summary>"
_UNFOLD: Final = "</details>"
_FOLD_ROOM: Final = len(_FOLD) + len(_UNFOLD) + 200
"""Room for what stands around the details of one operation, with the sentence about those left out."""


def render_digest(digest: Mapping[str, Any], *, stack: str, engine: str, limit: int = LIMIT) -> str:
    """Render a PreviewDigest as a comment; see :func:`render`."""
    return render(read_digest(digest), stack=stack, engine=engine, limit=limit)


def render_failure(message: str, *, stack: str, engine: str, limit: int = LIMIT) -> str:
    """Render the comment for a preview that failed before there was a plan, so that no outdated one stays."""
    plan = Plan(diagnostics=(Diagnostic(severity="error", message=message),))
    return render(plan, stack=stack, engine=engine, limit=limit)


def render(plan: Plan, *, stack: str, engine: str, limit: int = LIMIT) -> str:
    """Render a plan as a comment in GitHub's Markdown.

    Args:
        plan: What would happen.
        stack: The stack, for the title and for the hidden marker on the first line by which the comment is updated.
        engine: Which engine made the preview, such as ``pulumi`` or ``embedded``.
        limit: Most UTF-16 units that the comment may have, at least 16,000.

    Returns:
        The comment, with a line end at its end.
    """
    consequences = assess(plan)
    groups = {op: found for op in ORDER if (found := groups_of(plan, op))}
    for size in _SIZES:
        comment = Comment(plan, consequences, stack=stack, engine=engine, size=size)
        lists = {op: comment.changes(op, found) for op, found in groups.items()}
        base = [*comment.head(), *lists.values(), *comment.foot()]
        if length(_joined(base)) <= limit:
            break
    details = _Details(limit - length(_joined(base)))
    return _joined(
        [*comment.head(), *(text for op in groups for text in (lists[op], details.of(groups[op]))), *comment.foot()]
    )


def _joined(blocks: Iterable[str]) -> str:
    return "\n\n".join(block for block in blocks if block) + "\n"


@dataclass(slots=True)
class _Details:
    """Hands out what room is left, in the order of asking."""

    room: int

    def of(self, groups: Sequence[Group]) -> str:
        """Return the folded details of an operation's groups, as many as fit."""
        texts: list[str] = []
        dropped = 0
        self.room -= _FOLD_ROOM
        for group in groups:
            if not group.properties:
                continue
            text = self._fitting(group)
            dropped += text is None
            if text is not None:
                texts.append(text)
                self.room -= length(text) + 2
        if dropped and self.room > 0:
            texts.append(f"Left out to stay below GitHub's limit: {dropped} more. `slipway preview` shows them.")
        if not texts:
            self.room += _FOLD_ROOM
            return ""
        return "\n\n".join([_FOLD, *texts, _UNFOLD])

    def _fitting(self, group: Group) -> str | None:
        if self.room < _SMALLEST_DETAIL:
            return None
        lines = difference_lines(group.properties, width=_DETAIL_WIDTH)
        for most in _DETAIL_LINES:
            text = _detail(group, lines, most)
            if length(text) + 2 <= self.room:
                return text
        return None


def _detail(group: Group, lines: list[str], most: int) -> str:
    others = f" and {len(group.names) - 1} more" if len(group.names) > 1 else ""
    rest = [f"  … {len(lines) - most} more lines"] if len(lines) > most else []
    return f"{code(group.names[0], 100)}{others}\n\n{fenced([*lines[:most], *rest], 'diff')}"
