import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.geometry.poses import Camera, solve
from mien.geometry.rotations import ahead, angles, gaze_angles, rotation

CAMERA = Camera.of(480, 640)
SHAPE = np.random.default_rng(0).uniform(-60, 60, (30, 3)) * [1, 1.2, 0.6]  # mm
turns = st.tuples(*[st.floats(-70, 70)] * 3)
places = st.tuples(st.floats(-150, 150), st.floats(-100, 100), st.floats(300, 1500))


def seen(turn, place, camera=CAMERA, shape=SHAPE):
    """Where the points of the shape are in the picture, with depths as a mesh gives them."""
    placed = shape @ rotation(*turn).T + place
    flat = placed[:, :2] / placed[:, 2:] * camera.focal + [camera.x, camera.y]
    mean = placed[:, 2].mean()
    return np.column_stack([flat, (placed[:, 2] - mean) / mean * camera.focal])


def told(pose):
    return pose.yaw, pose.pitch, pose.roll


@given(turns)
def test_angles_are_the_inverse_of_rotation(turn):
    assert angles(rotation(*turn)) == pytest.approx(turn, abs=1e-6)


def test_signs_are_those_of_the_conventions():
    # The tip of a nose stands before the face, at negative z; x is right, y is down.
    nose, right_ear = np.array([0, 0, -1.0]), np.array([1.0, 0, 0])
    assert (rotation(20, 0, 0) @ nose)[0] > 0.3  # to image right
    assert (rotation(0, 20, 0) @ nose)[1] < -0.3  # up
    assert (rotation(0, 0, 20) @ right_ear)[1] > 0.3  # the right side sinks: clockwise


@pytest.mark.parametrize("pitch", [90, -90])
def test_looking_straight_up_is_told_as_roll(pitch):
    yaw, up, roll = angles(rotation(0, pitch, 30))
    assert (yaw, up, roll) == pytest.approx((0, pitch, 30), abs=1e-4)


@given(st.floats(-89, 89), st.floats(-179, 179))
def test_look_angles_are_the_inverse_of_ahead(yaw, pitch):
    assert gaze_angles(5 * ahead(yaw, pitch)) == pytest.approx((yaw, pitch), abs=1e-5)


@given(turns, places)
@settings(max_examples=200, deadline=None)
def test_a_pose_is_found_again(turn, place):
    pose = solve(SHAPE, seen(turn, place), CAMERA)
    assert told(pose) == pytest.approx(turn, abs=0.01)
    assert pose.position == pytest.approx(place, abs=0.05)
    assert pose.error < 0.01
    assert np.allclose(pose.points, SHAPE, atol=0.05)


@given(turns, places, st.floats(-180, 180))
@settings(max_examples=50, deadline=None)
def test_turning_the_camera_changes_roll_only(turn, place, by):
    before = solve(SHAPE, seen(turn, place), CAMERA)
    middle = np.array([CAMERA.x, CAMERA.y, 0])
    points = (seen(turn, place) - middle) @ rotation(0, 0, by).T + middle
    after = solve(SHAPE, points, CAMERA)
    assert (after.yaw, after.pitch) == pytest.approx((before.yaw, before.pitch), abs=0.01)
    assert (after.roll - before.roll - by + 180) % 360 == pytest.approx(180, abs=0.01)


@given(turns, places)
@settings(max_examples=50, deadline=None)
def test_a_mirror_changes_yaw_and_roll_and_not_pitch(turn, place):
    twin = np.concatenate([SHAPE, SHAPE * [-1, 1, 1]])  # the same in a mirror
    points = seen(turn, place, shape=twin)
    mirrored = points * [-1, 1, 1] + [2 * CAMERA.x, 0, 0]
    mirrored = np.concatenate([mirrored[30:], mirrored[:30]])  # left points are right ones now
    one, other = solve(twin, points, CAMERA), solve(twin, mirrored, CAMERA)
    assert told(other) == pytest.approx((-one.yaw, one.pitch, -one.roll), abs=0.01)


def test_noise_is_told_as_error():
    noise = np.random.default_rng(1).normal(0, 2, (30, 3))  # px, about as many mm here
    pose = solve(SHAPE, seen((10, 5, 0), (0, 0, CAMERA.focal)) + noise, CAMERA)
    assert pose.error == pytest.approx(2 * 3**0.5, rel=0.3)
    assert told(pose) == pytest.approx((10, 5, 0), abs=3)


def test_further_points_are_turned_back_and_change_nothing():
    more = np.concatenate([SHAPE, [[0, 0, -90.0]]])
    points = seen((30, -10, 5), (20, 30, 700), shape=more)
    points[:, 2] -= points[:30, 2].mean()  # depths may begin anywhere
    pose = solve(SHAPE, points, CAMERA)
    assert pose.points[30] == pytest.approx([0, 0, -90], abs=1.5)


def test_the_field_of_view_is_that_of_the_longer_side():
    for camera in (Camera.of(480, 640, 90), Camera.of(640, 480, 90)):
        assert camera.focal == pytest.approx(320)
    assert (Camera.of(480, 640).x, Camera.of(480, 640).y) == (320, 240)


@pytest.mark.parametrize("points", [np.full((30, 3), np.nan), np.ones((30, 3))])
def test_what_shows_nothing_has_no_pose(points):
    with pytest.raises(ValueError, match="No pose"):
        solve(SHAPE, points, CAMERA)
