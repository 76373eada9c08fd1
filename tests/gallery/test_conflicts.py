"""Two names of one face, and names that look alike."""

import pytest

from mien.errors import GalleryError
from mien.gallery import ConflictError, Template, export_gallery, import_gallery
from mien.gallery.conflicts import Conflicts, Limit, name_key

CONTRACT = "toy-16:0f0f"
ALIKE = {
    "capitals": "OBAMA",
    "zero width": "Oba\u200bma",
    "joiner": "Oba\u2060ma",
    "soft hyphen": "Oba\u00adma",
    "byte order mark": "\ufeffObama",
    "direction": "\u202aObama\u202c",
    "full width": "\uff2fbama",
    "variation selector": "Obama\ufe0f",
    "grapheme joiner": "Ob\u034fama",
    "Hangul filler": "Obama\u3164",
    "ligature": "\uff2f\uff22ama",
}


@pytest.mark.parametrize("kind", ALIKE)
def test_names_that_look_alike_are_a_conflict(gallery, face, kind):
    gallery.add([face("Obama", 1)])
    found = Conflicts(gallery, lambda: Limit(0.5)).of_name(ALIKE[kind])
    assert (found.person, found.other, found.score) == (ALIKE[kind], "Obama", None)
    assert "invisible characters" in found.detail


@pytest.mark.parametrize("name", ["Obama", "Oabma", "Obama II", "Obamà", "Barack Obama"])
def test_other_names_are_not(gallery, face, name):
    gallery.add([face("Obama", 1)])
    assert Conflicts(gallery, lambda: Limit(0.5)).of_name(name) is None


def test_spaces_of_all_widths_are_one_space():
    assert name_key("Ada\u00a0\u2003King") == name_key(" ada king ") == "ada king"


def test_a_person_without_templates_is_no_conflict(gallery, face, sha):
    gallery.note("OBAMA", sha("x"), "conflict")
    gallery.add([face("Obama", 1)])
    conflicts = Conflicts(gallery, lambda: Limit(0.5))
    assert conflicts.of_name("Obama") is None
    assert conflicts.of_name("OBAMA").other == "Obama"  # still refused, also at a second try


def test_a_face_with_another_name_is_a_conflict_above_the_limit(gallery, unit, face):
    gallery.add([face("Ada", 1)])
    found = Conflicts(gallery, lambda: Limit(0.9)).of_faces(
        ["Ada", "Eve", "Ben"], unit(1, 1).repeat(3, 0)
    )
    assert [one and (one.person, one.other) for one in found] == [
        None,
        ("Eve", "Ada"),
        ("Ben", "Ada"),
    ]
    assert found[1].score == pytest.approx(1)
    assert Conflicts(gallery, lambda: Limit(1.0)).of_faces(["Eve"], unit(1, 1)) == [None]


def exported(reopen, tmp_path, *templates):
    source = reopen("source")
    source.add(templates)
    export_gallery(source, tmp_path / "out.zip", plain=True)
    return tmp_path / "out.zip"


@pytest.mark.parametrize("merge", ["merge", "refuse"])
def test_an_import_with_a_conflict_adds_nothing(reopen, tmp_path, face, merge):
    path = exported(reopen, tmp_path, face("Augusta", 1), face("BEN", 2), face("Cy", 3))
    target = reopen("target")
    target.add([face("Ada", 1), face("Ben", 5)])
    with pytest.raises(ConflictError, match=r"^conflict: .*out\.zip was not imported") as raised:
        import_gallery(path, target, conflicts=merge, limit=Limit(0.9))
    pairs = {(c.person, c.other): c.score for c in raised.value.conflicts}
    assert pairs == {("Augusta", "Ada"): pytest.approx(1), ("BEN", "Ben"): None}
    assert [p.name for p in target.people()] == ["Ada", "Ben"]
    assert import_gallery(path, target, conflicts=merge).templates == 3  # without comparison


def test_names_of_one_file_that_look_alike_are_a_conflict(reopen, tmp_path, face):
    path = exported(reopen, tmp_path, face("Ada", 1), face("ada", 2))
    with pytest.raises(ConflictError, match="'ada' differs from 'Ada'"):
        import_gallery(path, reopen("target"), limit=Limit(0.9))


def test_the_same_person_is_merged_without_a_conflict(reopen, tmp_path, face):
    path = exported(reopen, tmp_path, face("Ada", 1), face("Ada", 2))
    target = reopen("target")
    target.add([face("Ada", 1)])
    assert import_gallery(path, target, conflicts="merge", limit=Limit(0.9)).templates == 1
    with pytest.raises(GalleryError, match="both have 'Ada'"):
        import_gallery(path, target, limit=Limit(0.9))


def test_many_conflicts_are_counted(reopen, tmp_path, unit):
    people = [Template(f"p{i}", v, CONTRACT) for i, v in enumerate(unit(9))]
    path = exported(reopen, tmp_path, *people)
    target = reopen("target")
    target.add([Template(f"q{i}", v, CONTRACT) for i, v in enumerate(unit(9))])
    with pytest.raises(ConflictError, match="And 4 more") as raised:
        import_gallery(path, target, limit=Limit(0.9))
    assert len(raised.value.conflicts) == 9
