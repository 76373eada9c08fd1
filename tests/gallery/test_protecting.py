"""Protected templates: rotated and rounded in the store, found as before, revoked with the key."""

import numpy as np
import pytest
from tests.gallery.test_erasing import everything, traces

from mien.errors import GalleryError
from mien.gallery import Template, keys, open_gallery
from mien.gallery.protecting import ENVIRONMENT, FILE, Transform
from mien.gallery.review import Doubt
from mien.service.galleries import migrate_gallery

CONTRACT = "toy-16:0f0f"
ONE, TWO = bytes(range(32)), bytes(range(1, 33))


def test_a_rotation_keeps_cosines_and_comes_back(unit):
    turn, vectors = Transform(ONE, CONTRACT), unit(200, dimension=128)
    matrix = turn.rotation(128)
    assert np.abs(matrix @ matrix.T - np.eye(128)).max() < 1e-6
    hidden = turn.protect(vectors)
    assert np.abs(np.linalg.norm(hidden, axis=1) - 1).max() < 1e-6
    assert np.abs(hidden @ hidden.T - vectors @ vectors.T).max() < 0.02  # rounding
    assert (turn.open(hidden) * vectors).sum(axis=1).min() > 0.999
    assert np.abs(turn.query(vectors) @ turn.query(vectors).T - vectors @ vectors.T).max() < 1e-6
    assert np.array_equal(Transform(ONE, CONTRACT).protect(vectors), hidden)  # of the key alone


def test_another_key_or_gallery_gives_an_independent_rotation(unit):
    vectors = unit(500, dimension=128)
    hidden = Transform(ONE, CONTRACT).protect(vectors)
    for other in (Transform(TWO, CONTRACT), Transform(ONE, "other")):
        cosines = (hidden * other.protect(vectors)).sum(axis=1)
        assert abs(cosines.mean()) < 0.02
        assert cosines.std() == pytest.approx(128**-0.5, rel=0.15)  # as of strangers
    with pytest.raises(GalleryError, match="32 bytes"):
        Transform(b"short", CONTRACT)


@pytest.fixture
def path(tmp_path, unit):
    with open_gallery(tmp_path / "people.mien", CONTRACT, create=True) as gallery:
        vectors = unit(300)
        gallery.add(
            [Template(f"p{i // 3}", v, CONTRACT, f"{i}.jpg") for i, v in enumerate(vectors)]
        )
    return tmp_path / "people.mien"


@pytest.fixture
def use(monkeypatch):
    """Return use(key): the key that galleries are opened with."""
    return lambda key: monkeypatch.setenv(ENVIRONMENT, key.hex())


def answers(gallery, queries):
    return [[(h.person, h.template) for h in hits] for hits in gallery.search(queries, 2)]


def test_answers_stay_and_no_plain_vector_is_left(path, unit, use, face):
    vectors = unit(300)
    with open_gallery(path, CONTRACT) as gallery:
        before = answers(gallery, vectors)
        assert len(traces(everything(path), list(vectors[:9]))) == 36  # we would see them
        assert gallery.protect(ONE).complete
        assert gallery.protected
        assert [a[0] for a in answers(gallery, vectors)] == [a[0] for a in before]
        gallery.add([face("Ada", 7777)])
        gallery.quarantine(face("Ben", 8888), [Doubt("outlier", "-")])
        gallery.search(vectors[:1])
    assert traces(everything(path), [*vectors, face("", 7777).vector]) == []
    with pytest.raises(GalleryError, match="give their key"):
        open_gallery(path, CONTRACT)
    use(ONE)
    with open_gallery(path, CONTRACT) as gallery:
        [hit] = gallery.search(face("", 7777).vector[None])[0]
        assert (hit.person, gallery.check()) == ("Ada", [])
        assert float(hit.vector @ face("", 7777).vector) > 0.999  # opened, not rotated
        [held] = gallery.quarantined()
        assert float(held.template.vector @ face("", 8888).vector) > 0.999
        assert [e.act for e in gallery.journal.entries()].count("protect") == 1


def test_a_revoked_key_opens_nothing_and_nobody_is_enrolled_anew(path, unit, use):
    vectors = unit(300)
    with open_gallery(path, CONTRACT) as gallery:
        gallery.protect(ONE)
        old = dict(gallery.engine._run("SELECT id, vector FROM templates").fetchall())
    use(ONE)
    with open_gallery(path, CONTRACT) as gallery, open_gallery(path, CONTRACT) as other:
        gallery.protect(TWO)
        new = dict(gallery.engine._run("SELECT id, vector FROM templates").fetchall())
        with pytest.raises(GalleryError, match="Open the gallery again"):
            other.search(vectors[:1])
    with pytest.raises(GalleryError, match="or it was revoked"):
        open_gallery(path, CONTRACT)
    use(TWO)
    with open_gallery(path, CONTRACT) as gallery:
        assert [a[0][0] for a in answers(gallery, vectors)] == [f"p{i // 3}" for i in range(300)]
        assert gallery.check() == []
    pairs = [(np.frombuffer(old[i], "<f4"), np.frombuffer(new[i], "<f4")) for i in old]
    cosines = [float(a @ b) for a, b in pairs]
    assert abs(np.mean(cosines)) < 0.25  # as of strangers: the spread of 16 numbers
    assert traces(everything(path), [a for a, _ in pairs]) == []


def test_the_key_comes_from_a_file_too(path, tmp_path, monkeypatch):
    file = tmp_path / "protect.key"
    key = keys.write_key_file(file)
    with open_gallery(path, CONTRACT) as gallery:
        gallery.protect(key)
    monkeypatch.setenv(FILE, str(file))
    with open_gallery(path, CONTRACT) as gallery:
        assert len(gallery) == 300
    monkeypatch.setenv(ENVIRONMENT, "no key")
    with pytest.raises(GalleryError, match=ENVIRONMENT):
        open_gallery(path, CONTRACT)


def test_what_waits_is_decided_before(path, face):
    with open_gallery(path, CONTRACT) as gallery:
        gallery.quarantine(face("Ben", 1), [Doubt("outlier", "-")])
        with pytest.raises(GalleryError, match="decide about them first"):
            gallery.protect(ONE)
        assert not gallery.protected


def test_a_flipped_bit_of_a_protected_vector_is_found(path, use):
    with open_gallery(path, CONTRACT) as gallery:
        gallery.protect(ONE)
        gallery.engine._run("UPDATE templates SET crc = crc + 1 WHERE id = 7")
        assert "template 7" in gallery.check()[0]


def test_encryption_and_protection_go_together(path, unit, use):
    pytest.importorskip("cryptography")
    use(ONE)
    with open_gallery(path, CONTRACT) as gallery:
        gallery.protect(ONE)
        gallery.encrypt(TWO)
        gallery.merge("p0", "p1")  # sealed with another key, rotated as before
        gallery.protect(ONE)
    with open_gallery(path, CONTRACT, key=TWO) as gallery:
        assert answers(gallery, unit(1))[0][0] == ("p1", 1)
        assert (gallery.check(), gallery.encrypted, gallery.protected) == ([], True, True)


def test_a_server_compares_protected_vectors_without_a_plain_one(path, server, unit, use):
    use(ONE)
    url = server.url("protected")
    with open_gallery(path, CONTRACT) as gallery:
        gallery.protect(ONE)
        expected = gallery.search(unit(20), 3)
    migrate_gallery(path, url)
    with open_gallery(url, CONTRACT) as gallery:
        found = gallery.search(unit(20), 3)
        for one, other in zip(found, expected, strict=True):
            assert [h.template for h in one] == [h.template for h in other]
            assert [h.similarity for h in one] == pytest.approx([h.similarity for h in other])
        assert gallery.engine._last == 0  # compared in the database
        number = gallery.add([Template("Ada", unit(1, 99)[0], CONTRACT)])
        assert [h.template for h in gallery.search(unit(1, 99))[0]] == number
        with gallery.engine._store.reading():
            query = "SELECT embedding FROM search ORDER BY template"
            stored = np.stack([row[0].to_numpy() for row in gallery.engine._run(query)])
        assert np.abs((stored[:300] * unit(300)).sum(axis=1)).mean() < 0.4  # no plain vector
        gallery.protect(TWO)
        assert gallery.search(unit(20), 1)[3][0].person == "p1"
