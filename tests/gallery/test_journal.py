"""The journal: what it has, what it never has, and how every change of it is found."""

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
import zlib
from contextlib import closing

import pytest

import mien.gallery.journal
from mien.errors import GalleryError
from mien.gallery import Head, open_gallery, read_anchor, schema, write_anchor

CONTRACT = "toy-16:0f0f"


@pytest.fixture
def path(tmp_path, face):
    """A gallery with eight entries in its journal."""
    with open_gallery(tmp_path / "people.mien", CONTRACT, create=True, who="Clerk") as gallery:
        for i in range(6):
            gallery.add([face(f"Quill-{i}", i, f"{i}.jpg")])
        gallery.forget("Quill-3")
    return tmp_path / "people.mien"


def entries(gallery):
    return list(gallery.journal.entries())


def faults(path, anchor=None):
    with open_gallery(path, None, read_only=True) as gallery:
        return [(one.number, one.problem) for one in gallery.journal.verify(anchor)]


def texts(path):
    with closing(sqlite3.connect(path)) as db:
        return db.execute(
            "SELECT id, text FROM facts WHERE kind = 'journal' ORDER BY id"
        ).fetchall()


def run(path, statement, *values):
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA foreign_keys = ON")
        assert db.execute(statement, values).rowcount


def test_every_change_is_in_the_journal(reopen, face, sha):
    gallery = reopen()
    first, second, _ = gallery.add([face("Ada", 1), face("Ada", 2), face("Ben", 3)])
    gallery.note("Cy", sha("x"), "blurred")
    gallery.rename("Ben", "Benjamin")
    gallery.move(second, into="Cy")
    gallery.merge("Benjamin", "Cy")
    gallery.remove(first)
    gallery.forget("Cy")
    found = entries(gallery)
    known = [(one.act, one.people, one.templates) for one in found if one.act != "encrypt"]
    assert known == [
        ("create", (), ()),
        ("enroll", (1, 2), (1, 3)),
        ("refuse", (3,), ()),
        ("rename", (2,), ()),
        ("move", (3,), (2,)),
        ("merge", (2, 3), ()),
        ("remove", (), (1,)),
        ("forget", (3,), ()),
    ]
    assert [one.number for one in found] == list(range(1, len(found) + 1))
    assert {one.model for one in found} == {CONTRACT}
    assert found[-7].counts == {"templates": 3, "refusals": 0}
    assert gallery.journal.verify() == []


def test_who_is_the_given_name_or_the_user_of_the_system(tmp_path, path, monkeypatch):
    with open_gallery(path, None) as gallery:
        assert {one.who for one in entries(gallery)} == {"Clerk"}
    monkeypatch.setenv("LOGNAME", "grace")
    with open_gallery(tmp_path / "b.mien", CONTRACT, create=True) as gallery:
        assert entries(gallery)[0].who == "grace"

    def nobody():
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(mien.gallery.journal.getpass, "getuser", nobody)
    with open_gallery(tmp_path / "c.mien", CONTRACT, create=True) as gallery:
        assert entries(gallery)[0].who.startswith("u")
    with pytest.raises(GalleryError, match="control character"):
        open_gallery(tmp_path / "d.mien", CONTRACT, create=True, who="a\nb")


def test_an_entry_has_no_name_no_source_and_no_vector(path, face, unit):
    with open_gallery(path, CONTRACT) as gallery:
        gallery.search(unit(1), 1)
    written = "".join(text for _, text in texts(path))
    assert "Quill" not in written
    assert ".jpg" not in written
    numbers = {number for _, text in texts(path) for number in floats(json.loads(text))}
    assert numbers == set()


def floats(value):
    if isinstance(value, float):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [number for each in inner for number in floats(each)]


def test_a_change_that_fails_is_not_in_the_journal(gallery, face):
    gallery.add([face("Ada", 1)])
    before = entries(gallery)
    for change in (
        lambda: gallery.forget("Ada", "Nobody"),
        lambda: gallery.rename("Nobody", "Ada"),
        lambda: gallery.remove(99),
        lambda: gallery.add([face("Ada", 2), face("a\nb", 3)]),
    ):
        with pytest.raises(GalleryError):
            change()
    gallery.forget()  # nobody
    gallery.add([])
    assert [one.act for one in entries(gallery)[len(before) :]] in ([], ["refuse"])


def test_a_change_whose_entry_cannot_be_stored_does_not_happen(gallery, face, monkeypatch):
    gallery.add([face("Ada", 1)])

    def full(*args, **more):
        raise GalleryError("the disk is full")

    monkeypatch.setattr(gallery.journal, "append", full)
    with pytest.raises(GalleryError, match="the disk is full"):
        gallery.add([face("Ben", 2)])
    with pytest.raises(GalleryError, match="the disk is full"):
        gallery.forget("Ada")
    assert [(one.name, one.templates) for one in gallery.people()] == [("Ada", 1)]
    monkeypatch.undo()
    gallery.add([face("Ben", 2)])  # no manager is left over
    assert gallery.journal.verify() == []


# ---------------------------------------------------------------- what is found


def test_an_intact_journal_has_no_fault(path):
    assert faults(path) == []
    with open_gallery(path, None) as gallery:
        assert gallery.check() == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("who", "Nobody"),
        ("act", "view"),
        ("outcome", "x"),
        ("people", [99]),
        ("templates", []),
        ("model", "other"),
        ("time", "2027-01-01T00:00:00.000000+00:00"),
        ("counts", {"templates": 2}),
        ("purpose", "marketing"),
        ("threshold", 0.5),
    ],
)
def test_every_edited_field_is_found_at_its_entry(path, key, value):
    number, text = texts(path)[4]
    run(
        path,
        "UPDATE facts SET text = ? WHERE id = ?",
        json.dumps({**json.loads(text), key: value}),
        number,
    )
    assert (5, "Entry 5 was edited: it has another digest.") in faults(path)
    with open_gallery(path, None) as gallery:
        assert any("Entry 5 was edited" in fault for fault in gallery.check())


def test_every_flipped_byte_is_found(path):
    rows = texts(path)
    for number, text in rows[1:7:3]:
        for at in range(len(text)):
            changed = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
            run(path, "UPDATE facts SET text = ? WHERE id = ?", changed, number)
            assert faults(path), (number, at)
        run(path, "UPDATE facts SET text = ? WHERE id = ?", text, number)
    assert faults(path) == []


def test_an_entry_with_a_new_digest_breaks_the_chain_after_it(path):
    number, text = texts(path)[4]
    row = json.loads(text)
    row["who"] = "Nobody"
    entry, _ = mien.gallery.journal.read(json.dumps(row))
    run(
        path,
        "UPDATE facts SET text = ? WHERE id = ?",
        json.dumps({**row, "digest": entry.digest}),
        number,
    )
    assert faults(path) == [(6, "Entry 6 does not follow from entry 5: one of them was replaced.")]


@pytest.mark.parametrize(
    ("gone", "where", "problem"),
    [
        ([1], 1, "Entry 1 is missing before entry 2."),
        ([4], 4, "Entry 4 is missing before entry 5."),
        ([4, 5, 6], 4, "Entries 4 to 6 are missing before entry 7."),
        ([8], 8, "Entry 8 is cut off the end."),
        ([6, 7, 8], 6, "Entries 6 to 8 are cut off the end."),
        ([1, 2, 3, 4, 5, 6, 7, 8], 1, "Entries 1 to 8 are cut off the end."),
    ],
)
def test_a_cut_is_found_where_it_is(path, gone, where, problem):
    rows = texts(path)
    assert len(rows) == 8
    for entry in gone:
        run(path, "DELETE FROM facts WHERE id = ?", rows[entry - 1][0])
    assert faults(path) == [(where, problem)]


def test_swapped_entries_are_found(path):
    rows = texts(path)
    (first, a), (second, b) = rows[2], rows[5]
    run(path, "UPDATE facts SET text = ? WHERE id = ?", b, first)
    run(path, "UPDATE facts SET text = ? WHERE id = ?", a, second)
    found = faults(path)
    assert found[0] == (3, "Entries 3 to 5 are missing before entry 6.")
    assert any("was moved or added" in problem for _, problem in found)


def test_a_copied_entry_is_found(path):
    text = texts(path)[7][1]
    run(path, "INSERT INTO facts (kind, text) VALUES ('journal', ?)", text)
    assert faults(path) == [(8, "Entry 8 stands after entry 8: it was moved or added.")]


def test_a_missing_head_is_found_and_nothing_is_added(path, face):
    run(path, "DELETE FROM facts WHERE kind = 'head'")
    assert faults(path) == [(8, "The head of the journal is missing or cannot be read.")]
    with open_gallery(path, CONTRACT) as gallery:
        with pytest.raises(GalleryError, match="has no valid head"):
            gallery.add([face("Eve", 9)])
        assert "Eve" not in [one.name for one in gallery.people()]


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"digest": 1}', "x" * 5000, "[" * 9999])
def test_an_entry_that_cannot_be_read_is_found(path, text):
    run(path, "UPDATE facts SET text = ? WHERE id = ?", text, texts(path)[2][0])
    assert faults(path)[0] == (3, "The entry in place 3 cannot be read.")
    with open_gallery(path, None) as gallery, pytest.raises(GalleryError, match="Entry 3 of the"):
        entries(gallery)


def rewritten(path, who):
    """Write a whole new chain, as someone with the rights to the file can."""
    digest = "0" * 64
    for number, text in texts(path):
        row = {**json.loads(text), "who": who, "before": digest}
        entry, _ = mien.gallery.journal.read(json.dumps(row))
        digest = entry.digest
        run(
            path,
            "UPDATE facts SET text = ? WHERE id = ?",
            json.dumps({**row, "digest": digest}),
            number,
        )
    head = json.dumps({"number": entry.number, "digest": digest, "time": entry.time})
    run(path, "UPDATE facts SET text = ? WHERE kind = 'head'", head)


def test_only_an_anchor_finds_a_journal_that_was_rewritten(path, face):
    with open_gallery(path, CONTRACT) as gallery:
        head = gallery.journal.head()
        gallery.add([face("Eve", 9)])
    anchor = read_anchor(write_anchor(head), "head.json")
    assert anchor == head
    assert faults(path, anchor) == []
    rewritten(path, "Nobody")
    assert faults(path) == []
    assert faults(path, anchor) == [
        (8, "Entry 8 differs from the anchor: the journal was rewritten.")
    ]


def test_an_anchor_finds_a_journal_that_was_cut_with_its_head(path):
    with open_gallery(path, CONTRACT) as gallery:
        anchor, first = gallery.journal.head(), entries(gallery)[0]
    for number, _ in texts(path)[1:]:
        run(path, "DELETE FROM facts WHERE id = ?", number)
    head = json.dumps({"number": 1, "digest": first.digest, "time": first.time})
    run(path, "UPDATE facts SET text = ? WHERE kind = 'head'", head)
    assert faults(path) == []
    assert faults(path, anchor) == [(8, "The anchor is of entry 8, which is missing.")]
    assert faults(path, Head(0, "0" * 64, "")) == []


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b'{"mien": "x"}', b"{" * 99999])
def test_a_file_that_is_no_anchor_is_refused(data):
    with pytest.raises(GalleryError, match="is not the head of a journal"):
        read_anchor(data, "head.json")


# ---------------------------------------------------------------- clocks, old files, crashes


def test_a_clock_that_was_set_back_does_not_turn_time_back(path, face):
    late = "2099-01-01T00:00:00.000000+00:00"
    with open_gallery(path, CONTRACT) as gallery:
        number, head = gallery.journal._head()
        gallery.engine.put(
            "head", json.dumps({"number": 8, "digest": head.digest, "time": late}), instead=number
        )
        gallery.add([face("Eve", 9)])
        assert entries(gallery)[-1].time == late
        assert gallery.journal.now().year == 2099
        assert gallery.journal.verify() == []


def test_a_gallery_of_an_older_version_gets_a_journal(tmp_path, face):
    path = tmp_path / "old.mien"
    with closing(sqlite3.connect(path)) as db, db:  # as version 1 wrote it
        for statement in schema.STEPS[0]:
            db.execute(statement)
        blob = face("Ada", 1).vector.tobytes()
        db.execute("INSERT INTO about (id, embedder, dimension) VALUES (1, ?, 16)", (CONTRACT,))
        db.execute("INSERT INTO people (name) VALUES ('Ada')")
        db.execute(
            "INSERT INTO templates (person, vector, crc, added) VALUES (1, ?, ?, ?)",
            (blob, zlib.crc32(blob), "2026-01-01T00:00:00+00:00"),
        )
        db.execute(f"PRAGMA application_id = {schema.APPLICATION}")
        db.execute("PRAGMA user_version = 1")
    with open_gallery(path, CONTRACT, read_only=True) as gallery:  # migrates
        assert entries(gallery) == []
        assert [one.name for one in gallery.people()] == ["Ada"]
        assert gallery.settings.kind == "personal"
    with open_gallery(path, CONTRACT) as gallery:
        gallery.add([face("Ben", 2)])
        assert [one.act for one in entries(gallery)] == ["enroll"]
        assert gallery.check() == []


CHILD = """
import sys
import numpy as np
from mien.gallery import Template, open_gallery

path, start = sys.argv[1], int(sys.argv[2])
with open_gallery(path, "toy-16:0f0f", create=True) as gallery:
    print("ready", flush=True)
    for seed in range(start, start + int(sys.argv[3])):
        v = np.random.default_rng(seed).standard_normal(16)
        vector = (v / np.linalg.norm(v)).astype(np.float32)
        gallery.add([Template(f"p{seed}", vector, "toy-16:0f0f")])
        if seed % 3 == 0:
            gallery.forget(f"p{seed}")
        print(seed, flush=True)
"""


def child(path, start, count):
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), str(start), str(count)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )


def matches(gallery):
    """Whether the entries are those of the templates in the store."""
    assert gallery.check() == []
    enrolled = {one.templates[0] for one in entries(gallery) if one.act == "enroll"}
    forgotten = [one for one in entries(gallery) if one.act == "forget"]
    assert {row.id for row in gallery} <= enrolled
    assert len(enrolled) - len(forgotten) == len(gallery)
    return enrolled


@pytest.mark.slow
def test_a_kill_never_parts_a_change_from_its_entry(tmp_path):
    path, chance = tmp_path / "people.mien", random.Random(4)
    for turn in range(int(os.environ.get("MIEN_KILLS", "20")) // 2):
        with child(path, turn * 10_000, 5000) as process:
            assert process.stdout.readline() == "ready\n"
            time.sleep(chance.uniform(0, 0.08))
            process.kill()
            done = [line for line in process.stdout.read().splitlines(True) if line[-1] == "\n"]
        with open_gallery(path, CONTRACT) as gallery:
            assert len(matches(gallery)) >= len(done)


@pytest.mark.slow
def test_processes_that_write_at_once_share_one_chain(tmp_path):
    path = tmp_path / "people.mien"
    children = [child(path, 1000 * i, 30) for i in range(3)]
    assert [len(process.communicate()[0].splitlines()) for process in children] == [31] * 3
    with open_gallery(path, CONTRACT) as gallery:
        assert len(matches(gallery)) == 90
        assert [one.act for one in entries(gallery)].count("create") == 1
