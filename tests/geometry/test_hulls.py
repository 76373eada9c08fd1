import numpy as np
import pytest

from mien.geometry import within

SQUARE = np.float32([[0, 0], [10, 0], [10, 10], [0, 10], [5, 5]])


def test_points_of_a_square_by_hand():
    points = np.float32([[5, 5], [0.1, 9.9], [10.5, 5], [-3, -3], [5, 0]])
    assert within(points, SQUARE).tolist() == [True, True, False, False, True]
    assert within(points, SQUARE, margin=1).tolist() == [True, True, True, False, True]


@pytest.mark.parametrize(
    "outline",
    [np.zeros((0, 2)), np.float32([[0, 0], [1, 1]]), np.float32([[0, 0], [1, 1], [2, 2]])],
)
def test_a_line_has_no_inside(outline):
    assert not within(np.float32([[0, 0], [1, 1]]), outline).any()


def test_an_outline_that_is_not_finite_holds_nothing():
    assert not within(SQUARE, np.float32([[0, 0], [np.nan, 1], [2, 2]])).any()
    assert within(np.zeros((0, 2)), SQUARE).shape == (0,)
