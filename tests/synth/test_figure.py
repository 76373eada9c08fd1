"""Skeletons: bones keep their lengths, feet reach the floor, and gestures go where they say."""

import itertools

import numpy as np
import pytest

from mien.body.bodies import POINTS as BODY_POINTS
from mien.body.hands import POINTS as HAND_POINTS
from mien.errors import MienError
from mien.synth.figure.capsules import figure_mesh
from mien.synth.figure.skeleton import (
    FOREARM,
    SHANK,
    THIGH,
    UPPER_ARM,
    Arm,
    Leg,
    Stance,
    body_points,
    skeleton,
)
from mien.synth.motion.gait import GESTURES, STRIDE, between, gesture, walking

LEFT, RIGHT = 0, 1


def lengths(joints):
    pairs = ((joints.shoulder, joints.elbow), (joints.elbow, joints.wrist),
             (joints.hip, joints.knee), (joints.knee, joints.ankle))  # fmt: skip
    return np.array([np.linalg.norm(b - a, axis=1) for a, b in pairs])


def test_bones_keep_their_lengths_in_every_stance():
    angles = itertools.product((0, 60, 180), (-90, 0, 90), (0, 90, 150), (0, 90, 180))
    stances = [Stance((Arm(*some), Arm())) for some in angles]
    stances += [walking(phase) for phase in np.linspace(0, 1, 9)]
    rest = skeleton(Stance())
    fingers = np.linalg.norm(np.diff(rest.hands[0, 5:9], axis=0), axis=1)
    for stance in stances:
        joints = skeleton(stance)
        assert lengths(joints) == pytest.approx(
            np.repeat([UPPER_ARM, FOREARM, THIGH, SHANK], 2).reshape(4, 2)
        )
        for hand in joints.hands:
            assert np.linalg.norm(np.diff(hand[5:9], axis=0), axis=1) == pytest.approx(fingers)


def test_a_hanging_arm_and_a_leg_by_hand():
    still = Arm(raised=0, elbow=0, palm=0)
    joints = skeleton(Stance((still, still), (Leg(90, 0), Leg(0, 90))))
    assert joints.wrist[LEFT] - joints.shoulder[LEFT] == pytest.approx([0, -555, 0])
    assert joints.knee[LEFT] - joints.hip[LEFT] == pytest.approx([0, 0, THIGH])  # to the front
    assert joints.ankle[RIGHT] - joints.knee[RIGHT] == pytest.approx([0, 0, -SHANK])  # behind
    thumb = joints.hands[:, 4] - joints.wrist
    assert thumb[LEFT, 0] > 20  # palms to the front: thumbs away from the body
    assert thumb[RIGHT, 0] < -20
    assert joints.palm == pytest.approx(np.array([[0, 0, 1], [0, 0, 1]]))


def test_legs_scale_and_the_lowest_point_is_a_foot():
    usual, long = skeleton(Stance()), skeleton(Stance(), 1.1)
    assert usual.lowest - long.lowest == pytest.approx(0.1 * (THIGH + SHANK))
    assert usual.lowest == pytest.approx(-1627, abs=1)


def test_fingers_close_towards_the_palm():
    tips = {}
    for name, curl in (("open", 0.0), ("fist", 1.0)):
        arm = Arm(raised=75, ahead=25, elbow=115, bend=90, palm=0, curl=(curl,) * 5)
        joints = skeleton(Stance((arm, arm)))
        wrists = joints.wrist[:, None]
        tips[name] = np.linalg.norm(joints.hands[:, [8, 12, 16, 20]] - wrists, axis=2)
        bent = joints.hands[:, [8, 12, 16, 20]] - joints.hands[:, [5, 9, 13, 17]]
        out = np.einsum("sij,sj->si", bent, joints.palm)
        assert (out > 5).all() if curl else (np.abs(out) < 1e-6).all()
    assert (tips["fist"] < 0.7 * tips["open"]).all()


def test_steps_alternate_and_advance_a_stride():
    one, two = skeleton(walking(0.25)), skeleton(walking(0.75))
    ahead = one.ankle[:, 2] - two.ankle[:, 2]
    assert ahead[LEFT] > 300 > 0 > -300 > ahead[RIGHT]
    assert one.wrist[LEFT, 2] < one.wrist[RIGHT, 2]  # an arm swings against its leg
    assert 0.3 < ahead[LEFT] / (STRIDE / 2) < 1.2


@pytest.mark.parametrize("name", GESTURES)
def test_a_gesture_rises_and_falls_on_one_side(name):
    rest = skeleton(Stance())
    times = np.linspace(1, 3, 21)
    heights = [skeleton(gesture(name, t, 1, 3, left=True)).wrist[:, 1] for t in times]
    rise = np.array(heights) - rest.wrist[:, 1]
    assert rise[0] == pytest.approx([0, 0])
    assert rise[-1] == pytest.approx([0, 0])
    assert rise[10, LEFT] > 300
    assert np.abs(rise[:, RIGHT]).max() < 1e-9


def test_a_wave_swings_sideways():
    side = [skeleton(gesture("wave", t, 0, 3)).wrist[RIGHT, 0] for t in np.linspace(1, 2, 41)]
    assert np.ptp(side) > 100


def test_points_have_the_order_of_the_readers_of_bodies_and_hands():
    joints = skeleton(Stance())
    points = body_points(np.zeros((11, 3)), joints)
    # There "left" is the left of the image, for a person who faces the camera.
    assert len(points) == len(BODY_POINTS)
    assert joints.hands.shape[1] == len(HAND_POINTS)
    for side, k in (("right", LEFT), ("left", RIGHT)):
        for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "toe"):
            at = BODY_POINTS.index(f"{side}_{name}")
            assert points[at] == pytest.approx(getattr(joints, name)[k]), name
        for name in ("thumb", "index", "little"):
            at = BODY_POINTS.index(f"{side}_{name}")
            finger = HAND_POINTS.index(f"{name}_{'tip' if name == 'thumb' else 1}")
            assert points[at] == pytest.approx(joints.hands[k, finger]), name


def test_the_mesh_surrounds_the_bones():
    joints = skeleton(walking(0.1))
    points, cells, material = figure_mesh(joints, bare_arms=True)
    assert len(cells) == len(material)
    assert cells.max() == len(points) - 1
    for name, radius in (("elbow", 60), ("wrist", 45), ("knee", 75)):
        for joint in getattr(joints, name):
            assert np.linalg.norm(points - joint, axis=1).min() < radius


def test_bad_stances_and_gestures_are_refused():
    with pytest.raises(MienError, match="finite"):
        Stance((Arm(raised=float("nan")), Arm()))
    with pytest.raises(MienError, match="5 fingers"):
        Stance((Arm(curl=(0.1,)), Arm()))
    with pytest.raises(MienError, match="no gesture 'salute'; there are wave"):
        gesture("salute", 0, 0, 1)
    with pytest.raises(MienError, match="not at 1 s after 2 s"):
        gesture("wave", 0, 2, 1)
    assert between(Arm(), Arm(raised=90), 7).raised == 90  # beyond the end: the end
