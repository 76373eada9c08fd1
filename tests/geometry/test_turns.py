import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.geometry import turn_boxes_back, turn_points_back


@pytest.mark.parametrize(
    ("degrees", "point", "box"),
    [
        (0, [1, 2], [1, 2, 4, 8]),
        (90, [2, 9], [2, 6, 8, 9]),  # the turned picture is 10 wide and 20 high
        (180, [19, 8], [16, 2, 19, 8]),
        (270, [18, 1], [12, 1, 18, 4]),
    ],
)
def test_by_hand_in_a_picture_of_ten_by_twenty(degrees, point, box):
    assert turn_points_back(np.float32([1, 2]), degrees, (10, 20)).tolist() == point
    assert turn_boxes_back(np.float32([1, 2, 4, 8]), degrees, (10, 20)).tolist() == box


@given(st.sampled_from([90, 180, 270]), st.floats(0, 10), st.floats(0, 20))
def test_turning_on_to_a_full_turn_brings_points_home(degrees, y, x):
    point = np.float32([[x, y]])
    size = (10, 20)
    turned_size = size if degrees == 180 else size[::-1]
    there = turn_points_back(point, degrees, turned_size)
    assert np.allclose(turn_points_back(there, 360 - degrees, size), point, atol=1e-4)


def test_any_number_of_boxes_goes_through():
    assert turn_boxes_back(np.zeros((0, 4), np.float32), 90, (5, 6)).shape == (0, 4)
    assert turn_boxes_back(np.zeros((3, 4), np.float32), 90, (5, 6)).shape == (3, 4)
