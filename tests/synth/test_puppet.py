import numpy as np
import pytest

from mien.errors import MienError
from mien.synth import Camera, Pose, Scene, render
from mien.synth.motion.photo_puppet import Puppet


@pytest.fixture(scope="module")
def photo(someone):
    """A rendered face stands for a photo: its points are known."""
    scene = Scene({"AU12": 0.3}, pose=Pose(6, -3, 4), camera=Camera(200, 200))
    frame = render(someone, scene)
    return frame.rgb, frame.lm68


@pytest.fixture(scope="module")
def puppet(builtin, photo):
    return Puppet(builtin, *photo)


def test_the_pose_of_the_photo_is_found(puppet):
    assert puppet.pose.yaw == pytest.approx(6, abs=4)
    assert puppet.pose.pitch == pytest.approx(-3, abs=5)
    assert puppet.pose.roll == pytest.approx(4, abs=1.5)


def test_without_a_move_the_photo_stays_as_it_is(puppet, photo):
    done = puppet({})
    assert np.abs(done.flow).max() < 1e-3
    assert np.abs(done.image.astype(int) - photo[0]).mean() < 0.6
    inner = np.linalg.norm(done.points - photo[1], axis=1)[17:]
    assert inner.mean() < 1.0


@pytest.mark.parametrize("unit", ["AU12", "AU4", "AU27"])
def test_a_move_does_to_the_photo_what_it_does_to_the_head(puppet, unit):
    before, after = puppet({}), puppet({unit: 0.8})
    shift = after.points - before.points
    if unit == "AU12":  # corners of the mouth go out and up
        assert shift[48, 0] < -1 < 1 < shift[54, 0]
        assert shift[[48, 54], 1].mean() < -1
    elif unit == "AU4":  # brows come down
        assert shift[17:27, 1].mean() > 0.5
    else:
        assert shift[57, 1] > 5
    assert np.abs(after.image.astype(int) - before.image).mean() > 0.05


def test_the_flow_takes_the_photo_to_the_moved_picture(puppet, photo):
    done = puppet({"AU2": 0.7}, Pose(2, 0, 0))
    y, x = np.argwhere(done.face).T[:, ::7]
    there = np.stack([x, y], 1) + done.flow[y, x]
    column, row = np.rint(there).astype(int).clip(0, 199).T
    off = np.abs(done.image[row, column].astype(int) - photo[0][y, x]).mean(1)
    assert np.median(off) < 6
    still = np.abs(done.image[y, x].astype(int) - photo[0][y, x]).mean(1)
    assert off.mean() < still.mean()


def test_far_from_the_face_nothing_moves(puppet):
    done = puppet({"AU27": 1.0})
    assert np.abs(done.flow[:8]).max() < 0.2
    assert np.array_equal(done.image[:4], puppet.image[:4])


def test_five_points_are_enough_for_a_pose(builtin, photo):
    from mien.synth.motion.photo_puppet import _five

    five = _five(photo[1].astype(float))
    small = Puppet(builtin, photo[0], five)
    assert small.pose.roll == pytest.approx(4, abs=3)
    assert small({"AU12": 1}).points.shape == (68, 2)


@pytest.mark.parametrize("points", [np.zeros((12, 2)), np.full((68, 2), np.nan), np.eye(68, 2)])
def test_points_that_are_no_face_are_refused(builtin, photo, points):
    with pytest.raises(MienError, match=r"finite points|cannot fit the points as a face"):
        Puppet(builtin, photo[0], points)
