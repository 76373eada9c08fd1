import numpy as np
import pytest

from mien.quality.framing import (
    head_pose,
    head_size,
    inter_eye_distance,
    margins,
    single_face_present,
)
from mien.types import Face

# Eyes 70 px apart, mouth 80 px below them, so the chin is set 127.2 px below.
POINTS = np.float32([[65, 100], [135, 100], [100, 140], [75, 180], [125, 180]])


def box(side):
    return Face(np.float32([0, 0, side, side]), 0.9)


def test_seventy_px_between_the_eyes_is_half_way():
    assert inter_eye_distance(POINTS, yaw=0) == (70, 50)


def test_a_turned_face_gets_its_eye_distance_back_up_to_45_degrees():
    assert inter_eye_distance(POINTS, yaw=-30)[0] == pytest.approx(70 / np.cos(np.pi / 6))
    assert inter_eye_distance(POINTS, yaw=45)[0] == inter_eye_distance(POINTS, yaw=89)[0]


def test_the_eye_distance_is_measured_along_the_tilt():
    points = np.float32([[0, 0], [30, 40], [20, 50], [10, 90], [40, 90]])
    assert inter_eye_distance(points, yaw=0)[0] == 50


def test_the_head_of_a_portrait_takes_045_of_its_height():
    chin = 80 * 1.59
    assert head_size(POINTS, height=round(chin / 0.45)) == pytest.approx((0.45, 100), abs=0.6)
    share, component = head_size(POINTS, height=2000)
    assert share == pytest.approx(chin / 2000)
    assert component < 0.2


def test_margins_by_hand():
    found = margins(POINTS, width=198, height=329)
    chin = 80 * 1.59
    assert found["leftward_crop_of_the_face_image"][0] == pytest.approx(65 / 70)
    assert found["rightward_crop_of_the_face_image"] == pytest.approx((0.9, 50), abs=1e-3)
    assert found["margin_above_of_the_face_image"][0] == pytest.approx(100 / chin)
    assert found["margin_below_of_the_face_image"] == pytest.approx((1.8, 50), abs=0.1)


@pytest.mark.parametrize(
    ("shift", "name"),
    [
        ([-40, 0], "leftward_crop_of_the_face_image"),
        ([40, 0], "rightward_crop_of_the_face_image"),
        ([0, -40], "margin_above_of_the_face_image"),
        ([0, 40], "margin_below_of_the_face_image"),
    ],
)
def test_nearing_a_side_lowers_its_component_alone(shift, name):
    middle = POINTS + np.float32([0, 80])
    before = margins(middle, 200, 409)
    after = margins(middle + np.float32(shift), 200, 409)
    assert after[name][1] < before[name][1] - 5
    opposite = {k for k in after if after[k][1] > before[k][1]}
    assert name not in opposite
    assert all(after[k] == before[k] for k in after if k != name and k not in opposite)


@pytest.mark.parametrize(
    ("degrees", "component"), [(0, 100), (45, 50), (-45, 50), (60, 25), (90, 0), (180, 0)]
)
def test_pose_is_a_squared_cosine_and_zero_behind(degrees, component):
    assert head_pose(degrees) == pytest.approx((degrees, component), abs=1e-9)


def test_one_face_is_alone_and_two_alike_are_not():
    assert single_face_present([box(10)]) == (0, 100)
    assert single_face_present([box(10), box(10)]) == (1, 0)
    assert single_face_present([box(10), box(40), box(20)]) == (0.5, 50)
    assert single_face_present([box(0), box(0)]) == (0, 100)
