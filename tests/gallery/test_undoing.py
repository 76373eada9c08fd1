"""Changes of people that are taken back, on every engine; what is erased stays erased."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

import mien.gallery.journal
from mien.errors import GalleryError
from mien.gallery import LegalBasis, NoBasisError, Refusal, Template, nearest_people
from mien.gallery.conflicts import Limit

KEY = bytes(range(32))


def everything(gallery):
    """All that is stored of each person, but for numbers."""
    return {
        person.name: (
            sorted(
                (t.vector.tobytes(), t.source, t.source_digest, t.added)
                for t in gallery.templates(person.name)
            ),
            [(b.purpose, b.text) for b in gallery.bases(person.name)],
        )
        for person in gallery.people()
    }


@pytest.fixture
def clock(monkeypatch):
    now = [datetime(2026, 1, 1, tzinfo=UTC)]

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return now[0]

    monkeypatch.setattr(mien.gallery.journal, "datetime", Clock)
    monkeypatch.setattr("mien.gallery.checks.datetime", Clock)
    return now


def test_a_merge_is_undone_completely(reopen, face, sha):
    gallery = reopen()
    both = face("Bob", 4, "both.jpg")  # another face of an image that Ada has, too
    gallery.add([face("Ada", 1, "a.jpg"), face("Ada", 2, "both.jpg")])
    gallery.add([face("Bob", 3, "b.jpg"), both], [Refusal("Bob", sha("c.jpg"), "no-face")])
    gallery.give("Bob", LegalBasis("door", "v1", sha("text"), evidence_digest=sha("form")))
    before = everything(gallery)
    gallery.merge("Bob", "Ada", undoable=True)
    assert list(everything(gallery)) == ["Ada"]
    assert len(gallery) == 3
    gallery = reopen()
    [step] = gallery.steps()
    assert (step.act, step.person, step.before) == ("merge", "Ada", "Bob")
    assert gallery.undo(step.id) == "Bob"
    assert everything(gallery) == before
    assert gallery.seen("Bob", sha("c.jpg")).reason == "no-face"
    assert gallery.search(both.vector[None])[0][0].person == "Bob"
    assert gallery.steps() == []
    assert gallery.check() == []
    assert [entry.act for entry in gallery.journal.entries()][-2:] == ["merge", "undo"]


def test_what_is_stated_about_a_merged_person_holds_after_the_undo(gallery, face):
    gallery.add([face("Ada", 1), face("Bob", 2), face("Cy", 3)])
    gallery.relate("Cy", "Bob", same=False)
    gallery.merge("Bob", "Ada", undoable=True)
    assert gallery.settled("Cy", "Ada")
    gallery.undo(gallery.steps()[0].id)
    assert gallery.settled("Cy", "Bob")
    assert not gallery.settled("Cy", "Ada")


def test_a_merge_that_lost_only_a_double_is_undone(gallery, face):
    gallery.add([face("Ada", 1, "a.jpg"), face("Bob", 1, "a.jpg")])
    gallery.merge("Bob", "Ada", undoable=True)
    gallery.undo(gallery.steps()[0].id)
    assert [(p.name, p.templates) for p in gallery.people()] == [("Ada", 1), ("Bob", 1)]


def test_a_merge_keeps_the_name_only_if_that_is_wanted(gallery, face):
    gallery.add([face("Ada", 1), face("Bob", 2)])
    gallery.merge("Bob", "Ada")
    gallery.rename("Ada", "Eve")
    assert gallery.steps() == []


def test_a_rename_is_undone_unless_the_name_is_taken(gallery, face):
    gallery.add([face("Ada", 1)])
    gallery.rename("Ada", "Ada King", undoable=True)
    [step] = gallery.steps()
    gallery.add([face("Ada", 2)])
    with pytest.raises(GalleryError, match="already has a person"):
        gallery.undo(step.id)
    gallery.forget("Ada")
    assert gallery.undo(step.id) == "Ada"
    assert [person.name for person in gallery.people()] == ["Ada"]
    with pytest.raises(GalleryError, match="no step"):
        gallery.undo(step.id)


def test_a_wrong_merge_is_split_and_the_split_is_undone(gallery, face):
    first, *others = gallery.add([face("Ada", i, f"{i}.jpg") for i in (1, 2, 3)])
    gallery.split("Ada", others, "Bob")
    assert [(p.name, p.templates) for p in gallery.people()] == [("Ada", 1), ("Bob", 2)]
    [step] = gallery.steps()
    assert (step.act, step.person, step.before) == ("split", "Bob", "Ada")
    gallery.undo(step.id)
    assert [t.id for t in gallery.templates("Ada")] == [first, *others]
    assert [p.name for p in gallery.people()] == ["Ada"]
    for wrong in ([], [99], [first, *others]):
        with pytest.raises(GalleryError, match="cannot be split"):
            gallery.split("Ada", wrong, "Bob")


def test_a_split_to_somebody_who_has_the_image_is_undone_completely(gallery, face):
    gallery.add([face("Ada", 1, "a.jpg"), face("Ada", 2, "x.jpg"), face("Bob", 3, "a.jpg")])
    before = everything(gallery)
    gallery.split("Ada", [1], "Bob")
    assert len(gallery) == 2
    gallery.undo(gallery.steps()[0].id)
    assert everything(gallery) == before


def test_a_person_is_hidden_and_found_and_shown_again(gallery, face):
    gallery.add([face("Ada", 1), face("Bob", 2)])
    gallery.hide("Ada")
    gallery.hide("Ada")  # nothing to do
    assert gallery.hidden() == {1}
    assert gallery.search(face("", 1).vector[None])[0][0].person == "Ada"
    gallery.hide("Ada", hidden=False)
    assert gallery.hidden() == set()
    show, hide = gallery.steps()
    gallery.undo(show.id)
    assert gallery.hidden() == {1}
    gallery.undo(hide.id)
    assert gallery.hidden() == set()


def test_a_hidden_person_hides_nobody_else_by_a_merge(gallery, face):
    gallery.add([face("Ada", 1), face("Bob", 2)])
    gallery.hide("Bob")
    gallery.choose_portrait("Bob", 2)
    gallery.merge("Bob", "Ada", undoable=True)
    assert (gallery.hidden(), gallery.portraits()) == (set(), {})


def test_a_portrait_is_chosen_and_undone(gallery, face):
    gallery.add([face("Ada", i) for i in (1, 2, 3)])
    gallery.choose_portrait("Ada", 2)
    gallery.choose_portrait("Ada", 3)
    assert gallery.portraits() == {1: 3}
    gallery.undo(gallery.steps()[0].id)
    assert gallery.portraits() == {1: 2}
    gallery.undo(gallery.steps()[0].id)
    assert gallery.portraits() == {}
    with pytest.raises(GalleryError, match="no template 9"):
        gallery.choose_portrait("Ada", 9)


def test_after_thirty_days_a_step_is_final_and_erased(clock, reopen, face):
    gallery = reopen()
    gallery.add([face("Ada", 1), face("Robert the Bruce", 2)])
    gallery.merge("Robert the Bruce", "Ada", undoable=True)
    [step] = gallery.steps()
    assert step.until - step.at == timedelta(days=30)
    clock[0] += timedelta(days=30)
    with pytest.raises(GalleryError, match="30 days"):
        gallery.undo(step.id)
    assert gallery.steps() == []
    assert gallery.engine.facts("step") == []
    assert gallery.expire() == 0


def test_whoever_erases_the_person_erases_the_step(gallery, face):
    gallery.add([face("Ada", 1), face("Bob", 2)])
    gallery.merge("Bob", "Ada", undoable=True)
    gallery.forget("Ada")
    assert gallery.engine.facts("step") == []


def test_a_governed_gallery_splits_only_to_somebody_with_a_basis(gallery, face, sha):
    gallery.add([face("Ada", 1), face("Ada", 2)])
    gallery.govern(365)
    with pytest.raises(NoBasisError):
        gallery.split("Ada", [2], "Bob")
    assert [p.name for p in gallery.people()] == ["Ada"]
    assert gallery.steps() == []


def test_a_new_protection_leaves_no_step_with_old_vectors(gallery, face):
    gallery.add([face("Ada", 1, "a.jpg"), face("Bob", 2, "a.jpg")])
    gallery.merge("Bob", "Ada", undoable=True)
    gallery.protect(KEY)
    assert gallery.steps() == []


def test_the_people_who_are_mixed_up_with_somebody(gallery, face):
    ada = face("Ada", 1)
    near = (ada.vector + 0.3 * face("", 2).vector) / 1.0
    near = replace(ada, person="Bob", vector=near / float((near @ near) ** 0.5))
    gallery.add([ada, near, face("Cy", 9)])
    [pair] = nearest_people(gallery, "Ada", Limit(0.5))
    assert (pair.first, pair.second, pair.templates) == ("Ada", "Bob", (1, 2))
    assert pair.score == pytest.approx(float(ada.vector @ near.vector))
    assert isinstance(ada, Template)
    assert len(nearest_people(gallery, "Ada", Limit(-2), most=1)) == 1


def test_a_new_model_leaves_no_step_with_old_vectors(gallery, face):
    gallery.add([face("Ada", 1, "a.jpg"), face("Bob", 2, "a.jpg")])
    gallery.merge("Bob", "Ada", undoable=True)
    gallery.begin_model("other/1/5")
    gallery.put_beside({one.id: face("", 7).vector for one in gallery.lacking()})
    assert len(gallery.steps()) == 1
    gallery.switch_model()
    assert gallery.steps() == []
