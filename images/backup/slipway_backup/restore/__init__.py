"""Bringing what was backed up back into live servers, beside what is there. See docs/adr/0012-restores.md."""
