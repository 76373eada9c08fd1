"""The file beside a large gallery: used only if it fits, and erasure reaches it."""

import os
import shutil
import sqlite3

import numpy as np
import pytest

import mien.gallery.searching
from mien.gallery import Template, open_gallery
from mien.gallery.index import NOBODY, ROWS
from mien.gallery.sidecar import FIELDS, Sidecar

CONTRACT = "toy-16:0f0f"
COUNT = ROWS + 300


def filled(path, vectors):
    with open_gallery(path, CONTRACT, create=True) as gallery:
        gallery.add(Template(f"p{i // 2}", v, CONTRACT) for i, v in enumerate(vectors))
    return path


@pytest.fixture(scope="module")
def vectors(unit):
    return unit(COUNT, dimension=8)


@pytest.fixture(scope="module")
def original(tmp_path_factory, vectors):
    return filled(tmp_path_factory.mktemp("large") / "people.mien", vectors)


@pytest.fixture
def path(tmp_path, original):
    """A closed gallery with the file beside it."""
    for file in original.parent.iterdir():
        shutil.copy(file, tmp_path)
    return tmp_path / original.name


@pytest.fixture
def rows_read(monkeypatch):
    """How many stored vectors each reading took from the gallery."""
    counts, read = [], mien.gallery.searching.vectors_of

    def counting(rows, dimension, where):
        counts.append(len(rows))
        return read(rows, dimension, where)

    monkeypatch.setattr(mien.gallery.searching, "vectors_of", counting)
    return counts


def beside(path):
    return Sidecar(path).path


def answers(path, queries, **how):
    with open_gallery(path, CONTRACT, **how) as gallery:
        found = gallery.search(queries, k=4)
    return [[(h.person, h.template, h.similarity) for h in hits] for hits in found]


def codes_of(path):
    """Numbers, people and codes in the file beside a gallery, whatever its epoch."""
    sidecar = Sidecar(path)
    index, _ = sidecar.load(sidecar.epoch(), 10**9, 8)
    return index.ids, index.people, np.concatenate([b.values for b in index.blocks], axis=1)


def test_a_large_gallery_opens_without_reading_its_vectors(path, vectors, unit, rows_read):
    queries = np.concatenate([vectors[[3, ROWS + 299]], unit(9, seed=5, dimension=8)])
    fast = answers(path, queries, read_only=True)
    assert sum(rows_read) < COUNT / 4  # only those that could be among the best
    beside(path).unlink()
    assert answers(path, queries, read_only=True) == fast
    assert sum(rows_read) > COUNT
    assert not beside(path).exists()  # a reader writes nothing
    answers(path, queries)
    assert beside(path).exists()


def test_a_small_gallery_is_one_file(tmp_path, unit):
    path = filled(tmp_path / "small.mien", unit(200, dimension=8))
    assert os.listdir(tmp_path) == [path.name]


def test_rows_that_were_added_later_are_found(path, vectors, unit, rows_read):
    later = unit(50, seed=7, dimension=8)
    with open_gallery(path, CONTRACT) as gallery:
        gallery.add(Template(f"new {i}", v, CONTRACT) for i, v in enumerate(later))
    found = answers(path, np.concatenate([later[:5], vectors[:5]]))
    assert [hits[0][1] for hits in found] == [*range(COUNT + 1, COUNT + 6), *range(1, 6)]
    assert max(rows_read) < ROWS


def test_a_forgotten_person_leaves_no_code(path, vectors):
    with open_gallery(path, CONTRACT) as gallery:
        gallery.search(vectors[:1])
        assert gallery.forget("p3", "p8100").complete
        memory = np.concatenate([b.values for b in gallery.engine._refresh()[0].blocks], axis=1)
        ids, people, codes = codes_of(path)
        gone = np.isin(ids, [7, 8, 16201, 16202])
        assert not codes[:, gone].any()
        assert (people[gone] == NOBODY).all()
        assert codes[:, ~gone].any(axis=0).all()
        assert not memory[:, gone].any()
    for hits in answers(path, vectors[[6, 7, 16200, 16201]]):
        assert {"p3", "p8100"}.isdisjoint(person for person, *_ in hits)
    assert Sidecar(path).epoch() is not None  # still in use


def test_a_merged_person_is_merged_in_the_file(path, vectors, rows_read):
    with open_gallery(path, CONTRACT) as gallery:
        assert gallery.merge("p3", "p4").complete
        assert gallery.rename("p5", "Eve").complete
    _, people, codes = codes_of(path)
    assert len(set(people[6:10])) == 1
    assert codes.any(axis=0).all()
    assert [hits[0][:2] for hits in answers(path, vectors[[6, 10]])] == [("p4", 7), ("Eve", 11)]
    assert max(rows_read) < ROWS


def test_removed_and_moved_templates_change_in_the_file(path, vectors, rows_read):
    with open_gallery(path, CONTRACT) as gallery:
        assert gallery.remove(7).complete
        assert gallery.move(9, into="New").complete
        new = next(p.id for p in gallery.people() if p.name == "New")
    _, people, codes = codes_of(path)
    assert not codes[:, 6].any()
    assert (people[6], people[8]) == (NOBODY, new)
    found = answers(path, vectors[[6, 8]])
    assert 7 not in [template for _, template, _ in found[0]]
    assert found[1][0][:2] == ("New", 9)
    assert max(rows_read) < ROWS


def test_the_file_of_another_gallery_or_of_a_backup_is_not_used(path, unit, tmp_path):
    other = unit(COUNT, seed=9, dimension=8)
    apart = tmp_path / "apart"
    apart.mkdir()
    replacement = filled(apart / "people.mien", other)
    shutil.copy(replacement, path)
    queries = other[[5, 500, ROWS + 5]]
    expected = [[("p2", 6)], [("p250", 501)], [(f"p{(ROWS + 5) // 2}", ROWS + 6)]]
    stale = beside(path).read_bytes()
    found = answers(path, queries, read_only=True)
    assert [[hits[0][:2]] for hits in found] == expected
    assert beside(path).read_bytes() == stale
    with open_gallery(path, CONTRACT):
        assert not beside(path).exists()  # it may hold codes of people who were forgotten
    assert answers(path, queries) == found
    assert beside(path).read_bytes() != stale


def test_no_flipped_byte_of_the_file_changes_an_answer(path, vectors, unit):
    queries = np.concatenate([vectors[:3], unit(3, seed=5, dimension=8)])
    expected, sound = answers(path, queries, read_only=True), beside(path).read_bytes()
    random, start = np.random.default_rng(1), FIELDS.size + 4 * 8 + 4
    places = [*range(0, start, 5), *random.integers(start, len(sound), 20), len(sound) - 9]
    for at in places:
        data = bytearray(sound)
        data[at] ^= 1 << int(random.integers(8))
        beside(path).write_bytes(data)
        assert answers(path, queries, read_only=True) == expected, f"byte {at}"
    for cut in (0, start - 1, start, len(sound) // 2, len(sound) - 1):
        beside(path).write_bytes(sound[:cut])
        assert answers(path, queries, read_only=True) == expected, f"{cut} bytes"
    beside(path).write_bytes(sound + b"\0")
    assert answers(path, queries, read_only=True) == expected


def test_an_erasure_that_was_interrupted_before_the_file_is_finished(path, vectors, monkeypatch):
    with monkeypatch.context() as patch, open_gallery(path, CONTRACT) as gallery:
        patch.setattr(Sidecar, "amend", lambda *args: None)
        patch.setattr(Sidecar, "tidy", lambda *args: None)
        gallery.forget("p3")
        gallery.engine._store.close()  # as if killed
    assert codes_of(path)[2][:, 6].any()
    with open_gallery(path, CONTRACT):
        assert not beside(path).exists()


def test_a_receipt_is_not_complete_if_the_file_cannot_be_overwritten(path, vectors):
    with open_gallery(path, CONTRACT) as gallery:
        beside(path).unlink()
        beside(path).mkdir()  # cannot be opened as a file
        receipt = gallery.forget("p3")
        assert (receipt.templates, receipt.complete) == (2, False)
        assert f"{beside(path)} cannot be overwritten" in receipt.reason
        beside(path).rmdir()
        assert gallery.scrub().complete
        gallery.engine._store.close()


def test_a_file_that_cannot_be_written_does_not_disturb(tmp_path, vectors, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Sidecar, "write", full)
    path = filled(tmp_path / "people.mien", vectors)
    assert os.listdir(tmp_path) == [path.name]
    assert answers(path, vectors[:1])[0][0][1] == 1


@pytest.mark.parametrize("change", ["add", "lock"])
def test_a_draft_that_others_made_stale_is_not_used(tmp_path, vectors, unit, monkeypatch, change):
    path = tmp_path / "people.mien"
    write, held = Sidecar.write, []

    def overtaken(self, *args):
        write(self, *args)
        if change == "add":
            monkeypatch.setattr(Sidecar, "write", lambda *args: pytest.fail("not again"))
            with open_gallery(path, CONTRACT) as other:
                other.engine._keep_index = lambda: None
                other.add([Template("Cy", unit(1, dimension=8)[0], CONTRACT)])
        else:
            held.append(sqlite3.connect(path, isolation_level=None))
            held[0].execute("BEGIN IMMEDIATE")

    monkeypatch.setattr(Sidecar, "write", overtaken)
    filled(path, vectors)
    for connection in held:
        connection.close()
    assert [name for name in os.listdir(tmp_path) if "index" in name] == []
    monkeypatch.setattr(Sidecar, "write", write)
    assert answers(path, vectors[:1])[0][0][1] == 1
    assert beside(path).exists()


def test_a_draft_that_a_killed_process_left_is_removed(path):
    draft = beside(path).with_name(beside(path).name + ".part")
    draft.write_bytes(b"codes")
    with open_gallery(path, CONTRACT):
        assert not draft.exists()


def test_many_removed_rows_are_dropped_from_the_file(path):
    with open_gallery(path, CONTRACT) as gallery:
        gallery.add(
            Template("more", v, CONTRACT) for v in np.eye(8, dtype=np.float32).repeat(6000, 0)
        )
    before = beside(path).stat().st_size
    with open_gallery(path, CONTRACT) as gallery:
        gallery.search(np.eye(1, 8, dtype=np.float32))
        gallery.forget("more")
        gallery.search(np.eye(1, 8, dtype=np.float32))
    assert beside(path).stat().st_size < before / 2
    assert len(codes_of(path)[0]) == COUNT
