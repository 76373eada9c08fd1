"""The SQLite file: what is not one, damage, read-only places, and several handles."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from mien.errors import GalleryError, GalleryMismatchError
from mien.gallery import Template, open_gallery

CONTRACT = "toy-16:0f0f"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "people.mien"


@pytest.fixture
def filled(path, face):
    """A closed gallery of Ada (1, 2) and Ben (3)."""
    with open_gallery(path, CONTRACT, create=True) as gallery:
        gallery.add([face("Ada", 1, "a.jpg"), face("Ada", 2, "b.jpg"), face("Ben", 3, "c.jpg")])
    assert os.listdir(path.parent) == [path.name]  # the last to leave tidies up
    return path


def refuse(path, message, **how):
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(GalleryError, match=message):
        open_gallery(path, CONTRACT, **how)
    assert (path.read_bytes() if path.is_file() else None) == before


# ---------------------------------------------------------------- opening


def test_a_gallery_is_not_made_by_a_spelling_mistake(path):
    refuse(path, "does not exist")
    assert not path.exists()
    refuse(path.parent / "no" / "people.mien", "folder .*no does not exist", create=True)


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("content", [b"holiday notes", b"\x89PNG" * 100, b"SQLite format 3\0"])
def test_a_file_that_is_something_else_is_left_as_it_is(path, content, create):
    path.write_bytes(content)
    refuse(path, "not a gallery", create=create)


@pytest.mark.parametrize("create", [False, True])
def test_the_database_of_another_program_is_left_as_it_is(path, create):
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE about (embedder TEXT)")
    db.close()
    refuse(path, "another program", create=create)
    assert os.listdir(path.parent) == [path.name]


def test_a_folder_is_not_a_gallery(path):
    path.mkdir()
    refuse(path, "is a folder", create=True)


def test_what_a_killed_creation_leaves_behind_can_be_created_again(path, face):
    path.touch()
    refuse(path, "not a gallery")
    with open_gallery(path, CONTRACT, create=True) as gallery:
        assert gallery.add([face("Ada", 1)]) == [1]


def test_a_gallery_of_another_embedder_is_not_opened(filled):
    with pytest.raises(GalleryMismatchError, match="holds vectors of 'toy-16:0f0f'"):
        open_gallery(filled, "other", create=True)
    with open_gallery(filled, None) as gallery:
        assert gallery.embedder == CONTRACT


def test_a_file_of_a_newer_mien_is_not_touched(filled):
    db = sqlite3.connect(filled)
    db.execute("PRAGMA user_version = 99")
    db.close()
    refuse(filled, "newer version of mien .file version 99")
    refuse(filled, "newer version of mien .file version 99", read_only=True)


@pytest.mark.parametrize("where", ["mysql://host/people", "http://host:19530", "qdrant://x"])
def test_an_engine_that_is_not_there_is_named(where):
    with pytest.raises(GalleryError, match=r"The engines are 'sqlite'"):
        open_gallery(where, CONTRACT, create=True)


def test_a_gallery_is_created_for_an_embedder_and_for_writing(path):
    with pytest.raises(GalleryError, match="without an embedder"):
        open_gallery(path, None, create=True)
    with pytest.raises(GalleryError, match="contract"):
        open_gallery(path, "", create=True)
    refuse(path, "use one of both options", create=True, read_only=True)


def test_a_path_may_hold_any_character(tmp_path, face):
    path = tmp_path / "100% Zoë? #1.mien"
    for _ in range(2):
        with open_gallery(path, CONTRACT, create=True) as gallery:
            gallery.add([face("Ada", 1, "a.jpg")])
            assert len(gallery) == 1
    assert os.listdir(tmp_path) == [path.name]


def test_a_change_is_on_the_disk_before_it_is_acknowledged(filled):
    # What a power cut leaves cannot be tried here; that SQLite syncs at each commit can be asked.
    with open_gallery(filled, CONTRACT) as gallery:
        assert gallery.engine._store.one("PRAGMA journal_mode") == ("wal",)
        assert gallery.engine._store.one("PRAGMA synchronous") == (2,)  # FULL


# ---------------------------------------------------------------- damage


def test_one_flipped_bit_in_a_vector_is_found_and_nothing_is_overwritten(filled, face):
    data = bytearray(filled.read_bytes())
    at = data.index(face("", 2).vector.tobytes()) + 20
    data[at] ^= 1  # the lowest bit of a mantissa: the length stays 1
    filled.write_bytes(data)
    with open_gallery(filled, CONTRACT) as gallery:
        for question in (
            lambda: gallery.search(face("", 1).vector[None]),
            lambda: gallery.templates("Ada"),
            lambda: list(gallery),
        ):
            with pytest.raises(GalleryError, match="damaged: the checksum of template 2 is wrong"):
                question()
        assert ["template 2" in fault for fault in gallery.check()] == [True]
    assert filled.read_bytes() == data


def test_a_broken_page_is_a_sentence_and_nothing_is_overwritten(filled, face):
    data = bytearray(filled.read_bytes())
    for page in range(1, len(data) // 4096):
        data[page * 4096 : page * 4096 + 8] = b"\xff" * 8  # all pages but the first
    filled.write_bytes(data)
    with pytest.raises(GalleryError, match="is damaged"):
        open_gallery(filled, CONTRACT)
    assert filled.read_bytes() == data


def test_no_flipped_byte_changes_an_answer_in_silence(filled, unit):
    with open_gallery(filled, CONTRACT) as gallery:
        gallery.add([Template(f"p{i % 9}", v, CONTRACT) for i, v in enumerate(unit(40))])
    sound, random, found = filled.read_bytes(), np.random.default_rng(3), 0

    def answers():
        with open_gallery(filled, CONTRACT, read_only=True) as gallery:
            faults = gallery.check()
            hits = [] if faults else gallery.search(unit(40), k=3)
            return faults, [[(h.person, h.template, h.similarity) for h in hs] for hs in hits]

    expected = answers()[1]
    for at in random.integers(0, len(sound), 120):
        data = bytearray(sound)
        data[at] ^= int(random.integers(1, 256))
        filled.write_bytes(data)
        try:
            faults, got = answers()
        except GalleryError:
            faults, got = ["it did not open"], []
        found += bool(faults)
        assert faults or got == expected, f"byte {at}"
    assert found > 10  # the flips did hit something


def test_one_flipped_bit_anywhere_is_an_answer_or_a_sentence_and_ends(filled, unit):
    with open_gallery(filled, CONTRACT) as gallery:
        gallery.add([Template(f"p{i % 9}", v, CONTRACT) for i, v in enumerate(unit(40))])
    sound, random = filled.read_bytes(), np.random.default_rng(5)
    # Half of the flips go to the first page, which holds the schema.
    places = np.append(random.integers(0, 4096, 150), random.integers(0, len(sound), 150))
    for at in places[[sound[i] != 0 for i in places]]:
        data = bytearray(sound)
        data[at] ^= 1 << int(random.integers(8))
        filled.write_bytes(data)
        with suppress(GalleryError), open_gallery(filled, CONTRACT, read_only=True) as gallery:
            gallery.check()
            gallery.search(unit(2), k=3)
            list(gallery)


def test_rows_out_of_order_do_not_make_reading_endless(filled, monkeypatch):
    with open_gallery(filled, CONTRACT) as gallery:
        run = gallery.engine._run
        # A damaged tree: every page of rows is the first one again.
        monkeypatch.setattr(
            gallery.engine, "_run", lambda query, *v: run(query, *((0,) if len(v) == 1 else v))
        )
        with pytest.raises(GalleryError, match="damaged"):
            list(gallery.engine)


def test_a_bit_flipped_in_the_schema_is_damage(filled):
    data = bytearray(filled.read_bytes())
    data[data.index(b"CREATE TABLE people") + 13] |= 0x80  # no longer UTF-8
    filled.write_bytes(data)
    with pytest.raises(GalleryError, match="is damaged"):
        open_gallery(filled, CONTRACT)
    assert filled.read_bytes() == data


@pytest.mark.parametrize("replace", [True, False])
def test_a_file_that_was_replaced_or_deleted_under_a_writer_is_refused(filled, face, replace):
    backup = filled.with_name("backup.mien")
    shutil.copy(filled, backup)
    sound = backup.read_bytes()
    with open_gallery(filled, CONTRACT) as gallery:
        if replace:
            os.replace(backup, filled)
        else:
            filled.unlink()
        for use in (
            lambda: gallery.add([face("Cy", 4)]),
            lambda: gallery.forget("Ada"),
            lambda: gallery.search(face("", 1).vector[None]),
            lambda: gallery.scrub(),
        ):
            with pytest.raises(GalleryError, match="replaced or deleted"):
                use()
    if replace:
        assert filled.read_bytes() == sound
        with open_gallery(filled, CONTRACT) as gallery:
            assert (len(gallery), gallery.check()) == (3, [])


# ---------------------------------------------------------------- read-only places


def test_a_gallery_open_for_reading_answers_and_refuses_changes(filled, face):
    before = filled.read_bytes()
    with open_gallery(filled, CONTRACT, read_only=True) as gallery:
        assert gallery.read_only
        assert gallery.search(face("", 3).vector[None])[0][0].person == "Ben"
        for change in (
            lambda: gallery.add([face("Cy", 4)]),
            lambda: gallery.forget("Ada"),
            lambda: gallery.rename("Ada", "Eve"),
            lambda: gallery.merge("Ada", "Ben"),
            lambda: gallery.scrub(),
        ):
            with pytest.raises(GalleryError, match="read-only"):
                change()
        assert (len(gallery), gallery.check()) == (3, [])
    assert filled.read_bytes() == before


def test_a_reader_sees_what_a_writer_adds(filled, face):
    with (
        open_gallery(filled, CONTRACT, read_only=True) as reader,
        open_gallery(filled, CONTRACT) as writer,
    ):
        assert len(reader.search(face("", 4).vector[None], k=5)[0]) == 2
        writer.add([face("Cy", 4)])
        assert reader.search(face("", 4).vector[None])[0][0].person == "Cy"


# Root may write anywhere, so the child becomes somebody else once everything is imported.
UNPRIVILEGED = """
import os, sys
import numpy as np
from mien.errors import GalleryError
from mien.gallery import Template, open_gallery
import mien.gallery.sqlite
if os.geteuid() == 0:
    os.setuid(65534)
with open_gallery(sys.argv[1], "toy-16:0f0f") as gallery:
    (row,) = gallery.templates("Ben")
    print(gallery.search(row.vector[None])[0][0].person, gallery.read_only)
    try:
        gallery.add([Template("Cy", row.vector, "toy-16:0f0f")])
    except GalleryError as error:
        print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
@pytest.mark.parametrize(("file", "folder"), [(0o444, 0o755), (0o644, 0o555), (0o444, 0o555)])
def test_a_gallery_that_cannot_be_written_can_be_searched(filled, file, folder):
    with tempfile.TemporaryDirectory() as name:  # not tmp_path: others may not enter that one
        path = Path(name) / "people.mien"
        path.write_bytes(filled.read_bytes())
        path.chmod(file)
        path.parent.chmod(folder)
        try:
            done = subprocess.run(
                [sys.executable, "-W", "error", "-c", UNPRIVILEGED, str(path)],
                capture_output=True,
                text=True,
            )
        finally:
            path.parent.chmod(0o755)
        assert done.stderr == ""
        answer, complaint = done.stdout.splitlines()
        assert answer == "Ben True"
        assert "is open read-only" in complaint
        assert path.read_bytes() == filled.read_bytes()
