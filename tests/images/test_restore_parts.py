"""What restoring needs no server for: telling dumps apart, changing a volume's files, the roles that are missing."""

from __future__ import annotations

import gzip
import importlib
import io
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from operate.image_lock import IMAGES_FOLDER

# A program of its own, not a room of Slipway's.
sys.path.insert(0, str(IMAGES_FOLDER / "backup"))
archive: Any = importlib.import_module("slipway_backup.archive")
beside: Any = importlib.import_module("slipway_backup.restore.beside")
foreign: Any = importlib.import_module("slipway_backup.restore.foreign")
sql_lines: Any = importlib.import_module("slipway_backup.restore.sql_lines")
volumes: Any = importlib.import_module("slipway_backup.restore.volumes")
errors: Any = importlib.import_module("slipway_backup.errors")

DUMP = rb"""--
-- PostgreSQL database dump
--

-- Dumped from database version 15.14 (Debian 15.14-0+deb12u1)
SET standard_conforming_strings = on;
CREATE FUNCTION public.f() RETURNS text LANGUAGE sql AS $_$
GRANT ALL ON t TO u;
\! touch /tmp/owned
SELECT 'a;b' $_$;
ALTER FUNCTION public.f() OWNER TO somebody;
CREATE TABLE public.t (a text, b text);
ALTER TABLE public.t OWNER TO somebody;
COPY public.t (a, b) FROM stdin;
\N	x
GRANT ALL ON t TO u;	y
\.
INSERT INTO public.t VALUES (E'it\'s;
GRANT ALL ON t TO u;
', 'b''
\! ls
');
GRANT SELECT ON TABLE public.t TO somebody;
COMMENT ON EXTENSION hstore IS 'its maker may be another';
--
-- PostgreSQL database dump complete
--

"""


def recognised(tmp_path: Path, content: bytes) -> Any:
    """Return what a file with this content is taken for."""
    file = tmp_path / "dump"
    file.write_bytes(content)
    return foreign.recognise(foreign.unpack(file, tmp_path), "given.sql")


def test_code_texts_and_rows_are_not_taken_for_statements() -> None:
    """What looks like a privilege in a function, a text or a row is data; losing it would alter them silently."""
    starts = [line.text for line in sql_lines.lines(DUMP.splitlines(keepends=True)) if line.starts]
    assert b"GRANT SELECT ON TABLE public.t TO somebody;\n" in starts
    assert b"GRANT ALL ON t TO u;\n" not in starts


def test_a_command_for_psql_is_found_wherever_psql_would(tmp_path: Path) -> None:
    """One runs programs; inside of texts, code and rows it is none."""
    assert recognised(tmp_path, DUMP).format == "sql"
    for line in (b"\\! ls\n", b"SELECT 1 \\! ls\n", b"/* a */ \\i /etc/passwd\n"):
        with pytest.raises(foreign.RefusedFileError, match=r"given\.sql, line \d+: .* command for psql"):
            recognised(tmp_path, DUMP.replace(b"CREATE TABLE", line + b"CREATE TABLE"))


def test_owners_and_privileges_are_left_out_and_psql_is_restricted(tmp_path: Path) -> None:
    """Their roles are those of the server where it was made."""
    first, *given = list(foreign.statements(recognised(tmp_path, DUMP)))
    assert first.startswith(b"\\restrict ")
    text = b"".join(given)
    assert b"OWNER TO" not in text
    assert b"GRANT SELECT" not in text
    assert b"COMMENT ON EXTENSION" not in text
    assert text.count(b"GRANT ALL ON t TO u;") == 3


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (DUMP[:-40], "cut off"),
        (b"--\n-- PostgreSQL database cluster dump\n--\n", "whole server"),
        (DUMP.replace(b"CREATE TABLE", b"CREATE DATABASE other;\nCREATE TABLE"), "another database"),
        (DUMP.replace(b"CREATE TABLE", b"\\connect other\nCREATE TABLE"), "another database"),
        (b"\0\1\2\3 rubbish", "no dump of PostgreSQL"),
        (b"", "no dump of PostgreSQL"),
        (gzip.compress(DUMP)[:-20], "gzip .* cut off"),
    ],
)
def test_what_is_no_whole_dump_of_one_database_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    """By its content alone, before any server sees it."""
    with pytest.raises(foreign.RefusedFileError, match=reason):
        recognised(tmp_path, content)


def test_a_compressed_dump_is_unpacked_and_its_version_read(tmp_path: Path) -> None:
    """Whatever its name is, and even if it was packed twice."""
    assert recognised(tmp_path, gzip.compress(gzip.compress(DUMP))).major == 15


@dataclass
class FakeServer:
    """A server that has some roles."""

    roles: str

    def sql(self, database: str, text: str) -> str:
        assert (database, text) == ("postgres", "SELECT quote_ident(rolname) FROM pg_roles;")
        return self.roles


def test_only_missing_roles_are_made(tmp_path: Path) -> None:
    """Those that are there keep their passwords and rights, also one whose name begins like a missing one."""
    file = tmp_path / "globals.sql"
    file.write_text(
        "CREATE ROLE main;\nALTER ROLE main WITH SUPERUSER;\nCREATE ROLE app;\nALTER ROLE app WITH LOGIN;\n"
        "CREATE ROLE app2;\nALTER ROLE app2 WITH LOGIN;\n"
        "GRANT main TO app WITH ADMIN OPTION GRANTED BY main;\nGRANT main TO app2 GRANTED BY main;\n",
        encoding="utf-8",
    )
    made = beside.missing_roles(FakeServer("main\napp2"), file)
    assert made == ["CREATE ROLE app;", "ALTER ROLE app WITH LOGIN;", "GRANT main TO app WITH ADMIN OPTION;"]


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """Make a volume with old files."""
    root = tmp_path / "data"
    (root / "folder").mkdir(parents=True)
    (root / "folder" / "a").write_text("old", encoding="utf-8")
    (root / "gone").write_text("old", encoding="utf-8")
    return root


@pytest.fixture
def packed(tmp_path: Path) -> tuple[Path, str]:
    """Make an archive with new files; return it and its digest."""
    source = tmp_path / "source"
    (source / "folder").mkdir(parents=True)
    (source / "folder" / "a").write_text("new", encoding="utf-8")
    (source / "link").symlink_to("folder/a")
    file = tmp_path / "files.tar"
    with file.open("wb") as out:
        return file, archive.write(source, out).digest()


def names(root: Path) -> set[str]:
    """Return what a volume has at its top."""
    return {path.name for path in root.iterdir()}


def test_a_volume_has_what_was_backed_up_and_keeps_what_it_had(volume: Path, packed: tuple[Path, str]) -> None:
    """Until it is forgotten."""
    volumes.unpack(volume, *packed)
    assert (volume / "gone").exists()
    volumes.swap(volume, "20261129T020000Z")
    assert names(volume) == {"folder", "link", volumes.FOLDER}
    assert (volume / "link").read_text(encoding="utf-8") == "new"
    assert volumes.kept(volume) == ["20261129T020000Z"]
    assert (volume / volumes.FOLDER / "before-20261129T020000Z" / "gone").exists()
    volumes.forget(volume)
    assert names(volume) == {"folder", "link"}


def test_a_change_of_places_that_was_killed_is_finished(
    volume: Path, packed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each rename in turn: never a mixture in the end, never a file lost."""
    volumes.unpack(volume, *packed)
    rename, left = Path.rename, 0

    def killed(path: Path, target: Path) -> Path:
        nonlocal left
        if left == 0:
            raise KeyboardInterrupt
        left -= 1
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        volumes.swap(volume, "20261129T020000Z")
    kills = 1
    while (volume / volumes.FOLDER / "state").exists():
        left = 1
        try:
            volumes.go_on(volume)
        except KeyboardInterrupt:
            kills += 1
    assert kills >= 4
    assert names(volume) == {"folder", "link", volumes.FOLDER}
    assert {path.name for path in (volume / volumes.FOLDER / "before-20261129T020000Z").iterdir()} == {"folder", "gone"}


def test_an_archive_with_other_content_is_refused_and_leaves_nothing(volume: Path, packed: tuple[Path, str]) -> None:
    """What is live is not touched, and no space is lost."""
    with pytest.raises(errors.NotVerifiedError, match="other content"):
        volumes.unpack(volume, packed[0], "0" * 64)
    assert (volume / "gone").exists()
    assert not (volume / volumes.FOLDER / "new").exists()


def test_an_archive_that_names_a_file_outside_is_refused(volume: Path, tmp_path: Path) -> None:
    """Whoever could write to the destination can't write elsewhere."""
    file = tmp_path / "evil.tar"
    with tarfile.open(file, "w") as made:
        made.addfile(tarfile.TarInfo("../outside"), io.BytesIO())
    with pytest.raises(errors.NotVerifiedError, match="outside"):
        volumes.unpack(volume, file, "0" * 64)
    assert not (volume / volumes.FOLDER / "outside").exists()


def test_what_a_restore_keeps_is_not_backed_up_again(volume: Path, packed: tuple[Path, str]) -> None:
    """Each backup would have all earlier ones in it."""
    volumes.unpack(volume, *packed)
    volumes.swap(volume, "20261129T020000Z")
    out = io.BytesIO()
    assert archive.write(volume, out).digest() == packed[1]
