"""Made, edited and restored faces are never enrolled, never named without review, never counted."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from mien.cli.eval.options import basis_of
from mien.evaluate.originals import MadeImageError, accept_made, require_originals
from mien.gallery import Template, open_gallery
from mien.media import FilmWriter, encode_image, source_packet, write_bytes, write_image
from mien.service import Item, enroll, identify, verify
from mien.types import Crop

CHANGES = ("synthetic", "edited", "restored")


def note(change):
    return json.dumps({"maker": "x", "change": change})


@pytest.fixture
def known(tmp_path, toy_pipeline, portrait):
    """The toy pipeline with a gallery of Ada."""
    with open_gallery(tmp_path / "g.mien", toy_pipeline.embedder.contract, create=True) as it:
        face = toy_pipeline.main_face(portrait("Ada"))
        it.add([Template("Ada", face.embedding, face.embedder)])
        toy_pipeline.use(it)
        yield toy_pipeline


@pytest.mark.parametrize("change", CHANGES)
def test_a_made_face_is_refused_by_enrolment_with_its_reason(known, portrait, tmp_path, change):
    made, original = tmp_path / "made.png", tmp_path / "original.png"
    write_bytes(made, encode_image(portrait("Bob"), "png", note=note(change)))
    write_image(original, portrait("Bob"))
    items = [Item("Bob", made), Item("Bob", original)]
    first, second = enroll(items, known, known.gallery)
    assert (first.outcome, first.reason) == ("refused", f"made-{change}")
    assert "only original photographs are enrolled" in first.detail
    assert second.outcome == "enrolled"


def test_what_other_programs_declare_counts_too(known, portrait, tmp_path):
    declared = encode_image(portrait("Bob"), "jpeg", xmp=source_packet("restored"))
    [one] = enroll([Item("Bob", tmp_path / "upload.jpg", data=declared)], known, known.gallery)
    assert one.reason == "made-restored"


def test_a_made_face_is_never_named_without_review(known, portrait, tmp_path):
    made, original = tmp_path / "made.png", tmp_path / "original.png"
    write_bytes(made, encode_image(portrait("Ada"), "png", note=note("restored")))
    write_image(original, portrait("Ada"))
    stranger = encode_image(portrait("Cyd"), "png", note=note("restored"))
    sources = [str(made), str(original), stranger]
    found = [one.answer.faces[0].decision for one in identify(sources, known)]
    assert [(d.outcome, d.person, d.code) for d in found] == [
        ("review", None, "made-restored"),
        ("match", "Ada", None),
        ("unknown", None, "made-restored"),
    ]
    assert found[0].likely == "Ada"
    assert found[0].reason.startswith("The image is declared as restored")
    alike = [verify(str(original), str(one), known) for one in (original, made)]
    assert [(one.outcome, one.code) for one in alike] == [
        ("match", None),
        ("review", "made-restored"),
    ]


def test_the_people_of_a_made_film_are_for_review(known, scene, tmp_path):
    decisions = []
    for text in ("", note("synthetic")):
        path = tmp_path / f"film{len(text)}.mp4"
        with FilmWriter(path, note=text) as writer:
            for k in range(30):
                writer.add(scene({"Ada": (10 + k, 10)}), k / 10)
        [one] = identify([str(path)], known)
        decisions.append(one.film.people[0].decision)
    assert [one.outcome for one in decisions] == ["match", "review"]
    assert decisions[1].code == "made-synthetic"


def test_a_test_with_made_images_is_refused_and_counts_them(tmp_path):
    paths = [tmp_path / f"{k}.png" for k in range(4)]
    for path in paths[:2]:
        write_bytes(path, encode_image(np.zeros((8, 8, 3), np.uint8), "png", note=note("edited")))
    write_image(paths[2], np.zeros((8, 8, 3), np.uint8))
    paths[3].write_bytes(b"damaged")  # counted as a failure by the test itself
    with pytest.raises(MadeImageError, match=r"2 images of the test .*0\.png \(edited\)"):
        require_originals(paths)
    require_originals(paths[2:])


def test_verification_and_detection_refuse_made_images(known, portrait, tmp_path):
    from mien.datasets.people import Picture
    from mien.evaluate.detection import detect_single
    from mien.evaluate.verification.vectors import embed_pictures

    path = tmp_path / "1.png"
    write_bytes(path, encode_image(portrait("Ada"), "png", note=note("synthetic")))
    with pytest.raises(MadeImageError):
        embed_pictures([Picture(path, "Ada", 0)], known)
    with pytest.raises(MadeImageError):
        detect_single([path], known.detector, data="two")


def test_liveness_groups_grids_and_clips_refuse_made_images(known, portrait, tmp_path):
    from mien.datasets import Attempt, Labelled
    from mien.evaluate.attempts import score_attempts
    from mien.evaluate.attributes.card_task import predict_clips
    from mien.evaluate.fairness.groups import assess_pictures
    from mien.evaluate.fairness.labelled_faces import faces_of

    path = tmp_path / "clip" / "1.png"
    path.parent.mkdir()
    write_bytes(path, encode_image(portrait("Ada"), "png", note=note("synthetic")))
    one = Labelled(path, labels={"gender": "F", "dataset": "a"})
    known.liveness = SimpleNamespace()
    head = SimpleNamespace(needs={"chips"}, crop=Crop(size=8))
    with pytest.raises(MadeImageError):
        score_attempts([Attempt(path, "bona-fide", "s")], known)
    with pytest.raises(MadeImageError):
        assess_pictures([one], known)
    with pytest.raises(MadeImageError):
        faces_of([one], {}, 8)
    with pytest.raises(MadeImageError, match="clip"):
        predict_clips([replace(one, path=path.parent)], "gender", head, ("F",))


def test_made_images_count_on_purpose_and_the_result_states_it(tmp_path):
    path = tmp_path / "1.png"
    write_bytes(path, encode_image(np.zeros((8, 8, 3), np.uint8), "png", note=note("edited")))
    accept_made(True)
    try:
        require_originals([path])
        assert "Images" in dict(basis_of(None))
    finally:
        accept_made(False)
    assert "Images" not in dict(basis_of(None))
    with pytest.raises(MadeImageError, match="eval --made"):
        require_originals([path])


def test_made_faces_are_left_out_of_groups(known, portrait, tmp_path):
    from mien.albums.groups import Groups
    from mien.service import group_photos

    made, original = tmp_path / "made.png", tmp_path / "original.png"
    write_bytes(made, encode_image(portrait("Ada"), "png", note=note("restored")))
    write_image(original, portrait("Bob"))
    by = (known.embedder.contract, known.detector.name)
    with Groups(tmp_path / "a.groups", made_by=by, read_only=False) as groups:
        _, failed = group_photos([made, original], known, groups)
    assert list(failed) == [made]
    assert "only original photographs are grouped" in failed[made]
