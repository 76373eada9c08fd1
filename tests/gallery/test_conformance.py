"""What every gallery engine must do. A new engine adds one line to ENGINES in conftest.py."""

from datetime import UTC, datetime

import numpy as np
import pytest

from mien.errors import GalleryError, GalleryMismatchError, UnknownPersonError
from mien.gallery import Refusal, Stored, Template

CONTRACT = "toy-16:0f0f"


def names(hits):
    return [hit.person for hit in hits]


# ---------------------------------------------------------------- search


def test_each_person_comes_once_with_the_best_template(gallery):
    # Cosines to the query (1, 0): Ada 0.6 and 1.0, Ben 0.8, Cy 0.
    flat = np.zeros((4, 16), dtype=np.float32)
    flat[:, 0], flat[:, 1] = [0.6, 0.8, 1.0, 0.0], [0.8, 0.6, 0.0, 1.0]
    people = ["Ada", "Ben", "Ada", "Cy"]
    gallery.add(
        [Template(p, v, CONTRACT, f"{v[0]:.1f}") for p, v in zip(people, flat, strict=True)]
    )
    query = np.eye(1, 16, dtype=np.float32)
    (hits,) = gallery.search(query, k=5)
    assert [(h.person, h.template, h.source) for h in hits] == [
        ("Ada", 3, "1.0"),
        ("Ben", 2, "0.8"),
        ("Cy", 4, "0.0"),
    ]
    assert [h.similarity for h in hits] == pytest.approx([1.0, 0.8, 0.0], abs=1e-7)
    assert names(gallery.search(query, k=2)[0]) == ["Ada", "Ben"]


def test_of_equal_templates_the_lower_number_wins(gallery, face):
    gallery.add([face(name, 7) for name in ("Cy", "Ada", "Ben", "Ada")])
    (hits,) = gallery.search(face("", 7).vector[None], k=3)
    assert [(h.person, h.template) for h in hits] == [("Cy", 1), ("Ada", 2), ("Ben", 3)]


def test_an_answer_does_not_depend_on_the_queries_beside_it(gallery, unit):
    gallery.add([Template(f"p{i // 2}", v, CONTRACT) for i, v in enumerate(unit(300))])
    queries = unit(17, seed=1)
    together = gallery.search(queries, k=3)
    assert together == [gallery.search(q[None], k=3)[0] for q in queries]


def test_an_empty_gallery_knows_nobody_and_no_queries_have_no_answers(gallery, unit, face):
    assert gallery.search(unit(3), k=2) == [[], [], []]
    gallery.add([face("Ada", 1)])
    assert gallery.search(unit(0), k=2) == []


def test_a_search_for_nobody_is_refused(gallery, unit):
    with pytest.raises(GalleryError, match="expected 1 or more"):
        gallery.search(unit(1), k=0)


# ---------------------------------------------------------------- what may go in

BAD = {
    "not-a-number": (lambda v: v * np.float32("nan"), "is not finite"),
    "infinite": (lambda v: v / np.float32(0), "is not finite"),
    "zero": (lambda v: v * np.float32(0), "length 0"),
    "too long": (lambda v: v * np.float32(1.01), "length 1.01"),
    "double": (lambda v: v.astype(np.float64), "float64"),
    "half": (lambda v: v.astype(np.float16), "float16"),
    "short": (lambda v: np.eye(1, 15, dtype=np.float32)[0], "15"),
    "list": (lambda v: v.tolist(), "list"),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_a_bad_vector_is_refused_with_its_whole_batch(gallery, face, kind):
    spoil, message = BAD[kind]
    gallery.add([face("Ada", 1)])
    bad = Template("Ben", spoil(face("Ben", 2).vector), CONTRACT)
    with pytest.raises(GalleryError, match=message):
        gallery.add([face("Cy", 3), bad])
    assert [p.name for p in gallery.people()] == ["Ada"]


@pytest.mark.parametrize("kind", [kind for kind in BAD if kind != "list"])
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_a_bad_query_is_refused(gallery, face, kind):
    spoil, message = BAD[kind]
    gallery.add([face("Ada", 1)])
    with pytest.raises(GalleryError, match=message):
        gallery.search(spoil(face("", 2).vector)[None])


def test_a_single_vector_without_a_row_is_refused(gallery, face):
    with pytest.raises(GalleryError, match=r"vector\[None\]"):
        gallery.search(face("", 1).vector)


def test_a_length_within_the_tolerance_is_taken(gallery, face):
    gallery.add([Template("Ada", face("", 1).vector * np.float32(1.00009), CONTRACT)])
    assert len(gallery) == 1


def test_vectors_of_another_embedder_never_come_in(gallery, face):
    with pytest.raises(GalleryMismatchError, match="'other-16'"):
        gallery.add([face("Ada", 1), Template("Ben", face("", 2).vector, "other-16")])
    assert len(gallery) == 0


def test_every_field_comes_back_as_it_went_in(gallery, face, sha):
    moment = datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=UTC)
    box = np.array([0.1, 2.5, 1e6, 3.3333333], dtype=np.float32)
    quality = {"sharpness": 1 / 3, "unified": 71.0}
    sent = face("Ada", 1, "a/ü 木.jpg", quality=quality, box=box, added=moment)
    (number,) = gallery.add([sent])
    (got,) = gallery.templates("Ada")
    assert (got.id, got.person, got.embedder) == (number, "Ada", CONTRACT)
    assert (got.source, got.source_digest) == ("a/ü 木.jpg", sha("a/ü 木.jpg"))
    assert (got.quality, got.added) == (quality, moment)
    assert got.vector.tobytes() == sent.vector.tobytes()
    assert got.box is not None
    assert got.box.tobytes() == box.tobytes()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"quality": {"sharpness": float("nan")}}, "not a finite number"),
        ({"quality": {f"c{i}": 1.0 for i in range(9_000)}}, "9,000 components"),
        ({"source": "x" * 10_000_000}, "longer than 4096"),
        ({"box": np.zeros(3, dtype=np.float32)}, "left, top, right, bottom"),
        ({"box": np.full(4, np.nan, dtype=np.float32)}, "finite"),
        ({"added": datetime(2024, 1, 1)}, "no time zone"),  # noqa: DTZ001, RUF100
        ({"source": "\udc80.jpg"}, "valid Unicode"),
        ({"source_digest": "ABC"}, "64 lower-case hex digits"),
    ],
)
def test_a_description_that_cannot_be_stored_is_refused(gallery, face, more, message):
    with pytest.raises(GalleryError, match=message):
        gallery.add([Template("Ada", face("", 1).vector, CONTRACT, **more)])
    assert (len(gallery), gallery.people()) == (0, [])


def test_nothing_is_kept_if_the_batch_breaks_halfway(gallery, face):
    def broken():
        yield face("Ada", 1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gallery.add(broken())
    assert gallery.people() == []


# ---------------------------------------------------------------- names


def test_two_spellings_of_one_name_are_one_person(gallery, face):
    gallery.add([face("Zo\u00eb", 1), face("Zoe\u0308", 2), face("  Zo\u00eb ", 3)])
    assert [(p.name, p.templates) for p in gallery.people()] == [("Zo\u00eb", 3)]
    assert len(gallery.templates("Zoe\u0308")) == 3


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\\b", "CON", "'; DROP TABLE people", "木"])
def test_a_name_is_only_data(gallery, face, name):
    gallery.add([face(name, 1)])
    assert names(gallery.search(face("", 1).vector[None])[0]) == [name]
    assert gallery.forget(name).templates == 1


@pytest.mark.parametrize(
    "name", ["", "  ", "a\nb", "a\0", "\x1b[31m", "x" * 201, "\udc80", "a\u2028"]
)
def test_a_name_that_is_no_name_is_refused(gallery, face, name):
    with pytest.raises(GalleryError, match="name"):
        gallery.add([face(name, 1)])
    with pytest.raises(GalleryError, match="name"):
        gallery.note(name, "0" * 64, "no_face")
    assert gallery.people() == []


def test_a_name_of_two_hundred_characters_is_taken(gallery, face):
    gallery.add([face("x" * 200, 1)])
    assert len(gallery) == 1


# ---------------------------------------------------------------- pictures seen before


def test_the_same_picture_twice_adds_nothing(gallery, face, sha):
    first = gallery.add([face("Ada", 1, "a.jpg"), face("Ada", 2, "b.jpg")])
    again = gallery.add([face("Ada", 1, "a.jpg"), face("Ada", 3, "c.jpg"), face("Ada", 3, "c.jpg")])
    assert (first, again, len(gallery)) == ([1, 2], [1, 3, 3], 3)
    seen = gallery.seen("Ada", sha("a.jpg"))
    assert (seen.outcome, seen.reason, seen.template) == ("enrolled", None, 1)


def test_two_people_may_be_in_one_picture(gallery, face):
    assert gallery.add([face("Ada", 1, "both.jpg"), face("Ben", 2, "both.jpg")]) == [1, 2]


def test_a_template_without_a_picture_is_always_new(gallery, face):
    assert gallery.add([face("Ada", 1), face("Ada", 1)]) == [1, 2]


def test_a_refused_picture_is_remembered_with_its_reason(gallery, sha):
    before = datetime.now(UTC)
    gallery.note("Ada", sha("a.jpg"), "blurred", "a.jpg")
    gallery.note("Ada", sha("a.jpg"), "no_face", "a.jpg")  # a later try counts
    seen = gallery.seen("Ada", sha("a.jpg"))
    assert (seen.outcome, seen.reason, seen.template) == ("refused", "no_face", None)
    assert before <= seen.when <= datetime.now(UTC)
    assert gallery.seen("Ben", sha("a.jpg")) is None
    assert gallery.seen("Ada", sha("b.jpg")) is None
    assert [(p.name, p.templates) for p in gallery.people()] == [("Ada", 0)]
    assert [(r.person, r.reason, r.source) for r in gallery.refusals()] == [
        ("Ada", "no_face", "a.jpg")
    ]


def test_a_picture_is_enrolled_or_refused_but_never_both(gallery, face, sha):
    gallery.note("Ada", sha("a.jpg"), "blurred")
    gallery.add([face("Ada", 1, "a.jpg")])
    assert gallery.refusals() == []
    gallery.note("Ada", sha("a.jpg"), "no_face")
    assert gallery.seen("Ada", sha("a.jpg")).outcome == "enrolled"


def test_templates_and_refusals_come_in_together_or_not_at_all(gallery, face, sha):
    with pytest.raises(GalleryError, match="not a code"):
        gallery.add([face("Ada", 1, "a.jpg")], [Refusal("Ada", sha("b.jpg"), "No face!")])
    assert gallery.seen("Ada", sha("a.jpg")) is None
    gallery.add([face("Ada", 1, "a.jpg")], [Refusal("Ada", sha("b.jpg"), "no-face")])
    assert [gallery.seen("Ada", sha(n)).outcome for n in ("a.jpg", "b.jpg")] == [
        "enrolled",
        "refused",
    ]


# ---------------------------------------------------------------- people


def test_a_forgotten_person_is_found_nowhere(gallery, face, sha):
    gallery.add([face("Ada", 1, "a.jpg"), face("Ada", 2), face("Ben", 3)])
    gallery.note("Ada", sha("b.jpg"), "no_face")
    receipt = gallery.forget("Ada")
    assert (receipt.people, receipt.templates, receipt.refusals) == (1, 2, 1)
    assert (receipt.complete, receipt.reason) == (True, None)
    assert names(gallery.search(face("", 1).vector[None], k=9)[0]) == ["Ben"]
    assert gallery.seen("Ada", sha("a.jpg")) is None
    assert gallery.seen("Ada", sha("b.jpg")) is None
    assert ([p.name for p in gallery.people()], gallery.refusals(), len(gallery)) == (
        ["Ben"],
        [],
        1,
    )


def test_a_number_is_never_given_twice(gallery, face):
    gallery.add([face("Ada", 1), face("Ben", 2)])
    ben = gallery.people()[1].id
    gallery.forget("Ben")
    assert gallery.add([face("Cy", 3)]) == [3]
    assert gallery.people()[1].id > ben


def test_forgetting_somebody_unknown_forgets_nobody(gallery, face):
    gallery.add([face("Ada", 1)])
    with pytest.raises(UnknownPersonError, match="nobody called 'ada'"):
        gallery.forget("Ada", "ada")
    assert len(gallery) == 1
    assert gallery.forget().people == 0


def test_everyone_can_be_forgotten_and_the_gallery_used_again(gallery, face):
    gallery.add([face(f"p{i}", i) for i in range(20)])
    gallery.search(face("", 1).vector[None])
    assert gallery.forget(*(p.name for p in gallery.people())).people == 20
    assert (len(gallery), gallery.search(face("", 1).vector[None])) == (0, [[]])
    gallery.add([face("Ada", 1)])
    assert names(gallery.search(face("", 1).vector[None])[0]) == ["Ada"]


def test_a_renamed_person_keeps_id_and_templates(gallery, face):
    gallery.add([face("Ada", 1, "a.jpg")])
    (before,) = gallery.people()
    assert gallery.rename("Ada", "Ada L.").complete
    (after,) = gallery.people()
    assert (after.id, after.name, after.templates) == (before.id, "Ada L.", 1)
    assert names(gallery.search(face("", 1).vector[None])[0]) == ["Ada L."]
    with pytest.raises(UnknownPersonError):
        gallery.templates("Ada")


def test_a_name_that_is_taken_is_not_given_again(gallery, face):
    gallery.add([face("Ada", 1), face("Ben", 2)])
    with pytest.raises(GalleryError, match="or merge them"):
        gallery.rename("Ada", "Ben")
    with pytest.raises(UnknownPersonError):
        gallery.rename("Cy", "Dee")
    gallery.rename("Ada", "Ada")  # her own name is not taken
    assert [p.name for p in gallery.people()] == ["Ada", "Ben"]


def test_two_people_become_one_and_a_picture_of_both_stays_once(gallery, face, sha):
    gallery.add([face("Ada", 1, "a.jpg"), face("A.", 2, "a.jpg"), face("A.", 3, "b.jpg")])
    gallery.note("A.", sha("c.jpg"), "blurred")
    gallery.note("Ada", sha("b.jpg"), "blurred")  # enrolled by the merge
    gallery.note("Ada", sha("c.jpg"), "no_face")
    receipt = gallery.merge("A.", "Ada")
    assert (receipt.people, receipt.templates, receipt.refusals) == (1, 1, 2)
    assert [(p.name, p.templates) for p in gallery.people()] == [("Ada", 2)]
    assert [t.id for t in gallery.templates("Ada")] == [1, 3]
    assert [(r.source_digest, r.reason) for r in gallery.refusals()] == [(sha("c.jpg"), "no_face")]
    (hits,) = gallery.search(face("", 3).vector[None], k=2)
    assert [(h.person, h.template) for h in hits] == [("Ada", 3)]


def test_a_merge_needs_two_known_people(gallery, face):
    gallery.add([face("Ada", 1)])
    with pytest.raises(GalleryError, match="itself"):
        gallery.merge("Ada", "Ada")
    for pair in (("Ada", "Ben"), ("Ben", "Ada")):
        with pytest.raises(UnknownPersonError):
            gallery.merge(*pair)
    assert gallery.people()[0].templates == 1


def test_single_templates_are_removed_and_an_empty_person_with_them(gallery, face, sha):
    gallery.add([face("Ada", 1, "a.jpg"), face("Ada", 2), face("Ben", 3), face("Cy", 4)])
    gallery.note("Cy", sha("c.jpg"), "blurred")
    gallery.search(face("", 1).vector[None])
    receipt = gallery.remove(1, 3, 4, 3)
    assert (receipt.people, receipt.templates, receipt.complete) == (1, 3, True)
    # Ben is gone; Cy has a refused image.
    assert [(p.name, p.templates) for p in gallery.people()] == [("Ada", 1), ("Cy", 0)]
    assert gallery.seen("Ada", sha("a.jpg")) is None
    (hits,) = gallery.search(face("", 3).vector[None], k=9)
    assert [(h.person, h.template) for h in hits] == [("Ada", 2)]
    assert len(gallery) == 1
    assert gallery.remove().templates == 0


def test_single_templates_are_moved(gallery, face, sha):
    gallery.add([face("Ada", 1, "a.jpg"), face("Ada", 2, "b.jpg"), face("Ben", 3, "c.jpg")])
    gallery.search(face("", 1).vector[None])
    receipt = gallery.move(2, into="Ben")
    assert (receipt.people, receipt.templates, receipt.complete) == (0, 0, True)
    (hits,) = gallery.search(face("", 2).vector[None])
    assert [(h.person, h.template) for h in hits] == [("Ben", 2)]
    assert gallery.seen("Ben", sha("b.jpg")).template == 2
    assert gallery.seen("Ada", sha("b.jpg")) is None
    assert gallery.move(1, into="Eve").people == 1  # Eve is new; nothing is left of Ada
    assert [(p.name, p.templates) for p in gallery.people()] == [("Ben", 2), ("Eve", 1)]
    assert gallery.move(1, into="Eve").people == 0
    assert gallery.move(into="Eve").people == 0


def test_a_template_of_the_same_image_is_not_kept_twice(gallery, face, sha):
    gallery.add([face("Ada", 1, "a.jpg"), face("Ben", 2, "a.jpg"), face("Ben", 3, "b.jpg")])
    gallery.note("Ada", sha("b.jpg"), "blurred")
    receipt = gallery.move(2, 3, into="Ada")
    assert (receipt.people, receipt.templates, receipt.refusals) == (1, 1, 1)
    assert [t.id for t in gallery.templates("Ada")] == [1, 3]
    assert gallery.refusals() == []


@pytest.mark.parametrize("number", [0, 9, -1, 2**63])
def test_an_unknown_number_changes_nothing(gallery, face, number):
    gallery.add([face("Ada", 1), face("Ben", 2)])
    for change in (lambda: gallery.remove(1, number), lambda: gallery.move(1, number, into="Ben")):
        with pytest.raises(GalleryError, match=f"no template {number};"):
            change()
    assert [(p.name, p.templates) for p in gallery.people()] == [("Ada", 1), ("Ben", 1)]
    with pytest.raises(GalleryError, match="name"):
        gallery.move(1, into="\n")


def test_all_templates_come_in_the_order_of_their_numbers(gallery, unit):
    vectors = unit(2500)  # more than one page
    gallery.add([Template(f"p{i % 7}", v, CONTRACT) for i, v in enumerate(vectors)])
    rows = list(gallery)
    assert [row.id for row in rows] == list(range(1, 2501))
    assert isinstance(rows[0], Stored)
    assert np.array_equal(np.stack([row.vector for row in rows]), vectors)
