import numpy as np
import pytest

from mien.geometry import transform
from mien.landmarks import face_region, fit_meshes, mesh_region
from mien.landmarks.names import EYE_CORNERS
from mien.types import Crop, Face

IMAGE = np.zeros((300, 400, 3), np.uint8)


class Fixed:
    """A landmarker that sees the same mesh in each chip, and remembers the chips."""

    crop = Crop(size=100)

    def __init__(self):
        self.seen = []
        self.points = np.random.default_rng(0).uniform(30, 70, (468, 3)).astype(np.float32)

    def __call__(self, chips):
        self.seen.append(chips)
        count = len(chips)
        return np.repeat(self.points[None], count, 0), np.full((count, 468), 0.75, np.float32)


def face_at(box, points=None):
    return Face(np.float32(box), 0.9, points)


def test_the_chip_is_half_again_as_wide_as_the_longer_side_of_the_box():
    matrix = face_region(face_at([100, 100, 140, 180]), 120)  # longer side 80, square 120
    assert transform(np.float32([[60, 80], [180, 200]]), matrix).tolist() == [[0, 0], [120, 120]]


def test_the_chip_is_level_with_the_eyes():
    points = np.full((5, 2), np.nan, np.float32)
    points[:2] = [[100, 100], [120, 120]]  # the right eye hangs: roll of 45 degrees
    eyes = transform(points[:2], face_region(face_at([80, 80, 140, 140], points), 90))
    assert eyes[0, 1] == pytest.approx(eyes[1, 1], abs=1e-3)
    assert eyes[0, 0] < eyes[1, 0]


def test_eyes_that_were_not_seen_turn_nothing():
    lost = np.full((5, 2), np.nan, np.float32)
    box = [80, 80, 140, 140]
    assert np.array_equal(face_region(face_at(box, lost), 90), face_region(face_at(box), 90))


def test_the_chip_around_a_mesh_is_level_with_the_outer_corners_of_the_eyes():
    points = np.random.default_rng(1).uniform(0, 10, (478, 3)).astype(np.float32)
    points[EYE_CORNERS[0][0], :2], points[EYE_CORNERS[1][1], :2] = [0, 8], [10, 3]
    points[468:] = 1000  # irises do not make the chip larger
    flat = transform(points[:468, :2], mesh_region(points, 64))
    assert flat[33, 1] == pytest.approx(flat[263, 1], abs=1e-3)
    assert flat.min() > 0
    assert flat.max() < 64


def test_points_come_back_into_the_image_with_depth_in_its_px():
    toy = Fixed()
    points, presence = fit_meshes(toy, IMAGE, [face_at([100, 100, 180, 180])], passes=1)
    # Square of 120 px around (140, 140), chip of 100 px: 1.2 image px for each chip px.
    assert np.allclose(points[0], toy.points * 1.2 + [80, 80, 0], atol=1e-3)
    assert (presence == 0.75).all()


def test_each_look_is_one_more_run():
    toy = Fixed()
    fit_meshes(toy, IMAGE, [face_at([100, 100, 180, 180])] * 2, passes=3)
    assert [len(chips) for chips in toy.seen] == [2, 2, 2]


def test_nobody_gives_nothing():
    points, presence = fit_meshes(Fixed(), IMAGE, [])
    assert points.shape == (0, 468, 3)
    assert presence.shape == (0, 468)


@pytest.mark.parametrize("box", [[-50, -40, -10, 5], [399, 299, 460, 380], [20, 20, 20, 20]])
def test_a_box_beyond_the_edge_or_without_size_still_gives_numbers(box):
    points, _ = fit_meshes(Fixed(), IMAGE, [face_at(box)])
    assert np.isfinite(points).all()


def test_a_box_that_is_not_a_number_is_refused():
    with pytest.raises(ValueError, match="finite numbers and a side above 0"):
        fit_meshes(Fixed(), IMAGE, [face_at([np.nan] * 4)])
