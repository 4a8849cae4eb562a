"""docs/systems/<name>.md, written from the rows: ``python -m tests.systems.document`` (``make docs``)."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.systems.look.view import ROOT
from tests.systems.rows import Row

FILE: Final = "docs/systems/{}.md"
_REQUIREMENTS: Final = Path(__file__).with_name("requirements.json")


def render(system: str) -> str:
    """Return the page of a system."""
    module = importlib.import_module(f"tests.systems.{system}")
    items = json.loads(_REQUIREMENTS.read_text(encoding="utf-8"))[system]
    return "\n".join(_lines(system, module, items)).rstrip() + "\n"


def _lines(system: str, module: Any, items: list[dict[str, Any]]) -> Iterator[str]:
    rows: dict[str, Row] = module.ROWS
    missing = [item["id"] for item in items if rows[item["id"]].missing]
    yield f"<!-- Written by `make docs` from tests/systems/{system}.py. Do not edit: change the rows there. -->"
    yield f"# {module.TITLE}"
    yield ""
    yield module.INTRO
    yield ""
    yield "```sh"
    yield f"slipway preview --stack {system}-dev --blueprint {system}  # says what is missing"
    yield f"slipway up --stack {system}-dev"
    yield "```"
    yield ""
    yield f"Its blueprint is [blueprints/{system}.yaml](../../blueprints/{system}.yaml); its document is called"
    yield f"*{module.DOCUMENT}*."
    yield ""
    yield "## Its commands and ours"
    yield ""
    yield "| the document's | ours |"
    yield "|---|---|"
    for theirs, ours in module.COMMANDS:
        yield f"| `{_cell(theirs)}` | {_ours(ours)} |"
    yield ""
    yield "## Its requirements"
    yield ""
    done = len(items) - len(missing)
    yield f"{len(items)} requirements, {done} of them shown" + (f"; open: {', '.join(missing)}." if missing else ".")
    yield "*graph*: a test of the resource graph, `pytest tests/systems -k ID`. *running*: a request through the gateway of"
    yield "the running system, by `make systems`. Paths are of the blueprint, `environments.<env>` left out where both have it."
    yield ""
    yield "| id | line | env | requirement | where, and how it was settled | shown by |"
    yield "|---|---|---|---|---|---|"
    for item in items:
        row = rows[item["id"]]
        yield f"| {item['id']} | {item['line']} | {item['env']} | {_cell(item['what'])} | {_cell(row.where)} | {_shown(row)} |"


def _shown(row: Row) -> str:
    if row.missing:
        return f"not yet: {_cell(row.missing)}"
    ways = []
    if row.command:
        ways.append(f"`{_cell(row.command)}`")
    if row.check is not None:
        ways.append("graph")
    if row.probes:
        ways.append("running")
    if row.test:
        ways.append(f"[{Path(row.test.partition('::')[0]).name}](../../{row.test.partition('::')[0]})")
    return ", ".join(ways)


def _ours(text: str) -> str:
    return f"`{_cell(text)}`" if text.startswith(("slipway ", "make ")) else _cell(text)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Write all pages."""
    for system in json.loads(_REQUIREMENTS.read_text(encoding="utf-8")):
        (ROOT / FILE.format(system)).write_text(render(system), encoding="utf-8")


if __name__ == "__main__":
    main()
