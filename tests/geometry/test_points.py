import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.geometry import places, pose_from_points, similarity, transform
from mien.types import Crop

FRONTAL = places(Crop(size=112))


def test_similarity_by_hand():
    # A quarter turn clockwise on screen, twice as large, moved by (10, 20).
    source = np.float32([[0, 0], [1, 0], [0, 1]])
    target = np.float32([[10, 20], [10, 22], [8, 20]])
    assert np.allclose(similarity(source, target), [[0, -2, 10], [2, 0, 20]], atol=1e-6)


def test_similarity_never_mirrors():
    matrix = similarity(FRONTAL, FRONTAL * [-1, 1])
    assert np.linalg.det(matrix[:, :2]) >= 0


@given(st.floats(-180, 180), st.floats(0.1, 10), st.floats(-500, 500), st.floats(-500, 500))
def test_similarity_recovers_any_transform(angle, scale, x, y):
    turn = np.radians(angle)
    truth = np.float32(
        [
            [scale * np.cos(turn), -scale * np.sin(turn), x],
            [scale * np.sin(turn), scale * np.cos(turn), y],
        ]
    )
    found = similarity(FRONTAL, transform(FRONTAL, truth))
    assert np.allclose(transform(FRONTAL, found), transform(FRONTAL, truth), atol=0.05)


@pytest.mark.parametrize("points", [np.zeros((5, 2)), np.full((5, 2), np.nan)])
def test_similarity_refuses_points_that_say_nothing(points):
    with pytest.raises(ValueError, match="No similarity transform"):
        similarity(points, FRONTAL)


def test_places_zoom_about_the_centre():
    assert np.allclose(places(Crop(size=224)), FRONTAL * 2)
    assert np.allclose(places(Crop(size=112, zoom=0.5)), (FRONTAL - 56) * 0.5 + 56)


def rotate(points, degrees):
    turn = np.radians(degrees)  # positive = clockwise on screen, y down
    return points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])


def test_pose_of_the_template_is_frontal():
    yaw, pitch, roll = pose_from_points(FRONTAL)
    assert abs(yaw) < 2
    assert abs(pitch) < 5
    assert abs(roll) < 1


@given(st.floats(-170, 170))
def test_turning_the_picture_changes_roll_only(angle):
    yaw, pitch, roll = pose_from_points(FRONTAL)
    turned = pose_from_points(rotate(FRONTAL, angle))
    assert turned == pytest.approx((yaw, pitch, roll + angle), abs=1e-3)


def test_mirroring_flips_yaw_and_roll_but_not_pitch():
    points = rotate(FRONTAL + np.float32([[0, 0], [0, 0], [7, -3], [0, 0], [0, 0]]), 12)
    mirrored = (points * [-1, 1])[[1, 0, 2, 4, 3]]
    yaw, pitch, roll = pose_from_points(points)
    assert yaw > 5
    assert pose_from_points(mirrored) == pytest.approx((-yaw, pitch, -roll), abs=1e-3)


def test_a_raised_nose_is_a_raised_head():
    up = FRONTAL + np.float32([[0, 0], [0, 0], [0, -8], [0, 0], [0, 0]])
    assert pose_from_points(up)[1] > pose_from_points(FRONTAL)[1] + 5
