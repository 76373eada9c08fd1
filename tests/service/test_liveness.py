import json
from dataclasses import replace

import numpy as np
import pytest
from tests.toys import Reds

from mien.behaviour.challenge import Challenge
from mien.errors import LivenessError
from mien.film import identify_film
from mien.film.segment_log import segment_from_row, segment_to_row
from mien.gallery import Template, open_gallery
from mien.liveness import Companions, LivenessCheck
from mien.media import write_image
from mien.photo import Pipeline
from mien.service import check_camera, check_frame, check_liveness, enroll, items_in, verify
from mien.service.schema import (
    answer_row,
    checked_row,
    enrolled_row,
    film_row,
    verified_row,
)
from mien.service.watch import Source, watch_presence
from mien.track import KeyFace, Segment


def checking(pipeline, action, **how):
    return replace(pipeline, liveness=LivenessCheck(Reds(), action=action, **how))


@pytest.fixture
def family(tmp_path, toy_pipeline, portrait):
    """Ada, Bob and Cyd; Ada is live, Bob an attack, and Cyd has no score."""
    with open_gallery(tmp_path / "family.mien", toy_pipeline.embedder.contract, create=True) as it:
        for name in ("Ada", "Bob", "Cyd"):
            face = toy_pipeline.main_face(portrait(name))
            it.add([Template(name, face.embedding, face.embedder)])
        yield it


def test_refuse_makes_a_match_a_review_with_a_code_and_the_candidate(
    toy_pipeline, family, portrait
):
    pipeline = checking(toy_pipeline, "refuse")
    pipeline.use(family)
    row = answer_row(pipeline(portrait("Ada", "Bob", "Cyd")), "x.png")
    found = {(d["outcome"], d["person"], d["code"]) for d in (f["decision"] for f in row["faces"])}
    assert found == {
        ("match", "Ada", None),
        ("review", None, "liveness-attack"),
        ("review", None, "liveness-no-response"),
    }
    bob = next(f for f in row["faces"] if f["decision"]["code"] == "liveness-attack")
    assert bob["decision"]["candidates"][0]["person"] == "Bob"
    assert bob["decision"]["reason"].startswith("The face is not live: score 0.100")
    assert bob["liveness"] == {
        "outcome": "attack", "model": "reds@0123", "point": "bpcer5", "threshold": 0.5,
        "score": 0.1, "reason": None, "frames": 1, "modalities": ("rgb",), "ignored": (),
        "signs": (),
    }  # fmt: skip
    assert row["models"]["liveness"].startswith("reds@0123 on ")
    assert "liveness" in row["seconds"]


def test_warn_states_it_and_leaves_decisions_alone(toy_pipeline, family, portrait):
    pipeline = checking(toy_pipeline, "warn")
    pipeline.use(family)
    faces = pipeline(portrait("Ada", "Bob")).faces
    assert {face.decision.outcome for face in faces} == {"match"}
    assert {face.liveness.outcome for face in faces} == {"live", "attack"}


def test_a_stranger_who_is_not_live_stays_unknown_and_the_reason_says_both(
    toy_pipeline, family, portrait
):
    family.forget("Bob")
    pipeline = checking(toy_pipeline, "refuse")
    pipeline.use(family)
    [face] = pipeline(portrait("Bob")).faces
    assert (face.decision.outcome, face.decision.code) == ("unknown", "liveness-attack")


def test_in_a_comparison_only_the_second_face_must_be_live(toy_pipeline, portrait):
    pipeline = checking(toy_pipeline, "refuse")
    assert verify(portrait("Ada"), portrait("Ada"), pipeline).outcome == "match"
    decision = verify(portrait("Bob"), portrait("Bob"), pipeline)
    assert (decision.outcome, decision.code) == ("review", "liveness-attack")
    row = verified_row("a", "b", decision)
    assert row["liveness"]["outcome"] == "attack"
    warned = verify(portrait("Bob"), portrait("Bob"), checking(toy_pipeline, "warn"))
    assert (warned.outcome, warned.liveness.outcome) == ("match", "attack")
    bare = toy_pipeline.only_face(portrait("Ada"))
    with pytest.raises(LivenessError, match="comes without its image"):
        verify(portrait("Ada"), bare, pipeline)


def test_enrolment_refuses_what_is_not_live(toy_pipeline, portrait, tmp_path):
    for name in ("Ada", "Bob", "Cyd"):
        (tmp_path / "in").mkdir(exist_ok=True)
        write_image(tmp_path / "in" / f"{name}.png", portrait(name))
    pipeline = checking(toy_pipeline, "refuse")
    with open_gallery(tmp_path / "g.mien", toy_pipeline.embedder.contract, create=True) as gallery:
        found = {r.item.person: r for r in enroll(items_in(tmp_path / "in"), pipeline, gallery)}
        assert gallery.enrolled() == 1
    assert found["Bob"].reason == "liveness-attack"
    assert found["Cyd"].reason == "liveness-no-response"
    assert "not measured" in found["Cyd"].detail
    assert enrolled_row(found["Ada"])["liveness"]["outcome"] == "live"


def film_of(film, scene, name, frames=40):
    return film([scene({name: (40 + k, 50)}) for k in range(frames)])


def test_a_film_fuses_the_key_faces_of_a_track(toy_pipeline, family, film, scene):
    for name, outcome, code in (("Ada", "match", None), ("Bob", "review", "liveness-attack")):
        pipeline = checking(toy_pipeline, "refuse")
        pipeline.use(family)
        answer = identify_film(film_of(film, scene, name), pipeline)
        [person] = answer.people
        assert (person.decision.outcome, person.decision.code) == (outcome, code)
        row = film_row(answer, "film")
        assert row["people"][0]["liveness"]["frames"] == 4  # one key face per half a second
        assert row["tracks"][0]["liveness"]["outcome"] == person.best.liveness.outcome


def test_a_resumed_film_keeps_what_was_checked(toy_pipeline, portrait):
    [face] = checking(toy_pipeline, "warn")(portrait("Bob")).faces
    segment = Segment(0, (), (KeyFace(1, replace(face, track=1, time=0.1), 0.5),))
    again = segment_from_row(json.loads(json.dumps(segment_to_row(segment))))
    assert again.key_faces[0].face.liveness == face.liveness


def test_watching_reports_reviews_and_the_liveness_of_who_enters(toy_pipeline, family, film, scene):
    pipeline = checking(toy_pipeline, "refuse")
    pipeline.use(family)
    source = Source(name=str(film_of(film, scene, "Bob")))
    enter = next(row for row in watch_presence(source, pipeline) if row["kind"] == "enter")
    assert enter["person"] == "unknown-1"
    assert enter["decision"]["code"] == "liveness-attack"
    assert enter["liveness"]["outcome"] == "attack"


def test_images_and_films_are_checked_face_by_face(toy_pipeline, portrait, film, scene, tmp_path):
    write_image(tmp_path / "two.png", portrait("Ada", "Bob"))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    path = film_of(film, scene, "Ada")
    pipeline = checking(Pipeline(detector=toy_pipeline.detector, quality=False), "warn")
    names = [str(tmp_path / "two.png"), str(path), str(tmp_path / "broken.png")]
    rows = [checked_row(one) for one in check_liveness(names, pipeline)]
    assert [face["liveness"]["outcome"] for face in rows[0]["faces"]] in (
        ["live", "attack"],
        ["attack", "live"],
    )
    assert rows[0]["outcome"] == "attack"
    assert rows[1]["outcome"] == "live"
    assert rows[1]["faces"][0]["liveness"]["frames"] == 7  # of 10 in 2 s: five, then every third
    assert "broken.png" in rows[2]["error"]


def test_nobody_is_no_response_and_not_live(toy_pipeline, film):
    pipeline = checking(Pipeline(detector=toy_pipeline.detector, quality=False), "warn")
    black = np.zeros((80, 80, 3), np.uint8)
    [one] = check_liveness([black], pipeline)
    assert (one.outcome, one.reason) == ("no-response", "none")
    two = check_camera(str(film([black])), pipeline)  # a film of one frame
    assert (two.outcome, two.reason) == ("no-response", "no-face")


def test_a_film_of_one_frame_is_checked(toy_pipeline, film, scene):
    pipeline = checking(Pipeline(detector=toy_pipeline.detector, quality=False), "warn")
    result = check_camera(str(film_of(film, scene, "Ada", 1)), pipeline)
    assert result.outcome == "live"
    assert result.tracks[0].liveness.frames == 1


class NoMesh:
    """A landmarker that never finds a face."""

    name, digest = "none", ""

    def __init__(self, device):
        from mien.types import Crop

        self.crop, self.device = Crop(size=16), device

    def __call__(self, chips):
        return np.zeros((len(chips), 478, 3), np.float32), np.zeros((len(chips), 478), np.float32)


def test_a_challenge_that_nobody_follows_makes_a_live_face_an_attack(toy_pipeline, film, scene):
    pipeline = checking(Pipeline(detector=toy_pipeline.detector, quality=False), "warn")
    asked = []
    result = check_camera(
        str(film_of(film, scene, "Ada")),
        pipeline,
        challenge=Challenge(("blink",)),
        landmarker=NoMesh(toy_pipeline.detector.device),
        ask=asked.append,
    )
    assert result.tracks[0].liveness.outcome == "live"
    assert result.outcome == "attack"
    assert result.challenge.reason == "no-rest"
    assert asked == ["Face the camera."]
    row = json.loads(json.dumps(checked_row(result)))
    assert row["challenge"]["steps"] == [{"move": "blink", "seconds": None}]


def test_a_camera_needs_an_end_and_a_pipeline_a_check(toy_pipeline):
    pipeline = checking(Pipeline(detector=toy_pipeline.detector, quality=False), "warn")
    with pytest.raises(LivenessError, match="A camera has no end"):
        check_camera("0", pipeline)
    with pytest.raises(LivenessError, match="read from the mesh"):
        check_camera("film.mp4", pipeline, challenge=Challenge(("blink",)))
    with pytest.raises(LivenessError, match="checks no liveness"):
        list(check_liveness([], toy_pipeline))


class ReliefReds(Reds):
    """Reds, which also take depth and infrared; each adds nothing but its operating point."""

    needs = frozenset({"frames", "depth", "infrared"})

    def __init__(self):
        parts = ("", "+depth", "+infrared", "+depth+infrared")
        self.points = {f"bpcer5{part}": 0.5 for part in parts}


def test_a_frame_with_depth_and_infrared_states_what_the_score_rests_on(toy_pipeline, portrait):
    pipeline = replace(toy_pipeline, liveness=LivenessCheck(ReliefReds()))
    image = portrait("Ada", "Bob")
    height, width = image.shape[:2]
    flat, dark = np.full((height, width), 0.5, np.float32), np.zeros((height, width), np.uint8)
    result = check_frame(image, Companions(flat, dark), pipeline)
    assert sorted(one.outcome for one in result.found) == ["attack", "live"]
    assert all(one.modalities == ("rgb", "depth", "infrared") for one in result.found)
    row = checked_row(result)
    assert row["outcome"] == "attack"
    assert json.loads(json.dumps(row))["faces"][0]["liveness"]["ignored"] == []
    empty = check_frame(image, Companions(flat * 0, dark), pipeline)
    assert {one.ignored for one in empty.found} == {("depth-empty",)}


def test_a_face_that_infrared_shows_elsewhere_has_no_score(toy_pipeline, portrait):
    pipeline = replace(toy_pipeline, liveness=LivenessCheck(ReliefReds()))
    image = portrait("Ada")
    elsewhere = np.zeros(image.shape[:2], np.uint8)

    class Both:
        name, digest, device = "both", "", toy_pipeline.detector.device

        def __call__(self, picture):
            faces = toy_pipeline.detector(image)
            moved = [replace(face, box=face.box + 500) for face in faces]
            return faces if picture is image else moved

    found = check_frame(image, Companions(None, elsewhere), replace(pipeline, detector=Both()))
    assert [(one.outcome, one.reason) for one in found.found] == [("no-response", "misaligned")]
    assert found.outcome == "no-response"


def test_frames_that_do_not_fit_are_refused(toy_pipeline, portrait):
    image = portrait("Ada")
    flat = np.full((9, 9), 0.5, np.float32)
    with pytest.raises(LivenessError, match="checks no liveness"):
        check_frame(image, Companions(flat), toy_pipeline)
    with pytest.raises(LivenessError, match="'reds' does not use depth"):
        check_frame(image, Companions(flat), checking(toy_pipeline, "warn"))
    pipeline = replace(toy_pipeline, liveness=LivenessCheck(ReliefReds()))
    with pytest.raises(LivenessError, match="depth picture has 9 x 9 px"):
        check_frame(image, Companions(flat), pipeline)
