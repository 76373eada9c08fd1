import numpy as np
import pytest

from mien.errors import ImageError
from mien.media import thumbnail, turn, turn_back
from mien.types import Face


def dotted(height, width, row, column):
    image = np.zeros((height, width, 3), np.uint8)
    image[row, column] = 255
    return image


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_turns_clockwise(degrees):
    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    assert np.array_equal(turn(image, degrees), np.rot90(image, -degrees // 90))


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_face_found_in_a_turned_picture_is_brought_back(degrees):
    image = dotted(7, 11, row=2, column=8)
    turned = turn(image, degrees)
    row, column = np.argwhere(turned[..., 0])[0]
    box = np.float32([column, row, column + 1, row + 1])
    points = np.float32([[column + 0.5, row + 0.5], [0, 0]])
    [face] = turn_back([Face(box, 0.9, points)], degrees, image.shape)
    assert face.box.tolist() == [8, 2, 9, 3]
    assert face.points[0].tolist() == [8.5, 2.5]
    assert face.points[1].tolist() == [[0, 0], [0, 7], [11, 7], [11, 0]][degrees // 90]
    assert (face.score, face.box.dtype, face.points.dtype) == (0.9, np.float32, np.float32)


def test_a_face_without_points_is_brought_back_too():
    [face] = turn_back([Face(np.float32([1, 2, 3, 4]), 0.5)], 180, (10, 20, 3))
    assert face.box.tolist() == [17, 6, 19, 8]
    assert face.points is None
    assert turn_back([], 90, (10, 20)) == []


def test_other_angles_are_refused():
    with pytest.raises(
        ImageError, match="Rotation by 45 degrees is not supported: expected 0, 90, 180 or 270"
    ):
        turn(dotted(3, 3, 0, 0), 45)


def test_a_thumbnail_averages_areas():
    checks = np.indices((80, 120)).sum(axis=0) % 2 * 255
    small = thumbnail(np.repeat(checks[..., None], 3, 2).astype(np.uint8), 30)
    assert small.shape == (20, 30, 3)
    assert (np.abs(small.astype(int) - 127) <= 1).all()


@pytest.mark.parametrize(
    ("shape", "side", "expected"),
    [((100, 50), 10, (10, 5)), ((1, 1000), 10, (1, 10)), ((8, 9), 9, (8, 9)), ((1, 1), 9, (1, 1))],
)
def test_a_thumbnail_keeps_proportions_and_never_grows(shape, side, expected):
    assert thumbnail(np.zeros((*shape, 3), np.uint8), side).shape == (*expected, 3)


def test_a_thumbnail_of_no_size_is_refused():
    with pytest.raises(ImageError, match="Thumbnail side 0 px"):
        thumbnail(dotted(3, 3, 0, 0), 0)
