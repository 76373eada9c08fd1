import numpy as np
import pytest

from mien.track import Tracker
from mien.types import Face

ADA, BOB = np.float32([1, 0, 0]), np.float32([0, 1, 0])


def face(x, y=0.0, side=20.0, vector=None):
    """A face of 20 px at a place."""
    return Face(np.float32([x, y, x + side, y + side]), 0.99, embedding=vector)


def evidence(cosine):
    return 16 * cosine - 8  # one person: +8, two: -8


def numbers(faces):
    return [one.track for one in faces]


def test_a_face_that_moves_keeps_its_number():
    tracker = Tracker()
    assert [numbers(tracker([face(8 * i)], i / 10)) for i in range(5)] == [[0]] * 5


def test_speed_is_foreseen_when_a_look_is_missed():
    tracker = Tracker()
    for i in range(6):
        tracker([face(10 * i)], i / 10)
    assert numbers(tracker([face(80)], 0.8)) == [0]  # 30 px on: more than its own width


def test_two_who_stand_apart_are_two():
    assert numbers(Tracker()([face(0), face(100)], 0.0)) == [0, 1]


def test_a_face_far_away_is_somebody_new():
    tracker = Tracker()
    tracker([face(0)], 0.0)
    assert numbers(tracker([face(300)], 0.1)) == [1]


def test_a_face_three_times_as_large_is_somebody_new():
    tracker = Tracker()
    tracker([face(0)], 0.0)
    assert numbers(tracker([face(-20, -20, side=60)], 0.1)) == [1]


def test_nobody_is_followed_across_a_cut():
    tracker = Tracker()
    tracker([face(0)], 0.0)
    assert numbers(tracker([face(0)], 0.1, cut=True)) == [1]


@pytest.mark.parametrize(("gap", "number"), [(0.9, 0), (1.1, 1)])
def test_a_track_waits_for_its_face_for_a_second(gap, number):
    tracker = Tracker()
    tracker([face(0)], 0.0)
    assert numbers(tracker([face(0)], gap)) == [number]


def test_likeness_is_asked_only_where_motion_leaves_doubt():
    asked = []

    def embed(faces):
        asked.append(len(faces))
        return np.stack([ADA] * len(faces))

    tracker = Tracker(evidence)
    for i in range(5):
        tracker([face(2 * i)], i / 10, embed=embed)
    assert asked == [1]  # at its start
    tracker([face(8), face(14)], 0.5, embed=embed)  # somebody comes close
    assert asked == [1, 2]


def test_at_a_crossing_likeness_decides_who_is_who():
    tracker = Tracker(evidence)

    def embed(faces):
        return np.stack([ADA if one.score > 0.95 else BOB for one in faces])

    def at(x, ada):
        return Face(np.float32([x, 0, x + 20, 20]), 0.99 if ada else 0.9)

    seen = {}
    for i in range(21):  # Ada from left to right, Bob from right to left
        left, right = at(5 * i, True), at(100 - 5 * i, False)
        pair = [left, right] if i % 2 else [right, left]
        for one in tracker(pair, i / 10, embed=embed):
            seen.setdefault(one.score, set()).add(one.track)
    assert seen[0.99] & seen[0.9] == set()
    assert all(len(marks) == 1 for marks in seen.values())


def test_likeness_of_an_unusable_face_says_nothing():
    tracker = Tracker(evidence, usable=lambda one: False)
    tracker([face(0)], 0.0, embed=lambda faces: np.stack([ADA]))
    assert numbers(tracker([face(1)], 0.6, embed=lambda faces: np.stack([BOB]))) == [0]


def test_a_track_that_looks_like_somebody_else_does_not_agree_and_can_be_split():
    tracker = Tracker(evidence)
    tracker([face(0)], 0.0, embed=lambda faces: np.stack([ADA]))
    assert tracker.agrees(0, ADA)
    assert not tracker.agrees(0, BOB)
    assert tracker.split(0) == 1
    assert tracker.agrees(1, BOB)  # nothing is known of the new one yet
    assert numbers(tracker([face(0)], 0.1, embed=lambda faces: np.stack([BOB]))) == [1]
