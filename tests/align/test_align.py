import numpy as np
import pytest

from mien.align import align
from mien.errors import MienError
from mien.geometry import places
from mien.types import Crop, Face

CROP = Crop(size=112)


def face_at(points):
    return Face(np.zeros(4, np.float32), 1.0, np.asarray(points, np.float32))


def dots(points, side):
    """A picture with a white square of 9 px at each point."""
    image = np.zeros((side, side, 3), np.uint8)
    for x, y in np.rint(points).astype(int):
        image[y - 4 : y + 5, x - 4 : x + 5] = 255
    return image


@pytest.mark.parametrize("scale", [1, 3, 8.5])
def test_the_points_land_in_their_places_at_any_size(scale):
    points = places(CROP) * scale + 20
    image = dots(points, int(130 * scale) + 40)
    [chip] = align(image, [face_at(points)], CROP)
    assert chip.shape == (112, 112, 3)
    for x, y in places(CROP):
        near = chip[round(y) - 4 : round(y) + 5, round(x) - 4 : round(x) + 5, 0].astype(float)
        rows, columns = np.mgrid[:9, :9]
        centre = np.array([(near * columns).sum(), (near * rows).sum()]) / near.sum()
        assert np.abs(centre - [4 + x - round(x), 4 + y - round(y)]).max() < 0.6


def test_a_large_face_is_averaged_not_sampled():
    # Single pixels of black and white: a chip a tenth as large must be grey all over.
    image = (np.indices((1200, 1200)).sum(0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, 2)
    [chip] = align(image, [face_at(places(CROP) * 10 + 30)], CROP)
    assert np.abs(chip[20:90, 20:90].astype(int) - 127).max() < 8


def test_no_faces_give_no_chips():
    assert align(np.zeros((9, 9, 3), np.uint8), [], CROP).shape == (0, 112, 112, 3)


def test_points_that_are_not_known_are_left_out():
    points = places(CROP).copy()
    points[3:] = np.nan
    image = np.random.default_rng(0).integers(0, 255, (112, 112, 3), dtype=np.uint8)
    [chip] = align(image, [face_at(points)], CROP)
    assert np.abs(chip.astype(int) - image).max() <= 1


def test_a_face_without_points_is_refused():
    with pytest.raises(MienError, match="without its five points"):
        align(np.zeros((9, 9, 3), np.uint8), [Face(np.zeros(4, np.float32), 1.0)], CROP)
    with pytest.raises(MienError, match="the face has 1"):
        align(np.zeros((9, 9, 3), np.uint8), [face_at([[1, 2]] + [[np.nan] * 2] * 4)], CROP)


def test_a_face_outside_the_picture_gives_a_black_chip():
    [chip] = align(np.full((50, 50, 3), 200, np.uint8), [face_at(places(CROP) * 9 + 5000)], CROP)
    assert (chip == 0).all()
