"""Unused bytes of an SQLite file: old data are noticed wherever they lie."""

import numpy as np
import pytest
from tests.gallery.test_erasing import everything, secrets_of, traces

import mien.gallery.store
from mien.gallery import Template, open_gallery
from mien.gallery.pages import has_remains

CONTRACT = "toy-16:0f0f"


@pytest.fixture
def path(tmp_path, unit):
    path = tmp_path / "people.mien"
    with open_gallery(path, CONTRACT, create=True) as gallery:
        gallery.add(
            Template(f"Person {i // 2:03}", v, CONTRACT, f"photo-{i:03}.jpg")
            for i, v in enumerate(unit(300))
        )
        gallery.forget("Person 000")
    assert not has_remains(path)
    return path


def gap(page, start=0):
    """The unused bytes between the pointers and the cells of a leaf."""
    cells, content = (int.from_bytes(page[start + i : start + i + 2], "big") for i in (3, 5))
    return start + 8 + 2 * cells, content


@pytest.mark.parametrize("kind", [10, 13])
def test_old_data_between_pointers_and_cells_are_noticed(path, kind):
    data = bytearray(path.read_bytes())
    pages = range(4096, len(data), 4096)
    at = next(p for p in pages if data[p] == kind and np.subtract(*gap(data[p : p + 4096])) < -30)
    first, last = gap(data[at : at + 4096])
    for place in (first, last - 3):
        spoilt = data.copy()
        spoilt[at + place : at + place + 3] = b"Ada"
        path.write_bytes(spoilt)
        assert has_remains(path)
    data[at + first : at + first + 4] = bytes([0x0F, 0xEF, 0x01, 0x10])  # offsets of old cells
    path.write_bytes(data)
    assert not has_remains(path)


def test_old_data_in_a_free_block_are_noticed(path):
    with open_gallery(path, CONTRACT) as gallery:
        gallery.add([])
        gallery.engine._store.db.execute("DELETE FROM templates WHERE id = 40")
        gallery.engine._store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    pages = range(4096, len(data), 4096)
    blocks = {p: int.from_bytes(data[p + 1 : p + 3], "big") for p in pages if data[p] == 13}
    at, block = next(  # a row of a template is larger than one of the other tables
        (p, b) for p, b in blocks.items() if b and data[p + b + 2 : p + b + 4] > b"\0\x50"
    )
    assert not has_remains(path)
    data[at + block + 20] = 65
    path.write_bytes(data)
    assert has_remains(path)


def test_free_pages_are_clean_only_if_they_are_zero(path):
    with open_gallery(path, CONTRACT) as gallery:
        db = gallery.engine._store.db
        db.execute("CREATE TABLE more (x BLOB)")
        db.executemany("INSERT INTO more VALUES (?)", [(bytes([7]) * 900,)] * 40)
        db.execute("VACUUM")
        db.execute("DELETE FROM more")
    data = bytearray(path.read_bytes())
    trunk = int.from_bytes(data[32:36], "big") - 1
    assert trunk > 0
    assert not has_remains(path)
    for page in (trunk, int.from_bytes(data[trunk * 4096 + 8 :][:4], "big") - 1):
        spoilt = data.copy()
        spoilt[page * 4096 + 4000] = 65
        path.write_bytes(spoilt)
        assert has_remains(path)


def test_a_page_of_another_kind_is_not_trusted(path):
    data = bytearray(path.read_bytes())
    data[4096] = 77
    path.write_bytes(data)
    assert has_remains(path)


def test_long_rows_in_use_are_no_remains_and_erased_ones_are_zero(path):
    random = np.random.default_rng(0)
    long = [random.integers(65, 90, size, np.uint8).tobytes() for size in (9000, 40_000, 5000)]
    with open_gallery(path, CONTRACT) as gallery:
        db = gallery.engine._store.db
        db.execute("CREATE TABLE long (id INTEGER PRIMARY KEY, x BLOB)")
        db.executemany("INSERT INTO long (x) VALUES (?)", [(text,) for text in long])
        assert gallery.forget("Person 010").complete  # overwrites what the new table moved
        assert not has_remains(path)
        db.execute("UPDATE long SET x = ? WHERE id = 2", (long[0][:4500],))
        db.execute("DELETE FROM long WHERE id = 1")
        assert gallery.forget("Person 011").complete
    data = path.read_bytes()
    assert not has_remains(path)
    for text, kept in ((long[0], long[0][:4500]), (long[1], b"")):
        pieces = [text[at : at + 8] for at in range(0, len(text) - 8, 8)]
        left = [p for p in pieces if p in data and p not in kept]
        assert not left
    assert long[2][:900] in data


def test_a_file_without_remains_is_not_rebuilt(path, unit, monkeypatch):
    found, look = [], has_remains
    monkeypatch.setattr(
        mien.gallery.store, "has_remains", lambda path: found.append(look(path)) or found[-1]
    )
    with open_gallery(path, CONTRACT) as gallery:
        gallery.engine.put("long", "x" * 50_000)  # as a calibration, or what drift is told by
        for number in range(20, 140, 10):
            person = f"Person {number:03}"
            secrets = secrets_of(gallery, person)
            assert gallery.forget(person).complete
            assert traces(everything(path), secrets) == []
    assert found.count(False) > 6  # and these erasures wrote only the pages of the person
    assert not has_remains(path)
