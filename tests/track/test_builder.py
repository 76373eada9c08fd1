import numpy as np
import pytest

from mien.track import FrameFaces, KeyFace, Segment, TrackBuilder, mean, selection_score
from mien.types import Face, Quality


def points(eyes=40.0, turned=0.0):
    """Five points of a face with eyes so far apart; `turned` shifts the nose, eye distances."""
    return eyes * np.float32([[-0.5, 0], [0.5, 0], [turned, 0.52], [-0.4, 1], [0.4, 1]])


def face(track=0, time=0.0, left=0.0, side=40.0, eyes=40.0, turned=0.0, score=1.0, vector=None):
    box = np.float32([left, 0, left + side, side])
    return Face(box, score, points(eyes, turned), time=time, track=track, embedding=vector)


def segment(index, *looks, chosen=()):
    return Segment(index, looks, chosen)


def look(time, *faces, cut=False):
    return FrameFaces(round(10 * time), time, cut, faces)


def test_a_track_is_seen_until_the_look_that_does_not_show_it():
    gathering = TrackBuilder(fewest=1)
    times = [0.0, 0.1, 0.2]
    gathering.take(segment(0, *(look(t, face(time=t)) for t in times), look(0.3)))
    gathering.finish(0.4)
    [track] = gathering.tracks()
    assert track.spans == ((0.0, 0.3),)
    assert (track.observations, track.width) == (3, 40.0)


def test_a_pause_parts_the_spans_of_a_track():
    gathering = TrackBuilder(fewest=1)
    for index, times in enumerate([(0.0, 0.1), (0.9, 1.0)]):
        gathering.take(segment(index, *(look(t, face(time=t)) for t in times)))
    gathering.finish(1.1)
    [track] = gathering.tracks()
    assert track.spans == ((0.0, pytest.approx(0.6)), (0.9, 1.1))


def test_a_flicker_is_no_track():
    gathering = TrackBuilder(fewest=2)
    gathering.take(segment(0, look(0.0, face()), look(0.1)))
    gathering.finish(0.2)
    assert gathering.tracks() == []


def test_who_is_in_one_frame_is_remembered_as_two_people():
    gathering = TrackBuilder()
    gathering.take(segment(0, look(0.0, face(3), face(1, left=90), face(2, left=200))))
    assert gathering.together == {(1, 2), (1, 3), (2, 3)}


def test_the_largest_face_keeps_its_place_until_clearly_beaten():
    gathering = TrackBuilder(fewest=1)
    sizes = [(40, 30), (40, 42), (40, 60)]
    looks = [
        look(i / 10, face(0, side=a), face(1, left=99, side=b)) for i, (a, b) in enumerate(sizes)
    ]
    gathering.take(segment(0, *looks))
    gathering.finish(0.3)
    assert [(round(s, 1), round(e, 1), n) for s, e, n in gathering.largest] == [
        (0.0, 0.2, 0),
        (0.2, 0.3, 1),
    ]


def test_a_track_that_is_over_keeps_its_mean_and_its_best_look():
    gathering = TrackBuilder(fewest=1)
    quality = Quality({"sharpness": 50.0}, {"inter_eye_distance": 40.0, "sharpness": 0.3})
    one, other = (np.float32([np.cos(a), np.sin(a)]) for a in (0.0, 0.5))
    kept = Face(np.float32([0, 0, 40, 40]), 1.0, points(), time=0.0, quality=quality, track=0)
    from dataclasses import replace

    chosen = (
        KeyFace(0, replace(kept, embedding=one), 0.5),
        KeyFace(0, replace(kept, embedding=other, time=0.1), 0.5),
    )
    gathering.take(segment(0, look(0.0, kept), chosen=chosen))
    gathering.take(segment(6, look(3.0)))
    assert gathering._tracks[0].key_faces == []
    [track] = gathering.tracks()
    assert np.allclose(track.vector, (one + other) / 2, atol=1e-6)
    assert track.best.quality.measures == {"inter_eye_distance": 40.0}
    assert track.best.embedding is None


def test_the_mean_gives_the_mean_of_the_cosines():
    rng = np.random.default_rng(0)
    for _ in range(100):
        vectors = rng.normal(size=(4, 16)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        weights = rng.uniform(0.1, 1, 4)
        template = vectors[0]
        faces = [face(vector=vector) for vector in vectors]
        wanted = np.average(vectors @ template, weights=weights)
        assert mean(faces, list(weights)) @ template == pytest.approx(wanted, abs=1e-5)
        assert np.linalg.norm(mean(faces, list(weights))) <= 1


def test_without_embeddings_there_is_no_mean():
    assert mean([face()], [1.0]) is None


def test_large_frontal_sure_faces_are_worth_most():
    best = selection_score(face(eyes=60))
    assert best == pytest.approx(1, abs=1e-3)
    assert selection_score(face(eyes=30)) == pytest.approx(best / 2, rel=1e-2)
    assert selection_score(face(eyes=60, turned=0.3)) < 0.8 * best
    assert selection_score(face(eyes=60, score=0.8)) < 0.2 * best
    assert selection_score(face(eyes=600)) == best
    assert (
        selection_score(Face(np.float32([0, 0, 9, 9]), 1.0)) == 0
    )  # no points: nothing to judge by
