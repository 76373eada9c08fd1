import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.geometry import back, region, transform


def test_a_square_of_twice_the_side_halves_what_it_shows():
    matrix = region(np.float32([100, 50]), 80, 0, 40)
    corners = transform(np.float32([[60, 10], [140, 10], [100, 50], [140, 90]]), matrix)
    assert corners.tolist() == [[0, 0], [40, 0], [20, 20], [40, 40]]


def test_what_lies_turned_in_the_image_is_upright_in_the_chip():
    # From (0, 0) to (10, 10) runs 45 degrees clockwise: in the chip it runs to the right.
    matrix = region(np.float32([0, 0]), 20, 45, 20)
    [ahead] = transform(np.float32([[10, 10]]), matrix)
    assert ahead == pytest.approx([10 + 10 * 2**0.5, 10], abs=1e-4)


@given(
    st.floats(-500, 500), st.floats(-500, 500), st.floats(1, 2000), st.floats(-360, 360),
    st.integers(16, 512),
)  # fmt: skip
def test_points_come_back_to_where_they_were(x, y, side, degrees, size):
    matrix = region(np.float32([x, y]), side, degrees, size)
    places = np.float32([[x, y], [x + side / 3, y - side / 5], [0, 0]])
    error = np.abs(back(transform(places, matrix), matrix) - places).max()
    assert error < 1e-4 * (1000 + side)


def test_depth_is_scaled_as_lengths_are():
    matrix = region(np.float32([7, 9]), 400, 30, 100)  # four image px for each chip px
    assert back(np.float32([[50, 50, 6]]), matrix)[0] == pytest.approx([7, 9, 24], abs=1e-4)


@pytest.mark.parametrize("side", [0, -3, np.nan, np.inf])
def test_a_square_without_a_side_is_refused(side):
    with pytest.raises(ValueError, match="needs finite numbers and a side above 0"):
        region(np.float32([1, 2]), side, 0, 10)


def test_a_square_nowhere_is_refused():
    with pytest.raises(ValueError, match="needs finite numbers"):
        region(np.float32([np.nan, 2]), 5, 0, 10)
