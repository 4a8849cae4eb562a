"""The pieces of a comment, each a Markdown block in which every foreign name and value is escaped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from review.consequences import Consequences, Notice, Quoted, Severity, Text, listed
from review.escaping import code, fenced, html_code, marker, visible
from review.groups import Group, counted
from review.plan import Diagnostic, Op, Plan
from review.values import redact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TITLES: Final[Mapping[Op, str]] = {
    Op.DELETE: "Delete",
    Op.REPLACE: "Replace",
    Op.UPDATE: "Update in place",
    Op.CREATE: "Create",
    Op.IMPORT: "Adopt",
}
_VERBS: Final[Mapping[Op, str]] = {
    Op.CREATE: "create",
    Op.IMPORT: "adopt",
    Op.UPDATE: "update",
    Op.REPLACE: "replace",
    Op.DELETE: "delete",
}
_ALERTS: Final[Mapping[Severity, str]] = {
    Severity.BLOCKED: "CAUTION",
    Severity.DANGER: "CAUTION",
    Severity.CAUTION: "WARNING",
}
_ENGINES: Final[Mapping[str, str]] = {"pulumi": "the Pulumi CLI", "embedded": "the embedded engine"}
_FOOTER: Final = (
    "Left out as noise: components, generated names, the provider's own defaults and the hash label `slipway.spec`. "
    "Secrets, and values named like one, are never shown."
)
_MOST_IN_LINE: Final = 12
_MOST_WORD: Final = 40
_DAMAGED: Final = "The engine says that its state may be incomplete: refresh it before you deploy."


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is shown of everything that can be long."""

    items: int
    """Entries of each list."""
    text: int
    """Characters of each name or value."""
    lines: int
    """Lines of each message."""


class Comment:
    """The blocks of one comment at one size; an empty block is a section that the plan has no use for."""

    def __init__(self, plan: Plan, consequences: Consequences, *, stack: str, engine: str, size: Size) -> None:
        self._plan = plan
        self._consequences = consequences
        self._stack = stack
        self._engine = engine
        self._size = size

    def head(self) -> list[str]:
        """What stands above the lists of changes."""
        title = f"{marker(self._stack)}\n## Preview of {self._code(self._stack)}"
        return [title, self._summary(), *self._alerts(), self._errors(), self._traffic(), self._effects()]

    def changes(self, op: Op, groups: Sequence[Group]) -> str:
        """The list of what one operation happens to."""
        total = sum(len(group.names) for group in groups)
        by_part = op in {Op.CREATE, Op.DELETE, Op.IMPORT} and not any(group.blocked for group in groups)
        made = self._part_lines(groups) if by_part else [f"- {self._line(group)}" for group in groups]
        lines = self._first(made, "- ")
        return "\n".join([f"### {_TITLES[op]} ({total})", "", *lines])

    def foot(self) -> list[str]:
        """What stands below them."""
        found = [diagnostic for diagnostic in self._plan.diagnostics if diagnostic.severity != "error"]
        messages = ""
        if found:
            summary = f"<details><summary>{_plural(len(found), 'message')}</summary>"
            messages = f"{summary}\n\n{self._said(found)}\n\n</details>"
        engine = _ENGINES.get(self._engine) or self._code(self._engine)
        return [messages, f"<sub>Made by {engine}. {_FOOTER}</sub>"]

    def _code(self, text: str) -> str:
        return code(text, self._size.text)

    def _text(self, text: Text) -> str:
        return "".join(self._code(piece.text) if isinstance(piece, Quoted) else piece for piece in text)

    def _first(self, lines: list[str], prefix: str) -> list[str]:
        hidden = len(lines) - self._size.items
        return [*lines[: self._size.items], f"{prefix}and {hidden} more"] if hidden > 0 else lines

    def _summary(self) -> str:
        counts = ", ".join(f"{count} to {_VERBS[op]}" for op, count in counted(self._plan).items())
        head = f"**{counts or 'No changes'}**"
        if self._plan.errors:
            head = f"**{_plural(len(self._plan.errors), 'error')}**; {f'before it: {counts}' if counts else 'no plan'}"
        severities = [notice.severity for notice in self._consequences.notices]
        notes = [f"{self._plan.unchanged} unchanged"] if self._plan.unchanged else []
        notes += [
            f"{count} {word}" if word == "refused" else _plural(count, word)
            for severity, word in zip(Severity, ("refused", "danger", "warning"), strict=True)
            if (count := severities.count(severity))
        ]
        return f"{'; '.join([head, *([', '.join(notes)] if notes else [])])}."

    def _alerts(self) -> list[str]:
        """What must not be missed, in GitHub's coloured boxes."""
        notices = list(self._consequences.notices)
        if self._plan.damaged:
            notices.insert(0, Notice(Severity.BLOCKED, (_DAMAGED,)))
        boxes: dict[str, list[str]] = {}
        for notice in notices:
            boxes.setdefault(_ALERTS[notice.severity], []).append(f"> - {self._text(notice.text)}")
        return ["\n".join([f"> [!{kind}]", *self._first(lines, "> - ")]) for kind, lines in boxes.items()]

    def _errors(self) -> str:
        return f"### Errors\n\n{self._said(self._plan.errors)}" if self._plan.errors else ""

    def _said(self, found: Sequence[Diagnostic]) -> str:
        """Messages, word for word, in a block."""
        lines: list[str] = []
        for diagnostic in found[: self._size.items]:
            message = redact(diagnostic.message).strip().splitlines()
            lines += [visible(line, 3 * self._size.text) for line in message[: self._size.lines]]
            if len(message) > self._size.lines:
                lines.append(f"… {len(message) - self._size.lines} more lines")
        if len(found) > self._size.items:
            lines.append(f"… {len(found) - self._size.items} more messages")
        return fenced(lines)

    def _traffic(self) -> str:
        """What happens to running containers, as a table."""
        rows = []
        for restart in self._consequences.restarts:
            part = f"{html_code(restart.part, self._size.text)}{_kind(restart.part, restart.kind)}"
            rows.append(f"| {part} | {len(restart.containers)} &times; {restart.how} | {restart.interruption} |")
        blocks = [self._shares()] if self._consequences.shares else []
        if rows:
            hidden = len(rows) - self._size.items
            more = [f"| and {hidden} more | | |"] if hidden > 0 else []
            head = ["| Part | Containers | Interruption |", "|---|---|---|"]
            blocks.insert(0, "\n".join([*head, *rows[: self._size.items], *more]))
        return "\n\n".join(["### Traffic", *blocks]) if blocks else ""

    def _shares(self) -> str:
        """Who gets the requests of services of which two versions run."""
        lines = []
        for shares in self._consequences.shares:
            before, after = (self._code(text) if text else "one version" for text in (shares.before, shares.after))
            lines.append(f"- Requests to {self._code(shares.service)}: {before} → {after}")
        return "\n".join(self._first(lines, "- "))

    def _effects(self) -> str:
        """Images, ports and memory in a few lines."""
        found = self._consequences
        lines = [
            f"- Image {self._code(image.old)} → {self._code(image.new)}: {self._text(listed(image.containers))}"
            for image in found.images
        ]
        lines += [f"- Opens port {self._code(str(binding))}" for binding in found.access.opened]
        lines += [f"- Closes port {self._code(str(binding))}" for binding in found.access.closed]
        lines = self._first(lines, "- ")
        memory = found.memory
        if memory is not None:
            most = memory.peak_mib > max(memory.before_mib, memory.after_mib)
            peak = f", {memory.peak_mib:g} MiB while old and new run side by side" if most else ""
            lines.append(f"- Memory limits of these containers: {memory.before_mib:g} → {memory.after_mib:g} MiB{peak}")
            if memory.unlimited:
                lines.append(f"- Without a memory limit: {self._text(listed(memory.unlimited))}")
        return "\n".join(["### Effects", "", *lines]) if lines else ""

    def _part_lines(self, groups: Sequence[Group]) -> list[str]:
        """One line for each part, where there is nothing more to say than what comes or goes."""
        parts: dict[tuple[str, str], list[Group]] = {}
        for group in groups:
            parts.setdefault((group.part, group.kind), []).append(group)
        return [line for (part, kind), found in parts.items() for line in self._part_line(part, kind, found)]

    def _part_line(self, part: str, kind: str, groups: Sequence[Group]) -> list[str]:
        texts = [self._what(group) for group in groups]
        if not part:
            return [f"- {text}" for text in texts]
        most = min(self._size.items, _MOST_IN_LINE)
        more = f"; and {len(texts) - most} more" if len(texts) > most else ""
        return [f"- {self._code(part)}{_kind(part, kind)}: {'; '.join(texts[:most])}{more}"]

    def _what(self, group: Group) -> str:
        """Names, with the word for what they are."""
        word = group.word if group.word.isascii() and group.word.isalnum() else "resource"
        role = f", {group.role}" if group.role.isascii() and group.role.isalpha() else ""
        return f"{self._text(listed(group.names))} ({word[:_MOST_WORD]}{role[:_MOST_WORD]})"

    def _line(self, group: Group) -> str:
        line = self._what(group)
        if group.part:
            line += f" of {self._code(group.part)}"
        if group.op in {Op.REPLACE, Op.UPDATE} and group.reasons:
            line += f": {self._text(listed(group.reasons))}"
        return f"{line} — **refused: it is protected**" if group.blocked else line


def _kind(part: str, kind: str) -> str:
    """The kind of a part in brackets, where it says more than the name; it can come from anywhere, as a label."""
    plain = kind.isascii() and kind.isalpha() and kind != part
    return f" ({kind[:_MOST_WORD]})" if plain else ""


def _plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
