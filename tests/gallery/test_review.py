"""Quarantine and facts about people, on every engine: who waits or is denied is not found."""

import numpy as np
import pytest

from mien.errors import GalleryError, UnknownPersonError
from mien.gallery import Refusal, Template, similar_people
from mien.gallery.conflicts import Conflicts, Limit
from mien.gallery.relations import Relations
from mien.gallery.review import Doubt, Statement

CONTRACT = "toy-16:0f0f"
DOUBT = Doubt("outlier", "Not similar.", "Ada", 1, "a.jpg", 0.1, 0.5)


def at(degrees, person="", picture=None, sha=None):
    """A template at an angle in one plane."""
    vector = np.zeros(16, dtype=np.float32)
    vector[:2] = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return Template(person, vector, CONTRACT, picture, sha and sha(picture))


def found(gallery, degrees, k=9):
    return [(h.person, h.template) for h in gallery.search(at(degrees).vector[None], k)[0]]


# ---------------------------------------------------------------- quarantine


def test_a_template_in_quarantine_is_never_found_and_comes_back_as_it_was(reopen, face, sha):
    gallery = reopen()
    gallery.add([face("Ada", 1)])
    sent = face("Ben", 2, "b.jpg", quality={"sharpness": 1 / 3}, box=np.ones(4, np.float32))
    number = gallery.quarantine(sent, [DOUBT])
    assert [h.person for h in gallery.search(sent.vector[None], 9)[0]] == ["Ada"]
    assert [p.name for p in gallery.people()] == ["Ada"]
    seen = gallery.seen("Ben", sha("b.jpg"))
    assert (seen.outcome, seen.reason, seen.template) == ("quarantined", "outlier", None)
    [held] = reopen().quarantined()
    assert (held.id, held.doubts, held.group) == (number, (DOUBT,), None)
    assert held.template.vector.tobytes() == sent.vector.tobytes()
    assert (held.template.person, held.template.source) == ("Ben", "b.jpg")
    assert held.template.quality == sent.quality
    assert np.array_equal(held.template.box, sent.box)
    assert gallery.quarantined("Ada") == []


def test_an_accepted_template_is_enrolled_once(gallery, face, sha):
    numbers = [gallery.quarantine(face("Ben", i, f"{i}.jpg"), [DOUBT]) for i in (2, 3)]
    assert gallery.accept(numbers[0]) == [1]
    assert gallery.search(face("", 2).vector[None])[0][0].person == "Ben"
    assert [held.id for held in gallery.quarantined()] == [numbers[1]]
    with pytest.raises(GalleryError, match=f"no template {numbers[0]} in quarantine"):
        gallery.accept(numbers[0])
    assert gallery.seen("Ben", sha("2.jpg")).outcome == "enrolled"
    assert [e.act for e in gallery.journal.entries()][-2:] == ["quarantine", "accept"]
    assert gallery.check() == []


def test_a_rejected_image_is_not_processed_again_and_its_template_is_gone(gallery, face, sha):
    with_image = gallery.quarantine(face("Ben", 2, "b.jpg"), [DOUBT])
    without = gallery.quarantine(face("Cy", 3), [DOUBT])
    assert gallery.reject(with_image, without).complete
    assert gallery.quarantined() == []
    assert gallery.seen("Ben", sha("b.jpg")).reason == "rejected"
    assert list(gallery.engine.names().values()) == ["Ben"]  # of Cy, nothing is left


def test_a_number_that_is_not_there_changes_nothing(gallery, face):
    number = gallery.quarantine(face("Ben", 2, "b.jpg"), [DOUBT])
    for change in (gallery.accept, gallery.reject, gallery.retract):
        with pytest.raises(GalleryError, match="list them with"):
            change(number, 99)
    assert [held.id for held in gallery.quarantined()] == [number]
    assert len(gallery) == 0


def test_what_was_learned_together_is_rolled_back_together(gallery, face):
    gallery.add([face("Ada", 1)])
    learned = [gallery.quarantine(face("Ada", i), [DOUBT], group="night") for i in (2, 3, 4)]
    other = gallery.quarantine(face("Ada", 5), [DOUBT], group="day")
    assert gallery.accept(*learned[:2]) == [2, 3]
    receipt = gallery.roll_back("night")
    assert (receipt.templates, receipt.complete) == (3, True)
    assert [t.id for t in gallery.templates("Ada")] == [1]
    assert [held.id for held in gallery.quarantined()] == [other]
    with pytest.raises(GalleryError, match="has learned nothing as 'night'"):
        gallery.roll_back("night")


def test_a_forgotten_person_leaves_the_quarantine_and_an_empty_one_keeps_it(gallery, face):
    gallery.add([face("Ada", 1), face("Ben", 2)])
    gallery.quarantine(face("Ada", 3), [DOUBT])
    gallery.quarantine(face("Ben", 4), [DOUBT])
    gallery.relate("Ada", "Ben", same=False)
    gallery.forget("Ada")
    gallery.remove(2)  # Ben has no template now, but one that waits
    assert [held.template.person for held in gallery.quarantined()] == ["Ben"]
    assert gallery.statements() == []


@pytest.mark.parametrize("spoil", [lambda v: v * 2, lambda v: v * np.float32("nan")])
def test_a_bad_template_does_not_wait(gallery, face, spoil):
    bad = Template("Ada", spoil(face("", 1).vector), CONTRACT)
    with pytest.raises(GalleryError):
        gallery.quarantine(bad, [DOUBT])
    with pytest.raises(GalleryError):
        gallery.quarantine(face("", 1), [DOUBT])
    assert gallery.engine.names() == {}


# ---------------------------------------------------------------- facts


def test_two_names_of_one_person_are_one_answer(gallery):
    gallery.add([at(0, "Ada"), at(5, "A. King"), at(40, "Ben"), at(60, "Cy")])
    assert [name for name, _ in found(gallery, 1, 2)] == ["Ada", "A. King"]
    number = gallery.relate("A. King", "Ada", same=True)
    assert [name for name, _ in found(gallery, 1, 2)] == ["Ada", "Ben"]
    assert [name for name, _ in found(gallery, 6, 2)] == ["A. King", "Ben"]
    assert gallery.settled("Ada", "A. King")
    assert gallery.statements() == [Statement(number, "same", "Ada", "A. King")]
    later = gallery.relate("Ada", "A. King", same=False)  # the later statement counts
    assert [(one.id, one.kind) for one in gallery.statements()] == [(later, "different")]
    gallery.retract(later)
    assert gallery.statements() == []
    assert not gallery.settled("Ada", "A. King")


def test_a_face_that_is_nearer_to_a_denied_one_is_not_found(gallery):
    gallery.add([at(0, "Ada"), at(60, "Ben")])
    gallery.deny("Ada", at(30).vector, "wrong.jpg")
    assert [name for name, _ in found(gallery, 28)] == ["Ben"]
    assert [name for name, _ in found(gallery, 10)] == ["Ada", "Ben"]
    assert [name for name, _ in found(gallery, 15, 1)] == ["Ada"]  # a tie is in favour of Ada
    [fact] = gallery.statements()
    assert (fact.kind, fact.person, fact.source) == ("denied", "Ada", "wrong.jpg")


def test_facts_follow_a_merge(gallery):
    gallery.add([at(0, "Ada"), at(20, "Ben"), at(40, "Cy"), at(80, "Dee")])
    gallery.relate("Cy", "Ben", same=False)
    gallery.relate("Ben", "Dee", same=True)
    gallery.deny("Ben", at(50).vector)
    gallery.merge("Ben", "Ada")
    facts = [(one.kind, one.person, one.other) for one in gallery.statements()]
    assert facts == [("different", "Ada", "Cy"), ("same", "Ada", "Dee"), ("denied", "Ada", None)]
    assert gallery.settled("Ada", "Cy")
    assert gallery.settled("Cy", "Ada")
    assert [name for name, _ in found(gallery, 48)] == ["Cy", "Dee"]
    gallery.merge("Cy", "Ada")  # against the statement: it is about nobody now
    assert [one.kind for one in gallery.statements()] == ["same", "denied"]


def test_people_who_are_known_to_be_two_are_no_conflict_and_no_duplicate(gallery):
    gallery.add([at(0, "Ada"), at(2, "Eve"), at(90, "Ben")])
    limit = Limit(0.9)
    assert [(p.first, p.second) for p in similar_people(gallery, limit)] == [("Ada", "Eve")]
    [conflict] = Conflicts(gallery, lambda: limit).of_faces(["Eve"], at(1).vector[None])
    conflict = (
        conflict or Conflicts(gallery, lambda: limit).of_faces(["Eve"], at(0).vector[None])[0]
    )
    assert (conflict.other, conflict.template.template) == ("Ada", 1)
    gallery.relate("Ada", "Eve", same=False)
    assert similar_people(gallery, limit) == []
    assert Conflicts(gallery, lambda: limit).of_faces(["Eve"], at(0).vector[None]) == [None]
    gallery.add([at(1, "Zoe")])  # a third one is a conflict still
    [conflict] = Conflicts(gallery, lambda: limit).of_faces(["Eve"], at(0.4).vector[None])
    assert conflict.other == "Zoe"


def test_a_fact_is_about_two_known_people(gallery, face):
    gallery.add([face("Ada", 1)])
    with pytest.raises(UnknownPersonError):
        gallery.relate("Ada", "Ben", same=True)
    with pytest.raises(GalleryError, match="one person already"):
        gallery.relate("Ada", " Ada", same=True)
    with pytest.raises(UnknownPersonError):
        gallery.deny("Ben", face("", 1).vector)
    assert gallery.statements() == []


def test_a_governed_gallery_keeps_no_face_without_a_basis(gallery, face):
    gallery.add([face("Ada", 1)])
    gallery.govern(30)
    with pytest.raises(GalleryError, match="is governed: it does not keep"):
        gallery.deny("Ada", face("", 2).vector)
    with pytest.raises(GalleryError, match="no valid legal basis"):
        gallery.quarantine(face("Ada", 3), [DOUBT])


def test_what_was_decided_is_seen_by_others_at_once(reopen):
    one, two = reopen(), reopen()
    one.add([at(0, "Ada"), at(5, "Eve")])
    assert len(found(two, 1)) == 2
    number = one.relate("Ada", "Eve", same=True)
    assert found(two, 1) == [("Ada", 1)]
    two.retract(number)
    assert len(found(one, 1)) == 2


def test_a_chain_of_people_who_are_one_has_one_answer():
    known = Relations([(1, 2), (3, 2), (4, 1)], [], [(4, 9)], {})
    assert {known.first(who) for who in (1, 2, 3, 4)} == {1}
    assert known.settled(3, 4)
    assert known.now(9) == 4
    assert not known.settled(1, 5)


def test_a_rejected_refusal_stays_a_refusal(gallery, face, sha):
    gallery.add((), [Refusal("Ada", sha("a.jpg"), "blurred", "a.jpg")])
    gallery.reject(gallery.quarantine(face("Ada", 1, "b.jpg"), [DOUBT]))
    assert {r.reason for r in gallery.refusals()} == {"blurred", "rejected"}
