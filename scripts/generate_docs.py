"""Writes the files under docs/ that are made from the models: the settings reference and the blueprints' JSON Schema.

A test holds both fresh (tests/settings/test_generated.py).
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from settings.reference_doc import REFERENCE_FILE, render  # noqa: E402 - found only with the path above
from settings.schema import SCHEMA_FILE, schema_text  # noqa: E402 - likewise

for file, text in ((REFERENCE_FILE, render()), (SCHEMA_FILE, schema_text())):
    (ROOT / file).write_text(text, encoding="utf-8")
    print(f"wrote {file}")
