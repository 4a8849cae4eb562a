"""Backup sets of a platform: made, stored, fetched back and restored as proof. See docs/adr/0011-backup-sets.md."""

from typing import Final

VERSION: Final = "1"
"""Version of what is written into a set; a manifest's ``format`` says whether an older one can be read."""
