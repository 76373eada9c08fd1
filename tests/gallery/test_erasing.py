"""Forgetting, renaming and merging leave no bytes in the file or in those beside it."""

import sqlite3
from contextlib import contextmanager

import numpy as np
import pytest

import mien.gallery.store
from mien.gallery import Template, open_gallery

CONTRACT = "toy-16:0f0f"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "people.mien"


def everything(path):
    """The bytes of the file, and of those that SQLite puts beside it."""
    return b"".join(file.read_bytes() for file in sorted(path.parent.iterdir()))


def spellings(text):
    return [text.encode("utf-8"), text.encode("utf-16-le"), text.encode("utf-16-be")]


def traces(data, secrets):
    """Which secrets are in the data; of vectors each 16-byte piece counts."""
    found = []
    for secret in secrets:
        if isinstance(secret, str):
            found += [secret for spelt in spellings(secret) if spelt in data]
        else:
            blob = secret.tobytes()
            found += [secret for i in range(0, len(blob), 16) if blob[i : i + 16] in data]
    return found


def secrets_of(gallery, person, *, name=True):
    rows = gallery.templates(person)
    told = [text for row in rows for text in (row.source, row.source_digest) if text]
    return [row.vector for row in rows] + told + ([person] if name else [])


def test_a_forgotten_person_leaves_no_bytes(path, face, sha):
    with open_gallery(path, CONTRACT, create=True) as gallery:
        gallery.add([face("Ben Sorrow", 1, "b.jpg")])
        for i in range(5):
            gallery.add([face("Zoë Quillfeather", 10 + i, f"holiday/zoë-{i}.jpg")])
        gallery.note("Zoë Quillfeather", sha("blurred one"), "blurred", "holiday/dim.jpg")
        gallery.search(face("", 1).vector[None])
        secrets = secrets_of(gallery, "Zoë Quillfeather")
        secrets += [sha("blurred one"), "holiday/dim.jpg"]
        before = everything(path)
        assert all(traces(before, [secret]) for secret in secrets)  # we would see them
        assert gallery.forget("Zoë Quillfeather").complete
        assert traces(everything(path), secrets) == []
        assert traces(everything(path), ["Ben Sorrow", face("", 1).vector])  # he is still there
    assert traces(everything(path), secrets) == []


def test_an_old_name_leaves_no_bytes(path, face):
    old = [f"Formerly-{i}-Known" for i in range(6)]
    with open_gallery(path, CONTRACT, create=True) as gallery:
        gallery.add([face(old[0], 1), face("Ben", 2)])
        for before, after in zip(old, [*old[1:], "Now"], strict=True):
            assert gallery.rename(before, after).complete
        assert traces(everything(path), old) == []
        assert [p.name for p in gallery.people()] == ["Now", "Ben"]


def test_a_merged_person_leaves_no_name_and_no_second_picture(path, face, sha):
    with open_gallery(path, CONTRACT, create=True) as gallery:
        gallery.add([face("Ada", 1, "same.jpg"), face("Augusta King", 2, "same.jpg")])
        gallery.note("Augusta King", sha("x"), "blurred")
        assert gallery.merge("Augusta King", "Ada").complete
        assert traces(everything(path), ["Augusta King", face("", 2).vector]) == []
        assert gallery.refusals()[0].source_digest == sha("x")


def test_a_removed_template_and_an_emptied_person_leave_no_bytes(path, face):
    with open_gallery(path, CONTRACT, create=True) as gallery:
        gallery.add([face("Ada", 1, "one.jpg"), face("Ada", 2, "two.jpg"), face("Zoë Quill", 3)])
        first, second = gallery.templates("Ada")
        assert gallery.remove(first.id).complete
        assert gallery.move(3, into="Ada").complete
        gone = ["one.jpg", first.vector, "Zoë Quill"]
        assert traces(everything(path), gone) == []
        assert traces(everything(path), ["two.jpg", second.vector]) != []


def test_a_long_life_leaves_only_the_living(path, sha):
    random = np.random.default_rng(11)
    secrets = []
    with open_gallery(path, CONTRACT, create=True) as gallery:
        for age in range(12):
            new = []
            for _ in range(60):
                v = random.standard_normal(16)
                name = sha(str(random.random()))[: random.integers(16, 60)]
                vector = (v / np.linalg.norm(v)).astype(np.float32)
                new.append(Template(name, vector, CONTRACT, sha(name), sha(name + "p")))
            gallery.add(new)
            people = [p.name for p in gallery.people()]
            random.shuffle(people)
            for name in people[:2]:
                gallery.rename(name, f"renamed {age} {name[::-1][:20]}")
            for name, into in zip(people[2:4], people[4:6], strict=True):
                gallery.merge(name, into)
            secrets += people[:4]  # four names that are no more
            gone = people[6:30]
            secrets += [secret for name in gone for secret in secrets_of(gallery, name)]
            assert gallery.forget(*gone).complete
        data = everything(path)
        assert len(secrets) > 1000
        assert traces(data, secrets) == []
        assert all(traces(data, [row.vector]) for row in gallery)


def test_everyone_forgotten_leaves_an_empty_file(path, face):
    with open_gallery(path, CONTRACT, create=True) as gallery:
        gallery.add([face(f"Person-{i}", i, f"picture-{i}") for i in range(200)])
        secrets = [s for p in gallery.people() for s in secrets_of(gallery, p.name)]
        large = path.stat().st_size
        assert gallery.forget(*(p.name for p in gallery.people())).templates == 200
        assert traces(everything(path), secrets) == []
    assert path.stat().st_size <= large
    assert path.stat().st_size < 60_000


def test_a_receipt_does_not_claim_what_another_reader_prevents(path, face, monkeypatch):
    monkeypatch.setattr(mien.gallery.store, "SCRUB_WAIT", 0.05)
    with open_gallery(path, CONTRACT, create=True) as gallery:
        gallery.add([face("Ada Quillfeather", 1, "a.jpg"), face("Ben", 2)])
        secrets = secrets_of(gallery, "Ada Quillfeather")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM templates").fetchone()  # holds the old state
        receipt = gallery.forget("Ada Quillfeather")
        assert (receipt.people, receipt.templates, receipt.complete) == (1, 1, False)
        assert "Another program is reading" in receipt.reason
        assert traces(everything(path), secrets)  # it told the truth
        assert len(gallery.search(face("", 1).vector[None], k=9)[0]) == 1  # yet she is not found
        assert not gallery.scrub().complete
        other.close()
        assert gallery.scrub().complete
        assert traces(everything(path), secrets) == []


def test_the_next_to_open_finishes_an_interrupted_erasure(path, face, monkeypatch):
    monkeypatch.setattr(mien.gallery.store, "SCRUB_WAIT", 0.05)
    with open_gallery(path, CONTRACT, create=True) as gallery:
        gallery.add([face("Ada Quillfeather", 1, "a.jpg"), face("Ben", 2)])
        secrets = secrets_of(gallery, "Ada Quillfeather")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM templates").fetchone()
        assert not gallery.forget("Ada Quillfeather").complete
    assert traces(everything(path), secrets)
    other.close()
    with open_gallery(path, CONTRACT):
        assert traces(everything(path), secrets) == []


def test_two_erasures_at_once_are_not_taken_for_one(path, face, monkeypatch):
    """The index file must not state an epoch whose erasures it does not show."""
    with open_gallery(path, CONTRACT, create=True) as one, open_gallery(path, CONTRACT) as two:
        one.add([face(f"p{i}", i) for i in range(4)])
        change, seen = one.engine._store.change, []

        @contextmanager
        def disturbed(**how):
            with change(**how) as before:
                yield before
            if how.get("erases") and not seen:
                seen.append(before)
                two.forget("p2")

        monkeypatch.setattr(one.engine._store, "change", disturbed)
        monkeypatch.setattr(one.engine, "_regrouped", lambda *given: seen.append(given))
        one.forget("p1")
        with two.engine._store.reading():
            (now,) = two.engine._must("SELECT epoch FROM about")
        before, after, moved = seen[1]
        assert before == seen[0]
        assert after not in (before, now)
        assert len(moved) == 1
