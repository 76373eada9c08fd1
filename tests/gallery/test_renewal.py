"""The model of a gallery changes, on every engine: nobody is unreachable, and it can be undone."""

import os
import subprocess

import numpy as np
import pytest
from tests.gallery.conftest import KEY
from tests.gallery.test_crashes import child

from mien.errors import GalleryError, GalleryMismatchError
from mien.gallery import LegalBasis, NoBasisError, Template, open_gallery
from mien.gallery.protecting import ENVIRONMENT as PROTECT
from mien.gallery.review import Doubt
from mien.service.galleries import migrate_gallery

OLD, NEW = "toy-16:0f0f", "toy-24:abcd"


def new(seed):
    """The vector of the new model; another dimension, and nothing in common with the old one."""
    vector = np.random.default_rng(10_000 + seed).standard_normal(24)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def filled(gallery, face, people=5):
    numbers = gallery.add([face(f"p{i}", i, f"{i}.jpg") for i in range(people)])
    gallery.begin_model(NEW)
    return numbers


def nearest(gallery, vector, search="search"):
    return [(h.person, h.template) for h in getattr(gallery, search)(vector[None], 2)[0]][:1]


def test_a_model_is_embedded_beside_tried_switched_and_rolled_back(reopen, face):
    gallery = reopen()
    numbers = filled(gallery, face)
    with pytest.raises(GalleryError, match="5 templates without a vector of the other"):
        gallery.switch_model()
    assert gallery.put_beside({n: new(i) for i, n in enumerate(numbers[:3])}) == 3
    assert [one.id for one in gallery.lacking()] == numbers[3:]
    change = gallery.model_change()
    assert (change.present, change.other, change.switched) == (OLD, NEW, False)
    assert (change.templates, change.embedded) == (5, 3)
    second = gallery.second_vectors()
    assert {n: v.tobytes() for n, v in second.items()} == {
        n: new(i).tobytes() for i, n in enumerate(numbers[:3])
    }
    with pytest.raises(GalleryError, match="2 templates without"):
        gallery.switch_model()
    gallery.put_beside({n: new(i) for i, n in enumerate(numbers) if i > 2})
    for i, number in enumerate(numbers):  # both answer
        assert nearest(gallery, face("", i).vector) == [(f"p{i}", number)]
        assert nearest(gallery, new(i), "search_beside") == [(f"p{i}", number)]
    assert gallery.switch_model().complete
    assert gallery.embedder == NEW
    for i, number in enumerate(numbers):
        assert nearest(gallery, new(i)) == [(f"p{i}", number)]
        assert nearest(gallery, face("", i).vector, "search_beside") == [(f"p{i}", number)]
        [one] = gallery.templates(f"p{i}")
        assert (one.embedder, one.source) == (NEW, f"{i}.jpg")
        assert one.vector.tobytes() == new(i).tobytes()
    with pytest.raises(GalleryMismatchError):
        gallery.add([face("late", 9)])
    assert gallery.roll_back_model().complete
    for i, number in enumerate(numbers):
        assert nearest(gallery, face("", i).vector) == [(f"p{i}", number)]
        [one] = gallery.templates(f"p{i}")
        assert one.vector.tobytes() == face("", i).vector.tobytes()
    assert gallery.end_model().complete
    assert gallery.model_change() is None
    assert gallery.check() == []
    acts = [entry.act for entry in gallery.journal.entries()]
    assert acts[-6:] == [
        *("model-begin", "model-embed", "model-embed"),
        *("model-switch", "model-roll-back", "model-end"),
    ]
    with pytest.raises(GalleryError, match="is not being changed"):
        gallery.put_beside({1: new(1)})


def test_after_the_end_only_the_new_vectors_are_left(gallery, face):
    numbers = filled(gallery, face)
    gallery.put_beside({n: new(i) for i, n in enumerate(numbers)})
    gallery.switch_model()
    gallery.end_model()
    number = gallery.add([Template("late", new(77), NEW)])[0]
    assert nearest(gallery, new(77)) == [("late", number)]
    with pytest.raises(GalleryError, match="was not switched"):
        gallery.roll_back_model()
    assert gallery.forget("p1").complete
    assert nearest(gallery, new(0)) == [("p0", numbers[0])]


def test_what_is_enrolled_after_a_switch_needs_an_old_vector_before_it_is_rolled_back(
    gallery, face
):
    numbers = filled(gallery, face)
    gallery.put_beside({n: new(i) for i, n in enumerate(numbers)})
    gallery.switch_model()
    [late] = gallery.add([Template("late", new(77), NEW)])
    with pytest.raises(GalleryError, match="1 templates without"):
        gallery.roll_back_model()
    assert nearest(gallery, new(77)) == [("late", late)]  # nothing was changed
    gallery.put_beside({late: face("", 77).vector})
    gallery.roll_back_model()
    assert nearest(gallery, face("", 77).vector) == [("late", late)]


def test_second_vectors_follow_a_merge_a_move_and_an_erasure(reopen, face):
    gallery = reopen()
    numbers = filled(gallery, face)
    gallery.put_beside({n: new(i) for i, n in enumerate(numbers)})
    gallery.merge("p0", "p1")
    gallery.move(numbers[2], into="p3")
    gallery.forget("p4")
    assert nearest(gallery, new(0), "search_beside") == [("p1", numbers[0])]
    assert nearest(gallery, new(2), "search_beside") == [("p3", numbers[2])]
    found = gallery.search_beside(new(4)[None], 9)[0]
    assert {hit.person for hit in found} == {"p1", "p3"}
    assert gallery.put_beside({numbers[4]: new(4)}) == 0  # erased meanwhile
    gallery.switch_model()
    assert nearest(gallery, new(2)) == [("p3", numbers[2])]
    assert gallery.check() == []


def test_another_program_must_open_a_switched_gallery_again(reopen, face):
    gallery, other = reopen(), reopen()
    numbers = filled(gallery, face)
    gallery.put_beside({n: new(i) for i, n in enumerate(numbers)})
    assert nearest(other, face("", 1).vector) == [("p1", numbers[1])]
    assert other.engine.current()
    gallery.switch_model()
    assert not other.engine.current()
    with pytest.raises(GalleryError, match="got another model while it was open"):
        other.search(face("", 1).vector[None])
    with pytest.raises(GalleryError, match="got another model"):
        other.add([face("late", 8)])


def test_decisions_of_people_are_taken_before_a_switch(gallery, face):
    numbers = filled(gallery, face)
    gallery.put_beside({n: new(i) for i, n in enumerate(numbers)})
    gallery.quarantine(face("p1", 30), [Doubt("outlier", "Not similar.")])
    with pytest.raises(GalleryError, match="decide about them first"):
        gallery.switch_model()
    gallery.reject(*(one.id for one in gallery.quarantined()))
    assert gallery.switch_model().complete


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        (np.full(24, np.nan, np.float32), "not finite"),
        (np.zeros(24, np.float32), "length 0"),
        (new(1)[:12] / np.linalg.norm(new(1)[:12]), "12"),
    ],
)
def test_bad_second_vectors_are_refused(gallery, face, vector, message):
    numbers = filled(gallery, face)
    gallery.put_beside({numbers[0]: new(0)})
    with pytest.raises(GalleryError, match=message):
        gallery.put_beside({numbers[1]: new(1), numbers[2]: vector})
    assert gallery.model_change().embedded == 1


def test_only_one_change_at_a_time_and_only_to_another_embedder(gallery, face):
    gallery.add([face("p", 1)])
    for contract in (OLD, "", "x" * 201):
        with pytest.raises(GalleryError, match="another embedder"):
            gallery.begin_model(contract)
    gallery.begin_model(NEW)
    with pytest.raises(GalleryError, match="being changed already"):
        gallery.begin_model("third")
    with pytest.raises(GalleryError, match="was not switched"):
        gallery.roll_back_model()


def test_a_trial_counts_what_differs_and_keeps_it(reopen, face):
    gallery = reopen()
    assert gallery.shadow() is None
    with pytest.raises(GalleryError, match="no new model to try"):
        gallery.try_model()
    numbers = filled(gallery, face)
    assert gallery.shadow() is None
    gallery.try_model()
    view = gallery.shadow()
    assert (view.embedder, view.enrolled()) == (NEW, 5)
    view.compared(["match-match", "match-unknown", "match-match-other"])
    change = gallery.model_change()
    assert (change.faces, change.equal, change.trial) == (3, 1, True)
    gallery.close()
    change = reopen().model_change()
    assert change.compared == {"match-match": 1, "match-unknown": 1, "match-match-other": 1}
    gallery = reopen()
    gallery.put_beside({n: new(i) for i, n in enumerate(numbers)})
    gallery.try_model(False)
    assert gallery.shadow() is None


def test_a_governed_trial_finds_only_whom_the_purpose_covers(gallery, face, sha):
    numbers = filled(gallery, face)
    gallery.put_beside({n: new(i) for i, n in enumerate(numbers)})
    gallery.govern(30)
    basis = LegalBasis("door", "v1", sha("v1"), ground="contract")
    gallery.give("p1", basis)
    with pytest.raises(NoBasisError, match="names its purpose"):
        gallery.search_beside(new(2)[None])
    gallery.purpose = "door"
    assert [hit.person for hit in gallery.search_beside(new(2)[None], 9)[0]] == ["p1"]
    entry = list(gallery.journal.entries())[-1]
    assert (entry.act, entry.purpose, entry.counts["not-covered"]) == ("model-search", "door", 4)


def test_an_encrypted_change_of_a_model_is_migrated_and_goes_on(tmp_path, face, monkeypatch):
    pytest.importorskip("cryptography")
    monkeypatch.setenv("MIEN_GALLERY_KEY", KEY.hex())
    path, target = tmp_path / "people.mien", tmp_path / "moved.mien"
    with open_gallery(path, OLD, create=True) as gallery:
        numbers = filled(gallery, face)
        gallery.put_beside({n: new(i) for i, n in enumerate(numbers)})
        gallery.encrypt(KEY)  # also the second vectors
        data = b"".join(p.read_bytes() for p in tmp_path.iterdir())
        assert new(1).tobytes()[:16] not in data
        gallery.switch_model()
        gallery.rekey(bytes(range(1, 33)))
        monkeypatch.setenv("MIEN_GALLERY_KEY", bytes(range(1, 33)).hex())
    migrate_gallery(path, target)
    with open_gallery(target, NEW) as moved:
        assert moved.check() == []
        assert nearest(moved, new(3)) == [("p3", numbers[3])]
        moved.roll_back_model()
        assert nearest(moved, face("", 3).vector) == [("p3", numbers[3])]
        assert moved.add([face("p9", 9)])


def test_protected_templates_get_protected_second_vectors(tmp_path, face, monkeypatch):
    monkeypatch.setenv(PROTECT, KEY.hex())
    path = tmp_path / "people.mien"
    with open_gallery(path, OLD, create=True) as gallery:
        numbers = gallery.add([face(f"p{i}", i) for i in range(4)])
        gallery.protect(KEY)
        gallery.begin_model(NEW)
        gallery.put_beside({n: new(i) for i, n in enumerate(numbers)})
        with pytest.raises(GalleryError, match="end that before"):
            gallery.protect(bytes(32))
        assert nearest(gallery, new(2), "search_beside") == [("p2", numbers[2])]
        gallery.switch_model()
        gallery.end_model()
    with open_gallery(path, NEW) as gallery:
        assert nearest(gallery, new(2)) == [("p2", numbers[2])]
        assert gallery.templates("p2")[0].vector @ new(2) > 0.99
    assert new(2).tobytes()[:16] not in path.read_bytes()


def test_no_byte_of_the_old_vectors_is_left_after_the_end(tmp_path, face):
    path = tmp_path / "people.mien"
    with open_gallery(path, OLD, create=True) as gallery:
        numbers = filled(gallery, face, 300)
        gallery.put_beside({n: new(i) for i, n in enumerate(numbers)})
        gallery.switch_model()
        assert gallery.end_model().complete
        data = b"".join(p.read_bytes() for p in tmp_path.iterdir())
    assert not [i for i in range(300) if face("", i).vector.tobytes()[:16] in data]
    assert new(1).tobytes() in data


KILLED = """
gallery.close()
gallery = open_gallery(path, None)
from tests.gallery.test_renewal import NEW, new
print("ready", flush=True)
for turn in range(100_000):
    if gallery.model_change() is None:
        gallery.begin_model(NEW)
    for one in gallery.lacking():
        gallery.put_beside({one.id: new(one.id)})
    gallery.switch_model()
    print("new", turn, flush=True)
    gallery.roll_back_model()
    print("old", turn, flush=True)
    gallery.end_model()
"""


@pytest.mark.slow
def test_a_kill_leaves_one_whole_model_or_the_other(tmp_path, face):
    path = tmp_path / "people.mien"
    with open_gallery(path, OLD, create=True) as gallery:
        numbers = gallery.add([face(f"p{i}", i) for i in range(20)])
    random = np.random.default_rng(0)
    for _ in range(int(os.environ.get("MIEN_KILLS", "10"))):
        script = KILLED.replace("from tests", f"sys.path.insert(0, {os.getcwd()!r})\nfrom tests")
        with child(script, path, 0) as one:
            assert one.stdout.readline() == "ready\n"
            one.stdout.readline()
            subprocess.run(["sleep", str(random.uniform(0, 0.1))], check=True)
            one.kill()
        with open_gallery(path, None) as gallery:
            assert gallery.check() == []
            assert gallery.journal.verify() == []
            for i, number in enumerate(numbers):
                query = new(number) if gallery.embedder == NEW else face("", i).vector
                assert nearest(gallery, query) == [(f"p{i}", number)]
            if gallery.model_change() and gallery.model_change().switched:
                gallery.roll_back_model()
